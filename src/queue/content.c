#include "queue/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/jsonl.h"
#include "mail/record.h"

int
content_copy(int from, int to, const char *name, struct err *e)
{
	char window[65536];
	ssize_t n;

	for (;;) {
		n = read(from, window, sizeof window);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(e, "%s: read", name);
		if (n == 0)
			return 0;
		if (file_write(to, window, (size_t)n, -1, name, e) == -1)
			return -1;
	}
}

static jv
inline_section(const struct buf *bytes)
{
	struct buf text = BUF_INIT;
	jv s;

	base64_encode(bytes->data, bytes->len, &text);
	s = jv_string_sized(text.data, (int)text.len);
	buf_release(&text);
	return json_set(jv_object(), "base64", s);
}

static int
load_inline(int fd, jv *section, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int r;

	/* Base64 and the rest of the record must fit into one line. */
	r = file_read_fd(fd, JSONL_LINE_MAX / 2, &bytes, "blob", e);
	if (r == 0)
		*section = inline_section(&bytes);
	else if (bytes.len > JSONL_LINE_MAX / 2)
		e->class = ERR_DATA;
	buf_release(&bytes);
	return r;
}

static int
load_spool(struct queue *q, int fd, off_t size, jv *section, struct err *e)
{
	char *path;
	int to = state_spool_create(q->state, &path, e), r;

	if (to == -1)
		return -1;
	r = content_copy(fd, to, path, e);
	if (file_close(to, path, e) == -1)
		r = -1;
	if (r == 0) {
		*section = json_set_str(jv_object(), "path", path);
		*section = json_set(*section, "size", jv_number((double)size));
		*section = json_set(*section, "temporary", jv_true());
	} else {
		unlinkat(q->state->dir, path, 0);
	}
	free(path);
	return r;
}

int
content_load(struct queue *q, jv *rec, bool is_inline, struct err *e)
{
	struct stat st;
	jv section = jv_invalid();
	int fd, r;

	if (!json_has(*rec, "blob"))
		return 0;
	fd = queue_open_message(q, *rec, e);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		r = err_errno(e, "blob: stat");
	else if (is_inline || st.st_size <= CONTENT_INLINE_MAX)
		r = load_inline(fd, &section, e);
	else
		r = load_spool(q, fd, st.st_size, &section, e);
	close(fd);
	if (r == -1)
		return err_prefix(e, "%s", record_id(*rec));
	*rec = json_set(json_del(*rec, "blob"), "content", section);
	return 0;
}

static int
keep_record(void *ctx, const struct mail_row *row, struct err *e)
{
	return json_parse(row->record, row->record_len, ctx, e);
}

int
content_write(struct queue *q, const char *id, int fd, struct err *e)
{
	struct mail_engine *mail = queue_mail(q, e);
	struct mail_filter f = {.id = id, .state = -1};
	jv rec = jv_null();
	int from, r;

	if (mail == NULL ||
	    mail->ops->list(mail, &f, keep_record, &rec, e) == -1)
		return -1;
	if (jv_get_kind(rec) == JV_KIND_NULL)
		return err_set(e, ERR_DATA, "%.64s: no such mail", id);
	from = queue_open_message(q, rec, e);
	jv_free(rec);
	if (from == -1)
		return -1;
	r = content_copy(from, fd, "stdout", e);
	close(from);
	return r;
}
