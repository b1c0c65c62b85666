#include "desk/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/sandbox.h"
#include "desk/doctor_keys.h"
#include "desk/doctor_report.h"
#include "desk/doctor_work.h"
#include "desk/in_force.h"
#include "lock/lock.h"
#include "queue/draw.h"

enum {
	CLOCK_AHEAD_MS = 60 * 1000,
};

static void
check_layout(struct doctor *d, int layout)
{
	if (layout == STATE_LAYOUT)
		doctor_finding(d, "layout", DOCTOR_OK, "%d", layout);
	else if (layout == 0)
		doctor_finding(d, "layout", DOCTOR_WARN,
		    "none yet; the first mail makes it: is %s the right "
		    "directory?",
		    d->state->path);
	else if (layout == STATE_RESTORING)
		doctor_finding(d, "layout", DOCTOR_FAIL,
		    "mail-store restore has not come to its end here: run it "
		    "again");
	else if (layout < STATE_LAYOUT)
		doctor_finding(d, "layout", DOCTOR_FAIL,
		    "%d is older than this program's %d: run mail-store "
		    "upgrade",
		    layout, STATE_LAYOUT);
	else
		doctor_finding(d, "layout", DOCTOR_FAIL,
		    "%d is newer than this program's %d: update mailpipe",
		    layout, STATE_LAYOUT);
}

/* Something else than our programs has been here, or another user's. */
static int
check_owners(struct doctor *d)
{
	static const char *const names[] = {"layout", "mail.db", "mail.lock",
	    "lock.db", "intake", "spool", "blobs", "intake/turn"};
	struct stat st;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (fstatat(d->state->dir, names[i], &st, 0) == 0 &&
		    st.st_uid != geteuid()) {
			doctor_finding(d, "permissions", DOCTOR_WARN,
			    "%s/%s belongs to uid %ld and this is uid %ld: "
			    "chown -R it to the one user of all programs",
			    d->state->path, names[i], (long)st.st_uid,
			    (long)geteuid());
			return -1;
		}
	return 0;
}

static void
check_permissions(struct doctor *d)
{
	struct stat st;

	if (fstat(d->state->dir, &st) == -1)
		doctor_finding(
		    d, "permissions", DOCTOR_FAIL, "%s", strerror(errno));
	else if (st.st_uid != geteuid())
		doctor_finding(d, "permissions", DOCTOR_WARN,
		    "%s belongs to uid %ld and this is uid %ld: all programs "
		    "should run as one user",
		    d->state->path, (long)st.st_uid, (long)geteuid());
	else if ((st.st_mode & 077) != 0)
		doctor_finding(d, "permissions", DOCTOR_WARN,
		    "others can look into %s (mode %03o): chmod 700",
		    d->state->path, (unsigned)st.st_mode & 0777);
	else if (check_owners(d) == 0)
		doctor_finding(d, "permissions", DOCTOR_OK, "mode %03o",
		    (unsigned)st.st_mode & 0777);
}

/* What is left for mail, and for files that are to hold it. */
static void
check_room(struct doctor *d, const struct statfs *fs)
{
	long long free_mib = (long long)fs->f_bavail * fs->f_bsize / 1048576;

	if (fs->f_files > 0 && fs->f_ffree < fs->f_files / 100)
		doctor_finding(d, "space", DOCTOR_WARN,
		    "only %llu inodes are left of %llu: each mail needs one",
		    (unsigned long long)fs->f_ffree,
		    (unsigned long long)fs->f_files);
	else if (fs->f_bavail < fs->f_blocks / 20)
		doctor_finding(d, "space", DOCTOR_WARN,
		    "%lld MiB free, less than 5 %%: make room, or let "
		    "mail-store expire do it",
		    free_mib);
	else
		doctor_finding(
		    d, "space", DOCTOR_OK, "%lld MiB free", free_mib);
}

/*
 * Files that were written later than now: the clock was ahead then, or has
 * jumped back, and what has a time waits until it has caught up.
 */
