/* mail-queue: mail that waits for work.  Manual: man/mail-queue.1 */
#include <signal.h>
#include <string.h>

#include "core/batch.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/option.h"
#include "core/tool.h"
#include "desk/dropping.h"
#include "desk/in_force.h"
#include "desk/listing.h"
#include "queue/enqueue.h"
#include "queue/gate.h"
#include "queue/outcome.h"
#include "queue/pause.h"
#include "queue/taker.h"

static struct {
	bool is_echo, is_empty_fine, is_single, is_follow, is_dry, is_all;
	bool is_all_tenants;
	const char *at, *tenant, *until, *reason, *route;
	struct option_word state, form;
	struct string_list ids, keys, prefixes, tenants;
	int64_t deadline_s, lease_s, window, count, wait_s;
	int64_t older_s, newer_s;
} option = {
    .deadline_s = 120,
    .lease_s = TAKER_LEASE_S,
    .state = {LISTING_STATES, NULL},
    .form = LOOK_FORM,
};

static int
check_queue_name(const char *name, struct err *e)
{
	if (name_valid(name, strlen(name)))
		return 0;
	return err_set(e, ERR_USAGE,
	    "a queue's name is 1 to %d of A-Z a-z 0-9 . _ -, a letter or digit "
	    "first, not \"%.70s\"",
	    NAME_MAX_LEN, name);
}

static int
put(struct queue *q, void *ctx, struct err *e)
{
	struct enqueue *p = ctx;
	struct batch b = {
	    .work = enqueue_batch,
	    .ctx = p,
	    .progress = "queued",
	    .is_silent = !p->is_echo,
	    .deadline_s = option.deadline_s,
	};
	int r;

	p->queue = q;
	r = batch_run(&b, e);
	if (r == 0)
		r = gate_close(
		    &p->gate, b.is_empty && !option.is_empty_fine, e);
	gate_release(&p->gate);
	return r;
}

static int
run_put(int argc, char **argv, struct err *e)
{
	struct enqueue p = {.name = argv[0], .is_echo = option.is_echo};

	(void)argc;
	if (check_queue_name(p.name, e) == -1 ||
	    (option.at != NULL && clock_parse(option.at, &p.ready_at, e) == -1))
		return -1;
	return queue_with(put, &p, e);
}

static int
take(struct queue *q, void *ctx, struct err *e)
{
	if (state_sweep_spool(q->state, e) == -1)
		return -1;
	return taker_run(q, ctx, e);
}

static int
run_take(int argc, char **argv, struct err *e)
{
	struct taker how = {
	    .queue = argv[0],
	    .window = option.window,
	    .lease_s = option.lease_s,
	    .count = option.count,
	    .wait_s = option.is_follow ? -1 : option.wait_s,
	    .is_single = option.is_single,
	};

	(void)argc;
	/* Who wants so many and ends at once wants them unsettled. */
	if (how.window == 0)
		how.window =
		    how.count > TAKER_WINDOW ? how.count : TAKER_WINDOW;
	if (check_queue_name(how.queue, e) == -1)
		return -1;
	return queue_with(take, &how, e);
}

static int
settle(struct queue *q, void *ctx, struct err *e)
{
	struct outcome o = {.queue = q, .is_echo = option.is_echo};
	struct batch b = {.work = outcome_batch, .ctx = &o, .linger_ms = 3};

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
	return queue_with_anyway(settle, NULL, e);
}

static int
stats(struct queue *q, void *ctx, struct err *e)
{
	struct look look = look_choose(option.form.value);

	return listing_stats(q, ctx, &look, e);
}

static int
run_stats(int argc, char **argv, struct err *e)
{
	if (argc > 0 && check_queue_name(argv[0], e) == -1)
		return -1;
	return queue_with(stats, argc > 0 ? argv[0] : NULL, e);
}

static struct listing
listing_of(const char *queue)
{
	return (struct listing){
	    .queue = queue,
	    .state = option.state.value,
	    .tenant = option.tenant,
	    .older_s = option.older_s,
	    .newer_s = option.newer_s,
	    .count = option.count,
	};
}

static int
list(struct queue *q, void *ctx, struct err *e)
{
	struct look look = look_choose(option.form.value);

	return listing_rows(q, ctx, &look, e);
}

static int
run_list(int argc, char **argv, struct err *e)
{
	struct listing how = listing_of(argv[0]);

	(void)argc;
	if (check_queue_name(argv[0], e) == -1)
		return -1;
	return queue_with(list, &how, e);
}

