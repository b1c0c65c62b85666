#include "mail/charset.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/charset_codec.h"

enum {
	LABEL_MAX = sizeof(((struct charset_label *)NULL)->text),
};

/* clang-format off */
#define X(id, name, iconv)                                                     \
	[CHARSET_##id] = {name, charset_decode_single,                         \
	    charset_singles[CHARSET_##id], NULL, 0},

const struct charset charset_all[CHARSET_N] = {
    CHARSET_SINGLES(X)
    [CHARSET_UTF_8] = {"utf-8", charset_decode_utf8, NULL, NULL, 0},
    [CHARSET_UTF_7] = {"utf-7", charset_decode_utf7, NULL, NULL, 0},
    [CHARSET_UTF_16] = {"utf-16", charset_decode_utf16, NULL, NULL,
	CHARSET_ANY_ENDIAN},
    [CHARSET_UTF_16BE] = {"utf-16be", charset_decode_utf16, NULL, NULL,
	CHARSET_BIG_ENDIAN},
    [CHARSET_UTF_16LE] = {"utf-16le", charset_decode_utf16, NULL, NULL,
	CHARSET_LITTLE_ENDIAN},
    [CHARSET_UTF_32] = {"utf-32", charset_decode_utf32, NULL, NULL,
	CHARSET_ANY_ENDIAN},
    [CHARSET_UTF_32BE] = {"utf-32be", charset_decode_utf32, NULL, NULL,
	CHARSET_BIG_ENDIAN},
    [CHARSET_UTF_32LE] = {"utf-32le", charset_decode_utf32, NULL, NULL,
	CHARSET_LITTLE_ENDIAN},
    [CHARSET_SHIFT_JIS] = {"shift_jis", charset_decode_pairs, NULL,
	&charset_cp932, 0},
    [CHARSET_EUC_JP] = {"euc-jp", charset_decode_euc_jp, NULL, NULL, 0},
    [CHARSET_ISO_2022_JP] = {"iso-2022-jp", charset_decode_iso2022jp, NULL,
	NULL, 0},
    [CHARSET_GB18030] = {"gb18030", charset_decode_gb18030, NULL,
	&charset_gb18030, 0},
    [CHARSET_BIG5] = {"big5", charset_decode_pairs, NULL, &charset_big5, 0},
    [CHARSET_EUC_KR] = {"euc-kr", charset_decode_pairs, NULL,
	&charset_cp949, 0},
    [CHARSET_ISO_2022_KR] = {"iso-2022-kr", charset_decode_iso2022kr, NULL,
	NULL, 0},
};
#undef X
/* clang-format on */

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

static int
compare_label(const void *text, const void *label)
{
	return strcmp(text, ((const struct charset_label *)label)->text);
}

const struct charset *
charset_find(const char *label, size_t len)
{
	const struct charset_label *found;
	char text[LABEL_MAX];

	if (squeeze(label, len, text) == 0)
		return NULL;
	found = bsearch(text, charset_labels, charset_n_labels,
	    sizeof *charset_labels, compare_label);
	return found != NULL ? &charset_all[found->id] : NULL;
}

const char *
charset_name(const struct charset *cs)
{
	return cs->name;
}

const struct charset *
charset_utf8(void)
{
	return &charset_all[CHARSET_UTF_8];
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

	if (out->cap - out->len <= 4) /* saves a call for each character */
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
	*d = (struct charset_decoder){.cs = cs, .state = cs->state};
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
	if (d->n_pending > 0 || d->state & CHARSET_UNFINISHED)
		charset_put_bad(d, out);
	d->n_pending = 0;
	d->state = d->cs->state;
	d->bits = 0;
}