static void
check_clock(struct doctor *d)
{
	static const char *const names[] = {"mail.db", "mail.db-wal",
	    "intake/0", "intake/1", "intake/2", "intake/3"};
	int64_t now = clock_now_ms(), newest = 0;
	char at[CLOCK_TEXT], ahead[CLOCK_TEXT];
	struct stat st;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (fstatat(d->state->dir, names[i], &st, 0) == 0 &&
		    (int64_t)st.st_mtime * 1000 > newest)
			newest = (int64_t)st.st_mtime * 1000;
	if (newest > now + CLOCK_AHEAD_MS)
		doctor_finding(d, "clock", DOCTOR_WARN,
		    "it is %s, and mail was written %s later: has the clock "
		    "jumped back?  Leases and schedules wait until it has "
		    "caught up",
		    clock_format(now, at), clock_age(newest - now, ahead));
	else
		doctor_finding(
		    d, "clock", DOCTOR_OK, "nothing is later than now");
}

static void
check_file_system(struct doctor *d)
{
	struct statfs fs;
	struct err e = ERR_INIT;

	if (fstatfs(d->state->dir, &fs) == -1) {
		doctor_finding(
		    d, "file-system", DOCTOR_FAIL, "%s", strerror(errno));
		return;
	}
	switch (fs.f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case AFS_SUPER_MAGIC:
	case CODA_SUPER_MAGIC:
		doctor_finding(d, "file-system", DOCTOR_FAIL,
		    "%s is on a network file system: locks and the database "
		    "are not safe there; use a local disk",
		    d->state->path);
		break;
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		doctor_finding(d, "file-system", DOCTOR_WARN,
		    "%s is in memory: mail does not survive a restart",
		    d->state->path);
		break;
	default:
		doctor_finding(d, "file-system", DOCTOR_OK, "type %lx",
		    (unsigned long)fs.f_type);
	}
	if (state_check_space(d->state, &e) == -1)
		doctor_finding(d, "space", DOCTOR_FAIL, "%s", e.text);
	else
		check_room(d, &fs);
}

static void
check_intake(struct doctor *d)
{
	struct stat st;
	long long waiting = 0;
	char path[32];

	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "intake/%d", i);
		if (fstatat(d->state->dir, path, &st, 0) == 0)
			waiting += (long long)st.st_size;
	}
	doctor_finding(
	    d, "intake", DOCTOR_OK, "%lld bytes wait to be drawn", waiting);
	if (fstatat(d->state->dir, "intake/torn", &st, 0) == 0 &&
	    st.st_size > 0)
		doctor_finding(d, "torn", DOCTOR_WARN,
		    "intake/torn holds %lld bytes of appends that never "
		    "ended; no receipt was given for them: look, then remove "
		    "the file",
		    (long long)st.st_size);
}

