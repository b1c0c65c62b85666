#include "core/jsonl.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
	READ_SIZE = 65536,
};

void
jsonl_init(struct jsonl *in, int fd)
{
	*in = (struct jsonl){.fd = fd, .limit = JSONL_LINE_MAX};
}

void
jsonl_release(struct jsonl *in)
{
	buf_release(&in->in);
}

/* Forget what was given out, so that the buffer holds one line at the most. */
static void
compact(struct jsonl *in)
{
	buf_shift(&in->in, in->pos);
	in->scanned -= in->pos;
	in->pos = 0;
}

static enum jsonl_got
at_end(struct jsonl *in, const char **line, size_t *len)
{
	if (in->pos == in->in.len && !in->is_skipping)
		return JSONL_END;
	*line = in->in.data + in->pos;
	*len = in->in.len - in->pos;
	in->pos = in->scanned = in->in.len;
	in->is_skipping = false;
	in->line_no++;
	return JSONL_CUT;
}

enum jsonl_got
jsonl_next(struct jsonl *in, const char **line, size_t *len)
{
	char *end = NULL;

	if (in->scanned < in->in.len)
		end = memchr(
		    in->in.data + in->scanned, '\n', in->in.len - in->scanned);
	if (end != NULL) {
		*line = in->in.data + in->pos;
		*len = (size_t)(end - *line);
		in->pos += *len + 1;
		in->scanned = in->pos;
		in->line_no++;
		if (in->is_skipping || *len > in->limit) {
			in->is_skipping = false;
			return JSONL_TOO_LONG;
		}
		return JSONL_LINE;
	}
	in->scanned = in->in.len;
	if (in->is_eof)
		return at_end(in, line, len);
	if (in->in.len - in->pos > in->limit) {
		in->pos = in->in.len;
		in->is_skipping = true;
	}
	return JSONL_MORE;
}

int
jsonl_fill(struct jsonl *in, int timeout_ms, struct err *e)
{
	struct pollfd p = {.fd = in->fd, .events = POLLIN};
	ssize_t r;

	if (in->is_eof)
		return 1;
	compact(in);
	for (;;) {
		r = poll(&p, 1, timeout_ms);
		if (r == 0)
			return 0;
		if (r == -1 && errno == EINTR)
			return 0; /* a signal: let the caller look at it */
		if (r == -1)
			return err_errno(e, "stdin: poll");
		buf_grow(&in->in, READ_SIZE);
		r = read(in->fd, in->in.data + in->in.len, READ_SIZE);
		if (r >= 0)
			break;
		if (errno != EINTR && errno != EAGAIN)
			return err_errno(e, "stdin: read");
	}
	if (r == 0)
		in->is_eof = true;
	in->in.len += (size_t)r;
	in->in.data[in->in.len] = '\0';
	return 1;
}
