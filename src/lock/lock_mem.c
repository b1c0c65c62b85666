/*
 * Locks in the memory of one process: for tests, and the second engine of the
 * suite that all must pass.
 */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "lock/lock_engines.h"
#include "lock/rules.h"

struct lock_mem {
	struct lock_engine base;
	struct lock_row **rows; /* oldest first, each of lock_row_dup */
	size_t n;
};

static struct lock_engine *
mem_open(struct state *s, const char *rest, struct err *e)
{
	struct lock_mem *m = xcalloc(1, sizeof *m);

	(void)s;
	(void)rest;
	(void)e;
	return &m->base;
}

/* n when there is none. */
static size_t
find(const struct lock_mem *m, const char *key)
{
	size_t i = 0;

	while (i < m->n && strcmp(m->rows[i]->key, key) != 0)
		i++;
	return i;
}

static void
remove_row(struct lock_mem *m, size_t i)
{
	free(m->rows[i]);
	m->n--;
	memmove(&m->rows[i], &m->rows[i + 1], (m->n - i) * sizeof *m->rows);
}

static void
change(struct lock_mem *m, size_t i, enum lock_change how, struct lock_row *row)
{
	struct lock_row *copy;

	if (how == LOCK_REMOVE && i < m->n)
		remove_row(m, i);
	if (how != LOCK_WRITE)
		return;
	copy = lock_row_dup(row); /* before what it borrows from goes */
	if (i < m->n) {
		free(m->rows[i]);
	} else {
		m->rows = xrealloc(m->rows, m->n + 1, sizeof *m->rows);
		m->n++;
	}
	m->rows[i] = copy;
}

static struct lock_row
row_at(const struct lock_mem *m, size_t i)
{
	return i < m->n ? *m->rows[i] : (struct lock_row){.state = LOCK_FREE};
}

static size_t
prune(struct lock_mem *m, size_t max, int64_t now)
{
	size_t pruned = 0;

	for (size_t i = 0; i < m->n && pruned < max;) {
		if (lock_rule_is_over(m->rows[i], now)) {
			remove_row(m, i);
			pruned++;
		} else {
			i++;
		}
	}
	return pruned;
}

static int
mem_acquire(struct lock_engine *l, struct lock_acquire *all, size_t n,
    int64_t now, struct err *e)
{
	struct lock_mem *m = (struct lock_mem *)l;

	(void)e;
	for (size_t k = 0; k < n; k++) {
		size_t i = find(m, all[k].key);
		struct lock_row row = row_at(m, i);

		change(m, i, lock_rule_acquire(&row, &all[k], now), &row);
	}
	prune(m, LOCK_PRUNE(n), now);
	return 0;
}

static int
mem_settle(struct lock_engine *l, struct lock_settle *all, size_t n,
    int64_t now, struct err *e)
{
	struct lock_mem *m = (struct lock_mem *)l;

	(void)e;
	for (size_t k = 0; k < n; k++) {
		size_t i = find(m, all[k].key);
		struct lock_row row = row_at(m, i);

		change(m, i, lock_rule_settle(&row, &all[k], now), &row);
	}
	prune(m, LOCK_PRUNE(n), now);
	return 0;
}

static bool
is_of(const struct lock_row *row, const char *key, const char *id)
{
	return key != NULL ? strcmp(row->key, key) == 0
			   : strcmp(row->id, id) == 0;
}

static int
mem_release(struct lock_engine *l, struct lock_release *all, size_t n,
    int64_t now, struct err *e)
{
	struct lock_mem *m = (struct lock_mem *)l;

	(void)e;
	for (size_t k = 0; k < n; k++) {
		all[k].released = 0;
		/* Backwards, for rows that go. */
		for (size_t i = m->n; i-- > 0;) {
			struct lock_row row = *m->rows[i];

			if (!is_of(&row, all[k].key, all[k].id))
				continue;
			change(
			    m, i, lock_rule_release(&row, &all[k], now), &row);
		}
	}
	return 0;
}

static int
mem_get(struct lock_engine *l, struct lock_get *all, size_t n, int64_t now,
    struct err *e)
{
	struct lock_mem *m = (struct lock_mem *)l;

	(void)e;
	for (size_t k = 0; k < n; k++) {
		all[k].state = LOCK_FREE;
		all[k].result = NULL;
		for (size_t i = 0; i < m->n; i++)
			if (is_of(m->rows[i], all[k].key, all[k].id))
				lock_rule_get(m->rows[i], &all[k], now);
	}
	return 0;
}

static int
mem_prune(struct lock_engine *l, size_t max, int64_t now, size_t *pruned,
    struct err *e)
{
	(void)e;
	*pruned = prune((struct lock_mem *)l, max, now);
	return 0;
}

static int
mem_list(struct lock_engine *l, const struct lock_filter *f, lock_row_fn *fn,
    void *ctx, struct err *e)
{
	struct lock_mem *m = (struct lock_mem *)l;
	int64_t seen = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (!lock_rule_fits(m->rows[i], f))
			continue;
		if (f->max > 0 && seen++ >= f->max)
			break;
		if (fn(ctx, m->rows[i], e) == -1)
			return -1;
	}
	return 0;
}

static int
mem_check(struct lock_engine *l, struct err *e)
{
	(void)l;
	(void)e;
	return 0;
}

static void
mem_close(struct lock_engine *l)
{
	struct lock_mem *m = (struct lock_mem *)l;

	while (m->n > 0)
		remove_row(m, m->n - 1);
	free(m->rows);
	free(m);
}

const struct lock_ops lock_mem_ops = {
    .scheme = "mem",
    .open = mem_open,
    .acquire = mem_acquire,
    .settle = mem_settle,
    .release = mem_release,
    .get = mem_get,
    .prune = mem_prune,
    .list = mem_list,
    .check = mem_check,
    .close = mem_close,
};
