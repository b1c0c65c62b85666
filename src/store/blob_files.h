/* The files of the engine "file:", for who looks after all of them. */
#ifndef STORE_BLOB_FILES_H
#define STORE_BLOB_FILES_H

#include <stdbool.h>
#include <sys/stat.h>

#include "core/err.h"

enum {
	BLOB_DAY = 11, /* "YYYY/MM/DD" and NUL */
};

/* One file, in a directory that is open as dir. */
struct blob_file_seen {
	const char *day; /* "2026/11/21" */
	const char *name; /* "ID.PART", or what else is there */
	int dir;
	struct stat st;
};

typedef int blob_file_fn(
    void *ctx, const struct blob_file_seen *f, struct err *e);

/*
 * Call fn for each regular file of blobs/ below state_dir, day by day; -1 ends
 * it.  from: from this day on, or NULL.  A file that goes meanwhile is passed
 * over; no blobs/ at all is none.  ERR_TEMP.
 */
int blob_files_each(int state_dir, const char *from, blob_file_fn *fn,
    void *ctx, struct err *e);

/* Is this "ID.PART"?  Then id is ID. */
bool blob_file_is_blob(const char *name, char *id);

#endif
