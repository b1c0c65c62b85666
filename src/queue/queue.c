#include "queue/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/tool.h"
#include "mail/record.h"
#include "queue/draw.h"
#include "queue/intake.h"

void
queue_init(struct queue *q, struct state *s)
{
	*q = (struct queue){.state = s};
}

void
queue_close(struct queue *q)
{
	intake_close(q->intake);
	mail_close(q->mail);
	blobs_close(q->blobs);
}

static const char *
mail_spec(const struct queue *q)
{
	return config_str(&q->state->config, "engines.mail", "sqlite:");
}

bool
queue_has_intake(const struct queue *q)
{
	return (mail_caps(mail_spec(q)) & MAIL_CAN_INTAKE) != 0;
}

struct blobs *
queue_blobs(struct queue *q, struct err *e)
{
	if (q->blobs == NULL)
		q->blobs = blobs_open(q->state,
		    config_str(&q->state->config, "engines.blobs", "file:"), e);
	return q->blobs;
}

struct mail_engine *
queue_ledger(struct queue *q, struct err *e)
{
	if (q->mail == NULL)
		q->mail = mail_open(q->state, mail_spec(q), e);
	return q->mail;
}

struct intake *
queue_intake(struct queue *q, struct err *e)
{
	if (q->intake == NULL)
		q->intake = intake_open(q->state, e);
	return q->intake;
}

int
queue_open_blob(struct queue *q, const char *ref, struct err *e)
{
	int fd;

	if (queue_blobs(q, e) == NULL)
		return -1;
	fd = blob_read(q->blobs, ref, e);
	if (fd != -1 || errno != ENOENT || !queue_has_intake(q))
		return fd;
	/* It may still be in the intake. */
	err_clear(e);
	if (queue_draw(q, e) == -1)
		return -1;
	return blob_read(q->blobs, ref, e);
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
open_content(struct queue *q, jv content, struct err *e)
{
	size_t len;
	const char *s = json_strn(content, "base64", &len);

	if (s != NULL)
		return open_inline(q, s, len, e);
	s = json_str(content, "path");
	if (s != NULL)
		return state_spool_open(q->state, s, e);
	return err_set(e, ERR_DATA, "no \"blob\" and no \"content\"");
}

int
queue_open_message(struct queue *q, jv rec, struct err *e)
{
	jv blob = json_member(rec, "blob", JV_KIND_OBJECT);
	jv content = json_member(rec, "content", JV_KIND_OBJECT);
	const char *ref = json_str(blob, "ref");
	int fd;

	fd = ref != NULL ? queue_open_blob(q, ref, e)
			 : open_content(q, content, e);
	if (fd == -1)
		err_prefix(e, "%s", record_id(rec));
	jv_free(blob);
	jv_free(content);
	return fd;
}

int
queue_lease(jv rec, struct mail_lease *l, struct err *e)
{
	jv lease = json_member(rec, "lease", JV_KIND_OBJECT);
	const char *handle = json_str(lease, "handle");
	int r;

	if (!jv_is_valid(lease)) {
		jv_free(lease);
		return 0;
	}
	snprintf(l->id, sizeof l->id, "%s", record_id(rec));
	r = handle != NULL && mail_lease_parse(l, handle) == 0 ? 1 : -1;
	if (r == -1)
		err_set(e, ERR_DATA, "%s: \"lease.handle\" is malformed",
		    record_id(rec));
	jv_free(lease);
	return r;
}

int
queue_start(struct queue *q, const char *stage, struct mail_start *starts,
    size_t n, struct err *e)
{
	if (queue_ledger(q, e) == NULL)
		return -1;
	return q->mail->ops->start(
	    q->mail, stage, starts, n, clock_now_ms(), e);
}

int
queue_settle(
    struct queue *q, struct mail_settle *settles, size_t n, struct err *e)
{
	if (queue_ledger(q, e) == NULL)
		return -1;
	return q->mail->ops->settle(q->mail, settles, n, clock_now_ms(), e);
}

/* The stored object, open at its end for more members. */
static void
open_object(const struct mail_row *row, struct buf *out)
{
	buf_add(out, row->record, row->record_len - 1);
	if (row->last != NULL) {
		buf_addstr(out, ",\"last\":");
		buf_add(out, row->last, row->last_len);
	}
}

void
queue_row_record(const struct mail_row *row, struct buf *out)
{
	char at[CLOCK_TEXT];

	open_object(row, out);
	buf_addf(out,
	    ",\"state\":\"%s\",\"attempts\":%lld,\"updated_at\":\"%s\"}",
	    mail_state_name(row->state), (long long)row->attempts,
	    clock_format(row->updated_at, at));
}

void
queue_row_leased(const struct mail_row *row, struct buf *out)
{
	char at[CLOCK_TEXT], handle[LEASE_TEXT];
	struct mail_lease l = {.delivery = row->deliveries};

	snprintf(l.owner, sizeof l.owner, "%s", row->owner);
	open_object(row, out);
	buf_addf(out,
	    ",\"lease\":{\"queue\":\"%s\",\"handle\":\"%s\",\"attempt\":%lld,"
	    "\"deliveries\":%lld,\"expires_at\":\"%s\",\"interrupted\":%s}}",
	    row->queue, mail_lease_format(&l, handle),
	    (long long)row->attempts + 1, (long long)row->deliveries,
	    clock_format(row->due_at, at),
	    row->is_interrupted ? "true" : "false");
}
