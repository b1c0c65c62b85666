/* The directories of a Maildir, and what is done to a file in them. */
#ifndef INGEST_MAILDIR_DIRS_H
#define INGEST_MAILDIR_DIRS_H

#include <stdbool.h>

#include "core/err.h"

struct maildir {
	int new, claimed;
	char *new_path;
};

/* Makes claimed/ when it is missing.  ERR_TEMP: no such Maildir. */
int maildir_open(struct maildir *m, const char *dir, struct err *e);
void maildir_close(struct maildir *m);

/* A plain file name, and nothing else. */
bool maildir_is_name(const char *name);

/*
 * 1 it is ours, and *claimed, which the caller frees, its name from now on: the
 * same, in which bytes that are not UTF-8 became \xNN.  0 another was faster,
 * or has a claim of that name; -1 ERR_TEMP.
 */
int maildir_claim(
    const struct maildir *m, const char *name, char **claimed, struct err *e);
/* Another may have it.  That it is gone is no error, here and below. */
int maildir_give_back(const struct maildir *m, const char *name, struct err *e);
/* Its record is safe. */
int maildir_remove(const struct maildir *m, const char *name, struct err *e);
/* What was given back or removed stays so. */
int maildir_sync(const struct maildir *m, struct err *e);

#endif
