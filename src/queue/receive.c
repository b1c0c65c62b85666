#include "queue/receive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "mail/record.h"
#include "queue/content.h"
#include "queue/draw.h"
#include "queue/intake.h"

/*
 * The record as it is stored, without what belongs to one run.  Writing it anew
 * may make it longer than the line it came in (1e15), and take's line is longer
 * still: what nobody could read again is refused.
 */
static int
stored_form(jv rec, struct buf *out, struct err *e)
{
	static const char *const transient[] = {
	    RECORD_TRANSIENT, "state", "attempts", "updated_at"};

	rec = jv_copy(rec);
	for (size_t i = 0; i < sizeof transient / sizeof *transient; i++)
		if (json_has(rec, transient[i]))
			rec = json_del(rec, transient[i]);
	json_dump(rec, out);
	if (out->len <= QUEUE_RECORD_MAX)
		return 0;
	return err_set(e, ERR_DATA,
	    "a record of %zu bytes when it is stored; at most %d", out->len,
	    QUEUE_RECORD_MAX);
}

/* What queue_store keeps of one record until the promise is made. */
struct storing {
	struct intake_entry entry;
	char ref[BLOB_REF];
	char *spool; /* the bytes, when they are in a file */
	bool is_known; /* a blob of an earlier try is there, and stays */
	struct buf text;
};

static int64_t
received_at(jv rec)
{
	const char *at = json_str(rec, "received_at");
	struct err e = ERR_INIT;
	int64_t ms;

	if (at == NULL || clock_parse(at, &ms, &e) == -1)
		ms = clock_now_ms();
	return ms;
}

static jv
blob_section(const char *ref, int64_t size, struct digest *d)
{
	char digest[DIGEST_TEXT];
	jv blob = json_set_str(jv_object(), "ref", ref);

	blob = json_set(blob, "size", jv_number((double)size));
	return json_set_str(blob, "digest", digest_text(d, digest));
}

/* content.base64: checked now, since the entry cannot be refused later. */
static int
store_inline(struct storing *s, jv *rec, jv content, struct err *e)
{
	struct buf bytes = BUF_INIT;
	struct digest d;
	int r;

	s->entry.base64 = json_strn(content, "base64", &s->entry.base64_len);
	r = base64_decode(s->entry.base64, s->entry.base64_len, &bytes, e);
	if (r == 0) {
		digest_init(&d);
		digest_add(&d, bytes.data, bytes.len);
		*rec = json_set(
		    *rec, "blob", blob_section(s->ref, (int64_t)bytes.len, &d));
	} else {
		err_prefix(e, "%s: content.base64", record_id(*rec));
	}
	buf_release(&bytes);
	return r;
}

static int
digest_file(
    int fd, struct digest *d, int64_t *size, const char *name, struct err *e)
{
	char window[65536];
	ssize_t n;

	digest_init(d);
	*size = 0;
	while ((n = read(fd, window, sizeof window)) > 0) {
		digest_add(d, window, (size_t)n);
		*size += n;
	}
	if (n == -1)
		return err_errno(e, "%s: read", name);
	return 0;
}

/* A file that its owner wants to keep is copied; the copy is ours. */
static int
copy_spool(struct queue *q, int from, char **path, struct err *e)
{
	char window[65536];
	ssize_t n;
	int to = state_spool_create(q->state, path, e);
	int r = 0;

	if (to == -1)
		return -1;
	while (r == 0 && (n = read(from, window, sizeof window)) != 0)
		r = n == -1 ? err_errno(e, "spool: read")
			    : file_write(to, window, (size_t)n, -1, *path, e);
	if (file_close(to, *path, e) == -1)
		r = -1;
	return r;
}

/*
 * The blob of an earlier try that was killed before it could say so stays, and
 * need not have the same bytes: an MTA's From line has the time of the try.
 * Exchange fd for a descriptor on it, if there is one.
 */
static int
prefer_known(struct queue *q, struct storing *s, int fd, struct err *e)
{
	int known = -1;

	if (queue_blobs(q, e) != NULL)
		known = blob_read(q->blobs, s->ref, e);
	if (known == -1 && e->class == ERR_DATA) {
		err_clear(e);
		return fd;
	}
	close(fd);
	s->is_known = true;
	return known;
}

/* content.path: a spool file becomes the blob itself. */
static int
store_file(
    struct queue *q, struct storing *s, jv *rec, jv content, struct err *e)
{
	const char *path = json_str(content, "path");
	struct digest d;
	int64_t size;
	int fd, r;

	s->spool = xstrdup(path);
	fd = state_spool_open(q->state, path, e);
	if (fd == -1 && errno == ENOENT && json_has(*rec, "digest")) {
		/* Perhaps it was stored by a run that then failed. */
		err_clear(e);
		fd = queue_open_blob(q, s->ref, e);
	}
	if (fd != -1)
		fd = prefer_known(q, s, fd, e);
	if (fd == -1)
		return err_prefix(e, "%s", record_id(*rec));
	r = digest_file(fd, &d, &size, path, e);
	if (r == 0 && !json_true(content, "temporary")) {
		free(s->spool);
		s->spool = NULL;
		r = lseek(fd, 0, SEEK_SET) == -1
			? err_errno(e, "%s: seek", path)
			: copy_spool(q, fd, &s->spool, e);
	}
	close(fd);
	if (r == 0)
		*rec = json_set(*rec, "blob", blob_section(s->ref, size, &d));
	return r;
}

