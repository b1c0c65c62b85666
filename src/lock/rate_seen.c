#include "lock/rate_seen.h"

enum {
	SPAN_MS = 10000,
};

/* FNV-1a. */
uint64_t
rate_seen_hash(const char *name)
{
	uint64_t hash = 14695981039346656037u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	return hash;
}

void
rate_seen_note(struct rate_seen all[RATE_SEEN], const char *name, int64_t now)
{
	uint64_t hash = rate_seen_hash(name);
	struct rate_seen *s = &all[hash % RATE_SEEN];

	if (s->hash != hash || now < s->since)
		*s = (struct rate_seen){
		    .hash = hash, .since = now, .before = now};
	if (now - s->since >= SPAN_MS) {
		s->before =
		    now - s->since < 2 * (int64_t)SPAN_MS ? s->since : now;
		s->n_before = s->before == now ? 0 : s->n;
		s->since = now;
		s->n = 0;
	}
	s->n++;
}

double
rate_seen_per_s(
    const struct rate_seen all[RATE_SEEN], const char *name, int64_t now)
{
	uint64_t hash = rate_seen_hash(name);
	const struct rate_seen *s = &all[hash % RATE_SEEN];
	int64_t ms = now - s->before;
	double per_s;

	if (s->hash != hash || ms < 1000)
		ms = 1000;
	per_s = s->hash == hash
		    ? (double)(s->n + s->n_before) * 1000 / (double)ms
		    : 1;
	return per_s > 1 ? per_s : 1;
}
