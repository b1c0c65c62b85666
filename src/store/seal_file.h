/* Files of the format in store/seal.h, and what to do with those that are not
 * sealed. */
#ifndef STORE_SEAL_FILE_H
#define STORE_SEAL_FILE_H

#include "core/err.h"
#include "store/seal.h"
#include "store/state.h"

/*
 * What the file is; fd stays where it is.  ERR_DATA (errno EBADMSG): it is cut;
 * ERR_TEMP: it cannot be read.
 */
int seal_file_look(
    int fd, const char *name, struct seal_info *info, struct err *e);

/*
 * The content of a file, at its start: fd itself when it is plain, else a file
 * without a name that has all of it, verified to its end before this returns
 * (in memory up to 1 MiB).  Closes fd unless it returns it.  -1: ERR_DATA
 * (errno EBADMSG), it is damaged; ERR_TEMP, the secret key is missing, or
 * another trouble.
 */
int seal_file_open(struct state *s, int fd, const char *name,
    struct seal_info *info, struct err *e);

/*
 * Seal the data key of a file (open for reading and writing) to another public
 * key, in place, and sync it.  1, 0 it is so already or not sealed, -1 as
 * above, and the key is the one before.  A kill leaves the one or the other: it
 * is one write within one sector.
 */
int seal_file_again(struct state *s, int fd, const char *name,
    const struct seal_public *to, struct err *e);

#endif
