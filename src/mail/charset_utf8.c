/* UTF-8 (RFC 3629): copied where it is well-formed. */
#include <stdint.h>
#include <string.h>

#include "mail/charset_codec.h"

/*
 * Of a character that begins with lead: how many bytes it has (0: none does),
 * and between what its second byte must be, so that neither overlong forms,
 * nor surrogates, nor what is beyond U+10FFFF pass (Unicode, table 3-7).
 */
struct form {
	size_t size;
	unsigned char low, high;
};

static struct form
form_of(unsigned char lead)
{
	if (lead < 0xc2 || lead > 0xf4)
		return (struct form){0, 0, 0};
	if (lead < 0xe0)
		return (struct form){2, 0x80, 0xbf};
	if (lead < 0xf0)
		return (struct form){
		    3, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf};
	return (struct form){
	    4, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf};
}

/*
 * How many bytes at p can be the beginning of a character; *size: how many the
 * whole would have.
 */
static size_t
span(const unsigned char *p, size_t n, size_t *size)
{
	struct form form = form_of(p[0]);
	size_t i;

	*size = form.size;
	if (form.size == 0)
		return 0;
	if (n < 2 || p[1] < form.low || p[1] > form.high)
		return 1;
	for (i = 2; i < n && i < form.size; i++)
		if ((p[i] & 0xc0) != 0x80)
			break;
	return i;
}

/* How many bytes at p are whole characters. */
static size_t
good_span(const unsigned char *p, size_t n)
{
	size_t i = 0, size;

	while (i < n) {
		i += charset_ascii_span(p + i, n - i);
		if (i == n || span(p + i, n - i, &size) < size || size == 0)
			break;
		i += size;
	}
	return i;
}

/*
 * Each longest beginning of a character that does not go on is one bad
 * character (Unicode 3.9, "maximal subpart").
 */
size_t
charset_decode_utf8(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	size_t i = 0, good, part, size;

	while (i < n) {
		good = good_span(p + i, n - i);
		buf_add(out, p + i, good);
		i += good;
		if (i == n)
			break;
		part = span(p + i, n - i, &size);
		if (part > 0 && i + part == n)
			break; /* not whole yet */
		charset_put_bad(d, out);
		i += part > 0 ? part : 1;
	}
	return i;
}