static int
pause_queue(struct queue *q, void *ctx, struct err *e)
{
	struct look look = look_choose(option.form.value);
	int64_t until = 0;

	if (ctx == NULL)
		return pause_list(q, &look, e);
	if (option.until != NULL && clock_parse(option.until, &until, e) == -1)
		return err_prefix(e, "--until");
	return pause_set(q, ctx, option.tenant, until, option.reason, e);
}

static int
check_place(const char *queue, struct err *e)
{
	const char *t = option.tenant;

	if (queue != NULL && check_queue_name(queue, e) == -1)
		return -1;
	if (t != NULL && !name_valid(t, strlen(t)))
		return err_set(e, ERR_USAGE, "-t: not a tenant: \"%.70s\"", t);
	return 0;
}

static int
run_pause(int argc, char **argv, struct err *e)
{
	const char *queue = argc > 0 ? argv[0] : NULL;

	if (check_place(queue, e) == -1)
		return -1;
	if (queue == NULL && (option.tenant != NULL || option.until != NULL ||
				 option.reason != NULL))
		return err_set(e, ERR_USAGE, "which queue?");
	return queue_with(pause_queue, argc > 0 ? argv[0] : NULL, e);
}

static int
resume(struct queue *q, void *ctx, struct err *e)
{
	if (option.route != NULL)
		return pause_end_route(q, ctx, option.route, e);
	return pause_end(q, ctx, option.tenant, e);
}

static int
run_resume(int argc, char **argv, struct err *e)
{
	(void)argc;
	if (check_place(argv[0], e) == -1)
		return -1;
	if (option.route != NULL && option.tenant != NULL)
		return err_set(
		    e, ERR_USAGE, "resume what: -t or --route, not both");
	return queue_with(resume, argv[0], e);
}

static int
drop(struct queue *q, void *ctx, struct err *e)
{
	return dropping_run(q, ctx, e);
}

static int
run_drop(int argc, char **argv, struct err *e)
{
	struct dropping how = {
	    .filter = listing_of(argv[0]),
	    .ids = option.ids,
	    .keys = option.keys,
	    .prefixes = option.prefixes,
	    .reason = option.reason,
	    .is_dry = option.is_dry,
	    .is_echo = option.is_echo,
	};

	(void)argc;
	if (check_place(argv[0], e) == -1)
		return -1;
	/* Every key begins with it. */
	for (size_t i = 0; i < how.prefixes.n; i++)
		if (how.prefixes.items[i][0] == '\0')
			return err_set(e, ERR_USAGE,
			    "--key-prefix: it is empty; --all is all that "
			    "waits in the queue");
	if (!option.is_all && how.ids.n == 0 && how.keys.n == 0 &&
	    how.prefixes.n == 0 && how.filter.tenant == NULL &&
	    how.filter.state == NULL && how.filter.older_s == 0 &&
	    how.filter.newer_s == 0)
		return err_set(e, ERR_USAGE,
		    "drop which mail? choose with -i, -k, --key-prefix, -t, "
		    "-s, --older or "
		    "--newer; --all is all that waits in the queue");
	return queue_with(drop, &how, e);
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
		    "mail-queue -h");
	return in_force_write(&which, &look, e);
}

static const struct option_row put_options[] = {
    {'a', NULL, "TIME", "ready not before TIME", OPTION_STRING, &option.at, 0,
	0},
    {'e', NULL, NULL, "write the records to stdout, with a result", OPTION_FLAG,
	&option.is_echo, 0, 0},
    {'E', NULL, NULL, "no record at all is fine", OPTION_FLAG,
	&option.is_empty_fine, 0, 0},
    {0, "deadline", "DURATION", "give up after so long without input; 0: never",
	OPTION_DURATION, &option.deadline_s, 0, 86400},
    {0},
};

static const struct option_row take_options[] = {
    {'1', NULL, NULL, "end at once when such a take is running (cron)",
	OPTION_FLAG, &option.is_single, 0, 0},
    {'c', NULL, "N", "take N and end at once", OPTION_NUMBER, &option.count, 1,
	0},
    {'n', NULL, "N", "at most N unsettled at a time (32)", OPTION_NUMBER,
	&option.window, 1, 100000},
    {'l', NULL, "DURATION", "length of a lease (120)", OPTION_DURATION,
	&option.lease_s, 1, 86400},
    {'w', NULL, "DURATION", "wait so long for mail", OPTION_DURATION,
	&option.wait_s, 0, 0},
    {'F', NULL, NULL, "wait for ever", OPTION_FLAG, &option.is_follow, 0, 0},
    {0},
};

static const struct option_row settle_options[] = {
    {'e', NULL, NULL, "write the records to stdout", OPTION_FLAG,
	&option.is_echo, 0, 0},
    {0},
};

