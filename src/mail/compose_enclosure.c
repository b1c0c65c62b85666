#include "mail/compose_enclosure.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/charset.h"
#include "mail/compose_param.h"
#include "mail/compose_text.h"
#include "mail/sniff.h"
#include "mail/wire.h"

enum {
	BLOCK = BASE64_LINE * 1024, /* whole lines */
	HEAD = SNIFF_BYTES,
};

static int
open_file(const struct attachment *a, const struct compose *how, struct err *e)
{
	int fd = how->open(how->ctx, a->item, e);

	if (fd == -1)
		err_prefix(e, "mail.attachments[%d]", a->where.index);
	return fd;
}

/* As many bytes as there are, up to n.  -1: ERR_TEMP. */
static ssize_t
read_block(
    int fd, const struct attachment *a, char *out, size_t n, struct err *e)
{
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		got = read(fd, out + done, n - done);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return err_errno(
			    e, "mail.attachments[%d]: read", a->where.index);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* libmagic's database costs a millisecond: once a process, and only if an
   attachment says no type. */
static const char *
sniff(const char *data, size_t n)
{
	static struct sniff *s;
	const char *type;

	if (s == NULL)
		s = sniff_new();
	type = sniff_type(s, "", data, n);
	if (type == NULL || strncmp(type, "multipart/", 10) == 0 ||
	    strncmp(type, "inode/", 6) == 0)
		return "application/octet-stream";
	return type;
}

/* What the first bytes say of the charset of a text; NULL: nothing. */
static const char *
charset_of(const char *head, size_t n)
{
	const struct charset *cs;
	const char *name, *lf = memrchr(head, '\n', n);

	/* To a line end: a cut character would tell against its charset. */
	if (n == HEAD && lf != NULL)
		n = (size_t)(lf - head) + 1;
	if (text_is_ascii((struct text){head, n}) &&
	    memchr(head, '\033', n) == NULL)
		return NULL;
	cs = charset_guess(head, n, NULL);
	name = charset_name(cs);
	/* That is what it says when nothing fits. */
	return strcmp(name, "windows-1252") == 0 ? NULL : name;
}

/* Is it such a message?  Then digest gets it. */
static int
look_at_message(struct enclosure *f, int fd, char *block, size_t n,
    struct digest *digest, struct err *e)
{
	struct wire w;
	ssize_t got = (ssize_t)n;

	wire_init(&w, false);
	while (got > 0) {
		wire_add(&w, block, (size_t)got, NULL);
		digest_add(digest, block, (size_t)got);
		got = read_block(fd, f->attachment, block, BLOCK, e);
	}
	wire_end(&w, NULL);
	f->is_as_is = got == 0 && !w.has_nul && !w.has_8bit &&
		      !w.has_8bit_header && w.longest <= LINE_MAX_SMTP;
	return got == -1 ? -1 : 0;
}

static void
write_fields(
    struct enclosure *f, const char *type, const char *charset, bool is_jis)
{
	const struct attachment *a = f->attachment;
	struct buf *out = &f->fields;

	buf_addf(out, "Content-Type: %s", type);
	if (charset != NULL)
		param_add(out, "charset", charset, strlen(charset));
	if (a->params != NULL && strcmp(type, a->type) == 0)
		buf_addstr(out, a->params);
	if (a->name.len > 0)
		param_add_words(out, "name", a->name.data, a->name.len, is_jis);
	buf_addf(out, "\r\nContent-Transfer-Encoding: %s\r\n",
	    f->is_as_is ? "7bit" : "base64");
	buf_addf(out, "Content-Disposition: %s",
	    a->is_inline ? "inline" : "attachment");
	if (a->name.len > 0)
		param_add_text(out, "filename", a->name.data, a->name.len);
	buf_addstr(out, "\r\n");
	if (a->cid.len > 0)
		buf_addf(out, "Content-ID: <%.*s>\r\n", (int)a->cid.len,
		    a->cid.data);
}

/* Messages, and notices that are made of fields as they are. */
static bool
is_message(const char *type)
{
	return strncmp(type, "message/", 8) == 0 &&
	       strncmp(type, "message/global", 14) != 0;
}

static int
look_inside(struct enclosure *f, bool is_jis, int fd, struct digest *digest,
    struct err *e)
{
	const struct attachment *a = f->attachment;
	const char *type = a->type, *charset = NULL;
	char block[BLOCK];
	ssize_t n = read_block(fd, a, block, HEAD, e);

	if (n == -1)
		return -1;
	if (type == NULL)
		type = sniff(block, (size_t)n);
	if (is_message(type)) {
		if (look_at_message(f, fd, block, (size_t)n, digest, e) == -1)
			return -1;
		if (!f->is_as_is)
			type = "application/octet-stream";
	} else if (strncmp(type, "text/", 5) == 0 && !a->has_charset) {
		charset = charset_of(block, (size_t)n);
	}
	write_fields(f, type, charset, is_jis);
	return 0;
}

int
enclosure_look(struct enclosure *f, const struct attachment *a, bool is_jis,
    const struct compose *how, struct digest *digest, struct err *e)
{
	int fd, r;

	*f = (struct enclosure){.attachment = a};
	if (a->type != NULL && !is_message(a->type) &&
	    (strncmp(a->type, "text/", 5) != 0 || a->has_charset)) {
		write_fields(f, a->type, NULL, is_jis);
		return 0;
	}
	fd = open_file(a, how, e);
	if (fd == -1)
		return -1;
	r = look_inside(f, is_jis, fd, digest, e);
	close(fd);
	return r;
}

/* A block as it goes out. */
static void
encode(const struct enclosure *f, struct wire *w, const char *data, size_t n,
    struct buf *out)
{
	buf_reset(out);
	if (f->is_as_is)
		wire_add(w, data, n, out);
	else
		base64_lines(data, n, out);
}

/* Before all the work, if it can be said then. */
static int
check_size(const struct enclosure *f, int fd, const struct sink *out)
{
	struct stat st;
	int64_t lines;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return 0;
	lines = st.st_size / BASE64_LINE;
	return sink_check(
	    out, f->is_as_is ? st.st_size : lines * (BASE64_LINE / 3 * 4 + 2));
}

int
enclosure_write(
    const struct enclosure *f, const struct compose *how, struct sink *out)
{
	int fd = open_file(f->attachment, how, out->e), r = -1;
	struct buf encoded = BUF_INIT;
	char block[BLOCK];
	ssize_t n = 0;
	struct wire w;

	wire_init(&w, false);
	if (fd == -1)
		return -1;
	if (check_size(f, fd, out) == -1)
		goto out;
	do {
		n = read_block(fd, f->attachment, block, BLOCK, out->e);
		if (n == -1)
			goto out;
		encode(f, &w, block, (size_t)n, &encoded);
		if (sink_add(out, encoded.data, encoded.len) == -1)
			goto out;
	} while (n == BLOCK);
	r = 0;
out:
	close(fd);
	buf_release(&encoded);
	return r;
}

void
enclosure_release(struct enclosure *f)
{
	buf_release(&f->fields);
}
