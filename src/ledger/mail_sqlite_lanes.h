/*
 * What a take reads of the lanes (mail_sqlite_schema.c) and turns over in
 * memory; shared by mail_sqlite_take.c and mail_sqlite_lanes.c only.
 */
#ifndef LEDGER_MAIL_SQLITE_LANES_H
#define LEDGER_MAIL_SQLITE_LANES_H

#include "ledger/mail_sqlite.h"

#define NO_SHARE SIZE_MAX

/* A tenant that has a cap, or whose route is held. */
struct share {
	char tenant[NAME_MAX_LEN + 1];
	int64_t leased, cap;
	int64_t priority; /* only mail up to this one; INT64_MAX: all */
	size_t twin; /* the same tenant's other share, or NO_SHARE */
};

struct lane {
	int64_t number;
	char tenant[NAME_MAX_LEN + 1];
	int64_t vtime, step, ready;
	size_t share; /* of taking.shares, NO_SHARE without a cap */
	bool is_moved; /* vtime is not what is stored */
};

struct level {
	int64_t priority;
	int64_t vtime; /* of the turn */
	struct lane *lanes;
	size_t n;
	uint32_t *turns; /* a heap: of lanes, the first by vtime on top */
	size_t n_turns;
	bool is_whole; /* these are all that it has */
};

struct taking {
	struct mail_sqlite *m;
	const struct mail_take *how;
	mail_row_fn *fn;
	void *ctx;
	struct level *levels; /* from the highest; those that were looked at */
	size_t n_levels;
	int64_t lowest; /* the last one that was looked at */
	bool is_begun, has_all_levels;
	struct share *shares;
	size_t n_shares;
	struct sqlite_breakers breakers;
	struct sqlite_paces paces;
	int64_t picks; /* of this queue, ever */
	size_t left;
};

/* The next level downwards, if there is one. */
int lanes_add_level(struct taking *t, struct err *e);

/* It has nothing more to give. */
int lanes_drop_level(struct taking *t, size_t i, struct err *e);

/* The lane whose turn it is; NULL: none that was read has anything to give. */
struct lane *lanes_first(const struct taking *t, struct level *level);

/* That one had its turn. */
void lanes_turn(struct level *level);

/* The same, reading more where these are spent.  NULL, too, with *r -1. */
struct lane *lanes_next(
    struct taking *t, struct level *level, int *r, struct err *e);

/* A tenant at its cap: out of the index, until one of its leases ends. */
int lanes_close(struct taking *t, const struct share *s, struct err *e);

void lanes_free(struct level *level);

/* Store where the lanes of a level are in their time. */
int lanes_write(struct taking *t, struct level *level, struct err *e);

#endif
