/* mail-lock: effects that must happen once.  Manual: man/mail-lock.1 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/jq.h"
#include "core/look.h"
#include "core/option.h"
#include "core/tool.h"
#include "desk/in_force.h"
#include "lock/claim.h"
#include "lock/listing.h"
#include "lock/lock.h"
#include "lock/run.h"
#include "lock/settle.h"
#include "mail/record.h"
#include "store/state.h"

/* 0 and NULL: not given. */
static struct {
	bool is_done, is_once, must_run, is_dry, is_all_tenants;
	const char *key, *prefix, *tenant;
	struct option_word state, form;
	struct string_list ids, tenants;
	int64_t lease_s, ttl_s, count, older_s, newer_s;
} option = {
    .state = {"claimed done uncertain", NULL},
    .form = LOOK_FORM,
};

/* A verb's work on the locks of the state directory: open, work, close. */
typedef int lock_work(
    struct lock_engine *locks, struct state *s, void *ctx, struct err *e);

static int
with_locks(int (*open_state)(struct state *s, struct err *e), lock_work *work,
    void *ctx, struct err *e)
{
	struct lock_engine *locks = NULL;
	struct state state;
	int r = open_state(&state, e);

	if (r == 0) {
		locks = lock_open_configured(&state, e);
		r = locks != NULL ? work(locks, &state, ctx, e) : -1;
	}
	lock_close(locks);
	state_close(&state);
	return r;
}

/* How long it is known what was done. */
static int64_t
ttl_s(const struct state *s)
{
	if (option.ttl_s > 0)
		return option.ttl_s;
	return config_in_duration_s(
	    s->config.root, "limits.lock_ttl_s", LOCK_TTL_S);
}

static int
acquire(struct lock_engine *locks, struct state *s, void *ctx, struct err *e)
{
	struct claiming *c = ctx;
	struct batch b = {.work = claim_batch, .ctx = c, .is_for_reader = true};

	c->locks = locks;
	c->config = &s->config;
	return batch_run(&b, e);
}

static int
run_acquire(int argc, char **argv, struct err *e)
{
	struct claiming c = {.lease_s = option.lease_s};
	int r;

	(void)argc;
	(void)argv;
	if (c.lease_s == 0)
		c.lease_s = LOCK_LEASE_S;
	if (option.key != NULL) {
		c.key = jq_program_open(option.key, e);
		if (c.key == NULL)
			return err_prefix(e, "-k");
	}
	r = with_locks(state_open, acquire, &c, e);
	jq_program_free(c.key);
	return r;
}

static int
settle(struct lock_engine *locks, struct state *s, void *ctx, struct err *e)
{
	struct settling how = {.locks = locks, .ttl_s = ttl_s(s)};
	struct batch b = {.work = settle_batch, .ctx = &how, .linger_ms = 3};

	(void)ctx;
	return batch_run(&b, e);
}

