/* Blobs in this process's memory, for tests. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "store/blob_engines.h"

struct mem_blob {
	char *ref;
	struct buf bytes;
};

struct blob_mem {
	struct blobs base;
	struct state *state;
	struct mem_blob *items;
	size_t n;
};

static struct blobs *
mem_open(struct state *s, const char *rest, struct err *e)
{
	struct blob_mem *m = xcalloc(1, sizeof *m);

	(void)rest;
	(void)e;
	m->state = s;
	return &m->base;
}

static struct mem_blob *
find(struct blob_mem *m, const char *ref)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->items[i].ref != NULL &&
		    strcmp(m->items[i].ref, ref) == 0)
			return &m->items[i];
	return NULL;
}

static int
add_bytes(struct blob_mem *m, const struct blob_put *p, struct buf *out,
    struct err *e)
{
	int fd, r;

	if (p->spool == NULL) {
		buf_add(out, p->data, p->len);
		return 0;
	}
	fd = state_spool_open(m->state, p->spool, e);
	if (fd == -1)
		return -1;
	r = file_read_fd(fd, SIZE_MAX / 4, out, p->spool, e);
	close(fd);
	if (r == 0)
		unlinkat(m->state->dir, p->spool, 0);
	return r;
}

static int
mem_put(struct blobs *b, const struct blob_put *puts, size_t n, struct err *e)
{
	struct blob_mem *m = (struct blob_mem *)b;

	for (size_t i = 0; i < n; i++) {
		struct buf bytes = BUF_INIT;

		if (add_bytes(m, &puts[i], &bytes, e) == -1) {
			buf_release(&bytes);
			return -1;
		}
		if (find(m, puts[i].ref) != NULL) {
			buf_release(&bytes);
			continue;
		}
		m->items = xrealloc(m->items, m->n + 1, sizeof *m->items);
		m->items[m->n++] =
		    (struct mem_blob){xstrdup(puts[i].ref), bytes};
	}
	return 0;
}

static int
mem_read(struct blobs *b, const char *ref, struct err *e)
{
	struct mem_blob *found = find((struct blob_mem *)b, ref);
	int fd;

	if (found == NULL) {
		err_set(e, ERR_DATA, "mem: no blob %.100s", ref);
		errno = ENOENT;
		return -1;
	}
	fd = memfd_create("blob", MFD_CLOEXEC);
	if (fd == -1)
		return err_errno(e, "memfd");
	if (file_write(fd, found->bytes.data, found->bytes.len, -1, "memfd",
		e) == -1 ||
	    lseek(fd, 0, SEEK_SET) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
mem_remove(struct blobs *b, const char *const *refs, size_t n, struct err *e)
{
	struct mem_blob *found;

	(void)e;
	for (size_t i = 0; i < n; i++) {
		found = find((struct blob_mem *)b, refs[i]);
		if (found == NULL)
			continue;
		free(found->ref);
		found->ref = NULL;
		buf_release(&found->bytes);
	}
	return 0;
}

static void
mem_close(struct blobs *b)
{
	struct blob_mem *m = (struct blob_mem *)b;

	for (size_t i = 0; i < m->n; i++) {
		free(m->items[i].ref);
		buf_release(&m->items[i].bytes);
	}
	free(m->items);
	free(m);
}

const struct blob_ops blob_mem_ops = {
    .scheme = "mem",
    .open = mem_open,
    .put = mem_put,
    .read = mem_read,
    .remove = mem_remove,
    .close = mem_close,
};
