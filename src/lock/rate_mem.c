/*
 * Rates in the memory of one process: for tests, and the second engine of the
 * suite that both must pass.  It cannot fail, so nothing is ever taken back.
 */
#include <stdlib.h>
#include <string.h>

#include "lock/rate_engines.h"

struct kept {
	char *name;
	struct buf bytes;
	int64_t until, slow_until;
};

struct connections {
	char *name, *owner;
	int64_t n, until;
};

struct rate_mem {
	struct rate_engine base;
	struct kept *kept;
	size_t n_kept;
	struct connections *connections;
	size_t n_connections;
};

static struct rate_engine *
mem_open(struct state *s, struct err *e)
{
	struct rate_mem *m = xcalloc(1, sizeof *m);

	(void)s;
	(void)e;
	return &m->base;
}

static int
mem_begin(struct rate_engine *r, struct err *e)
{
	(void)r;
	(void)e;
	return 0;
}

static int
mem_end(struct rate_engine *r, int result, bool is_written, struct err *e)
{
	(void)r;
	(void)is_written;
	(void)e;
	return result;
}

static struct kept *
find(struct rate_mem *m, const char *name)
{
	for (size_t i = 0; i < m->n_kept; i++)
		if (strcmp(m->kept[i].name, name) == 0)
			return &m->kept[i];
	return NULL;
}

static int
mem_load(
    struct rate_engine *r, const char *name, struct buf *out, struct err *e)
{
	struct kept *k = find((struct rate_mem *)r, name);

	(void)e;
	buf_reset(out);
	if (k != NULL)
		buf_add(out, k->bytes.data, k->bytes.len);
	return 0;
}

static int
mem_store(struct rate_engine *r, const char *name, const struct buf *bytes,
    int64_t until, int64_t slow_until, struct err *e)
{
	struct rate_mem *m = (struct rate_mem *)r;
	struct kept *k = find(m, name);

	(void)e;
	if (k == NULL) {
		m->kept = xrealloc(m->kept, m->n_kept + 1, sizeof *m->kept);
		k = &m->kept[m->n_kept++];
		*k = (struct kept){.name = xstrdup(name)};
	}
	buf_reset(&k->bytes);
	buf_add(&k->bytes, bytes->data, bytes->len);
	k->until = until;
	k->slow_until = slow_until;
	return 0;
}

static int
mem_is_slow(struct rate_engine *r, int64_t now, struct err *e)
{
	struct rate_mem *m = (struct rate_mem *)r;

	(void)e;
	for (size_t i = 0; i < m->n_kept; i++)
		if (m->kept[i].slow_until > now)
			return 1;
	return 0;
}

static void
remove_kept(struct rate_mem *m, size_t i)
{
	free(m->kept[i].name);
	buf_release(&m->kept[i].bytes);
	m->kept[i] = m->kept[--m->n_kept];
}

static int
mem_prune(struct rate_engine *r, size_t max, int64_t now, struct err *e)
{
	struct rate_mem *m = (struct rate_mem *)r;

	(void)e;
	for (size_t i = m->n_kept; max > 0 && i-- > 0;)
		if (m->kept[i].until <= now) {
			remove_kept(m, i);
			max--;
		}
	return 0;
}

static void
remove_connections(struct rate_mem *m, size_t i)
{
	free(m->connections[i].name);
	free(m->connections[i].owner);
	m->connections[i] = m->connections[--m->n_connections];
}

static int
mem_count(struct rate_engine *r, const char *name, const char *owner,
    int64_t now, int64_t latest, int64_t *all, int64_t *own, struct err *e)
{
	struct rate_mem *m = (struct rate_mem *)r;

	(void)e;
	*all = *own = 0;
	for (size_t i = m->n_connections; i-- > 0;) {
		struct connections *c = &m->connections[i];

		if (strcmp(c->name, name) != 0)
			continue;
		if (c->until <= now || c->until > latest) {
			remove_connections(m, i);
			continue;
		}
		*all += c->n;
		if (strcmp(c->owner, owner) == 0)
			*own = c->n;
	}
	return 0;
}

static int
mem_set(struct rate_engine *r, const char *name, const char *owner, int64_t n,
    int64_t until, struct err *e)
{
	struct rate_mem *m = (struct rate_mem *)r;
	size_t i = 0;

	(void)e;
	while (i < m->n_connections &&
	       (strcmp(m->connections[i].name, name) != 0 ||
		   strcmp(m->connections[i].owner, owner) != 0))
		i++;
	if (n == 0) {
		if (i < m->n_connections)
			remove_connections(m, i);
		return 0;
	}
	if (i == m->n_connections) {
		m->connections = xrealloc(
		    m->connections, ++m->n_connections, sizeof *m->connections);
		m->connections[i] = (struct connections){
		    .name = xstrdup(name), .owner = xstrdup(owner)};
	}
	m->connections[i].n = n;
	if (until != 0)
		m->connections[i].until = until;
	return 0;
}

static int
mem_renew(
    struct rate_engine *r, const char *owner, int64_t until, struct err *e)
{
	struct rate_mem *m = (struct rate_mem *)r;

	(void)e;
	for (size_t i = 0; i < m->n_connections; i++)
		if (strcmp(m->connections[i].owner, owner) == 0)
			m->connections[i].until = until;
	return 0;
}

static void
mem_close(struct rate_engine *r)
{
	struct rate_mem *m = (struct rate_mem *)r;

	while (m->n_kept > 0)
		remove_kept(m, m->n_kept - 1);
	while (m->n_connections > 0)
		remove_connections(m, m->n_connections - 1);
	free(m->kept);
	free(m->connections);
	free(m);
}

const struct rate_ops rate_mem_ops = {
    .scheme = "mem",
    .open = mem_open,
    .begin = mem_begin,
    .end = mem_end,
    .load = mem_load,
    .store = mem_store,
    .is_slow = mem_is_slow,
    .prune = mem_prune,
    .count = mem_count,
    .set = mem_set,
    .renew = mem_renew,
    .close = mem_close,
};
