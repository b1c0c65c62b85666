#include "lock/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

/* What was done so long ago that it is forgotten is free. */
static void
forget(struct lock_row *row, int64_t now)
{
	if (row->state == LOCK_DONE && row->until <= now)
		row->state = LOCK_FREE;
}

static bool
is_other_content(const struct lock_row *row, const char *content)
{
	return row->content[0] != '\0' && content[0] != '\0' &&
	       strcmp(row->content, content) != 0;
}

static void
note_found(const struct lock_row *row, struct lock_acquire *a)
{
	a->found = row->state;
	a->holder[0] = a->other[0] = '\0';
	a->at = 0;
	a->result = NULL;
	if (row->state == LOCK_FREE)
		return;
	snprintf(a->holder, sizeof a->holder, "%s", row->id);
	snprintf(a->other, sizeof a->other, "%s", row->content);
	a->at = row->at;
}

static enum lock_answer
find_answer(const struct lock_row *row, const struct lock_acquire *a,
    bool is_own, int64_t now)
{
	if (row->state == LOCK_FREE)
		return LOCK_GOT;
	if (is_other_content(row, a->content))
		return LOCK_CONFLICT;
	if (row->state == LOCK_CLAIMED)
		return is_own || row->until <= now ? LOCK_GOT : LOCK_BUSY;
	if (is_own && row->state == LOCK_UNCERTAIN && a->is_retried)
		return LOCK_GOT;
	if (is_own)
		return LOCK_REPLAY;
	return row->state == LOCK_DONE ? LOCK_DUPLICATE : LOCK_BUSY;
}

/* It claims what is free, or over, or its own. */
static void
claim(struct lock_row *row, const struct lock_acquire *a, bool is_own,
    int64_t now)
{
	bool is_free = row->state == LOCK_FREE;
	/* An older delivery of it has lost its lease, and will find out. */
	int64_t delivery = !is_free && is_own && row->delivery > a->delivery
			       ? row->delivery
			       : a->delivery;

	if (is_free)
		row->taken_from = "";
	else if (!is_own)
		row->taken_from = row->id;
	if (is_free || !is_own)
		row->at = now;
	row->key = a->key;
	row->state = LOCK_CLAIMED;
	row->id = a->id;
	row->tenant = a->tenant;
	row->content = a->content;
	row->delivery = delivery;
	row->until = a->until;
	row->result = "";
	row->result_len = 0;
}

enum lock_change
lock_rule_acquire(struct lock_row *row, struct lock_acquire *a, int64_t now)
{
	bool is_own;

	forget(row, now);
	is_own = row->state != LOCK_FREE && strcmp(row->id, a->id) == 0;
	note_found(row, a);
	a->answer = find_answer(row, a, is_own, now);
	if (a->answer == LOCK_REPLAY)
		a->result = xstrndup(row->result, row->result_len);
	if (a->answer != LOCK_GOT)
		return LOCK_KEEP;
	claim(row, a, is_own, now);
	return LOCK_WRITE;
}

/* It is known now, or known to be unknown. */
static enum lock_change
conclude(struct lock_row *row, const struct lock_settle *s, int64_t now)
{
	if (row->state == LOCK_FREE)
		row->taken_from = "";
	row->key = s->key;
	row->state = s->state;
	row->id = s->id;
	row->tenant = s->tenant;
	row->content = s->content;
	row->delivery = s->delivery;
	row->at = now;
	row->until = s->state == LOCK_DONE ? s->until : 0;
	row->result = s->result;
	row->result_len = s->result_len;
	return LOCK_WRITE;
}

enum lock_change
lock_rule_settle(struct lock_row *row, struct lock_settle *s, int64_t now)
{
	forget(row, now);
	s->is_stale = row->state != LOCK_FREE && strcmp(row->id, s->id) != 0;
	if (s->is_stale)
		return LOCK_KEEP;
	if (s->state == LOCK_FREE) {
		s->is_stale =
		    row->state == LOCK_CLAIMED && s->delivery < row->delivery;
		return row->state == LOCK_CLAIMED && !s->is_stale ? LOCK_REMOVE
								  : LOCK_KEEP;
	}
	if (row->state == LOCK_DONE || row->state == s->state)
		return LOCK_KEEP;
	return conclude(row, s, now);
}

enum lock_change
lock_rule_release(struct lock_row *row, struct lock_release *r, int64_t now)
{
	forget(row, now);
	if (row->state == LOCK_FREE ||
	    (row->state == LOCK_DONE && r->state == LOCK_DONE))
		return LOCK_KEEP;
	r->released++;
	if (r->state == LOCK_FREE)
		return LOCK_REMOVE;
	row->state = LOCK_DONE;
	row->at = now;
	row->until = r->until;
	row->result = r->result;
	row->result_len = r->result_len;
	return LOCK_WRITE;
}

void
lock_rule_get(const struct lock_row *row, struct lock_get *g, int64_t now)
{
	if (row->state == LOCK_FREE || g->state == LOCK_DONE ||
	    (row->state == LOCK_DONE && row->until <= now))
		return;
	free(g->result);
	g->result = NULL;
	g->state = row->state;
	snprintf(g->holder, sizeof g->holder, "%s", row->id);
	g->at = row->at;
	if (row->state != LOCK_CLAIMED)
		g->result = xstrndup(row->result, row->result_len);
}

/* A string and a NUL, at *at, which moves behind them. */
static const char *
put(char **at, const char *s, size_t len)
{
	char *start = *at;

	memcpy(start, s, len);
	start[len] = '\0';
	*at = start + len + 1;
	return start;
}

struct lock_row *
lock_row_dup(const struct lock_row *row)
{
	const char *const strings[] = {
	    row->key, row->id, row->tenant, row->content, row->taken_from};
	size_t size = sizeof *row + row->result_len + 1;
	struct lock_row *copy;
	char *at;

	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
		size += strlen(strings[i]) + 1;
	copy = xmalloc(size);
	*copy = *row;
	at = (char *)(copy + 1);
	copy->key = put(&at, row->key, strlen(row->key));
	copy->id = put(&at, row->id, strlen(row->id));
	copy->tenant = put(&at, row->tenant, strlen(row->tenant));
	copy->content = put(&at, row->content, strlen(row->content));
	copy->taken_from = put(&at, row->taken_from, strlen(row->taken_from));
	copy->result = put(&at, row->result, row->result_len);
	return copy;
}

bool
lock_rule_is_over(const struct lock_row *row, int64_t now)
{
	const int64_t ttl_ms = (int64_t)LOCK_TTL_S * 1000;

	return (row->state == LOCK_DONE && row->until <= now) ||
	       (row->state == LOCK_CLAIMED && row->until <= now - ttl_ms);
}

bool
lock_rule_fits(const struct lock_row *row, const struct lock_filter *f)
{
	return (f->state < 0 || row->state == (enum lock_state)f->state) &&
	       (f->prefix == NULL ||
		   strncmp(row->key, f->prefix, strlen(f->prefix)) == 0) &&
	       (f->tenant == NULL || strcmp(row->tenant, f->tenant) == 0) &&
	       (f->before == 0 || row->at < f->before) &&
	       (f->after == 0 || row->at >= f->after);
}
