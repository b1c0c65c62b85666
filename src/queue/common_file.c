#include "queue/common_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/file.h"
#include "core/id.h"
#include "mail/sniff.h"
#include "queue/attached.h"
#include "queue/draw.h"
#include "queue/removal.h"
#include "store/spool.h"

struct storing {
	struct queue *q;
	const char *tenant, *name;
	struct spool spool;
	struct digest digest;
	int64_t size, at;
	char head[SNIFF_BYTES];
	size_t head_len;
	json rec;
};

bool
common_file_is(const char *record, size_t len)
{
	static const char kind[] = "\"kind\":\"file\"";
	struct err bad = ERR_INIT;
	const char *s;
	bool is_it;
	json rec;

	if (memmem(record, len, kind, strlen(kind)) == NULL ||
	    json_parse(record, len, &rec, &bad) == -1)
		return false;
	s = json_str(rec, "kind");
	is_it = s != NULL && strcmp(s, "file") == 0;
	json_free(rec);
	return is_it;
}

static int
open_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return err_errno(e, "%.200s: open", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(e, ERR_TEMP, "%.200s: not a regular file", path);
}

static int
add(struct storing *s, const char *data, size_t n, struct err *e)
{
	size_t more = sizeof s->head - s->head_len;

	if (more > n)
		more = n;
	memcpy(s->head + s->head_len, data, more);
	s->head_len += more;
	digest_add(&s->digest, data, n);
	s->size += (int64_t)n;
	return spool_write(&s->spool, data, n, e);
}

/* All of it into the spool. */
static int
take(struct storing *s, const char *path, struct err *e)
{
	int fd = open_file(path, e), r;
	char window[65536];
	ssize_t n;

	if (fd == -1)
		return -1;
	digest_init(&s->digest);
	r = spool_begin(&s->spool, s->q->state, e);
	while (r == 0 && (n = read(fd, window, sizeof window)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		r = n == -1 ? err_errno(e, "%.200s: read", path)
			    : add(s, window, (size_t)n, e);
	}
	close(fd);
	return r == 0 ? spool_finish(&s->spool, 1, e) : -1;
}

static void
make_id(const struct storing *s, const char *digest, char id[ID_MAX + 1])
{
	char day[CLOCK_TEXT], made[ID_TEXT];
	const char *const parts[] = {
	    "file", s->tenant, s->name, digest, clock_format(s->at, day)};

	day[strcspn(day, "T")] = '\0';
	snprintf(id, ID_MAX + 1, ATTACHED_FILE "%s",
	    id_derive(parts, sizeof parts / sizeof *parts, made));
}

static void
make_record(struct storing *s)
{
	char digest[DIGEST_TEXT], id[ID_MAX + 1], ref[BLOB_REF], at[CLOCK_TEXT];
	struct sniff *sniffer = sniff_new();
	const char *type = sniff_type(sniffer, "", s->head, s->head_len);
	json blob = json_object();

	make_id(s, digest_text(&s->digest, digest), id);
	blob_ref(ref, id, 0, s->at);
	blob = json_set_str(blob, "ref", ref);
	blob = json_set(blob, "size", json_number(s->size));
	blob = json_set_str(blob, "digest", digest);
	s->rec = json_set_str(json_object(), "id", id);
	s->rec = json_set_str(s->rec, "kind", "file");
	s->rec = json_set_str(s->rec, "tenant", s->tenant);
	s->rec = json_set_str(s->rec, "received_at", clock_format(s->at, at));
	s->rec = json_set(s->rec, "name", json_bytes(s->name, strlen(s->name)));
	if (type != NULL)
		s->rec = json_set_str(s->rec, "type", type);
	s->rec = json_set(s->rec, "blob", blob);
	sniff_free(sniffer);
}

/* Bytes first; a row without them would promise what is not there. */
static int
store(struct storing *s, struct err *e)
{
	const struct mail_history stored = {
	    .at = s->at, .stage = ":stored", .entry = "{}", .entry_len = 2};
	json blob = json_get(s->rec, "blob");
	struct blob_put put = {
	    .ref = json_str(blob, "ref"), .spool = s->spool.paths[0]};
	struct buf text = BUF_INIT;
	struct mail_image image = {.history = &stored, .history_n = 1};
	int r = blob_put(s->q->blobs, &put, 1, e);

	json_dump(json_copy(s->rec), &text);
	image.row = (struct mail_row){
	    .id = json_str(s->rec, "id"),
	    .tenant = s->tenant,
	    .state = MAIL_SUCCEEDED,
	    .stored_at = s->at,
	    .updated_at = s->at,
	    .class = "",
	    .record = text.data,
	    .record_len = text.len,
	};
	if (r == 0)
		r = s->q->mail->ops->admit(s->q->mail, &image, 1, e);
	buf_release(&text);
	json_free(blob);
	return r;
}

/* Whatever is to be said of the attachment in one section. */
static int
write_section(json rec, struct err *e)
{
	static const char *const members[] = {"name", "type"};
	json blob = json_get(rec, "blob");
	struct buf line = BUF_INIT;
	int r;

	for (size_t i = 0; i < 2; i++)
		if (json_has(rec, members[i]))
			blob = json_set(
			    blob, members[i], json_get(rec, members[i]));
	json_dump(blob, &line);
	buf_addch(&line, '\n');
	r = file_write(STDOUT_FILENO, line.data, line.len, -1, "stdout", e);
	buf_release(&line);
	return r;
}

/* Its row says where it is: also when it was there. */
static int
put(struct storing *s, const char *path, struct err *e)
{
	int r = take(s, path, e);

	if (r == 0) {
		make_record(s);
		r = store(s, e);
	}
	return r == 0 ? write_section(s->rec, e) : -1;
}

int
common_file_put(struct queue *q, const struct common_file *how, struct err *e)
{
	const char *slash = strrchr(how->path, '/');
	struct storing s = {.q = q,
	    .tenant = how->tenant,
	    .name = how->name,
	    .spool = SPOOL_INIT,
	    .at = clock_now_ms(),
	    .rec = json_none()};
	int lock, r = -1;

	if (s.tenant == NULL)
		s.tenant = config_str(
		    &q->state->config, "defaults.tenant", COMMON_TENANT);
	if (s.name == NULL)
		s.name = slash != NULL ? slash + 1 : how->path;
	if (!name_valid(s.tenant, strlen(s.tenant)))
		return err_set(
		    e, ERR_USAGE, "-t: not a tenant: \"%.70s\"", s.tenant);
	lock = removal_lock(q->state, false, e);
	if (lock != -1 && queue_mail(q, e) != NULL && queue_blobs(q, e) != NULL)
		r = put(&s, how->path, e);
	if (lock != -1)
		close(lock);
	spool_release(&s.spool);
	json_free(s.rec);
	return r;
}
