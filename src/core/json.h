/*
 * JSON values.  A value is small and handed on by copy; what is behind it is
 * counted: json_copy takes a reference, json_free gives one back.  "Consumes x"
 * says that a function takes the caller's reference over; without it x is only
 * looked at.  What returns a json gives a reference to the caller.
 *
 * Of a text that was parsed only what is asked for is looked into, one level at
 * a time, and what is not changed is written as it came: a record may have
 * megabytes, and most programs look at three of its members.  Order, numbers
 * and escapes of what nobody touches stay as they were.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	JSON_DEPTH_MAX = 200,
};

enum json_kind {
	JSON_NONE, /* no value: a member that is absent */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_shared; /* bytes that are shared */
struct json_list; /* the elements of an array, the members of an object */

typedef struct {
	enum json_kind kind;
	union {
		struct json_shared *text; /* string: decoded; number: literal */
		struct json_list *list;
	} of;
} json;

/*
 * Parse one JSON text (RFC 8259), which must be UTF-8 and at most
 * JSON_DEPTH_MAX deep.  The error (ERR_DATA) never quotes the text.
 */
int json_parse(const char *text, size_t len, json *out, struct err *e);

/* Would json_parse take it?  The same errors. */
int json_check(const char *text, size_t len, struct err *e);

/* The same; *at is where it stops being JSON, len when it ends too early. */
int json_check_at(const char *text, size_t len, size_t *at, struct err *e);

/* Append the compact form of what was made or changed, the rest as it came; it
 * has no line end.  Consumes v. */
void json_dump(json v, struct buf *out);

json json_copy(json v);
void json_free(json v);

json json_none(void);
json json_null(void);
json json_bool(bool is_true);
json json_number(int64_t n);
/* From UTF-8; other bytes are written as \xNN. */
json json_string(const char *s);
json json_stringn(const char *data, size_t len);
json json_array(void);
json json_object(void);

/* The string {"b":…,"c":…} for any bytes: what is not UTF-8 becomes \xNN. */
json json_bytes(const char *data, size_t len);

enum json_kind json_kind(json v);
const char *json_kind_name(enum json_kind kind); /* "string", "number", … */
bool json_is_valid(json v); /* anything but JSON_NONE */

/* Of a string: its text, which has a NUL behind it, while v lives. */
const char *json_string_value(json v);
size_t json_string_len(json v);
double json_number_value(json v);

/* The same value?  The order of members does not matter. */
bool json_equal(json a, json b);

/* Elements of an array, members of an object; 0 of anything else. */
int json_count(json v);
/* Element or member i; JSON_NONE beyond the end. */
json json_at(json v, int i);
/* The same for who looks at it once: v does not keep it. */
json json_glance_at(json v, int i);
/* The key of member i, while obj lives. */
const char *json_key_at(json obj, int i, size_t *len);

/* A key that a later member has as well, while obj lives; NULL: none. */
const char *json_repeated_key(json obj, size_t *len);

/* Consume array and value; return the array. */
json json_append(json array, json value);
json json_set_at(json array, int i, json value);

/* A member of an object, of two with one name the last; else JSON_NONE. */
json json_get(json obj, const char *key);

/* The same if it is of that kind; else JSON_NONE. */
json json_member(json obj, const char *key, enum json_kind kind);

/* A member that is a string, while obj lives; NULL when it is none, or has a
 * NUL in it. */
const char *json_str(json obj, const char *key);

/* The same with its length, for text that may hold NUL. */
const char *json_strn(json obj, const char *key, size_t *len);

/* A member that is a number, as an integer; fallback when it is none. */
int64_t json_int(json obj, const char *key, int64_t fallback);

/* A member that is true. */
bool json_true(json obj, const char *key);

bool json_has(json obj, const char *key);

/* Set or delete a member.  Consume obj (and value); return the object.  What is
 * none stays as it is, as with arrays above. */
json json_set(json obj, const char *key, json value);
json json_set_str(json obj, const char *key, const char *value);
json json_del(json obj, const char *key);

#endif
