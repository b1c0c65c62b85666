#include "mail/fingerprint.h"

#include <stdint.h>
#include <string.h>

#include "core/buf.h"

static const char *const fields[] = {
    "from", "to", "cc", "subject", "date", "message-id"};

void
body_digest_init(struct body_digest *b)
{
	*b = (struct body_digest){.newlines = 0};
	digest_init(&b->digest);
}

/* Line ends that turned out to stand inside the body. */
static void
add_newlines(struct body_digest *b)
{
	char block[256];
	size_t n;

	memset(block, '\n', sizeof block);
	for (; b->newlines > 0; b->newlines -= n) {
		n = b->newlines < sizeof block ? b->newlines : sizeof block;
		digest_add(&b->digest, block, n);
	}
}

/* Bytes in which every line end is LF. */
static void
add_lines(struct body_digest *b, const char *data, size_t n)
{
	size_t text = n;

	while (text > 0 && data[text - 1] == '\n')
		text--;
	if (text > 0) {
		add_newlines(b);
		digest_add(&b->digest, data, text);
	}
	b->newlines += n - text;
}

void
body_digest_add(struct body_digest *b, const char *data, size_t n)
{
	const char *from = data, *end = data + n, *cr = data;

	if (n == 0)
		return;
	if (b->has_cr && data[0] != '\n')
		add_lines(b, "\r", 1);
	b->has_cr = end[-1] == '\r';
	if (b->has_cr)
		end--;
	while ((cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL) {
		if (*++cr != '\n')
			continue; /* data */
		add_lines(b, from, (size_t)(cr - 1 - from));
		from = cr;
	}
	add_lines(b, from, (size_t)(end - from));
}

char *
body_digest_text(struct body_digest *b, char text[DIGEST_TEXT])
{
	if (b->has_cr)
		add_lines(b, "\r", 1);
	return digest_text(&b->digest, text);
}

static void
add_element(struct digest *d, const char *data, size_t n)
{
	unsigned char len[8];

	for (size_t i = 0; i < sizeof len; i++)
		len[i] = (unsigned char)((uint64_t)n >> (8 * i) & 0xff);
	digest_add(d, len, sizeof len);
	digest_add(d, data, n);
}

static void
add_string(struct digest *d, const char *s)
{
	add_element(d, s, strlen(s));
}

static void
add_lower_case(struct digest *d, const char *s)
{
	struct buf lower = BUF_INIT;

	buf_addstr(&lower, s);
	for (size_t i = 0; i < lower.len; i++)
		if (lower.data[i] >= 'A' && lower.data[i] <= 'Z')
			lower.data[i] = (char)(lower.data[i] - 'A' + 'a');
	add_element(d, lower.data, lower.len);
	buf_release(&lower);
}

static char *
finish(struct digest *d, char text[FINGERPRINT_TEXT])
{
	digest_text(d, text);
	text[0] = 'f'; /* in place of "b2" */
	text[1] = '1';
	return text;
}

bool
fingerprint_has_identity(const struct header *h)
{
	static const char *const names[] = {"date", "message-id"};
	struct buf value = BUF_INIT;
	bool has = false;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct header_field *f = NULL;

		while ((f = header_next(h, names[i], f)) != NULL) {
			header_squeeze(f->value, &value);
			has |= value.len > 0;
		}
	}
	buf_release(&value);
	return has;
}

char *
fingerprint_mail(const char *tenant, const char *recipient,
    const struct header *h, const char *body, char text[FINGERPRINT_TEXT])
{
	const struct header_field *f;
	struct buf value = BUF_INIT;
	struct digest d;

	digest_init(&d);
	add_string(&d, tenant);
	add_lower_case(&d, recipient);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		for (f = header_next(h, fields[i], NULL); f != NULL;
		     f = header_next(h, fields[i], f)) {
			header_squeeze(f->value, &value);
			add_string(&d, fields[i]);
			add_element(&d, value.data, value.len);
		}
	}
	buf_release(&value);
	add_string(&d, "body");
	add_string(&d, body);
	return finish(&d, text);
}

char *
fingerprint_raw(const char *tenant, const char *recipient, const char *raw,
    char text[FINGERPRINT_TEXT])
{
	struct digest d;

	digest_init(&d);
	add_string(&d, tenant);
	add_string(&d, recipient);
	add_string(&d, "raw");
	add_string(&d, raw);
	return finish(&d, text);
}
