#include "queue/attached.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/id.h"
#include "ledger/parts.h"
#include "mail/sniff.h"
#include "queue/content.h"
#include "store/seal_file.h"

/* Bytes on their way into the spool. */
struct taking {
	struct attached *to;
	struct digest digest;
	int64_t size;
	char head[SNIFF_BYTES];
	size_t head_len;
};

static const struct parts_kind *const kind = &parts_kinds[1];

/* As queue/common_file.c makes it: people give ids that begin so, too. */
bool
attached_is_file(const char *ref)
{
	const char *name = strrchr(ref, '/');
	size_t prefix = strlen(ATTACHED_FILE);

	if (name == NULL || strncmp(name + 1, ATTACHED_FILE, prefix) != 0)
		return false;
	name += 1 + prefix;
	return strspn(name, "0123456789abcdef") == ID_TEXT - 1 &&
	       strcmp(name + ID_TEXT - 1, ".0") == 0;
}

static int
add(struct taking *t, const char *data, size_t n, struct err *e)
{
	size_t more = sizeof t->head - t->head_len;

	if (more > n)
		more = n;
	memcpy(t->head + t->head_len, data, more);
	t->head_len += more;
	digest_add(&t->digest, data, n);
	t->size += (int64_t)n;
	return spool_write(&t->to->spool, data, n, e);
}

static int
add_base64(struct taking *t, json text, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int r = 0;

	if (!base64_decode_lenient(
		json_string_value(text), json_string_len(text), &bytes))
		r = err_set(e, ERR_DATA, "not base64");
	if (r == 0 && bytes.len > 0)
		r = add(t, bytes.data, bytes.len, e);
	buf_release(&bytes);
	return r;
}

/* All of a descriptor, which is closed. */
static int
add_fd(struct taking *t, int fd, struct err *e)
{
	char window[65536];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, window, sizeof window)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		r = n == -1 ? err_errno(e, "read")
			    : add(t, window, (size_t)n, e);
	}
	close(fd);
	return r;
}

/* It will not be there at the next try either. */
static bool
is_wrong_name(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case EXDEV:
	case ENAMETOOLONG:
	case ENXIO:
		return true;
	default:
		return false;
	}
}

