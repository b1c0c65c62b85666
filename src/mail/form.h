/*
 * The forms in which a handler may want a message on its stdin.  A stream
 * through fixed windows: memory does not grow with the message.
 */
#ifndef MAIL_FORM_H
#define MAIL_FORM_H

#include <stdint.h>

#include "core/err.h"

enum mail_form {
	FORM_RAW, /* as it came: nothing to do here */
	FORM_POSTFIX, /* as Postfix local(8) gives it to a command */
	FORM_LF, /* lines end in LF */
};

/* "raw", "postfix" or "lf"; -1: no such form. */
int form_parse(const char *name);

/*
 * What FORM_POSTFIX writes before a message; texts are the envelope's own, as
 * bytes, NULL when unknown.
 */
struct form_envelope {
	const char *sender; /* "" or NULL: the null sender */
	const char *recipient; /* NULL: no Delivered-To */
	const char *original_to; /* NULL: no X-Original-To */
	int64_t at_ms; /* for the "From " line, in local time */
};

/*
 * Copy the message that in gives to out in the form FORM_POSTFIX or FORM_LF:
 * CR LF becomes LF, other CR stay.  FORM_POSTFIX puts mail_copy(3postfix)'s
 * header before it: a "From " line, Return-Path, X-Original-To, Delivered-To;
 * nothing when the message already begins with a "From " line, as it does when
 * it came through local(8).  env may be NULL for FORM_LF.  ERR_DATA: an address
 * with a line end or NUL in it; else ERR_TEMP.
 */
int form_copy(enum mail_form form, const struct form_envelope *env, int in,
    int out, struct err *e);

#endif
