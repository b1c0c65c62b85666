/* What is in a backup; for backup and restore only. */
#ifndef DESK_BACKUP_FILES_H
#define DESK_BACKUP_FILES_H

#include "core/err.h"

#define BACKUP_INTAKE "intake"
#define BACKUP_NOTE "backup.json"

enum {
	BACKUP_DATABASES = 2,
};
extern const char *const backup_databases[BACKUP_DATABASES]; /* "mail", … */

/* Remove a directory that has only files; none is no error.  ERR_TEMP. */
int backup_remove_dir(int root, const char *path, struct err *e);

#endif
