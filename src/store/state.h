/*
 * The state directory: where everything of the embedded engine lives.
 *
 *   layout        the number of this layout; a program that knows another says
 *                 so and exits 75, only `mail-store upgrade` changes it
 *   blobs/        stored bytes, blobs/YYYY/MM/DD/ID.PART
 *   spool/        content on its way between programs
 *   intake/       received, not yet drawn into mail.db (queue/intake.h)
 *   mail.db       the ledger; mail.lock is taken round each transaction
 *   lock.db       effects that must happen once (lock/lock.h), and how many may
 *                 happen in a time (lock/rate.h)
 *   take/         one lock file for each `mail-queue take -1`
 *   retry/        and for each `mail-retry due`
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include <stdbool.h>

#include "core/config.h"
#include "core/err.h"
#include "store/seal_keys.h"

enum {
	STATE_LAYOUT = 3,
	STATE_RESTORING =
	    -1, /* in the place of a layout: it is not all there */
};

#define STATE_DEFAULT "/var/lib/mailpipe"

struct state {
	char *path;
	int dir;
	struct config config;
	bool is_config_broken; /* only what state_open_broken let through */
	struct seal_keys keys; /* as far as they were needed */
};

/* Which directory, and who says so. */
enum state_by {
	STATE_BY_OPTION,
	STATE_BY_ENVIRONMENT,
	STATE_BY_FILE,
	STATE_BY_DEFAULT,
};
struct state_place {
	const char *path; /* borrowed, from c too */
	enum state_by by;
};
struct state_place state_place(const struct config *c);

/*
 * Open the directory named by -d, $MAILPIPE_STATE, the configuration or
 * /var/lib/mailpipe; make it when it is missing.  Loads the configuration.
 * ERR_TEMP, also while it is being upgraded: until it is closed, it is shared
 * (store/exclusive.h).
 */
int state_open(struct state *s, struct err *e);

/*
 * The same for what must go on while the configuration is broken, since it
 * writes down what has happened: it says so on stderr, and uses "state" and
 * "engines" of the file as far as they are good.  A directory that is not there
 * is not made then.
 */
int state_open_anyway(struct state *s, struct err *e);

void state_close(struct state *s);

/*
 * The same, whatever layout it finds: the number read is left in *layout (0:
 * none yet).  For upgrade: it waits for another one to end.
 */
int state_open_any(struct state *s, int *layout, struct err *e);

/* The same, also when the configuration is broken: *why is set then. */
int state_open_broken(
    struct state *s, int *layout, struct err *why, struct err *e);

/* 0 when there is none: a directory that was just made. */
int state_read_layout(struct state *s, int *layout, struct err *e);

/* For upgrade: a new directory becomes one, another has this layout now. */
int state_create(struct state *s, struct err *e);
int state_set_layout(struct state *s, int layout, struct err *e);
/* The layout file of a directory that is being restored; nobody works in it. */
int state_set_restoring(struct state *s, struct err *e);
int state_newer_layout(const struct state *s, int layout, struct err *e);

/*
 * Refuse (ERR_TEMP) new mail when too little disk is left to settle what is
 * here: below limits.reserve_bytes (default: 2 % of the file system, at most
 * 64 MiB).
 */
int state_check_space(const struct state *s, struct err *e);

/*
 * For what may run once at a time: lock the file DIR/NAME, made when it is
 * missing, until *fd is closed.  1, 0 another process has it, -1 ERR_TEMP; *fd
 * is -1, or to be closed, whatever comes.
 */
int state_lock(
    struct state *s, const char *dir, const char *name, int *fd, struct err *e);

/*
 * A new file in spool/, open for writing; *path ("spool/…", relative to the
 * state directory) is the caller's to free.
 */
int state_spool_create(struct state *s, char **path, struct err *e);

/*
 * Open a file that a record names: beneath spool/ and nowhere else.  The
 * descriptor, or -1; class ERR_DATA for a path that points elsewhere.
 */
int state_spool_open(struct state *s, const char *path, struct err *e);

/*
 * Remove what killed programs left in spool/ more than a day ago; no line of
 * programs lives that long.
 */
int state_sweep_spool(struct state *s, struct err *e);

/* The keys of its configuration (store/seal_keys.h). */
int state_public(
    struct state *s, const struct seal_public **out, struct err *e);
int state_ring(struct state *s, const struct seal_ring **out, struct err *e);

/* An unnamed file in spool/, for bytes that only need a descriptor. */
int state_spool_anonymous(struct state *s, struct err *e);

#endif
