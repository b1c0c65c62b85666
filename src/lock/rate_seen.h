/*
 * How fast scopes without a limit are used by this process, for when they are
 * told to be slower.  Bounded: of two scopes that share a place the later one
 * has it.
 */
#ifndef LOCK_RATE_SEEN_H
#define LOCK_RATE_SEEN_H

#include <stdint.h>

enum {
	RATE_SEEN = 256,
};

/* Counts since then, and between before and since. */
struct rate_seen {
	uint64_t hash;
	int64_t since, n;
	int64_t before, n_before;
};

void rate_seen_note(
    struct rate_seen all[RATE_SEEN], const char *name, int64_t now);

/* At least 1 a second. */
double rate_seen_per_s(
    const struct rate_seen all[RATE_SEEN], const char *name, int64_t now);

/* Of a name, for tables in memory. */
uint64_t rate_seen_hash(const char *name);

#endif
