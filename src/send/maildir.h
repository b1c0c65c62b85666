/*
 * Delivery into a Maildir (maildir(5)), durably: for rehearsal and development.
 * Return-Path and Delivered-To stand before the message, its lines end in LF.
 */
#ifndef SEND_MAILDIR_H
#define SEND_MAILDIR_H

#include "core/err.h"
#include "send/letter.h"

struct maildir {
	int tmp, new; /* directories; -1: not open */
};

/* Open it, made when it is missing.  ERR_TEMP. */
int maildir_open(struct maildir *m, const char *path, struct err *e);
void maildir_close(struct maildir *m);

/* When it returns 0 the mail is there, also after a crash.  ERR_TEMP. */
int maildir_deliver(struct maildir *m, const struct letter *l, struct err *e);

#endif
