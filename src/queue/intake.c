#include "queue/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/crypto_shorthash.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/file.h"
#include "core/jsonl.h"
#include "core/tool.h"

enum {
	HASH_LEN = 16,
	WAIT_MS = 60000, /* for another process that draws */
	STUCK_MS = 500, /* for appenders of one segment */
	/* Base64, record, and the fields before them. */
	ENTRY_MAX = 2 * JSONL_LINE_MAX + 4096,
	FIELDS = 9,
	WRITES = 3, /* of one append, before it is given up */
};

struct intake {
	struct state *state;
	int dir;
};

/* The entries of one batch, with the lines that they point into. */
struct drawn {
	struct buf lines;
	struct intake_entry *entries;
	size_t n, cap;
};

static const char *
segment_name(int i)
{
	static const char *const names[INTAKE_SEGMENTS] = {"0", "1", "2", "3"};

	return names[i];
}

static int
make_file(int dir, const char *name, struct err *e)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		return err_errno(e, "intake/%s: create", name);
	close(fd);
	return 0;
}

/* "turn" is made last: where it is, all the others are, and synced. */
static int
make_files(struct intake *in, struct err *e)
{
	for (int i = 0; i < INTAKE_SEGMENTS; i++)
		if (make_file(in->dir, segment_name(i), e) == -1)
			return -1;
	if (make_file(in->dir, "lock", e) == -1 ||
	    file_sync_dir(in->dir, "intake", e) == -1 ||
	    make_file(in->dir, "turn", e) == -1)
		return -1;
	return file_sync_dir(in->dir, "intake", e);
}

struct intake *
intake_open(struct state *s, struct err *e)
{
	struct intake *in = xcalloc(1, sizeof *in);

	in->state = s;
	in->dir = file_open_dir(s->dir, "intake", e);
	if (in->dir != -1 && (faccessat(in->dir, "turn", F_OK, 0) == 0 ||
				 make_files(in, e) == 0))
		return in;
	intake_close(in);
	return NULL;
}

void
intake_close(struct intake *in)
{
	if (in == NULL)
		return;
	if (in->dir != -1)
		close(in->dir);
	free(in);
}

static void
hash_line(const char *s, size_t n, char hex[HASH_LEN + 1])
{
	static const unsigned char key[crypto_shorthash_KEYBYTES];
	unsigned char raw[crypto_shorthash_BYTES];

	crypto_shorthash(raw, (const unsigned char *)s, n, key);
	sodium_bin2hex(hex, HASH_LEN + 1, raw, sizeof raw);
}

/*
 * "\nHASH AT ID TENANT QUEUE PRIORITY READY_AT REF BASE64 RECORD\n", "-" for
 * what is absent.  None of the fields can hold a blank or a line end: they are
 * checked names, numbers, base64 and JSON on one line.  The line end at the
 * front cuts off whatever a torn append left there.
 */
void
intake_format(const struct intake_entry *entry, struct buf *out)
{
	char hex[HASH_LEN + 1];
	size_t start;

	buf_addch(out, '\n');
	start = out->len;
	buf_addf(out, "%*s %lld %s %s %s %lld %lld %s ", HASH_LEN, "",
	    (long long)entry->at, entry->id, entry->tenant,
	    entry->queue != NULL ? entry->queue : "-",
	    (long long)entry->priority, (long long)entry->ready_at,
	    entry->ref != NULL ? entry->ref : "-");
	if (entry->base64 != NULL)
		buf_add(out, entry->base64, entry->base64_len);
	else
		buf_addch(out, '-');
	buf_addch(out, ' ');
	buf_add(out, entry->record, entry->record_len);
	hash_line(
	    out->data + start + HASH_LEN, out->len - start - HASH_LEN, hex);
	memcpy(out->data + start, hex, HASH_LEN);
	buf_addch(out, '\n');
}

static int
read_turn(struct intake *in)
{
	char c = '0';
	int fd = openat(in->dir, "turn", O_RDONLY | O_CLOEXEC);

	/* It is only advice: any segment will do. */
	if (fd != -1) {
		if (pread(fd, &c, 1, 0) != 1)
			c = '0';
		close(fd);
	}
	return c >= '0' && c < '0' + INTAKE_SEGMENTS ? c - '0' : 0;
}

