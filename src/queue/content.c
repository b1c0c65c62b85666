#include "queue/content.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "mail/extract.h"
#include "mail/message.h"
#include "mail/record.h"
#include "queue/draw.h"
#include "store/seal_file.h"

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

/* Like blob_read_info; it may still be in the intake. */
static int
open_blob(struct queue *q, const char *ref,
    int (*open)(struct blobs *b, const char *ref, struct seal_info *info,
	struct err *e),
    struct seal_info *info, struct err *e)
{
	int fd;

	if (queue_blobs(q, e) == NULL)
		return -1;
	fd = open(q->blobs, ref, info, e);
	if (fd != -1 || errno != ENOENT || !queue_has_intake(q))
		return fd;
	err_clear(e);
	if (queue_draw(q, e) == -1)
		return -1;
	return open(q->blobs, ref, info, e);
}

int
queue_open_blob(struct queue *q, const char *ref, struct err *e)
{
	struct seal_info info;

	return open_blob(q, ref, blob_read_info, &info, e);
}

static int
read_stored(
    struct blobs *b, const char *ref, struct seal_info *info, struct err *e)
{
	(void)info;
	return blob_read_stored(b, ref, e);
}

int
queue_open_stored(struct queue *q, const char *ref, struct err *e)
{
	struct seal_info none;

	return open_blob(q, ref, read_stored, &none, e);
}

/* Is it the mail of its id, as an earlier try of the MTA brought it? */
static bool
is_other_try(json rec, int fd)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	const char *to = json_str(envelope, "to");
	const char *tenant = json_str(rec, "tenant");
	char window[65536], id[ID_TEXT];
	struct message m;
	bool is_it;
	ssize_t n;

	message_init(&m);
	while ((n = read(fd, window, sizeof window)) > 0)
		message_add(&m, window, (size_t)n);
	message_end(&m);
	is_it = n == 0 && m.from_size > 0 && tenant != NULL &&
		strcmp(message_id(&m, true, tenant, to != NULL ? to : "", id),
		    record_id(rec)) == 0;
	message_release(&m);
	json_free(envelope);
	return is_it && lseek(fd, 0, SEEK_SET) == 0;
}

/*
 * Is it what the section tells?  A sealed file that stands in the place of
 * another is sound in itself, and one that was sealed looks plain when its
 * first bytes are damaged.
 */
static bool
is_told(struct queue *q, json blob, int fd, const struct seal_info *info)
{
	const char *digest = json_str(blob, "digest");
	int64_t size = json_int(blob, "size", -1);
	struct stat st;

	if (info->kind == SEAL_SEALED)
		return digest == NULL || strcmp(digest, info->digest) == 0;
	return size == -1 || !seal_is_configured(&q->state->config) ||
	       (fstat(fd, &st) == 0 && st.st_size == size);
}

/* rec: whose message it is; JSON_NONE for a part. */
static int
open_section(struct queue *q, json blob, json rec, struct err *e)
{
	const char *ref = json_str(blob, "ref");
	struct seal_info info;
	int fd;

	if (ref == NULL)
		return err_set(e, ERR_DATA, "\"blob\" has no \"ref\"");
	fd = open_blob(q, ref, blob_read_info, &info, e);
	if (fd == -1 || is_told(q, blob, fd, &info) ||
	    (json_is_valid(rec) && is_other_try(rec, fd)))
		return fd;
	close(fd);
	return err_set(e, ERR_DATA,
	    "%.160s: damaged, or another mail's: it is not what the record "
	    "tells",
	    ref);
}

int
queue_open_section(struct queue *q, json blob, struct err *e)
{
	return open_section(q, blob, json_none(), e);
}

/* Small content as a file, for those that need a descriptor. */
static int
open_inline(struct queue *q, const char *base64, size_t len, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int fd = -1;

	if (base64_decode(base64, len, &bytes, e) == 0)
		fd = state_spool_anonymous(q->state, e);
	if (fd != -1 &&
	    (file_write(fd, bytes.data, bytes.len, -1, "spool", e) == -1 ||
		lseek(fd, 0, SEEK_SET) == -1)) {
		close(fd);
		fd = -1;
	}
	buf_release(&bytes);
	return fd;
}

static int
open_content(struct queue *q, json content, struct err *e)
{
	size_t len;
	const char *s = json_strn(content, "base64", &len);
	struct seal_info info;
	int fd;

	if (s != NULL)
		return open_inline(q, s, len, e);
	s = json_str(content, "path");
	if (s != NULL) {
		fd = state_spool_open(q->state, s, e);
		return fd == -1 ? -1
				: seal_file_open(q->state, fd, s, &info, e);
	}
	return err_set(e, ERR_DATA, "no \"blob\" and no \"content\"");
}

int
queue_open_content(struct queue *q, json rec, struct err *e)
{
	json content = json_member(rec, "content", JSON_OBJECT);
	int fd = open_content(q, content, e);

	json_free(content);
	return fd;
}

int
queue_open_message(struct queue *q, json rec, struct err *e)
{
	json blob = json_member(rec, "blob", JSON_OBJECT);
	json content = json_member(rec, "content", JSON_OBJECT);
	int fd;

	fd = json_str(blob, "ref") != NULL ? open_section(q, blob, rec, e)
					   : open_content(q, content, e);
	if (fd == -1)
		err_prefix(e, "%s", record_id(rec));
	json_free(blob);
	json_free(content);
	return fd;
}

static int
keep_record(void *ctx, const struct mail_row *row, struct err *e)
{
	return json_parse(row->record, row->record_len, ctx, e);
}

/* A descriptor on the message of mail id. */
static int
open_mail(struct queue *q, const char *id, struct err *e)
{
	struct mail_engine *mail = queue_mail(q, e);
	struct mail_filter f = {.id = id, .state = -1};
	json rec = json_null();
	int fd;

	if (mail == NULL ||
	    mail->ops->list(mail, &f, keep_record, &rec, e) == -1)
		return -1;
	if (json_kind(rec) == JSON_NULL)
		return err_set(e, ERR_DATA, "%.64s: no such mail", id);
	fd = queue_open_message(q, rec, e);
	json_free(rec);
	return fd;
}

int
content_write(struct queue *q, const char *id, int fd, struct err *e)
{
	int from = open_mail(q, id, e), r;

	if (from == -1)
		return -1;
	r = content_copy(from, fd, "stdout", e);
	close(from);
	return r;
}

static int
write_piece(void *ctx, const char *data, size_t n, struct err *e)
{
	const int *fd = ctx;

	return file_write(*fd, data, n, -1, "stdout", e);
}

int
content_write_part(
    struct queue *q, const char *id, const char *part, int fd, struct err *e)
{
	int from = open_mail(q, id, e), r;

	if (from == -1)
		return -1;
	r = extract_part(from, part, write_piece, &fd, e);
	close(from);
	return r == -1 ? err_prefix(e, "%.64s", id) : 0;
}