static const struct option_row list_options[] = {
    {'s', NULL, "STATE", "only in this state", OPTION_WORD, &option.state, 0,
	0},
    {'t', NULL, "TENANT", "only of this tenant", OPTION_STRING, &option.tenant,
	0, 0},
    {'c', NULL, "N", "at most N", OPTION_NUMBER, &option.count, 1, 0},
    {0, "older", "DURATION", "stored longer ago", OPTION_DURATION,
	&option.older_s, 0, 0},
    {0, "newer", "DURATION", "stored since", OPTION_DURATION, &option.newer_s,
	0, 0},
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row stats_options[] = {
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row pause_options[] = {
    {'t', NULL, "TENANT", "only mail of this tenant", OPTION_STRING,
	&option.tenant, 0, 0},
    {0, "until", "TIME", "resume by itself then (+2h, RFC 3339, @epoch)",
	OPTION_STRING, &option.until, 0, 0},
    {0, "reason", "TEXT", "why, for those who look", OPTION_STRING,
	&option.reason, 0, 0},
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row resume_options[] = {
    {'t', NULL, "TENANT", "the tenant that was paused in it", OPTION_STRING,
	&option.tenant, 0, 0},
    {0, "route", "ROUTE", "the route whose breaker is open", OPTION_STRING,
	&option.route, 0, 0},
    {0},
};

static const struct option_row drop_options[] = {
    {'i', NULL, "ID", "this mail", OPTION_LIST, &option.ids, 0, 0},
    {'k', NULL, "KEY", "mail whose record has this key", OPTION_LIST,
	&option.keys, 0, 0},
    {0, "key-prefix", "TEXT", "mail whose key begins with this", OPTION_LIST,
	&option.prefixes, 0, 0},
    {'t', NULL, "TENANT", "only of this tenant", OPTION_STRING, &option.tenant,
	0, 0},
    {'s', NULL, "STATE", "only in this state", OPTION_WORD, &option.state, 0,
	0},
    {'c', NULL, "N", "at most N", OPTION_NUMBER, &option.count, 1, 0},
    {0, "older", "DURATION", "stored longer ago", OPTION_DURATION,
	&option.older_s, 0, 0},
    {0, "newer", "DURATION", "stored since", OPTION_DURATION, &option.newer_s,
	0, 0},
    {0, "all", NULL, "all that waits in the queue", OPTION_FLAG, &option.is_all,
	0, 0},
    {0, "reason", "TEXT", "why, for the history", OPTION_STRING, &option.reason,
	0, 0},
    {'n', NULL, NULL, "only print the ids of what would be dropped",
	OPTION_FLAG, &option.is_dry, 0, 0},
    {'e', NULL, NULL, "print the ids of what was dropped", OPTION_FLAG,
	&option.is_echo, 0, 0},
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
    {"put", "QUEUE", "queue the records on stdin; 0 is a receipt", put_options,
	"  mail-ingest -t ne-001 <mail | mail-store put | "
	"mail-queue put inbound || exit 75\n",
	run_put, 1, 1, true},
    {"take", "QUEUE", "lease ready mails and write their records", take_options,
	"  mail-queue take -1 inbound | mail-lock acquire | "
	"mail-dispatch -- ./handler |\n"
	"      mail-lock settle | mail-queue settle\n",
	run_take, 1, 1, false},
    {"settle", "", "write down the results of the records on stdin",
	settle_options, NULL, run_settle, 0, 0, false},
    {"stats", "[QUEUE]", "how many mails are in which state", stats_options,
	NULL, run_stats, 0, 1, false},
    {"list", "QUEUE", "the records of a queue, oldest first", list_options,
	"  mail-queue list -s dead inbound | jq -r '[.id,.last.reason]|@tsv'\n",
	run_list, 1, 1, false},
    {"pause", "[QUEUE]",
	"take nothing from a queue, or of one tenant in it; without QUEUE: "
	"what is paused",
	pause_options,
	"  mail-queue pause -t ne-001 --until +2h --reason 'moving' inbound\n",
	run_pause, 0, 1, false},
    {"resume", "QUEUE", "take from it again", resume_options, NULL, run_resume,
	1, 1, false},
    {"drop", "QUEUE", "mail that waits is dropped, with a word in its history",
	drop_options, "  mail-queue drop -k campaign-7 outbound\n", run_drop, 1,
	1, false},
    {0},
};

static const struct verb bare = {
    .operands = "",
    .summary = "Show which settings are in force, and where they come from.",
    .options = bare_options,
    .run = run_bare,
};

static const struct tool tool = {
    .name = "mail-queue",
    .summary = "Mail that waits for work, is leased, or is done.",
    .verbs = verbs,
    .bare = &bare,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
