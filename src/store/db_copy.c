#include "store/db_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"

enum {
	BUSY_MS = 10000,
};

static int
failed(sqlite3 *db, const char *path, const char *doing, struct err *e)
{
	return err_set(e, ERR_TEMP, "%s: %s: %s", path, doing,
	    db != NULL ? sqlite3_errmsg(db) : "out of memory");
}

static int
open_db(const char *path, int flags, sqlite3 **db, struct err *e)
{
	if (sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return failed(*db, path, "open", e);
	sqlite3_busy_timeout(*db, BUSY_MS);
	return 0;
}

/*
 * All pages in one step, thus in one snapshot; writers go on meanwhile.  The
 * mode of the journal is the destination's own: that of the tools is WAL.
 */
static int
copy_pages(sqlite3 *from, sqlite3 *to, const char *path, struct err *e)
{
	sqlite3_backup *b;

	/* Nothing of it is worth a journal: it is new, and synced at the end.
	 */
	sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF",
	    NULL, NULL, NULL);
	b = sqlite3_backup_init(to, "main", from, "main");
	if (b == NULL)
		return failed(to, path, "copy", e);
	sqlite3_backup_step(b, -1);
	if (sqlite3_backup_finish(b) != SQLITE_OK)
		return failed(to, path, "copy", e);
	if (sqlite3_exec(to, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) !=
	    SQLITE_OK)
		return failed(to, path, "journal", e);
	return 0;
}

static int
sync_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd == -1)
		return err_errno(e, "%s: open", path);
	r = file_sync(fd, path, e);
	close(fd);
	return r;
}

int
db_copy(const struct state *s, const char *name, const char *to, struct err *e)
{
	char *source = xasprintf("%s/%s.db", s->path, name);
	char *path = xasprintf("%s/%s.db", to, name);
	sqlite3 *from = NULL, *copy = NULL;
	int r = 0;

	if (access(source, F_OK) == -1 && errno == ENOENT)
		goto out;
	r = open_db(source, SQLITE_OPEN_READWRITE, &from, e);
	if (r == 0)
		r = open_db(
		    path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &copy, e);
	if (r == 0)
		r = copy_pages(from, copy, path, e);
	/* The WAL of those who work with it stays as it is. */
	sqlite3_db_config(
	    from, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	sqlite3_close(copy);
	copy = NULL;
	if (r == 0)
		r = sync_file(path, e) == 0 ? 1 : -1;
out:
	sqlite3_close(copy);
	sqlite3_close(from);
	free(source);
	free(path);
	return r;
}
