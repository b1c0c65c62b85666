/*
 * A scope as bytes: numbers of 64 bits, of this machine's order.  First the
 * form, then runs, slices and what the server said; slices that are empty are
 * left out.
 */
#include <math.h>
#include <string.h>

#include "lock/rate_rules.h"

enum {
	FORM = 1,
	PER_S_MAX = 100 * 1000 * 1000, /* more is no rate that was written */
};

static void
put(struct buf *out, int64_t n)
{
	buf_add(out, &n, sizeof n);
}

static void
put_double(struct buf *out, double n)
{
	buf_add(out, &n, sizeof n);
}

void
rate_rule_write(const struct rate_state *s, struct buf *out)
{
	int64_t n = 0;

	put(out, FORM);
	put(out, (int64_t)s->n_runs);
	for (size_t i = 0; i < s->n_runs; i++) {
		put(out, s->runs[i].first);
		put(out, s->runs[i].last);
	}
	for (int i = 0; i < RATE_SLICES; i++)
		n += s->slices[i] > 0;
	put(out, s->day_first);
	put(out, n);
	for (int i = 0; i < RATE_SLICES; i++)
		if (s->slices[i] > 0) {
			put(out, i);
			put(out, s->slices[i]);
		}
	put_double(out, s->cut);
	put_double(out, s->base);
	put(out, s->slow_at);
	put(out, s->not_before);
}

struct reading {
	const char *at;
	size_t left;
	bool is_bad;
};

/* A number between min and max, else the whole is bad. */
static int64_t
get(struct reading *r, int64_t min, int64_t max)
{
	int64_t n = 0;

	r->is_bad |= r->left < sizeof n;
	if (r->is_bad)
		return min;
	memcpy(&n, r->at, sizeof n);
	r->at += sizeof n;
	r->left -= sizeof n;
	r->is_bad = n < min || n > max;
	return r->is_bad ? min : n;
}

static double
get_per_s(struct reading *r)
{
	double n = 0;

	r->is_bad |= r->left < sizeof n;
	if (r->is_bad)
		return 0;
	memcpy(&n, r->at, sizeof n);
	r->at += sizeof n;
	r->left -= sizeof n;
	r->is_bad = !isfinite(n) || n < 0 || n > PER_S_MAX;
	return r->is_bad ? 0 : n;
}

static void
get_all(struct reading *r, struct rate_state *s)
{
	const int64_t end = INT64_MAX / 4; /* of a time in microseconds */
	int64_t n, i, before = 0;

	get(r, FORM, FORM);
	s->n_runs = (size_t)get(r, 0, RATE_RUNS);
	for (size_t k = 0; k < s->n_runs; k++) {
		s->runs[k].first = get(r, before, end);
		s->runs[k].last = before = get(r, s->runs[k].first, end);
	}
	s->day_first = get(r, -RATE_DAY, end / RATE_SLICE_MS / 1000);
	n = get(r, 0, RATE_SLICES);
	for (; n > 0; n--) {
		i = get(r, 0, RATE_SLICES - 1);
		s->slices[i] = get(r, 0, INT32_MAX);
	}
	s->cut = get_per_s(r);
	s->base = get_per_s(r);
	s->slow_at = get(r, 0, end / 1000);
	s->not_before = get(r, 0, end / 1000);
}

void
rate_rule_read(struct rate_state *s, const char *data, size_t len)
{
	struct reading r = {.at = data, .left = len};

	*s = (struct rate_state){.n_runs = 0};
	if (len > 0)
		get_all(&r, s);
	if (r.is_bad || r.left > 0)
		*s = (struct rate_state){.n_runs = 0};
}
