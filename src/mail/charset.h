/*
 * Text in the charsets of mail, to UTF-8.  No iconv: its modules are loaded
 * when first asked for, which a sandbox forbids and an alias pipe has no time
 * for.  The tables are made of glibc's at build time (src/gen/charset.c).
 *
 * Labels are those of the IANA registry and of real mail, in any case. Japanese
 * charsets go by CP932, whose table has what Windows and the carriers write
 * (NEC row 13, half-width kana, IBM's kanji) under the labels ISO-2022-JP,
 * EUC-JP and Shift_JIS as well.  "us-ascii" and "utf-8" are one: UTF-8.
 */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct charset; /* one of a constant table */

/* NULL: unknown.  Blanks and quotes around the label do not count. */
const struct charset *charset_find(const char *label, size_t len);

/* The name that we write: "iso-2022-jp", "shift_jis", "windows-1252" … */
const char *charset_name(const struct charset *cs);

const struct charset *charset_utf8(void);

/* Text that comes piece by piece. */
struct charset_decoder {
	const struct charset *cs;
	unsigned char pending[8]; /* bytes of a character not yet whole */
	size_t n_pending;
	unsigned state; /* of a charset with shifts */
	uint32_t bits; /* UTF-7 */
	size_t n_bad; /* so many U+FFFD were written */
};

void charset_begin(struct charset_decoder *d, const struct charset *cs);

/*
 * Append data as UTF-8; what cannot be decoded becomes U+FFFD and is counted
 * in n_bad.  The same bytes give the same text however they are cut.
 */
void charset_add(
    struct charset_decoder *d, const char *data, size_t n, struct buf *out);

/* No more comes: a cut character is a bad one. */
void charset_end(struct charset_decoder *d, struct buf *out);

/*
 * Bytes of which nobody says the charset: UTF-8 when they are that; with JIS
 * escapes ISO-2022-JP; else hint (or NULL), when they are well-formed in it;
 * else EUC-JP or Shift_JIS, whichever they are well-formed in and look like
 * Japanese; else windows-1252.
 */
const struct charset *charset_guess(
    const char *data, size_t n, const struct charset *hint);

#endif
