/*
 * How a charset is decoded: what mail/charset.c and the files of the single
 * charsets have between them.
 */
#ifndef MAIL_CHARSET_CODEC_H
#define MAIL_CHARSET_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "mail/charset.h"
#include "mail/charset_table.h"

enum {
	CHARSET_BAD = 0xfffd, /* U+FFFD */
};

/* In charset_decoder.state: if this is the end, a character is cut. */
#define CHARSET_UNFINISHED (1U << 31)

/*
 * Append what the characters at p[0..n) are, and return how many bytes that
 * were: all but those of a character that is not whole yet, which are fewer
 * than sizeof d->pending.  What it does with a byte depends on the bytes before
 * it and on the rest of its character only, never on n: so the same bytes give
 * the same text however they are cut.
 */
typedef size_t charset_decode_fn(struct charset_decoder *d,
    const unsigned char *p, size_t n, struct buf *out);

struct charset {
	const char *name;
	charset_decode_fn *decode;
	const uint16_t *single; /* of charset_decode_single */
	const struct charset_pairs *pairs; /* of charset_decode_pairs */
	unsigned state; /* to begin with */
};

/* Charsets that are not in CHARSET_SINGLES. */
enum {
	CHARSET_UTF_8 = CHARSET_SINGLES_N,
	CHARSET_UTF_7,
	CHARSET_UTF_16,
	CHARSET_UTF_16BE,
	CHARSET_UTF_16LE,
	CHARSET_UTF_32,
	CHARSET_UTF_32BE,
	CHARSET_UTF_32LE,
	CHARSET_SHIFT_JIS,
	CHARSET_EUC_JP,
	CHARSET_ISO_2022_JP,
	CHARSET_GB18030,
	CHARSET_BIG5,
	CHARSET_EUC_KR,
	CHARSET_ISO_2022_KR,
	CHARSET_N,
};

extern const struct charset charset_all[CHARSET_N];

/* A label in lower case, its letters and digits only. */
struct charset_label {
	char text[23];
	unsigned char id;
};

extern const struct charset_label charset_labels[]; /* sorted by text */
extern const size_t charset_n_labels;

/* Append a character; c is a Unicode scalar value. */
void charset_put(struct buf *out, uint32_t c);
/* Append U+FFFD and count it. */
void charset_put_bad(struct charset_decoder *d, struct buf *out);

/* So many bytes at p are ASCII. */
size_t charset_ascii_span(const unsigned char *p, size_t n);

/*
 * What pairs have for two bytes: 0, or a cell, which charset_put_cell appends.
 */
static inline unsigned
charset_cell(const struct charset_pairs *pairs, unsigned lead, unsigned trail)
{
	unsigned columns = pairs->trail_max - pairs->trail_min + 1U;

	if (lead < pairs->lead_min || lead > pairs->lead_max ||
	    trail < pairs->trail_min || trail > pairs->trail_max)
		return 0;
	return pairs->cells[(lead - pairs->lead_min) * columns + trail -
			    pairs->trail_min];
}

void charset_put_cell(
    const struct charset_pairs *pairs, unsigned cell, struct buf *out);
/* Append the character; nothing there is a bad one. */
void charset_put_pair(struct charset_decoder *d,
    const struct charset_pairs *pairs, unsigned lead, unsigned trail,
    struct buf *out);

/* JIS X 0208 and its extensions, by bytes from 0x21 to 0x7e: a cell of CP932 */
unsigned charset_jis_cell(unsigned row, unsigned column);

charset_decode_fn charset_decode_utf8, charset_decode_utf7,
    charset_decode_utf16, charset_decode_utf32, charset_decode_single,
    charset_decode_pairs, charset_decode_gb18030, charset_decode_euc_jp,
    charset_decode_iso2022jp, charset_decode_iso2022kr;

/* At the beginning of UTF-16 and UTF-32. */
enum {
	CHARSET_ANY_ENDIAN, /* as a byte order mark says, else big */
	CHARSET_BIG_ENDIAN,
	CHARSET_LITTLE_ENDIAN,
};

#endif
