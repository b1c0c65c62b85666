/* Where a header ends, its fields, and their text. */
#include "mail/header.h"
#include "core/utf8.h"
#include "fuzz.h"
#include "mail/encoded.h"

static void
check_field(const struct header_field *f, struct buf *out)
{
	defect_set defects = 0;

	CHECK(f->name.len <= HEADER_NAME_MAX);
	header_squeeze(f->value, out);
	CHECK(out->len <= f->value.len);
	buf_reset(out);
	encoded_decode(f->value, NULL, out, &defects);
	CHECK(utf8_valid(out->data, out->len));
	/* A byte may be bad, which is U+FFFD, or stand for two characters. */
	CHECK(out->len <= f->value.len * 6);
}

static void
check_header(const char *data, size_t n, const struct header_scan *s)
{
	struct header h;
	struct buf out = BUF_INIT;

	header_parse(&h, data, s);
	CHECK(h.n <= HEADER_FIELDS_MAX);
	CHECK(h.from_line.len <= s->from_size);
	for (size_t i = 0; i < h.n; i++) {
		CHECK(h.fields[i].name.data >= data);
		CHECK(
		    h.fields[i].value.data + h.fields[i].value.len <= data + n);
		check_field(&h.fields[i], &out);
	}
	buf_release(&out);
	header_release(&h);
}

/* The first byte says how the header is cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct header_scan whole = {0}, pieces = {0};
	uint32_t seed;
	const char *text = (const char *)data + 1;

	if (n == 0)
		return 0;
	seed = data[0];
	n--;
	CHECK(header_scan(&whole, text, n, true));
	for (size_t i = 0; i < n && !pieces.is_done;) {
		i += next_piece(&seed, n - i);
		header_scan(&pieces, text, i, false);
	}
	CHECK(header_scan(&pieces, text, n, true));
	CHECK(whole.size == pieces.size);
	CHECK(whole.from_size == pieces.from_size);
	CHECK(whole.defects == pieces.defects);
	CHECK(whole.from_size <= whole.size && whole.size <= n);
	check_header(text, n, &whole);
	return 0;
}