static void
check_spool(struct doctor *d)
{
	struct err e = ERR_INIT;
	int fd = file_open_dir(d->state->dir, "spool", &e), n = 0;
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		doctor_finding(d, "spool", DOCTOR_FAIL, "%s",
		    e.class != ERR_NONE ? e.text : strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	doctor_finding(d, "spool", DOCTOR_OK, "%d files", n);
}

static int
count_late(void *ctx, const struct mail_row *row, struct err *e)
{
	int64_t *late = ctx;

	(void)e;
	*late += row->due_at < clock_now_ms();
	return 0;
}

static void
check_ledger(struct doctor *d)
{
	struct err e = ERR_INIT;
	struct mail_engine *mail = queue_mail(d->queue, &e);
	struct mail_filter leased = {.state = MAIL_LEASED};
	int64_t late = 0;

	if (mail == NULL || mail->ops->check(mail, &e) == -1 ||
	    mail->ops->list(mail, &leased, count_late, &late, &e) == -1) {
		doctor_finding(d, "ledger", DOCTOR_FAIL, "%s", e.text);
		return;
	}
	doctor_finding(d, "ledger", DOCTOR_OK, "sound");
	if (late > 0)
		doctor_finding(d, "leases", DOCTOR_WARN,
		    "%lld leases are over and nobody takes: is cron running "
		    "mail-queue take?",
		    (long long)late);
	else
		doctor_finding(d, "leases", DOCTOR_OK, "none is over");
}

/* None is made where there is none. */
static void
check_locks(struct doctor *d)
{
	struct err e = ERR_INIT;
	struct lock_engine *locks;
	int r = lock_open_made(d->state, &locks, &e);

	if (r == 0)
		doctor_finding(d, "locks", DOCTOR_OK, "none yet");
	else if (r == -1 || locks->ops->check(locks, &e) == -1)
		doctor_finding(d, "locks", DOCTOR_FAIL,
		    "%s; if it is damaged, restore a backup: without it what "
		    "was done may be done again",
		    e.text);
	else
		doctor_finding(d, "locks", DOCTOR_OK, "sound");
	lock_close(locks);
}

/* Which settings are in force, each a line that is well. */
static void
show_setting(void *ctx, const struct setting *s)
{
	struct doctor *d = ctx;
	struct buf text = BUF_INIT;

	/* Said already, with what is wrong. */
	if (d->state->is_config_broken && strcmp(s->name, "configuration") == 0)
		return;
	in_force_text(s, &text);
	doctor_finding(d, s->name, DOCTOR_OK, "%s", text.data);
	buf_release(&text);
}

static void
check_configuration(struct doctor *d, const struct err *why)
{
	static const struct in_force which = {NULL, false};

	if (d->state->is_config_broken)
		doctor_finding(
		    d, "configuration", DOCTOR_FAIL, "%s", why->text);
	in_force_each(&d->state->config, &which, show_setting, d);
}

/* The parser works without either, and less safely. */
static void
check_sandbox(struct doctor *d)
{
	struct sandbox_features f = sandbox_probe();

	if (f.has_seccomp && f.landlock_abi > 0)
		doctor_finding(d, "sandbox", DOCTOR_OK,
		    "seccomp, Landlock ABI %d", f.landlock_abi);
	else if (f.has_seccomp)
		doctor_finding(d, "sandbox", DOCTOR_OK,
		    "seccomp; this kernel has no Landlock");
	else
		doctor_finding(d, "sandbox", DOCTOR_WARN,
		    "this kernel has no seccomp: hostile mail is parsed with "
		    "limits only%s",
		    f.landlock_abi > 0 ? " and Landlock" : "");
}

int
doctor_run(const struct look *look, struct err *e)
{
	struct state state;
	struct queue queue;
	struct doctor d = {.state = &state, .queue = &queue, .look = look};
	struct err why = ERR_INIT;
	int layout = 0, r;

	doctor_begin(&d);
	r = state_open_broken(&state, &layout, &why, e);
	queue_init(&queue, &state);
	if (r == 0) {
		check_layout(&d, layout);
		check_permissions(&d);
		check_file_system(&d);
	}
	if (r == 0 && layout == STATE_LAYOUT) {
		check_intake(&d);
		check_spool(&d);
		check_ledger(&d);
		check_locks(&d);
		check_clock(&d);
		doctor_work(&d);
	}
	if (r == 0 && !state.is_config_broken)
		doctor_keys(&d);
	check_sandbox(&d);
	check_configuration(&d, &why);
	if (file_write(STDOUT_FILENO, d.out.data, d.out.len, -1, "stdout", e) ==
	    -1)
		r = -1;
	if (r == 0 && state.is_config_broken)
		r = err_set(e, ERR_TEMP, "%s", why.text);
	if (r == 0 && d.is_failed)
		r = err_set(
		    e, ERR_TEMP, "%s: see the lines with \"fail\"", state.path);
	buf_release(&d.out);
	queue_close(&queue);
	state_close(&state);
	return r;
}
