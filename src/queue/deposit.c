#include "queue/deposit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "queue/content.h"
#include "store/seal_file.h"
#include "store/spool.h"

void
deposit_init(
    struct deposit *d, struct queue *q, const char *id, int part, int64_t at)
{
	*d = (struct deposit){.state = q->state};
	blob_ref(d->ref, id, part, at);
}

static json
blob_section(const char *ref, int64_t size, const char *digest)
{
	json blob = json_set_str(json_object(), "ref", ref);

	blob = json_set(blob, "size", json_number((int64_t)size));
	return json_set_str(blob, "digest", digest);
}

static json
bytes_section(const struct deposit *d, const struct buf *bytes)
{
	char text[DIGEST_TEXT];
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, bytes->data, bytes->len);
	return blob_section(
	    d->ref, (int64_t)bytes->len, digest_text(&digest, text));
}

/* Of a descriptor, from where it stands. */
static int
digest_rest(const struct deposit *d, int fd, json *blob, struct err *e)
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
	*blob = blob_section(d->ref, size, digest_text(&digest, window));
	return 0;
}

/* Of a file as it is stored; one that is sealed says it itself. */
static int
file_section(const struct deposit *d, int fd, struct seal_info *info,
    json *blob, struct err *e)
{
	if (seal_file_look(fd, d->ref, info, e) == -1)
		return -1;
	if (info->kind == SEAL_SEALED) {
		*blob = blob_section(d->ref, info->size, info->digest);
		return 0;
	}
	if (lseek(fd, info->kind == SEAL_ESCAPED ? SEAL_MAGIC : 0, SEEK_SET) ==
	    -1)
		return err_errno(e, "%s: seek", d->ref);
	return digest_rest(d, fd, blob, e);
}

static void
stored_form(const struct buf *bytes, const struct seal_data_key *key,
    struct buf *stored)
{
	struct buf form = BUF_INIT;

	if (key != NULL) {
		seal_bytes(key, bytes->data, bytes->len, &form);
	} else if (seal_is_like(bytes->data, bytes->len)) {
		buf_add(&form, seal_escape, SEAL_MAGIC);
		buf_add(&form, bytes->data, bytes->len);
	}
	if (form.len > 0)
		base64_encode(form.data, form.len, stored);
	buf_release(&form);
}

int
deposit_take_base64(const struct deposit *d, const char *base64, size_t n,
    const struct seal_data_key *key, struct buf *stored, json *blob,
    struct err *e)
{
	struct buf bytes = BUF_INIT;
	int r = base64_decode(base64, n, &bytes, e);

	if (r == 0) {
		*blob = bytes_section(d, &bytes);
		stored_form(&bytes, key, stored);
	} else {
		err_prefix(e, "content.base64");
	}
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
		fd = blob_read_stored(q->blobs, d->ref, e);
	if (fd == -1 && e->class == ERR_DATA)
		err_clear(e);
	d->is_known = fd != -1;
	return fd;
}

/* A new file is ours, to become the blob. */
static void
own_spool(struct deposit *d, struct spool *sp)
{
	d->spool = xstrdup(sp->paths[0]);
	d->is_ours = true;
	sp->n_given = 1;
}

static int
spool_bytes(struct deposit *d, const struct buf *bytes, struct err *e)
{
	struct spool sp = SPOOL_INIT;
	int r = spool_begin(&sp, d->state, e);

	if (r == 0)
		r = spool_write(&sp, bytes->data, bytes->len, e);
	if (r == 0)
		r = spool_finish(&sp, 1, e);
	if (r == 0)
		own_spool(d, &sp);
	spool_release(&sp);
	return r;
}

static int
take_inline(struct deposit *d, struct queue *q, const char *base64, size_t n,
    json *blob, struct err *e)
{
	struct buf bytes = BUF_INIT;
	struct seal_info info;
	int known, r = -1;

	if (base64_decode(base64, n, &bytes, e) == -1) {
		err_prefix(e, "content.base64");
		goto out;
	}
	known = open_known(d, q, e);
	if (known != -1) {
		r = file_section(d, known, &info, blob, e);
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

/* Content into a file of ours, sealed on the way where there is a key. */
static int
copy_content(struct spool *sp, int from, const char *name, struct err *e)
{
	char window[65536];
	ssize_t n;

	while ((n = read(from, window, sizeof window)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(e, "%s: read", name);
		if (spool_write(sp, window, (size_t)n, e) == -1)
			return -1;
	}
	return 0;
}

/* What is sealed is copied as it is. */
static int
copy_sealed(struct deposit *d, int from, struct err *e)
{
	int to = state_spool_create(d->state, &d->spool, e), r;

	if (to == -1)
		return -1;
	d->is_ours = true;
	r = content_copy(from, to, d->spool, e);
	if (file_close(to, d->spool, e) == -1)
		r = -1;
	return r;
}

static int
copy_plain(struct deposit *d, int from, struct err *e)
{
	struct spool sp = SPOOL_INIT;
	int r = spool_begin(&sp, d->state, e);

	if (r == 0)
		r = copy_content(&sp, from, d->ref, e);
	if (r == 0)
		r = spool_finish(&sp, 1, e);
	if (r == 0)
		own_spool(d, &sp);
	spool_release(&sp);
	return r;
}

/* A file that its owner wants to keep is copied; the copy is ours. */
static int
copy_spool(
    struct deposit *d, int from, const struct seal_info *info, struct err *e)
{
	off_t at = info->kind == SEAL_ESCAPED ? SEAL_MAGIC : 0;

	free(d->spool);
	d->spool = NULL;
	if (d->is_known)
		return 0;
	if (lseek(from, at, SEEK_SET) == -1)
		return err_errno(e, "%s: seek", d->ref);
	return info->kind == SEAL_SEALED ? copy_sealed(d, from, e)
					 : copy_plain(d, from, e);
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
		fd = queue_open_stored(q, d->ref, e);
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
	struct seal_info info;
	int fd, r;

	d->spool = xstrdup(json_str(content, "path"));
	fd = open_bytes(d, q, may_be_stored, e);
	if (fd == -1)
		return -1;
	r = file_section(d, fd, &info, blob, e);
	if (r == 0 && !json_true(content, "temporary")) {
		r = copy_spool(d, fd, &info, e);
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
deposit_take_spool(struct deposit *d, struct queue *q, const char *path,
    json blob, struct err *e)
{
	const char *digest = json_str(blob, "digest"), *is;
	struct seal_info info;
	json known_blob = json_none();
	int known, r;

	d->spool = xstrdup(path);
	d->is_ours = true;
	known = open_known(d, q, e);
	if (known == -1)
		return e->class == ERR_NONE ? 0 : -1;
	r = file_section(d, known, &info, &known_blob, e);
	close(known);
	if (r == -1)
		return -1;
	is = json_str(known_blob, "digest");
	if (digest == NULL || is == NULL || strcmp(digest, is) != 0)
		r = err_set(e, ERR_DATA,
		    "other bytes are stored under the id of this record: give "
		    "it an id of its own");
	json_free(known_blob);
	return r;
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
