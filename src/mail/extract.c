#include "mail/extract.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cell.h"
#include "mail/mime.h"
#include "mail/transfer.h"

enum {
	WINDOW = 64 * 1024,
	NAMED_MAX = 300, /* bytes of part numbers in a diagnostic */
};

/* The answers of the cell. */
enum answer {
	ANSWER_PART, /* its number; index 1: it has content, 0: a multipart */
	ANSWER_CONTENT, /* bytes of the part that is wanted */
	ANSWER_DONE, /* that was all of them */
};

struct extract {
	const char *part;
	/* In the cell: */
	struct mime *mime;
	bool is_open; /* the part, whose index is: */
	size_t index;
	struct transfer transfer;
	struct buf decoded;
	/* In the parent: */
	struct cell *cell;
	int (*content)(void *ctx, const char *data, size_t n, struct err *e);
	void *ctx;
	struct err failed; /* what it said */
	bool is_done, is_multipart;
	struct buf all, leaves; /* numbers of parts, a blank before each */
};

bool
extract_is_part(const char *s)
{
	size_t n = strspn(s, "0123456789.");

	return n > 0 && s[n] == '\0' && n < MIME_PATH_TEXT && s[0] != '.' &&
	       s[n - 1] != '.' && strstr(s, "..") == NULL;
}

/* In the cell. */

static void
flush(struct extract *x)
{
	if (x->decoded.len > 0)
		cell_answer(ANSWER_CONTENT, 0, x->decoded.data, x->decoded.len);
	buf_reset(&x->decoded);
}

static void
begin_part(void *ctx, const struct mime_part *m)
{
	struct extract *x = ctx;

	cell_answer(ANSWER_PART, !m->is_multipart, m->path, strlen(m->path));
	if (m->is_multipart || strcmp(m->path, x->part) != 0)
		return;
	x->is_open = true;
	x->index = m->index;
	transfer_begin(&x->transfer, m->encoding);
}

static void
add_content(void *ctx, size_t index, const char *data, size_t n)
{
	struct extract *x = ctx;

	if (!x->is_open || index != x->index)
		return;
	transfer_add(&x->transfer, data, n, &x->decoded);
	if (x->decoded.len >= WINDOW)
		flush(x);
}

static void
end_part(void *ctx, size_t index)
{
	struct extract *x = ctx;

	if (!x->is_open || index != x->index)
		return;
	transfer_end(&x->transfer, &x->decoded);
	transfer_release(&x->transfer);
	x->is_open = false;
	flush(x);
	cell_answer(ANSWER_DONE, 0, NULL, 0);
}

static const struct mime_events events = {begin_part, add_content, end_part};

static void
cell_begin(void *ctx)
{
	struct extract *x = ctx;

	x->mime = mime_new(&events, x);
}

static void
cell_add_bytes(void *ctx, const char *data, size_t n)
{
	struct extract *x = ctx;

	mime_add(x->mime, data, n);
}

static void
cell_end_message(void *ctx)
{
	struct extract *x = ctx;

	mime_end(x->mime);
	mime_free(x->mime);
	buf_release(&x->decoded);
}

/* In the parent: nothing that the cell says is believed unseen. */

static void
take_part(struct extract *x, bool has_content, const char *path, size_t n)
{
	char text[MIME_PATH_TEXT];

	if (n >= sizeof text)
		return;
	memcpy(text, path, n);
	text[n] = '\0';
	if (!extract_is_part(text))
		return;
	if (!has_content && strcmp(text, x->part) == 0)
		x->is_multipart = true;
	if (x->all.len < NAMED_MAX)
		buf_addf(&x->all, " %s", text);
	if (has_content && x->leaves.len < NAMED_MAX)
		buf_addf(&x->leaves, " %s", text);
}

static bool
answered(void *ctx, uint8_t type, uint32_t index, const char *data, size_t n)
{
	struct extract *x = ctx;

	if (x->is_done || x->failed.class != ERR_NONE)
		return true;
	if (type == ANSWER_PART)
		take_part(x, index != 0, data, n);
	else if (type == ANSWER_CONTENT)
		x->content(x->ctx, data, n, &x->failed);
	else
		return x->is_done = type == ANSWER_DONE;
	return true;
}

/* Stream the message in, no further than it is needed. */
static int
stream(struct extract *x, int fd, struct err *e)
{
	enum cell_state state = CELL_ALIVE;
	char window[WINDOW];
	ssize_t n;

	while (
	    state == CELL_ALIVE && !x->is_done && x->failed.class == ERR_NONE) {
		n = read(fd, window, sizeof window);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(e, "message: read");
		if (n == 0) {
			state = cell_end(x->cell, e);
			break;
		}
		state = cell_add(x->cell, window, (size_t)n, e);
	}
	if (state == CELL_ERROR)
		return -1;
	if (state == CELL_DIED && !x->is_done && x->failed.class == ERR_NONE)
		return err_set(e, ERR_TEMP,
		    "part %s: the parser died (%s), this is not all of it; "
		    "please report such a mail",
		    x->part, cell_death(x->cell));
	return 0;
}

/* As many as fit into a diagnostic. */
static const char *
named(struct buf *parts)
{
	if (parts->len == 0)
		return " none";
	if (parts->len < NAMED_MAX)
		return parts->data;
	parts->len = NAMED_MAX;
	while (parts->data[parts->len] != ' ')
		parts->len--;
	buf_addstr(parts, " ...");
	return parts->data;
}

static int
outcome(struct extract *x, struct err *e)
{
	if (x->failed.class != ERR_NONE) {
		*e = x->failed;
		return -1;
	}
	if (x->is_done)
		return 0;
	if (x->is_multipart)
		return err_set(e, ERR_DATA,
		    "part %s is a multipart, without content of its own; parts "
		    "with content:%s",
		    x->part, named(&x->leaves));
	return err_set(
	    e, ERR_DATA, "no part %s; there are:%s", x->part, named(&x->all));
}

int
extract_part(int fd, const char *part,
    int (*content)(void *ctx, const char *data, size_t n, struct err *e),
    void *ctx, struct err *e)
{
	struct extract x = {.part = part, .content = content, .ctx = ctx};
	const struct cell_job job = {
	    .begin = cell_begin,
	    .add = cell_add_bytes,
	    .end = cell_end_message,
	    .ctx = &x,
	};
	int r = -1;

	x.cell = cell_new(&job, answered, &x, e);
	if (x.cell != NULL)
		r = stream(&x, fd, e);
	if (r == 0)
		r = outcome(&x, e);
	cell_free(x.cell);
	buf_release(&x.all);
	buf_release(&x.leaves);
	return r;
}
