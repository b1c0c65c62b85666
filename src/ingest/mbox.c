#include "ingest/mbox.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/progress.h"
#include "core/tool.h"
#include "mail/header.h"

#define FROM "From "

enum {
	WINDOW = 256 * 1024,
	/* Kept back: a blank line and the beginning of a "From " line. */
	HELD = 8,
};

struct mbox {
	struct ingest *in;
	const char *name;
	struct buf b;
	size_t passed; /* of b; what is before is done with */
	size_t scanned; /* of b; no separator begins before it */
	int64_t done, all; /* bytes of the file; all 0: nobody knows */
	bool is_inside; /* of a message */
	bool is_skipping; /* the rest of a message that failed */
};

/* "From someone Sat Nov 21 23:06:00 2026": with the time of day. */
static bool
is_separator(const char *line, size_t len)
{
	const char *colon = line;

	if (len < strlen(FROM) || memcmp(line, FROM, strlen(FROM)) != 0)
		return false;
	while ((colon = memchr(colon, ':', (size_t)(line + len - colon))) !=
	       NULL) {
		if (colon - line > 2 && line + len - colon > 2 &&
		    colon[-1] >= '0' && colon[-1] <= '9' && colon[1] >= '0' &&
		    colon[1] <= '9')
			return true;
		colon++;
	}
	return false;
}

/* Everything before b[at] belongs to the message at hand. */
static void
pass(struct mbox *m, size_t at)
{
	struct err e = ERR_INIT;

	if (!m->is_skipping && at > m->passed &&
	    ingest_add(m->in, m->b.data + m->passed, at - m->passed, &e) ==
		-1) {
		err_prefix(&e, "%s", m->name);
		tool_failed(&e);
		ingest_drop(m->in);
		m->is_skipping = true;
	}
	m->passed = at;
}

/* The size of the blank line that ends at b[at], 0: there is none. */
static size_t
blank_before(const struct buf *b, size_t at)
{
	if (at >= 2 && b->data[at - 1] == '\n' && b->data[at - 2] == '\n')
		return 1;
	if (at >= 3 && memcmp(b->data + at - 3, "\n\r\n", 3) == 0)
		return 2;
	return 0;
}

/* The message at hand ends at b[at]. */
static void
end_message(struct mbox *m, size_t at)
{
	size_t blank = blank_before(&m->b, at);
	struct err e = ERR_INIT;

	pass(m, at - blank);
	if (!m->is_skipping && ingest_end(m->in, m->name, NULL, &e) == -1)
		tool_failed(&e);
	m->passed = at;
	m->is_skipping = false;
}

/*
 * The next separator in what was read: its place; or -1, and scanned has moved
 * on as far as is sure.
 */
static ssize_t
find_separator(struct mbox *m, bool is_all)
{
	const char *data = m->b.data, *p, *lf;
	size_t n = m->b.len, at;

	for (;;) {
		p = memmem(data + m->scanned, n - m->scanned, "\n" FROM,
		    strlen("\n" FROM));
		if (p == NULL)
			break;
		at = (size_t)(p - data) + 1;
		lf = memchr(p + 1, '\n', n - at);
		if (lf == NULL && !is_all && n - at < HEADER_FROM_MAX) {
			m->scanned = at - 1;
			return -1;
		}
		if (blank_before(&m->b, at) > 0 &&
		    is_separator(
			p + 1, lf != NULL ? (size_t)(lf - p) - 1 : n - at))
			return (ssize_t)at;
		m->scanned = at;
	}
	if (n > HELD && n - HELD > m->scanned)
		m->scanned = n - HELD;
	return -1;
}

static void
split(struct mbox *m, bool is_all)
{
	ssize_t at;

	while ((at = find_separator(m, is_all)) != -1) {
		end_message(m, (size_t)at);
		if (ingest_is_output_lost(m->in))
			return;
		m->scanned = (size_t)at; /* beyond this separator's LF */
	}
	/* A blank line may stand before what is not sure yet. */
	if (m->scanned > m->passed + HELD)
		pass(m, m->scanned - HELD);
}

/* Once all of its first line is there.  -1: it is no mbox. */
static int
begin(struct mbox *m, bool is_all, struct err *e)
{
	size_t n = m->b.len < HEADER_FROM_MAX ? m->b.len : HEADER_FROM_MAX;
	const char *lf = memchr(m->b.data, '\n', n);

	if (lf == NULL && n < HEADER_FROM_MAX && !is_all)
		return 0;
	m->is_inside = true;
	if (is_separator(m->b.data, lf != NULL ? (size_t)(lf - m->b.data) : n))
		return 0;
	return err_set(e, ERR_DATA,
	    "%s: no mbox: it does not begin with a \"From \" line with a time",
	    m->name);
}

static ssize_t
fill(struct mbox *m, int fd, struct err *e)
{
	ssize_t n;

	buf_shift(&m->b, m->passed);
	m->scanned -= m->passed < m->scanned ? m->passed : m->scanned;
	m->passed = 0;
	buf_grow(&m->b, WINDOW);
	do
		n = read(fd, m->b.data + m->b.len, WINDOW);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_errno(e, "%s: read", m->name);
	m->b.len += (size_t)n;
	m->done += n;
	progress_at(m->done, m->all);
	return n;
}

static int
read_all(struct mbox *m, int fd, struct err *e)
{
	ssize_t n;

	do {
		n = fill(m, fd, e);
		if (n == -1 || (!m->is_inside && m->b.len == 0))
			return (int)n;
		if (!m->is_inside && begin(m, n == 0, e) == -1)
			return -1;
		if (m->is_inside)
			split(m, n == 0);
		if (ingest_is_output_lost(m->in))
			return 0;
	} while (n > 0);
	end_message(m, m->b.len);
	return 0;
}

int
mbox_read(struct ingest *in, int fd, const char *name, struct err *e)
{
	struct mbox m = {.in = in, .name = name};
	struct stat st;
	int r;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		m.all = st.st_size;
	r = read_all(&m, fd, e);
	if (r == -1)
		ingest_drop(in);
	buf_release(&m.b);
	return r;
}
