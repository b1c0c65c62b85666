#include "queue/deposit.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "queue/content.h"

void
deposit_init(
    struct deposit *d, struct queue *q, const char *id, int part, int64_t at)
{
	*d = (struct deposit){.state = q->state};
	blob_ref(d->ref, id, part, at);
}

static json
blob_section(const char *ref, int64_t size, struct digest *d)
{
	char digest[DIGEST_TEXT];
	json blob = json_set_str(json_object(), "ref", ref);

	blob = json_set(blob, "size", json_number((int64_t)size));
	return json_set_str(blob, "digest", digest_text(d, digest));
}

static json
bytes_section(const struct deposit *d, const struct buf *bytes)
{
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, bytes->data, bytes->len);
	return blob_section(d->ref, (int64_t)bytes->len, &digest);
}

static int
file_section(const struct deposit *d, int fd, json *blob, struct err *e)
{
	char window[65536];
	struct digest digest;
	int64_t size = 0;
	ssize_t n;

	digest_init(&digest);
	while ((n = read(fd, window, sizeof window)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(e, "%s: read", d->ref);
		digest_add(&digest, window, (size_t)n);
		size += n;
	}
	*blob = blob_section(d->ref, size, &digest);
	return 0;
}

int
deposit_take_base64(const struct deposit *d, const char *base64, size_t n,
    json *blob, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int r = base64_decode(base64, n, &bytes, e);

	if (r == 0)
		*blob = bytes_section(d, &bytes);
	else
		err_prefix(e, "content.base64");
	buf_release(&bytes);
	return r;
}

/*
 * The blob of an earlier try that was killed before it could say so stays, and
 * need not have the same bytes: an MTA's From line has the time of the try.  A
 * descriptor on it; -1 with e->class ERR_NONE: there is none.
 */
static int
open_known(struct deposit *d, struct queue *q, struct err *e)
{
	int fd = -1;

	if (queue_blobs(q, e) != NULL)
		fd = blob_read(q->blobs, d->ref, e);
	if (fd == -1 && e->class == ERR_DATA)
		err_clear(e);
	d->is_known = fd != -1;
	return fd;
}

/* A new file of ours, to become the blob. */
static int
create_spool(struct deposit *d, struct err *e)
{
	int fd = state_spool_create(d->state, &d->spool, e);

	d->is_ours = fd != -1;
	return fd;
}

static int
spool_bytes(struct deposit *d, const struct buf *bytes, struct err *e)
{
	int fd = create_spool(d, e), r;

	if (fd == -1)
		return -1;
	r = file_write(fd, bytes->data, bytes->len, -1, d->spool, e);
	if (file_close(fd, d->spool, e) == -1)
		r = -1;
	return r;
}

static int
take_inline(struct deposit *d, struct queue *q, const char *base64, size_t n,
    json *blob, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int known, r = -1;

	if (base64_decode(base64, n, &bytes, e) == -1) {
		err_prefix(e, "content.base64");
		goto out;
	}
	known = open_known(d, q, e);
	if (known != -1) {
		r = file_section(d, known, blob, e);
		close(known);
	} else if (e->class == ERR_NONE) {
		r = spool_bytes(d, &bytes, e);
		if (r == 0)
			*blob = bytes_section(d, &bytes);
	}
out:
	buf_release(&bytes);
	return r;
}

/* A file that its owner wants to keep is copied; the copy is ours. */
static int
copy_spool(struct deposit *d, int from, struct err *e)
{
	int to, r;

	free(d->spool);
	d->spool = NULL;
	if (d->is_known)
		return 0;
	to = create_spool(d, e);
	if (to == -1)
		return -1;
	r = lseek(from, 0, SEEK_SET) == -1
		? err_errno(e, "%s: seek", d->ref)
		: content_copy(from, to, d->spool, e);
	if (file_close(to, d->spool, e) == -1)
		r = -1;
	return r;
}

/* The bytes: of an earlier blob where there is one, else of the file. */
static int
open_bytes(
    struct deposit *d, struct queue *q, bool may_be_stored, struct err *e)
{
	int fd = state_spool_open(q->state, d->spool, e), known;

	if (fd == -1 && errno == ENOENT && may_be_stored) {
		/* Perhaps it was stored by a run that then failed. */
		err_clear(e);
		fd = queue_open_blob(q, d->ref, e);
	}
	if (fd == -1)
		return -1;
	known = open_known(d, q, e);
	if (known == -1 && e->class == ERR_NONE)
		return fd;
	close(fd);
	return known;
}

/* A spool file becomes the blob itself. */
static int
take_file(struct deposit *d, struct queue *q, json content, bool may_be_stored,
    json *blob, struct err *e)
{
	int fd, r;

	d->spool = xstrdup(json_str(content, "path"));
	fd = open_bytes(d, q, may_be_stored, e);
	if (fd == -1)
		return -1;
	r = file_section(d, fd, blob, e);
	if (r == 0 && !json_true(content, "temporary")) {
		r = copy_spool(d, fd, e);
		if (r == -1)
			json_free(*blob);
	}
	close(fd);
	return r;
}

int
deposit_take(struct deposit *d, struct queue *q, json content,
    bool may_be_stored, json *blob, struct err *e)
{
	size_t len;
	const char *base64 = json_strn(content, "base64", &len);

	if (base64 != NULL)
		return take_inline(d, q, base64, len, blob, e);
	if (json_str(content, "path") != NULL)
		return take_file(d, q, content, may_be_stored, blob, e);
	return err_set(
	    e, ERR_DATA, "\"content\" has neither \"base64\" nor \"path\"");
}

int
deposit_put(struct queue *q, const struct deposit *all, size_t n, struct err *e)
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

void
deposit_release(struct deposit *d)
{
	if (d->is_ours)
		unlinkat(d->state->dir, d->spool, 0); /* gone if it was put */
	free(d->spool);
	d->spool = NULL;
	d->is_ours = false;
}
