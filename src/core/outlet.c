#include "core/outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/tool.h"

void
outlet_failed(struct outlet *o, const char *why)
{
	struct err e = ERR_INIT;

	if (o->is_gone)
		return;
	o->is_gone = true;
	buf_reset(&o->out);
	o->written = 0;
	err_set(&e, ERR_TEMP, "stdout: %s", why);
	tool_failed(&e);
}

/*
 * A pipe that poll(2) calls writable takes PIPE_BUF bytes at once; O_NONBLOCK
 * would be set for everyone who has this pipe or terminal open.
 */
void
outlet_flush(struct outlet *o)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	size_t n;
	ssize_t r;

	while (o->written < o->out.len && poll(&p, 1, 0) == 1) {
		n = o->out.len - o->written;
		r = write(STDOUT_FILENO, o->out.data + o->written,
		    n < PIPE_BUF ? n : PIPE_BUF);
		if (r == -1 && errno != EINTR && errno != EAGAIN)
			outlet_failed(o, strerror(errno));
		if (r == -1)
			return;
		o->written += (size_t)r;
	}
	if (o->written == o->out.len) {
		buf_reset(&o->out);
		o->written = 0;
	}
}

size_t
outlet_unwritten(const struct outlet *o)
{
	return o->out.len - o->written;
}

void
outlet_end_line(struct outlet *o)
{
	buf_addch(&o->out, '\n');
	if (o->is_gone)
		buf_reset(&o->out);
}

void
outlet_line(struct outlet *o, const char *line, size_t len)
{
	buf_add(&o->out, line, len);
	outlet_end_line(o);
}
