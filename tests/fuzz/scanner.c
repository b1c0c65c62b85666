/* The parts of a message, and their content decoded. */
#include "fuzz.h"
#include "mail/mime.h"
#include "mail/transfer.h"

struct part {
	size_t n, decoded;
	uint64_t hash, decoded_hash;
	enum mime_encoding encoding;
	bool is_open, is_multipart, is_message;
	struct transfer transfer;
	defect_set defects;
};

struct run {
	struct part parts[MIME_PARTS_MAX];
	size_t n, n_open;
	uint64_t events;
	defect_set defects;
	struct buf decoded;
};

static void
on_begin(void *ctx, const struct mime_part *part)
{
	struct run *r = ctx;
	struct part *p = &r->parts[r->n];

	CHECK(r->n < MIME_PARTS_MAX);
	CHECK(part->index == r->n);
	CHECK(r->n == 0 ? part->parent == 0 : part->parent < r->n);
	CHECK(r->parts[part->parent].is_open || r->n == 0);
	CHECK(r->n_open < MIME_DEPTH_MAX);
	CHECK(strlen(part->path) < MIME_PATH_TEXT);
	CHECK(!(part->is_multipart && part->is_message));
	CHECK(part->type.value[0] != '\0');
	r->events = hash_add(r->events, part->path, strlen(part->path));
	r->events =
	    hash_add(r->events, part->type.value, strlen(part->type.value));
	*p = (struct part){
	    .encoding = part->encoding,
	    .is_open = true,
	    .is_multipart = part->is_multipart,
	    .is_message = part->is_message,
	};
	transfer_begin(&p->transfer, part->encoding);
	r->n++;
	r->n_open++;
}

static void
on_content(void *ctx, size_t index, const char *data, size_t n)
{
	struct run *r = ctx;
	struct part *p = &r->parts[index];

	CHECK(index < r->n && p->is_open && !p->is_multipart && n > 0);
	p->n += n;
	p->hash = hash_add(p->hash, data, n);
	buf_reset(&r->decoded);
	transfer_add(&p->transfer, data, n, &r->decoded);
	p->decoded += r->decoded.len;
	p->decoded_hash =
	    hash_add(p->decoded_hash, r->decoded.data, r->decoded.len);
}

static void
on_end(void *ctx, size_t index)
{
	struct run *r = ctx;
	struct part *p = &r->parts[index];

	CHECK(index < r->n && p->is_open);
	buf_reset(&r->decoded);
	transfer_end(&p->transfer, &r->decoded);
	p->decoded += r->decoded.len;
	p->decoded_hash =
	    hash_add(p->decoded_hash, r->decoded.data, r->decoded.len);
	p->defects = p->transfer.defects;
	transfer_release(&p->transfer);
	/* A line of two bytes may stand for 63 (mail/transfer.h). */
	CHECK(p->decoded <= p->n * (p->encoding == MIME_UUENCODE ? 63 : 1));
	p->is_open = false;
	r->n_open--;
	r->events = hash_add(r->events, &index, sizeof index);
}

static const struct mime_events events = {on_begin, on_content, on_end};

static void
scan(struct run *r, const char *data, size_t n, uint32_t seed)
{
	struct mime *m = mime_new(&events, r);
	size_t size = n, leaves = 0;

	r->n = r->n_open = 0;
	r->events = 0;
	for (size_t i = 0; i < n; i += size) {
		if (seed != 0)
			size = next_piece(&seed, n - i);
		mime_add(m, data + i, size);
	}
	mime_end(m);
	r->defects = mime_defects(m);
	CHECK(r->n > 0 && r->n_open == 0);
	CHECK(mime_from_size(m) <= mime_header_size(m));
	CHECK(mime_header_size(m) <= n);
	mime_free(m);
	for (size_t i = 0; i < r->n; i++)
		leaves += r->parts[i].is_message ? 0 : r->parts[i].n;
	CHECK(leaves <= n);
}

static void
check_same(const struct run *a, const struct run *b)
{
	CHECK(a->n == b->n);
	CHECK(a->events == b->events);
	CHECK(a->defects == b->defects);
	for (size_t i = 0; i < a->n; i++) {
		CHECK(a->parts[i].n == b->parts[i].n);
		CHECK(a->parts[i].hash == b->parts[i].hash);
		CHECK(a->parts[i].decoded == b->parts[i].decoded);
		CHECK(a->parts[i].decoded_hash == b->parts[i].decoded_hash);
		CHECK(a->parts[i].defects == b->parts[i].defects);
	}
}

/* The first byte says how the message is cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct run whole, pieces;
	const char *text = (const char *)data + 1;

	if (n == 0)
		return 0;
	scan(&whole, text, n - 1, 0);
	scan(&pieces, text, n - 1, 1 + data[0]);
	check_same(&whole, &pieces);
	return 0;
}