static void
write_turn(struct intake *in, int turn)
{
	char c = (char)('0' + turn);
	int fd = openat(in->dir, "turn", O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	if (pwrite(fd, &c, 1, 0) != 1)
		tool_verbose("intake/turn: %s", strerror(errno));
	close(fd);
}

/* Open and lock, shared, the first segment from turn on that nobody draws. */
static int
open_to_append(struct intake *in, struct err *e)
{
	int turn = read_turn(in), fd, r;

	for (int i = 0; i <= INTAKE_SEGMENTS; i++) {
		const char *name = segment_name((turn + i) % INTAKE_SEGMENTS);

		fd = openat(in->dir, name, O_WRONLY | O_APPEND | O_CLOEXEC);
		if (fd == -1)
			return err_errno(e, "intake/%s: open", name);
		/* All are busy only when something is stuck: then wait. */
		r = file_lock(
		    fd, LOCK_SH, i < INTAKE_SEGMENTS ? 0 : WAIT_MS, name, e);
		if (r == 1)
			return fd;
		close(fd);
		if (r == -1)
			return -1;
	}
	return err_set(e, ERR_TEMP,
	    "intake: another process has held it for %d seconds: look for one "
	    "that is stopped or stuck",
	    WAIT_MS / 1000);
}

/*
 * In one write: behind a part of it another's entry may come to stand, so all
 * of it goes in again.  The part is passed over like any torn append.
 */
static int
write_whole(int fd, const struct buf *entries, struct err *e)
{
	ssize_t n;

	for (int i = 0; i < WRITES; i++) {
		n = write(fd, entries->data, entries->len);
		if (n == (ssize_t)entries->len)
			return 0;
		if (n == -1 && errno != EINTR)
			return err_errno(e, "intake: write");
	}
	return err_set(e, ERR_TEMP,
	    "intake: %zu bytes cannot be written at once: is the disk full?",
	    entries->len);
}

int
intake_append(
    struct intake *in, const struct buf *entries, int64_t *size, struct err *e)
{
	struct stat st;
	int fd, r;

	fd = open_to_append(in, e);
	if (fd == -1)
		return -1;
	r = write_whole(fd, entries, e);
	if (r == 0)
		r = file_sync_data(fd, "intake", e);
	*size = r == 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
	/* Unlocks as well. */
	if (file_close(fd, "intake", e) == -1)
		r = -1;
	return r;
}

static bool
parse_int(const char *s, int64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoll(s, &end, 10);
	return errno == 0 && end != s && *end == '\0';
}

static const char *
or_null(const char *field)
{
	return strcmp(field, "-") == 0 ? NULL : field;
}

/* Cut the line (writable, ends with NUL) into fields and the record. */
static bool
parse_entry(char *line, size_t len, struct intake_entry *entry)
{
	char *f[FIELDS], *s = line, *blank;
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		blank = strchr(s, ' ');
		if (blank == NULL)
			return false;
		*blank = '\0';
		f[i] = s;
		s = blank + 1;
	}
	*entry = (struct intake_entry){
	    .id = f[2],
	    .tenant = f[3],
	    .queue = or_null(f[4]),
	    .ref = or_null(f[7]),
	    .base64 = or_null(f[8]),
	    .record = s,
	    .record_len = len - (size_t)(s - line),
	};
	entry->base64_len = entry->base64 != NULL ? strlen(f[8]) : 0;
	return parse_int(f[1], &entry->at) &&
	       parse_int(f[5], &entry->priority) &&
	       parse_int(f[6], &entry->ready_at);
}