/*
 * Turn a record's content into a blob section.  base64 in s->entry is borrowed
 * from the content, which the caller keeps.
 */
static int
store_content(
    struct queue *q, struct storing *s, jv *rec, jv content, struct err *e)
{
	size_t len;

	if (!jv_is_valid(content))
		return 0;
	blob_ref(s->ref, record_id(*rec), 0, received_at(*rec));
	s->entry.ref = s->ref;
	if (json_strn(content, "base64", &len) != NULL)
		return store_inline(s, rec, content, e);
	if (json_str(content, "path") != NULL)
		return store_file(q, s, rec, content, e);
	return err_set(e, ERR_DATA,
	    "%s: \"content\" has neither \"base64\" nor \"path\"",
	    record_id(*rec));
}

/* The large ones, which do not go through the intake. */
static int
store_spooled(struct queue *q, struct storing *all, size_t n, struct err *e)
{
	struct blob_put *puts = xcalloc(n, sizeof *puts);
	size_t m = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		if (all[i].spool != NULL)
			puts[m++] = (struct blob_put){
			    .ref = all[i].ref, .spool = all[i].spool};
	if (m > 0)
		r = queue_blobs(q, e) == NULL ? -1
					      : blob_put(q->blobs, puts, m, e);
	free(puts);
	return r;
}

/*
 * The record as its row will have it: size and digest are those of the blob.
 * What is passed on keeps its own, which tells records of one message.
 */
static jv
row_form(const struct storing *s, jv rec)
{
	jv blob = json_member(rec, "blob", JV_KIND_OBJECT);
	const char *digest = json_str(blob, "digest");

	rec = jv_copy(rec);
	if (s->is_known && digest != NULL && json_has(rec, "digest")) {
		rec = json_set_str(rec, "digest", digest);
		rec = json_set(
		    rec, "size", jv_number((double)json_int(blob, "size", 0)));
	}
	jv_free(blob);
	return rec;
}

/* One record: checked, its content a blob section, its entry filled in. */
static int
store_prepare(
    struct queue *q, struct storing *s, jv *rec, jv *content, struct err *e)
{
	jv out = jv_copy(*rec);
	int r = record_check(out, e);

	*content = json_member(out, "content", JV_KIND_OBJECT);
	if (r == 0 && !jv_is_valid(*content) && json_has(out, "content"))
		r = err_set(e, ERR_DATA, "%s: \"content\" must be an object",
		    record_id(out));
	if (r == 0)
		r = store_content(q, s, &out, *content, e);
	if (r == 0) {
		jv row;

		out = json_del(out, "content");
		row = row_form(s, out);
		r = stored_form(row, &s->text, e);
		jv_free(row);
	}
	if (r == -1) {
		/* Nothing of it may reach the store with the others. */
		free(s->spool);
		s->spool = NULL;
		jv_free(out);
		return -1;
	}
	jv_free(*rec);
	*rec = out;
	s->entry.at = clock_now_ms();
	s->entry.id = json_str(out, "id");
	s->entry.tenant = json_str(out, "tenant");
	s->entry.record = s->text.data;
	s->entry.record_len = s->text.len;
	return 0;
}

int
queue_store(
    struct queue *q, jv *recs, struct err *errs, size_t n, struct err *e)
{
	struct storing *all = xcalloc(n, sizeof *all);
	struct intake_entry *entries = xcalloc(n, sizeof *entries);
	jv *contents = xcalloc(n, sizeof *contents);
	size_t m = 0;
	int r = state_check_space(q->state, e);

	for (size_t i = 0; i < n; i++) {
		contents[i] = jv_invalid();
		if (r == -1 || store_prepare(q, &all[i], &recs[i], &contents[i],
				   &errs[i]) == -1)
			continue;
		entries[m++] = all[i].entry;
	}
	if (r == 0)
		r = store_spooled(q, all, n, e);
	if (r == 0)
		r = queue_promise(q, entries, m, e);
	for (size_t i = 0; i < n; i++) {
		jv_free(contents[i]);
		free(all[i].spool);
		buf_release(&all[i].text);
	}
	free(contents);
	free(entries);
	free(all);
	return r;
}

int
queue_put(struct queue *q, const jv *recs, struct err *errs, size_t n,
    const char *queue, int64_t ready_at, struct err *e)
{
	struct intake_entry *entries = xcalloc(n, sizeof *entries);
	struct buf *texts = xcalloc(n, sizeof *texts);
	int64_t now = clock_now_ms();
	size_t m = 0;
	int r = state_check_space(q->state, e), fits;

	for (size_t i = 0; r == 0 && i < n; i++) {
		jv rec = json_set_str(jv_copy(recs[i]), "queue", queue);

		fits = stored_form(rec, &texts[i], &errs[i]);
		jv_free(rec);
		if (fits == -1)
			continue;
		entries[m++] = (struct intake_entry){
		    .at = now,
		    .id = json_str(recs[i], "id"),
		    .tenant = json_str(recs[i], "tenant"),
		    .queue = queue,
		    .priority = json_int(recs[i], "priority", 0),
		    .ready_at = ready_at,
		    .record = texts[i].data,
		    .record_len = texts[i].len,
		};
	}
	if (r == 0)
		r = queue_promise(q, entries, m, e);
	for (size_t i = 0; i < n; i++)
		buf_release(&texts[i]);
	free(texts);
	free(entries);
	return r;
}
