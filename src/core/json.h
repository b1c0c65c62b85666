/*
 * Reading and making JSON with libjq's values.  Functions that take a jv say
 * whether they consume it; what returns a jv gives it to the caller.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <jv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	JSON_DEPTH_MAX = 200,
};

/*
 * Parse one JSON text, which must be UTF-8 and at most JSON_DEPTH_MAX deep.
 * The error (ERR_DATA) never quotes the text.
 */
int json_parse(const char *text, size_t len, jv *out, struct err *e);

/*
 * Is it one JSON text (RFC 8259), in UTF-8 and at most JSON_DEPTH_MAX deep?
 * The errors are those of json_parse, which asks this first: libjq is lax about
 * numbers, literals, escapes and NUL, and differently so in its versions.
 */
int json_check(const char *text, size_t len, struct err *e);

/* A long string, where a text ends in …,"KEY":{"NAME":"STRING"}}. */
struct json_end {
	size_t rest; /* bytes before the ',' */
	/* Slices of the text, without escapes; string NULL: there is none. */
	const char *key, *name, *string;
	size_t key_len, name_len, string_len;
};

/*
 * The same as json_parse, but such a string (of 1 KB or more) does not become a
 * part of the value: KEY is absent from *out then, and *end tells of it.  libjq
 * takes 25 ns for each byte of a text; a record ends in its content, which most
 * programs only pass on.
 */
int json_parse_end(const char *text, size_t len, const char *key,
    const char *name, jv *out, struct json_end *end, struct err *e);

/* Append the compact form.  Consumes v. */
void json_dump(jv v, struct buf *out);

/*
 * Member of an object that is a string: the text, borrowed for as long as obj
 * lives; NULL when it is absent or of another type.  Does not consume obj.
 */
const char *json_str(jv obj, const char *key);

/* The same with its length, for text that may hold NUL. */
const char *json_strn(jv obj, const char *key, size_t *len);

/* Member that is a number, as an integer; fallback when it is none. */
int64_t json_int(jv obj, const char *key, int64_t fallback);

/* Member that is true. */
bool json_true(jv obj, const char *key);

/* Member that is an object or array of kind; invalid otherwise. */
jv json_member(jv obj, const char *key, jv_kind kind);

bool json_has(jv obj, const char *key);

/* Set or delete a member.  Consume obj (and value); return the object. */
jv json_set(jv obj, const char *key, jv value);
jv json_set_str(jv obj, const char *key, const char *value);
jv json_del(jv obj, const char *key);

/* The string {"b":…,"c":…} for any bytes: what is not UTF-8 becomes \xNN. */
jv json_bytes(const char *data, size_t len);

/* Is it well-formed UTF-8 (RFC 3629)? */
bool utf8_valid(const char *s, size_t len);

/* Length of the well-formed UTF-8 character at s, 0 when there is none. */
size_t utf8_char(const char *s, size_t len);

#endif