static int
run_settle(int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	/* An outcome must not be lost because a terminal or service stops. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	return with_locks(state_open_anyway, settle, NULL, e);
}

static int
list(struct lock_engine *locks, struct state *s, void *ctx, struct err *e)
{
	struct look look = look_choose(option.form.value);

	(void)s;
	return lock_listing(locks, ctx, &look, e);
}

static int
run_list(int argc, char **argv, struct err *e)
{
	int64_t now = clock_now_ms();
	struct lock_filter f = {
	    .state = -1,
	    .prefix = option.prefix,
	    .tenant = option.tenant,
	    .max = option.count,
	};

	(void)argc;
	(void)argv;
	if (option.state.value != NULL)
		f.state = lock_state_parse(option.state.value);
	if (option.older_s > 0)
		f.before = now - option.older_s * 1000;
	if (option.newer_s > 0)
		f.after = now - option.newer_s * 1000;
	return with_locks(state_open, list, &f, e);
}

static void
report_released(const struct lock_release *r)
{
	const char *what = r->key != NULL ? r->key : r->id;
	struct err e = ERR_INIT;

	if (r->released == 0 && r->state == LOCK_FREE) {
		tool_say("%.200s: no such lock", what);
	} else if (r->released == 0) {
		err_set(
		    &e, ERR_DATA, "%.200s: no lock to be marked as done", what);
		tool_failed(&e);
	} else {
		tool_verbose("%.200s: %lld %s", what, (long long)r->released,
		    r->state == LOCK_DONE ? "marked as done" : "released");
	}
}

static int
release(struct lock_engine *locks, struct state *s, void *ctx, struct err *e)
{
	char **keys = ctx;
	struct lock_release *all;
	struct buf result = BUF_INIT;
	int64_t now = clock_now_ms();
	size_t n = 0;
	int r;

	while (keys[n] != NULL)
		n++;
	all = xcalloc(n + option.ids.n, sizeof *all);
	json_dump(record_result(
		      "ok", "mail-lock", -1, NULL, "marked as done by hand"),
	    &result);
	for (size_t i = 0; i < n + option.ids.n; i++)
		all[i] = (struct lock_release){
		    .key = i < n ? keys[i] : NULL,
		    .id = i < n ? NULL : option.ids.items[i - n],
		    .state = option.is_done ? LOCK_DONE : LOCK_FREE,
		    .until = now + ttl_s(s) * 1000,
		    .result = result.data,
		    .result_len = result.len,
		};
	n += option.ids.n;
	r = locks->ops->release(locks, all, n, now, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		report_released(&all[i]);
	buf_release(&result);
	free(all);
	return r;
}

static int
run_release(int argc, char **argv, struct err *e)
{
	if (argc == 0 && option.ids.n == 0)
		return err_set(e, ERR_USAGE,
		    "which lock? name its KEY, or with --id who holds it");
	return with_locks(state_open, release, argv, e);
}

static int
run_it(struct lock_engine *locks, struct state *s, void *ctx, struct err *e)
{
	struct lock_run *how = ctx;

	how->ttl_s = ttl_s(s);
	return lock_run(locks, how, e);
}

static int
run_run(int argc, char **argv, struct err *e)
{
	struct lock_run how = {
	    .key = argv[0],
	    .argv = argv + 1,
	    .lease_s = option.lease_s > 0 ? option.lease_s : LOCK_RUN_LEASE_S,
	    .is_once = option.is_once,
	    .must_run = option.must_run,
	};

	if (strcmp(argv[1], "--") == 0) {
		how.argv++;
		if (argc == 2)
			return err_set(e, ERR_USAGE, "run which COMMAND?");
	}
	if (how.key[0] == '\0' || strlen(how.key) > LOCK_KEY_MAX)
		return err_set(
		    e, ERR_USAGE, "a KEY is 1 to %d bytes long", LOCK_KEY_MAX);
	return with_locks(state_open, run_it, &how, e);
}

static int
run_bare(int argc, char **argv, struct err *e)
{
	struct in_force which = {&option.tenants, option.is_all_tenants};
	struct look look = look_choose(option.form.value);

	(void)argc;
	(void)argv;
	if (!option.is_dry)
		return err_set(e, ERR_USAGE,
		    "which verb? (-n alone shows what is in force); see "
		    "mail-lock -h");
	return in_force_write(&which, &look, e);
}

static const struct option_row acquire_options[] = {
    {'k', NULL, "JQ", "jq program whose string is the key", OPTION_STRING,
	&option.key, 0, 0},
    {'l', NULL, "DURATION", "when others may take the claim over (1d)",
	OPTION_DURATION, &option.lease_s, 1, 31536000},
    {0},
};

static const struct option_row settle_options[] = {
    {0, "ttl", "DURATION", "know so long what was done (14d)", OPTION_DURATION,
	&option.ttl_s, 1, 3153600000},
    {0},
};

static const struct option_row list_options[] = {
    {'s', NULL, "STATE", "only in this state", OPTION_WORD, &option.state, 0,
	0},
    {0, "prefix", "TEXT", "only keys that begin so", OPTION_STRING,
	&option.prefix, 0, 0},
    {'t', NULL, "TENANT", "only of this tenant", OPTION_STRING, &option.tenant,
	0, 0},
    {'c', NULL, "N", "at most N", OPTION_NUMBER, &option.count, 1, 0},
    {0, "older", "DURATION", "in its state for longer", OPTION_DURATION,
	&option.older_s, 0, 0},
    {0, "newer", "DURATION", "in its state since", OPTION_DURATION,
	&option.newer_s, 0, 0},
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row release_options[] = {
    {0, "id", "ID", "the locks that this record holds", OPTION_LIST,
	&option.ids, 0, 0},
    {0, "done", NULL, "mark it as done instead", OPTION_FLAG, &option.is_done,
	0, 0},
    {0, "ttl", "DURATION", "with --done: know it so long (14d)",
	OPTION_DURATION, &option.ttl_s, 1, 3153600000},
    {0},
};

static const struct option_row run_options[] = {
    {0, "once", NULL, "what has ended well is not run again", OPTION_FLAG,
	&option.is_once, 0, 0},
    {0, "ttl", "DURATION", "with --once: not within so long (14d)",
	OPTION_DURATION, &option.ttl_s, 1, 3153600000},
    {'l', NULL, "DURATION", "free so long after we were killed (120)",
	OPTION_DURATION, &option.lease_s, 3, 86400},
    {0, "must-run", NULL, "exit 75 when another holds the lock", OPTION_FLAG,
	&option.must_run, 0, 0},
    {0},
};

static const struct option_row bare_options[] = {
    {'n', NULL, NULL, "do nothing but show what is in force", OPTION_FLAG,
	&option.is_dry, 0, 0},
    {'t', NULL, "TENANT", "with the settings of this tenant", OPTION_LIST,
	&option.tenants, 0, 0},
    {0, "tenants", NULL, "with those of all tenants", OPTION_FLAG,
	&option.is_all_tenants, 0, 0},
    LOOK_ROW(&option.form),
    {0},
};

static const struct verb verbs[] = {
    {"acquire", "", "claim the effect of each record, or say who had it",
	acquire_options,
	"  mail-queue take -1 inbound | mail-lock acquire | "
	"mail-dispatch -- ./handler |\n"
	"      mail-lock settle | mail-queue settle\n",
	run_acquire, 0, 0, false},
    {"settle", "", "write down what became of the effects", settle_options,
	NULL, run_settle, 0, 0, false},
    {"list", "", "the locks, oldest first", list_options,
	"  mail-lock list -s uncertain\n", run_list, 0, 0, false},
    {"release", "[KEY]...", "free a lock by hand, or mark it as done",
	release_options, NULL, run_release, 0, -1, false},
    {"run", "KEY [--] COMMAND [ARG]...",
	"run a command, one at a time or once only", run_options,
	"  mail-lock run nightly -- ./nightly\n", run_run, 2, -1, false},
    {0},
};

static const struct verb bare = {
    .operands = "",
    .summary = "Show which settings are in force, and where they come from.",
    .options = bare_options,
    .run = run_bare,
};

static const struct tool tool = {
    .name = "mail-lock",
    .summary = "Effects that must happen once.",
    .verbs = verbs,
    .bare = &bare,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
