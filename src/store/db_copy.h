/* A whole SQLite file of a state directory, as it is at one moment. */
#ifndef STORE_DB_COPY_H
#define STORE_DB_COPY_H

#include "core/err.h"
#include "store/state.h"

/*
 * Copy NAME.db, while others write to it, into a new file NAME.db of the
 * directory to (a path): one snapshot, in one file, on stable storage.  1, 0
 * there is no such file, -1 ERR_TEMP.
 */
int db_copy(
    const struct state *s, const char *name, const char *to, struct err *e);

#endif
