/* The way back from a backup: desk/backup.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/copies.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"
#include "desk/backup.h"
#include "desk/backup_files.h"
#include "desk/mirror.h"
#include "queue/content.h"
#include "queue/draw.h"
#include "queue/policy.h"

enum {
	NOTE_MAX = 4096,
};

const char *const backup_databases[BACKUP_DATABASES] = {"mail", "lock"};

int
backup_remove_dir(int root, const char *path, struct err *e)
{
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return errno == ENOENT ? 0 : err_errno(e, "%s: open", path);
	}
	while (r == 0 && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 &&
		    strcmp(d->d_name, "..") != 0 &&
		    unlinkat(fd, d->d_name, 0) == -1)
			r = err_errno(e, "%s/%s: remove", path, d->d_name);
	closedir(dir);
	if (r == 0 && unlinkat(root, path, AT_REMOVEDIR) == -1)
		r = err_errno(e, "%s: remove", path);
	return r;
}

struct restore {
	struct state *state;
	int root, from; /* DIR, and DIR/state */
	struct mirror_sum sum;
};

/* A backup that this program can read? */
static int
check_note(int from, struct err *e)
{
	struct buf text = BUF_INIT;
	json note = json_none();
	int64_t layout = 0;
	int r = file_read_at(from, BACKUP_NOTE, NOTE_MAX, &text, e);

	if (r == 1)
		r = json_parse(text.data, text.len, &note, e);
	else if (r == 0)
		r = err_set(e, ERR_TEMP, "there is no state/" BACKUP_NOTE);
	if (r == 0) {
		layout = json_int(note, "layout", 0);
		if (json_int(note, "v", 0) != 1 || layout != STATE_LAYOUT)
			r = err_set(e, ERR_TEMP,
			    "a backup of layout %lld; this program's is %d: "
			    "restore it with its own release, then run "
			    "mail-store upgrade",
			    (long long)layout, STATE_LAYOUT);
	}
	if (r == -1)
		e->class = ERR_TEMP;
	json_free(note);
	buf_release(&text);
	return r;
}

/* Not of a backup that was copied by halves. */
static int
check_whole(int from, struct err *e)
{
	static const char *const names[] = {"mail.db", BACKUP_INTAKE};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (faccessat(from, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == -1)
			return err_errno(e,
			    "state/%s: the backup is not whole, look for "
			    "another",
			    names[i]);
	return 0;
}

static int
open_backup(struct restore *r, const char *dir, struct err *e)
{
	r->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->root == -1)
		return err_errno(e, "open directory");
	r->from = openat(r->root, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->from == -1)
		return errno == ENOENT
			   ? err_set(e, ERR_TEMP, "there is no backup in it")
			   : err_errno(e, "state: open directory");
	return check_note(r->from, e) == 0 ? check_whole(r->from, e) : -1;
}

/* Nobody's work may be lost under it. */
static int
check_empty(const struct restore *r, int layout, struct err *e)
{
	static const char *const taken[] = {
	    "mail.db", "lock.db", "blobs", "intake"};

	if (layout == STATE_RESTORING)
		return 0;
	for (size_t i = 0; layout == 0 && i < sizeof taken / sizeof *taken; i++)
		if (faccessat(r->state->dir, taken[i], F_OK, 0) == 0)
			layout = STATE_LAYOUT;
	if (layout == 0)
		return 0;
	return err_set(e, ERR_TEMP,
	    "%s: there is a state already: move it away, or name an empty "
	    "directory with -d",
	    r->state->path);
}

/* 1, 0 there is no such file, -1. */
static int
copy_file(struct copies *c, int from_dir, const char *from, const char *to,
    struct err *e)
{
	int in = openat(from_dir, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), out;
	int r;

	if (in == -1)
		return errno == ENOENT ? 0
				       : err_errno(e, "state/%s: open", from);
	out = copies_begin(c, to, e);
	r = out == -1 ? -1 : content_copy(in, out, from, e);
	close(in);
	return r == -1 ? -1 : 1;
}

/* What an earlier try has left beside a database belongs to that one. */
static int
remove_journal(const struct restore *r, const char *name, struct err *e)
{
	static const char *const ends[] = {"wal", "shm"};

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char *path = xasprintf("%s.db-%s", name, ends[i]);
		int gone = unlinkat(r->state->dir, path, 0);

		if (gone == -1 && errno != ENOENT)
			err_errno(e, "%s: remove", path);
		free(path);
		if (e->class != ERR_NONE)
			return -1;
	}
	return 0;
}

static int
copy_databases(struct restore *r, struct copies *c, struct err *e)
{
	int result = copies_enter(c, r->state->dir, ".", NULL, e);

	for (size_t i = 0; result == 0 && i < BACKUP_DATABASES; i++) {
		char *name = xasprintf("%s.db", backup_databases[i]);

		result = remove_journal(r, backup_databases[i], e);
		if (result == 0 && copy_file(c, r->from, name, name, e) == -1)
			result = -1;
		free(name);
	}
	return result == 0 ? copies_publish(c, e) : -1;
}

static int
copy_state(struct restore *r, struct err *e)
{
	struct copies c = COPIES_INIT;
	int result = copy_databases(r, &c, e);

	if (result == 0)
		result = copies_enter(&c, r->state->dir, "intake", NULL, e);
	if (result == 0 && copy_file(&c, r->from, BACKUP_INTAKE, "0", e) == -1)
		result = -1;
	if (result == 0)
		result = copies_publish(&c, e);
	copies_release(&c);
	return result;
}

/* Rows are drawn, and what waits is in doubt. */
static int
doubt(struct restore *r, struct mail_doubts *doubts, struct err *e)
{
	struct mail_policy policy = policy_of(&r->state->config);
	struct mail_engine *mail;
	struct queue q;
	int result = -1;

	queue_init(&q, r->state);
	mail = queue_mail(&q, e);
	if (mail != NULL)
		result =
		    mail->ops->doubt(mail, &policy, clock_now_ms(), doubts, e);
	queue_close(&q);
	return result;
}

static int
restore(struct restore *r, struct mail_doubts *doubts, struct err *e)
{
	if (state_set_restoring(r->state, e) == -1 ||
	    mirror_blobs(r->root, r->state->dir, &r->sum, e) == -1 ||
	    copy_state(r, e) == -1 || doubt(r, doubts, e) == -1)
		return -1;
	return state_create(r->state, e);
}

int
backup_restore(const char *dir, struct err *e)
{
	struct state s;
	struct restore r = {.state = &s, .root = -1, .from = -1};
	struct mail_doubts doubts = {0};
	int layout, result;

	progress_start("blobs restored", false);
	result = state_open_any(&s, &layout, e);
	if (result == 0)
		result = check_empty(&r, layout, e);
	if (result == 0 && open_backup(&r, dir, e) == -1)
		result = err_prefix(e, "%s", dir);
	if (result == 0)
		result = restore(&r, &doubts, e);
	if (result == 0 && doubts.marked + doubts.parked > 0)
		tool_say("%lld mails that waited are marked as interrupted, "
			 "%lld are parked: they may have been worked on after "
			 "the backup",
		    (long long)doubts.marked, (long long)doubts.parked);
	if (r.from != -1)
		close(r.from);
	if (r.root != -1)
		close(r.root);
	state_close(&s);
	return result;
}