static int
open_path(const struct attaching *a, json path, struct err *e)
{
	const char *s = json_string_value(path);
	struct stat st;
	int fd;

	if (a->dir == -1)
		return err_set(e, ERR_DATA,
		    "files are read only with mail-store put --attach-from");
	if (strlen(s) != json_string_len(path))
		return err_set(e, ERR_DATA, "there is a NUL in it");
	fd = file_open_beneath(a->dir, s, O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
	if (fd == -1) {
		if (is_wrong_name(errno))
			e->class = ERR_DATA;
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(e, ERR_DATA, "%.200s: not a regular file", s);
}

/*
 * "temporary" or not, it stays until the spool is swept: the same line may come
 * again, and this record's bytes may then be stored or not.
 */
static int
open_spooled(const struct attaching *a, const char *path, struct err *e)
{
	struct seal_info info;
	int fd = state_spool_open(a->q->state, path, e);

	return fd == -1 ? -1 : seal_file_open(a->q->state, fd, path, &info, e);
}

static int
add_content(
    const struct attaching *a, struct taking *t, json content, struct err *e)
{
	json base64 = json_member(content, "base64", JSON_STRING);
	const char *path = json_str(content, "path");
	int r, fd;

	if (json_kind(content) == JSON_STRING) {
		r = add_base64(t, content, e);
	} else if (json_is_valid(base64)) {
		r = add_base64(t, base64, e);
	} else if (path != NULL) {
		fd = open_spooled(a, path, e);
		r = fd != -1 ? add_fd(t, fd, e) : -1;
	} else {
		r = err_set(e, ERR_DATA,
		    "neither base64 text nor an object "
		    "with \"base64\" or \"path\"");
	}
	json_free(base64);
	return r;
}

/* Its bytes, from wherever they come. */
static int
add_source(const struct attaching *a, struct taking *t, const char *source,
    json v, struct err *e)
{
	int fd;

	if (strcmp(source, "content") == 0)
		return add_content(a, t, v, e);
	if (strcmp(source, "blob") == 0) {
		fd = queue_open_section(a->q, v, e);
		return fd != -1 ? add_fd(t, fd, e) : -1;
	}
	if (json_kind(v) != JSON_STRING)
		return err_set(e, ERR_DATA, "not a string");
	if (strcmp(source, "base64") == 0)
		return add_base64(t, v, e);
	fd = open_path(a, v, e);
	return fd != -1 ? add_fd(t, fd, e) : -1;
}

/* The member that has its bytes; NULL: none, or several. */
static const char *
source_of(json attachment)
{
	static const char *const members[] = {
	    "content", "base64", "path", "blob"};
	const char *source = NULL;
	int n = 0;

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (json_has(attachment, members[i])) {
			source = members[i];
			n++;
		}
	return n == 1 ? source : NULL;
}

/* One sniffer is enough for all, and most processes need none. */
static const char *
sniff(const struct taking *t)
{
	static struct sniff *sniffer;

	if (sniffer == NULL)
		sniffer = sniff_new();
	return sniff_type(sniffer, "", t->head, t->head_len);
}

static json
blob_of(struct taking *t)
{
	char text[DIGEST_TEXT];
	json blob = json_set(json_object(), "size", json_number(t->size));

	return json_set_str(blob, "digest", digest_text(&t->digest, text));
}

/* The last name of a path. */
static json
with_name_of(json attachment, json path)
{
	const char *s = json_string_value(path), *slash = strrchr(s, '/');

	if (json_has(attachment, "name"))
		return attachment;
	return json_set_str(attachment, "name", slash != NULL ? slash + 1 : s);
}

/* Into the spool; the attachment with "blob" for it. */
static int
take_bytes(struct attaching *a, int index, const char *source, json *attachment,
    struct err *e)
{
	struct taking t = {.to = &a->all[a->n]};
	json v = json_get(*attachment, source);
	const char *type;
	int r;

	*t.to = (struct attached){.spool = SPOOL_INIT, .index = index};
	a->n++;
	digest_init(&t.digest);
	r = spool_begin(&t.to->spool, a->q->state, e);
	if (r == 0)
		r = add_source(a, &t, source, v, e);
	type = r == 0 && !json_has(*attachment, "type") ? sniff(&t) : NULL;
	if (type != NULL)
		*attachment = json_set_str(*attachment, "type", type);
	if (r == 0 && strcmp(source, "path") == 0)
		*attachment = with_name_of(*attachment, v);
	if (r == 0)
		*attachment = json_set(
		    json_del(*attachment, source), "blob", blob_of(&t));
	json_free(v);
	return r;
}

/*
 * Stored bytes that may be named from here: is there something?  Without the
 * digest two mails of one key with different files would be the same mail
 * (lock_content), and the second one would be taken for the first.
 */
static int
check_blob(const struct attaching *a, json blob, const char *ref, struct err *e)
{
	int fd;

	if (json_str(blob, "digest") == NULL)
		return err_set(e, ERR_DATA,
		    "it has no \"digest\": give all that mail-store put "
		    "--file has printed");
	fd = queue_open_stored(a->q, ref, e);
	if (fd == -1)
		return -1;
	close(fd);
	return 0;
}

/* "name" and "type" that mail-store put --file has told. */
static json
with_told(json attachment)
{
	static const char *const members[] = {"name", "type"};
	json blob = json_member(attachment, "blob", JSON_OBJECT);

	for (size_t i = 0; i < 2; i++) {
		json v = json_member(blob, members[i], JSON_STRING);

		if (!json_is_valid(v))
			continue;
		blob = json_del(blob, members[i]);
		if (json_has(attachment, members[i]))
			json_free(v);
		else
			attachment = json_set(attachment, members[i], v);
	}
	if (!json_is_valid(blob))
		return attachment;
	return json_set(attachment, "blob", blob);
}

static int
take_one(struct attaching *a, int index, json *attachment, struct err *e)
{
	const char *source = source_of(*attachment), *ref;
	json blob;
	int r;

	if (source == NULL)
		return err_set(e, ERR_DATA,
		    "its bytes must be in one of content, base64, path, blob");
	*attachment = with_told(*attachment);
	blob = json_member(*attachment, "blob", JSON_OBJECT);
	ref = json_str(blob, "ref");
	if (ref != NULL && (attached_is_file(ref) ||
			       (a->id != NULL && parts_number(ref, a->id) > 0)))
		r = check_blob(a, blob, ref, e);
	else
		r = take_bytes(a, index, source, attachment, e);
	json_free(blob);
	return r == 0 ? 0 : err_prefix(e, "%s", source);
}

/* The array; JSON_NONE with e->class ERR_NONE: there are none. */
static json
attachments_of(json rec, struct err *e)
{
	json mail = json_member(rec, "mail", JSON_OBJECT);
	json all = json_get(mail, kind->list);

	json_free(mail);
	if (json_is_valid(all) && json_kind(all) != JSON_ARRAY)
		err_set(e, ERR_DATA, "%s: must be an array", kind->path);
	else if (json_count(all) > PARTS_ATTACHMENTS_MAX)
		err_set(e, ERR_DATA, "%s: more than %d", kind->path,
		    PARTS_ATTACHMENTS_MAX);
	else
		return all;
	json_free(all);
	return json_none();
}

static json
with_attachments(json rec, json all)
{
	json mail = json_set(json_get(rec, kind->section), kind->list, all);

	return json_set(rec, kind->section, mail);
}

int
attached_take(struct attaching *a, json *rec, struct err *e)
{
	json all = attachments_of(*rec, e);
	int n = json_count(all), r = e->class == ERR_NONE ? 0 : -1;

	a->all = xcalloc((size_t)n + 1, sizeof *a->all);
	for (int i = 0; r == 0 && i < n; i++) {
		json attachment = json_at(all, i);

		r = json_kind(attachment) == JSON_OBJECT
			? take_one(a, i, &attachment, e)
			: err_set(e, ERR_DATA, "must be an object");
		if (r == -1)
			err_prefix(e, "%s[%d]", kind->path, i);
		all = json_set_at(all, i, attachment);
	}
	if (r == 0 && n > 0)
		*rec = with_attachments(*rec, all);
	else
		json_free(all);
	return r;
}

int
attached_share(struct attaching *a, size_t n, struct err *e)
{
	for (size_t i = 0; i < a->n; i++)
		if (spool_finish(&a->all[i].spool, n, e) == -1)
			return -1;
	return 0;
}

/* One attachment of one record. */
static int
give_one(struct attaching *a, struct attached *one, const char *id, json *all,
    int64_t at, struct deposits *out, struct err *e)
{
	json attachment = json_at(*all, one->index);
	json blob = json_member(attachment, "blob", JSON_OBJECT);
	struct deposit *d = deposits_add(out);
	int r;

	deposit_init(d, a->q, id, kind->first + one->index, at);
	r = deposit_take_spool(
	    d, a->q, one->spool.paths[one->spool.n_given++], blob, e);
	if (r == -1)
		err_prefix(e, "%s[%d]", kind->path, one->index);
	blob = json_set_str(blob, "ref", d->ref);
	attachment = json_set(attachment, "blob", blob);
	*all = json_set_at(*all, one->index, attachment);
	return r;
}

int
attached_give(struct attaching *a, json *rec, int64_t at, struct deposits *out,
    struct err *e)
{
	const char *id = json_str(*rec, "id");
	json all;
	int r = 0;

	if (a->n == 0)
		return 0;
	all = parts_list(*rec, kind);
	for (size_t i = 0; r == 0 && i < a->n; i++)
		r = give_one(a, &a->all[i], id, &all, at, out, e);
	*rec = with_attachments(*rec, all);
	return r;
}

void
attached_release(struct attaching *a)
{
	for (size_t i = 0; i < a->n; i++)
		spool_release(&a->all[i].spool);
	free(a->all);
	a->all = NULL;
	a->n = 0;
}
