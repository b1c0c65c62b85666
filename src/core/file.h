/*
 * Files, done durably.  Every call that a mail's safety depends on goes through
 * here, so that a fault injector finds them all.  All errors are ERR_TEMP and
 * name the file.
 */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * Write all n bytes, also to a non-blocking descriptor, waiting at most
 * timeout_ms without progress (-1: no limit).  name is for the error text.
 */
int file_write(int fd, const void *data, size_t n, int timeout_ms,
    const char *name, struct err *e);

/* Read all of fd; more than max bytes is an error. */
int file_read_fd(
    int fd, size_t max, struct buf *out, const char *name, struct err *e);

/* 1 read, 0 there is no such file, -1 error. */
int file_read_at(
    int dir, const char *path, size_t max, struct buf *out, struct err *e);

int file_sync(int fd, const char *name, struct err *e);
int file_sync_data(int fd, const char *name, struct err *e);

/* close(2) whose failure is an error: a delayed write may have been lost. */
int file_close(int fd, const char *name, struct err *e);

/* Rename and sync the directory of the new name, which is open as dir. */
int file_publish(
    int from_dir, const char *from, int dir, const char *to, struct err *e);

/* Sync a directory. */
int file_sync_dir(int dir, const char *name, struct err *e);

/*
 * Write a small file whole: temporary file beside it, sync, rename, sync of the
 * directory.  Mode 0600.
 */
int file_rewrite(
    int dir, const char *name, const void *data, size_t n, struct err *e);

/*
 * Open the directory path below dir, making what is missing (0700) and syncing
 * each parent in which one was made.  The descriptor, or -1.
 */
int file_open_dir(int dir, const char *path, struct err *e);

/* Open below dir and nowhere else (openat2 RESOLVE_BENEATH, no links). */
int file_open_beneath(int dir, const char *path, int flags, struct err *e);

/*
 * flock(2), waiting at most timeout_ms (0: do not wait, -1: for ever).  The
 * kernel's own waiting line keeps it fair.  1 locked, 0 time is over, -1 error.
 */
int file_lock(
    int fd, int operation, int timeout_ms, const char *name, struct err *e);

#endif
