/*
 * The record: one JSON object, see mail-record(5).  What every program may ask
 * of it.  None of these functions consumes the record.
 */
#ifndef MAIL_RECORD_H
#define MAIL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"

enum {
	CONTENT_INLINE_MAX = 64 * 1024, /* above it, content is a spool file */
};

/*
 * The sections that belong to one run and are never stored: the program that
 * owns each writes it anew.
 */
#define RECORD_TRANSIENT "content", "lease", "lock", "result", "last"

/* "id" and "tenant" are there and well-formed.  ERR_DATA names what is not. */
int record_check(json rec, struct err *e);

/* Its id for a diagnostic; "(no id)" when there is none.  Borrowed from rec. */
const char *record_id(json rec);

/* Has an acting program settled its fate already? */
bool record_has_result(json rec);

/* result.status, or NULL. */
const char *record_status(json rec);

/*
 * A result: {"status","stage","code","reason","class","at"}; code -1 and NULL
 * texts are left out.  The caller may add "detail" and "after_s".
 */
json record_result(const char *status, const char *stage, int code,
    const char *class, const char *reason);

#endif
