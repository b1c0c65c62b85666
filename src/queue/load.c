#include "queue/load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/jsonl.h"
#include "ledger/parts.h"
#include "mail/record.h"
#include "queue/content.h"
#include "store/spool.h"

enum {
	SECTION_MAX = 160, /* of a line, for a content but its base64 */
};

struct loading {
	struct queue *q;
	bool is_inline;
	size_t room; /* what is left of the line */
	char **spools; /* files made so far */
	size_t n;
};

/* As base64, with what is around it. */
static size_t
inline_size(off_t size)
{
	return ((size_t)size + 2) / 3 * 4 + SECTION_MAX;
}

static json
inline_section(const struct buf *bytes)
{
	struct buf text = BUF_INIT;
	json s;

	base64_encode(bytes->data, bytes->len, &text);
	s = json_stringn(text.data != NULL ? text.data : "", text.len);
	buf_release(&text);
	return json_set(json_object(), "base64", s);
}

static int
load_inline(struct loading *l, int fd, off_t size, json *section, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int r;

	if (inline_size(size) > l->room)
		return err_set(e, ERR_DATA,
		    "blob: %lld bytes do not fit into the rest of a line",
		    (long long)size);
	r = file_read_fd(fd, (size_t)size, &bytes, "blob", e);
	if (r == 0) {
		*section = inline_section(&bytes);
		l->room -= inline_size(size);
	}
	buf_release(&bytes);
	return r;
}

static int
fill_spool(struct loading *l, int fd, struct spool *sp, struct err *e)
{
	char window[65536];
	ssize_t n;

	if (spool_begin(sp, l->q->state, e) == -1)
		return -1;
	while ((n = read(fd, window, sizeof window)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(e, "blob: read");
		if (spool_write(sp, window, (size_t)n, e) == -1)
			return -1;
	}
	return spool_finish(sp, 1, e);
}

static int
load_spool(struct loading *l, int fd, off_t size, json *section, struct err *e)
{
	struct spool sp = SPOOL_INIT;
	int r = fill_spool(l, fd, &sp, e);

	if (r == 0) {
		l->spools = xrealloc(l->spools, l->n + 1, sizeof *l->spools);
		l->spools[l->n++] = xstrdup(sp.paths[0]);
		sp.n_given = 1;
		*section = json_set_str(json_object(), "path", sp.paths[0]);
		*section =
		    json_set(*section, "size", json_number((int64_t)size));
		*section = json_set(*section, "temporary", json_bool(true));
		l->room -= l->room < SECTION_MAX ? l->room : SECTION_MAX;
	}
	spool_release(&sp);
	return r;
}

/* A blob's content section.  Closes fd. */
static int
load_fd(struct loading *l, int fd, json *section, struct err *e)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) == -1)
		r = err_errno(e, "blob: stat");
	else if (l->is_inline || (st.st_size <= CONTENT_INLINE_MAX &&
				     inline_size(st.st_size) <= l->room))
		r = load_inline(l, fd, st.st_size, section, e);
	else
		r = load_spool(l, fd, st.st_size, section, e);
	close(fd);
	return r;
}

static int
load_message(struct loading *l, json *rec, struct err *e)
{
	json section = json_none();
	int fd;

	if (!json_has(*rec, "blob"))
		return 0;
	fd = queue_open_message(l->q, *rec, e);
	if (fd == -1)
		return -1;
	if (load_fd(l, fd, &section, e) == -1)
		return err_prefix(e, "%s", record_id(*rec));
	*rec = json_set(json_del(*rec, "blob"), "content", section);
	return 0;
}

static int
load_part(void *ctx, const struct parts_place *at, json *part, struct err *e)
{
	struct loading *l = ctx;
	json blob = json_member(*part, "blob", JSON_OBJECT);
	json section = json_none();
	int fd = queue_open_section(l->q, blob, e);

	json_free(blob);
	if (fd == -1 || load_fd(l, fd, &section, e) == -1)
		return err_prefix(e, "%s[%d]", at->path, at->index);
	*part = json_set(json_del(*part, "blob"), "content", section);
	return 0;
}

static void
release(struct loading *l, bool is_given)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!is_given)
			unlinkat(l->q->state->dir, l->spools[i], 0);
		free(l->spools[i]);
	}
	free(l->spools);
}

static size_t
room(json rec)
{
	struct buf text = BUF_INIT;
	size_t len;

	json_dump(json_copy(rec), &text);
	len = text.len;
	buf_release(&text);
	return len < JSONL_LINE_MAX ? JSONL_LINE_MAX - len : 0;
}

int
queue_load(struct queue *q, json *rec, bool is_inline, struct err *e)
{
	struct loading l = {.q = q, .is_inline = is_inline, .room = room(*rec)};
	json out = json_copy(*rec);
	int r = load_message(&l, &out, e);

	if (r == 0) {
		r = parts_change(&out, "blob", load_part, &l, e);
		if (r == -1)
			err_prefix(e, "%s", record_id(*rec));
	}
	release(&l, r == 0);
	if (r == 0) {
		json_free(*rec);
		*rec = out;
	} else {
		json_free(out);
	}
	return r;
}
