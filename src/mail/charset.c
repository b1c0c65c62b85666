#include "mail/charset.h"

#include <stdint.h>
#include <string.h>

#include "mail/charset_codec.h"

static const struct charset utf8 = {"utf-8", charset_decode_utf8, NULL};

enum {
	LABEL_MAX = 40,
};

/* Labels in lower case, letters and digits only. */
static const char *const utf8_labels[] = {"utf8", "unicode11utf8", "usascii",
    "ascii", "ansix341968", "ansix341986", "iso646us", "us", "cp65001"};

/*
 * The label without what is written differently from mail to mail: case,
 * blanks, quotes, '-', '_' and the like.  0: too long for any.
 */
static size_t
squeeze(const char *label, size_t len, char out[LABEL_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = label[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
			continue;
		if (n == LABEL_MAX - 1)
			return 0;
		out[n++] = c;
	}
	out[n] = '\0';
	return n;
}

const struct charset *
charset_find(const char *label, size_t len)
{
	char text[LABEL_MAX];

	if (squeeze(label, len, text) == 0)
		return NULL;
	for (size_t i = 0; i < sizeof utf8_labels / sizeof *utf8_labels; i++)
		if (strcmp(text, utf8_labels[i]) == 0)
			return &utf8;
	return NULL;
}

const char *
charset_name(const struct charset *cs)
{
	return cs->name;
}

const struct charset *
charset_utf8(void)
{
	return &utf8;
}

size_t
charset_ascii_span(const unsigned char *p, size_t n)
{
	size_t i = 0;
	uint64_t word;

	for (; n - i >= sizeof word; i += sizeof word) {
		memcpy(&word, p + i, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < n && p[i] < 0x80)
		i++;
	return i;
}

void
charset_put(struct buf *out, uint32_t c)
{
	unsigned char *p;

	buf_grow(out, 4);
	p = (unsigned char *)out->data + out->len;
	if (c < 0x80) {
		*p++ = (unsigned char)c;
	} else if (c < 0x800) {
		*p++ = (unsigned char)(0xc0 | c >> 6);
		*p++ = (unsigned char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*p++ = (unsigned char)(0xe0 | c >> 12);
		*p++ = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		*p++ = (unsigned char)(0x80 | (c & 0x3f));
	} else {
		*p++ = (unsigned char)(0xf0 | c >> 18);
		*p++ = (unsigned char)(0x80 | (c >> 12 & 0x3f));
		*p++ = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		*p++ = (unsigned char)(0x80 | (c & 0x3f));
	}
	out->len = (size_t)((char *)p - out->data);
	*p = '\0';
}

void
charset_put_bad(struct charset_decoder *d, struct buf *out)
{
	d->n_bad++;
	charset_put(out, CHARSET_BAD);
}

void
charset_begin(struct charset_decoder *d, const struct charset *cs)
{
	*d = (struct charset_decoder){.cs = cs};
}

static void
drop_pending(struct charset_decoder *d, size_t n)
{
	d->n_pending -= n;
	memmove(d->pending, d->pending + n, d->n_pending);
}

void
charset_add(
    struct charset_decoder *d, const char *data, size_t n, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)data;
	size_t used;

	while (n > 0 && d->n_pending > 0) {
		d->pending[d->n_pending++] = *p++;
		n--;
		drop_pending(
		    d, d->cs->decode(d, d->pending, d->n_pending, out));
	}
	if (n == 0)
		return;
	used = d->cs->decode(d, p, n, out);
	d->n_pending = n - used;
	memcpy(d->pending, p + used, d->n_pending);
}

void
charset_end(struct charset_decoder *d, struct buf *out)
{
	if (d->n_pending > 0)
		charset_put_bad(d, out);
	d->n_pending = 0;
}

static bool
is_good(const struct charset *cs, const char *data, size_t n)
{
	struct charset_decoder d;
	struct buf text = BUF_INIT;

	charset_begin(&d, cs);
	charset_add(&d, data, n, &text);
	charset_end(&d, &text);
	buf_release(&text);
	return d.n_bad == 0;
}

const struct charset *
charset_guess(const char *data, size_t n, const struct charset *hint)
{
	if (is_good(&utf8, data, n))
		return &utf8;
	return hint != NULL && is_good(hint, data, n) ? hint : &utf8;
}