/* Nothing is thrown away unseen. */
static int
keep_torn(struct intake *in, const char *line, size_t len, struct err *e)
{
	int fd = openat(
	    in->dir, "torn", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int r;

	if (fd == -1)
		return err_errno(e, "intake/torn: create");
	r = file_write(fd, line, len, -1, "intake/torn", e);
	if (r == 0)
		r = file_write(fd, "\n", 1, -1, "intake/torn", e);
	if (r == 0)
		r = file_sync_data(fd, "intake/torn", e);
	if (file_close(fd, "intake/torn", e) == -1)
		r = -1;
	return r;
}

/* Lines are stored one after the other, each with a NUL behind it. */
static int
apply_batch(struct drawn *d, intake_apply_fn *apply, void *ctx, struct err *e)
{
	size_t at = 0, len;

	for (size_t i = 0; i < d->n; i++, at += len + 1) {
		len = d->entries[i].record_len; /* of the line, until parsed */
		if (!parse_entry(d->lines.data + at, len, &d->entries[i]))
			return err_set(e, ERR_TEMP,
			    "intake: an entry that this program does not "
			    "understand: was it written by a newer one?");
	}
	if (d->n > 0 && apply(ctx, d->entries, d->n, e) == -1)
		return -1;
	d->n = 0;
	buf_reset(&d->lines);
	return 0;
}

static void
add_line(struct drawn *d, const char *line, size_t len)
{
	if (d->n == d->cap) {
		d->cap = d->cap > 0 ? d->cap * 2 : 64;
		d->entries = xrealloc(d->entries, d->cap, sizeof *d->entries);
	}
	buf_add(&d->lines, line, len);
	buf_addch(&d->lines, '\0');
	d->entries[d->n++] = (struct intake_entry){.record_len = len};
}

static bool
has_hash(const char *line, size_t len)
{
	char hex[HASH_LEN + 1];

	if (len <= HASH_LEN)
		return false;
	hash_line(line + HASH_LEN, len - HASH_LEN, hex);
	return memcmp(hex, line, HASH_LEN) == 0;
}

static int
take_line(struct intake *in, struct drawn *d, const char *line, size_t len,
    bool is_ours, struct err *e)
{
	if (len == 0)
		return 0;
	if (has_hash(line, len)) {
		add_line(d, line, len);
		return 0;
	}
	/* With appenders in it, it may only be unfinished. */
	if (!is_ours)
		return 0;
	tool_say("intake: passed over %zu bytes of an append that never "
		 "ended; they are kept in intake/torn",
	    len);
	return keep_torn(in, line, len, e);
}

static int
read_segment(struct intake *in, int fd, bool is_ours, struct drawn *d,
    intake_apply_fn *apply, void *ctx, struct err *e)
{
	struct jsonl lines;
	const char *line;
	size_t len;
	enum jsonl_got got;
	int r = 0;

	jsonl_init(&lines, fd);
	lines.limit = ENTRY_MAX;
	while (r == 0) {
		got = jsonl_next(&lines, &line, &len);
		if (got == JSONL_LINE || got == JSONL_CUT)
			r = take_line(in, d, line, len, is_ours, e);
		else if (got == JSONL_MORE)
			r = jsonl_fill(&lines, -1, e) == -1 ? -1 : 0;
		else if (got == JSONL_TOO_LONG)
			tool_say("intake: passed over more than %d bytes that "
				 "no append can have written",
			    ENTRY_MAX);
		else if (got == JSONL_END)
			break;
		if (r == 0 &&
		    (d->n >= BATCH_RECORDS || d->lines.len >= BATCH_BYTES))
			r = apply_batch(d, apply, ctx, e);
	}
	if (r == 0)
		r = apply_batch(d, apply, ctx, e);
	jsonl_release(&lines);
	return r;
}

static int
draw_segment(
    struct intake *in, int i, intake_apply_fn *apply, void *ctx, struct err *e)
{
	struct drawn d = {.lines = BUF_INIT};
	struct stat st;
	bool is_ours;
	int fd, r;

	fd = openat(in->dir, segment_name(i), O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return err_errno(e, "intake/%s: open", segment_name(i));
	r = fstat(fd, &st);
	if (r == -1)
		err_errno(e, "intake/%s: stat", segment_name(i));
	if (r == -1 || st.st_size == 0)
		goto out;
	if (read_turn(in) == i)
		write_turn(in, (i + 1) % INTAKE_SEGMENTS);
	r = file_lock(fd, LOCK_EX, STUCK_MS, segment_name(i), e);
	if (r == -1)
		goto out;
	is_ours = r == 1; /* nobody else is in it */
	r = read_segment(in, fd, is_ours, &d, apply, ctx, e);
	if (r == 0 && is_ours) {
		/*
		 * Not synced: entries that a power failure brings back are in
		 * the ledger, and change nothing.
		 */
		if (ftruncate(fd, 0) == -1)
			r = err_errno(e, "intake: truncate");
	}
out:
	buf_release(&d.lines);
	free(d.entries);
	close(fd);
	return r;
}

/* Cheap: most readers find nothing. */
static bool
is_empty(struct intake *in)
{
	struct stat st;

	for (int i = 0; i < INTAKE_SEGMENTS; i++)
		if (fstatat(in->dir, segment_name(i), &st, 0) == -1 ||
		    st.st_size > 0)
			return false;
	return true;
}

int
intake_draw(struct intake *in, bool is_waiting, intake_apply_fn *apply,
    void *ctx, struct err *e)
{
	int fd, r;

	if (is_empty(in))
		return 0;
	fd = openat(in->dir, "lock", O_RDWR | O_CLOEXEC);
	if (fd == -1)
		return err_errno(e, "intake/lock: open");
	r = file_lock(fd, LOCK_EX, is_waiting ? WAIT_MS : 0, "intake/lock", e);
	if (r == 0 && !is_waiting) {
		close(fd);
		return 0;
	}
	if (r == 0)
		r = err_set(e, ERR_TEMP,
		    "intake: another process has been drawing for %d seconds: "
		    "look for one that is stopped or stuck",
		    WAIT_MS / 1000);
	else if (r == 1)
		r = 0;
	for (int i = 0; r == 0 && i < INTAKE_SEGMENTS; i++)
		r = draw_segment(in, i, apply, ctx, e);
	close(fd);
	return r;
}
