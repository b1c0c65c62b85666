#include "mail/dkim_canon.h"

#include <stdlib.h>
#include <string.h>

void
dkim_body_init(
    struct dkim_body *b, enum dkim_canon canon, const EVP_MD *algorithm)
{
	b->canon = canon;
	b->is_apart = b->has_text = false;
	b->line_ends = 0;
	b->n = 0;
	b->md = EVP_MD_CTX_new();
	b->has_failed =
	    b->md == NULL || EVP_DigestInit_ex(b->md, algorithm, NULL) != 1;
}

static void
flush(struct dkim_body *b)
{
	if (!b->has_failed && EVP_DigestUpdate(b->md, b->block, b->n) != 1)
		b->has_failed = true;
	b->n = 0;
}

static void
emit(struct dkim_body *b, const char *data, size_t n)
{
	size_t k;

	for (; n > 0; data += k, n -= k) {
		if (b->n == sizeof b->block)
			flush(b);
		k = sizeof b->block - b->n;
		if (k > n)
			k = n;
		memcpy(b->block + b->n, data, k);
		b->n += k;
	}
}

/* Text follows: what was before it counts. */
static void
emit_owed(struct dkim_body *b)
{
	for (; b->line_ends > 0; b->line_ends--)
		emit(b, "\r\n", 2);
	if (b->is_apart)
		emit(b, " ", 1);
	b->is_apart = false;
	b->has_text = true;
}

/*
 * How many bytes from here on stay as they are?  One blank between words does;
 * not so white space at either end of what is here, whose neighbours are not.
 */
static size_t
text_length(const struct dkim_body *b, const char *data, size_t n)
{
	const bool is_relaxed = b->canon == DKIM_RELAXED;
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c > ' ')
			continue;
		if (c == ' ' && i > 0 && i + 1 < n &&
		    (unsigned char)data[i + 1] > ' ')
			continue;
		if (c == '\r' || c == '\n' ||
		    (is_relaxed && (c == ' ' || c == '\t')))
			break;
	}
	return i;
}

void
dkim_body_add(struct dkim_body *b, const char *data, size_t n)
{
	size_t i = 0, k;

	while (i < n) {
		k = text_length(b, data + i, n - i);
		if (k > 0) {
			emit_owed(b);
			emit(b, data + i, k);
			i += k;
			continue;
		}
		if (data[i] == '\n') {
			b->line_ends++;
			b->is_apart = false;
		} else if (data[i] != '\r') {
			b->is_apart = true;
		}
		i++;
	}
}

bool
dkim_body_end(struct dkim_body *b, unsigned char digest[EVP_MAX_MD_SIZE])
{
	/* The end of an empty body: RFC 6376, 3.4.3 and 3.4.4. */
	if (b->has_text || b->canon == DKIM_SIMPLE)
		emit(b, "\r\n", 2);
	flush(b);
	return !b->has_failed && EVP_DigestFinal_ex(b->md, digest, NULL) == 1;
}

void
dkim_body_release(struct dkim_body *b)
{
	EVP_MD_CTX_free(b->md);
	b->md = NULL;
}

void
dkim_add_field(struct slice name, struct slice value, enum dkim_canon canon,
    struct buf *out)
{
	struct buf squeezed = BUF_INIT;

	if (canon == DKIM_SIMPLE) {
		buf_add(out, name.data,
		    (size_t)(value.data + value.len - name.data));
		return;
	}
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		buf_addch(out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
	}
	buf_addch(out, ':');
	header_squeeze(value, &squeezed);
	buf_add(out, squeezed.data, squeezed.len);
	buf_release(&squeezed);
}

/* The lowest field of that name that is not taken yet, or NULL. */
static const struct header_field *
take(const struct header *h, const char *name, bool *is_taken)
{
	for (size_t i = h->n; i-- > 0;)
		if (!is_taken[i] && header_is(&h->fields[i], name)) {
			is_taken[i] = true;
			return &h->fields[i];
		}
	return NULL;
}

void
dkim_add_fields(const struct header *h, const char *const *names, size_t n,
    enum dkim_canon canon, struct buf *out)
{
	bool *is_taken = xcalloc(h->n + 1, sizeof *is_taken);

	for (size_t i = 0; i < n; i++) {
		const struct header_field *f = take(h, names[i], is_taken);

		if (f == NULL)
			continue;
		dkim_add_field(f->name, f->value, canon, out);
		buf_addstr(out, "\r\n");
	}
	free(is_taken);
}
