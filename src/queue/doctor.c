#include "queue/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/sandbox.h"
#include "core/table.h"
#include "queue/draw.h"
#include "queue/in_force.h"

enum level {
	OK,
	WARN,
	FAIL,
};

struct doctor {
	struct state *state;
	struct queue *queue;
	const struct look *look;
	struct table table;
	struct buf out;
	bool is_failed;
};

static const struct table_column columns[] = {
    {"STATUS", .width = 6}, {"CHECK", 13, .most = 21, .share = 1},
    {"DETAIL", 20, .is_whole = true}, /* what to do: never cut */
};

static void finding(struct doctor *d, const char *check, enum level level,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void
finding(
    struct doctor *d, const char *check, enum level level, const char *fmt, ...)
{
	static const char *const names[] = {"ok", "warn", "fail"};
	static const char *const colors[] = {LOOK_GREEN, LOOK_YELLOW, LOOK_RED};
	char detail[600];
	json line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	d->is_failed |= level == FAIL;
	if (d->look->is_table) {
		table_str(&d->table, colors[level], names[level]);
		table_str(&d->table, LOOK_PLAIN, check);
		table_str(&d->table, LOOK_PLAIN, detail);
		table_end(&d->table);
		return;
	}
	line = json_set_str(json_object(), "check", check);
	line = json_set_str(line, "status", names[level]);
	line = json_set(line, "detail", json_bytes(detail, strlen(detail)));
	json_dump(line, &d->out);
	buf_addch(&d->out, '\n');
}

static void
check_layout(struct doctor *d, int layout)
{
	if (layout == STATE_LAYOUT)
		finding(d, "layout", OK, "%d", layout);
	else if (layout == 0)
		finding(d, "layout", WARN,
		    "none yet; the first mail makes it: is %s the right "
		    "directory?",
		    d->state->path);
	else if (layout == STATE_RESTORING)
		finding(d, "layout", FAIL,
		    "mail-store restore has not come to its end here: run it "
		    "again");
	else if (layout < STATE_LAYOUT)
		finding(d, "layout", FAIL,
		    "%d is older than this program's %d: run mail-store "
		    "upgrade",
		    layout, STATE_LAYOUT);
	else
		finding(d, "layout", FAIL,
		    "%d is newer than this program's %d: update mailpipe",
		    layout, STATE_LAYOUT);
}

static void
check_permissions(struct doctor *d)
{
	struct stat st;

	if (fstat(d->state->dir, &st) == -1)
		finding(d, "permissions", FAIL, "%s", strerror(errno));
	else if (st.st_uid != geteuid())
		finding(d, "permissions", WARN,
		    "%s belongs to uid %ld and this is uid %ld: all programs "
		    "should run as one user",
		    d->state->path, (long)st.st_uid, (long)geteuid());
	else if ((st.st_mode & 077) != 0)
		finding(d, "permissions", WARN,
		    "others can look into %s (mode %03o): chmod 700",
		    d->state->path, (unsigned)st.st_mode & 0777);
	else
		finding(d, "permissions", OK, "mode %03o",
		    (unsigned)st.st_mode & 0777);
}

static void
check_file_system(struct doctor *d)
{
	struct statfs fs;
	struct err e = ERR_INIT;

	if (fstatfs(d->state->dir, &fs) == -1) {
		finding(d, "file-system", FAIL, "%s", strerror(errno));
		return;
	}
	switch (fs.f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case AFS_SUPER_MAGIC:
	case CODA_SUPER_MAGIC:
		finding(d, "file-system", FAIL,
		    "%s is on a network file system: locks and the database "
		    "are not safe there; use a local disk",
		    d->state->path);
		break;
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		finding(d, "file-system", WARN,
		    "%s is in memory: mail does not survive a restart",
		    d->state->path);
		break;
	default:
		finding(
		    d, "file-system", OK, "type %lx", (unsigned long)fs.f_type);
	}
	if (state_check_space(d->state, &e) == -1)
		finding(d, "space", FAIL, "%s", e.text);
	else
		finding(d, "space", OK, "%llu MiB free",
		    (unsigned long long)fs.f_bavail *
			(unsigned long long)fs.f_bsize / 1048576);
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
	finding(d, "intake", OK, "%lld bytes wait to be drawn", waiting);
	if (fstatat(d->state->dir, "intake/torn", &st, 0) == 0 &&
	    st.st_size > 0)
		finding(d, "torn", WARN,
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
		finding(d, "spool", FAIL, "%s",
		    e.class != ERR_NONE ? e.text : strerror(errno));
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	finding(d, "spool", OK, "%d files", n);
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
		finding(d, "ledger", FAIL, "%s", e.text);
		return;
	}
	finding(d, "ledger", OK, "sound");
	if (late > 0)
		finding(d, "leases", WARN,
		    "%lld leases are over and nobody takes: is cron running "
		    "mail-queue take?",
		    (long long)late);
	else
		finding(d, "leases", OK, "none is over");
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
	finding(d, s->name, OK, "%s", text.data);
	buf_release(&text);
}

static void
check_configuration(struct doctor *d, const struct err *why)
{
	static const struct in_force which = {NULL, false};

	if (d->state->is_config_broken)
		finding(d, "configuration", FAIL, "%s", why->text);
	in_force_each(&d->state->config, &which, show_setting, d);
}

/* The parser works without either, and less safely. */
static void
check_sandbox(struct doctor *d)
{
	struct sandbox_features f = sandbox_probe();

	if (f.has_seccomp && f.landlock_abi > 0)
		finding(d, "sandbox", OK, "seccomp, Landlock ABI %d",
		    f.landlock_abi);
	else if (f.has_seccomp)
		finding(
		    d, "sandbox", OK, "seccomp; this kernel has no Landlock");
	else
		finding(d, "sandbox", WARN,
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

	table_init(
	    &d.table, columns, sizeof columns / sizeof *columns, look, &d.out);
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
	}
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
