/* The types of the configuration's values; for core/schema*.c only. */
#ifndef CORE_SCHEMA_TYPE_H
#define CORE_SCHEMA_TYPE_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/json.h"

enum schema_type {
	/* Objects: of the rows below theirs, of at most one of them, or an
	 * array of min to max such objects; or of any keys of a kind, whose
	 * values are the next row's. */
	SCHEMA_OBJECT,
	SCHEMA_ONE_OF,
	SCHEMA_ONE_OR_MORE,
	SCHEMA_BY_NAME,
	SCHEMA_BY_ADDRESS,
	SCHEMA_BY_DOMAIN,
	SCHEMA_BY_DESTINATION, /* a domain, or "*" for any other */
	SCHEMA_BY_VARIABLE,
	SCHEMA_BY_STATUS,
	/* Arrays, whose elements are the next row's, from min to max of them;
	 * of a command the first must not be empty. */
	SCHEMA_LIST,
	SCHEMA_COMMAND,
	/* Strings. */
	SCHEMA_STRING, /* not empty */
	SCHEMA_TEXT, /* any */
	SCHEMA_NAME,
	SCHEMA_CHOICE, /* one of words */
	SCHEMA_PATH, /* absolute */
	SCHEMA_SPEC, /* "scheme:rest" */
	SCHEMA_URL, /* the same, without a password in it */
	SCHEMA_DOMAIN,
	SCHEMA_ADDRESS, /* "local@domain" or "@domain" */
	SCHEMA_CREDENTIAL, /* a file name without '/' */
	SCHEMA_SCHEDULE,
	/* Numbers from min to max; a duration may be a string as well. */
	SCHEMA_NUMBER,
	SCHEMA_INTEGER,
	SCHEMA_DURATION,
};

struct schema_row {
	/* Keys with '.' between them; "*" stands for any, or an element. */
	const char *path;
	enum schema_type type;
	double min, max;
	const char *words; /* of a choice: "retry park"; else a better text */
	bool is_required;
	bool is_secret; /* never shown, not even when it is wrong */
};

/* What schema_check looks into; the others are looked at by schema_fits. */
bool schema_is_object(enum schema_type type);
bool schema_is_list(enum schema_type type);

/* Is it a value of this row's type?  Of objects and lists: of that kind? */
bool schema_fits(const struct schema_row *row, json value);

/* Append what to write: "a number from 1 to 5". */
void schema_want(const struct schema_row *row, struct buf *out);

/* Append "must be WANT, not VALUE", the last part unless it is secret. */
void schema_refuse(const struct schema_row *row, json value, struct buf *out);

/* Why this cannot be a key of such an object; NULL: it can. */
const char *schema_bad_key(enum schema_type type, const char *key, size_t len);

#endif
