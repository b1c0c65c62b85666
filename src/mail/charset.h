/*
 * Text in the charsets of mail, to UTF-8.  No iconv: its modules are loaded
 * when first asked for, which a sandbox forbids and an alias pipe has no time
 * for.  The tables are made of glibc's at build time (src/gen/charset.c).
 *
 * Labels are those of the IANA registry and of real mail, in any case, with any
 * punctuation.  "us-ascii" and "utf-8" are one: UTF-8.  Where a charset has
 * grown, its old names mean what it has become:
 *
 *   Japanese: CP932, whose table has what Windows and the carriers write (NEC
 *     row 13, half-width kana, IBM's kanji) under the labels ISO-2022-JP,
 *     EUC-JP and Shift_JIS as well.  Carriers' emoji become the private use
 *     code points of CP932's user area (charset_ja.c)
 *   Chinese: GB 18030 for GBK and GB 2312; Big5 with Hong Kong's characters
 *   Korean: CP949 for EUC-KR and KS C 5601
 *   UTF-16 and UTF-32 are big-endian without a byte order mark (RFC 2781 4.3)
 *
 * ISO-8859-1 is that, not windows-1252: C1 controls stay.  Vietnamese and
 * Hebrew come with their marks as characters of their own, not composed.
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
 * Bytes of which nobody says the charset; all of them, or an amount that ends
 * at a line end, since a cut character at the end tells against a charset.
 * UTF-8 when they are that; with JIS escapes ISO-2022-JP; else hint (or NULL),
 * when they are well-formed in it; else EUC-JP or Shift_JIS, whichever they are
 * well-formed in and look like Japanese; else windows-1252.
 */
const struct charset *charset_guess(
    const char *data, size_t n, const struct charset *hint);

/*
 * The other way, for the one charset that some readers of mail still want:
 * append text, which is UTF-8, as ISO-2022-JP of at most max bytes that begins
 * and ends in ASCII.  How many bytes of text that is: less than n when a
 * character is not in JIS X 0208, or when more does not fit.
 */
size_t charset_to_iso2022jp(
    const char *text, size_t n, size_t max, struct buf *out);

#endif
