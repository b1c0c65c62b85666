/* mail-queue: mail that waits for work.  Manual: man/mail-queue.1 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/id.h"
#include "core/json.h"
#include "core/tool.h"
#include "mail/record.h"
#include "queue/draw.h"
#include "queue/gate.h"
#include "queue/listing.h"
#include "queue/queue.h"
#include "queue/receive.h"
#include "queue/taker.h"

static struct {
	bool is_echo, is_empty_fine, is_single, is_follow;
	const char *at, *state, *tenant;
	int64_t deadline_s, lease_s, window, count, wait_s;
	int64_t older_s, newer_s;
} option = {
    .deadline_s = 120,
    .lease_s = TAKER_LEASE_S,
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

struct putting {
	struct queue queue;
	struct gate gate;
	const char *name;
	int64_t ready_at;
};

/* One record fails, its neighbours do not. */
static void
refuse(struct batch_item *item, struct err *bad)
{
	item->fate = BATCH_FAILED;
	err_prefix(bad, "line %zu", item->line_no);
	tool_failed(bad);
}

static int
put_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	struct putting *p = ctx;
	json *recs = xcalloc(n, sizeof *recs);
	struct err *errs = xcalloc(n, sizeof *errs);
	size_t *items_of = xcalloc(n, sizeof *items_of);
	size_t m = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct err bad = ERR_INIT;

		items[i].fate = option.is_echo ? BATCH_EMIT : BATCH_SWALLOW;
		if (gate_check(&p->gate, &items[i].rec, &bad) == 0) {
			recs[m] = items[i].rec; /* borrowed */
			items_of[m++] = i;
		} else {
			refuse(&items[i], &bad);
		}
	}
	r = queue_put(&p->queue, recs, errs, m, p->name, p->ready_at, e);
	for (size_t i = 0; r == 0 && i < m; i++)
		if (errs[i].class != ERR_NONE)
			refuse(&items[items_of[i]], &errs[i]);
	free(items_of);
	free(errs);
	free(recs);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (items[i].fate == BATCH_EMIT)
			items[i].rec = json_set(items[i].rec, "result",
			    record_result("ok", "mail-queue", -1, NULL, NULL));
	return r;
}

static int
run_put(int argc, char **argv, struct err *e)
{
	struct putting p = {.name = argv[0]};
	struct batch b = {
	    .work = put_batch, .ctx = &p, .deadline_s = option.deadline_s};
	struct state state;
	int r;

	(void)argc;
	if (check_queue_name(p.name, e) == -1 ||
	    (option.at != NULL && clock_parse(option.at, &p.ready_at, e) == -1))
		return -1;
	r = state_open(&state, e);
	queue_init(&p.queue, &state);
	if (r == 0)
		r = batch_run(&b, e);
	if (r == 0)
		r = gate_close(&p.gate, b.is_empty && !option.is_empty_fine, e);
	gate_release(&p.gate);
	queue_close(&p.queue);
	state_close(&state);
	return r;
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
	struct state state;
	struct queue queue;
	int r;

	(void)argc;
	/* Who wants so many and ends at once wants them unsettled. */
	if (how.window == 0)
		how.window =
		    how.count > TAKER_WINDOW ? how.count : TAKER_WINDOW;
	if (check_queue_name(how.queue, e) == -1)
		return -1;
	r = state_open(&state, e);
	queue_init(&queue, &state);
	if (r == 0)
		r = state_sweep_spool(&state, e);
	if (r == 0)
		r = taker_run(&queue, &how, e);
	queue_close(&queue);
	state_close(&state);
	return r;
}

/* One record's outcome, as the ledger wants it.  text keeps the result. */
static int
read_outcome(json rec, struct mail_settle *s, struct buf *text, struct err *e)
{
	json result;
	const char *status = record_status(rec), *stage;
	int r = queue_lease(rec, &s->lease, e);

	if (r == 0)
		return err_set(e, ERR_DATA,
		    "%s: no lease: only what mail-queue take gave out can be "
		    "settled",
		    record_id(rec));
	if (r == -1 || !record_has_result(rec))
		return r == -1 ? -1 : 0;
	r = status != NULL ? mail_status_parse(status) : -1;
	if (r == -1)
		return err_set(e, ERR_DATA,
		    "%s: result.status must be one of ok retry snooze skip "
		    "fail uncertain",
		    record_id(rec));
	s->status = (enum mail_status)r;
	result = json_member(rec, "result", JSON_OBJECT);
	stage = json_str(result, "stage");
	s->stage = stage != NULL && name_valid(stage, strlen(stage))
		       ? stage
		       : "unknown";
	s->after_ms =
	    json_int(result, "after_s", s->status == STATUS_SNOOZE ? 60 : 0) *
	    1000;
	if (s->after_ms < 0)
		s->after_ms = 0;
	json_dump(result, text);
	return 0;
}

static void
say_unusual(const struct mail_settle *s)
{
	struct err e = ERR_INIT;

	if (s->is_unknown) {
		err_set(&e, ERR_DATA, "%s: no such mail in the ledger",
		    s->lease.id);
		tool_failed(&e);
	} else if (s->is_stale) {
		tool_say("%s: its lease was over; the history has this result",
		    s->lease.id);
	}
}

static int
settle_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	struct mail_settle *settles = xcalloc(n, sizeof *settles);
	struct buf *texts = xcalloc(n, sizeof *texts);
	size_t m = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct err bad = ERR_INIT;
		struct mail_settle *s = &settles[m];

		items[i].fate = option.is_echo ? BATCH_EMIT : BATCH_SWALLOW;
		if (record_check(items[i].rec, &bad) == -1 ||
		    read_outcome(items[i].rec, s, &texts[m], &bad) == -1) {
			refuse(&items[i], &bad);
			*s = (struct mail_settle){0};
			continue;
		}
		if (s->status != STATUS_NONE) {
			s->result = texts[m].data;
			s->result_len = texts[m].len;
		}
		m++;
	}
	r = queue_settle(ctx, settles, m, e);
	for (size_t i = 0; r == 0 && i < m; i++)
		say_unusual(&settles[i]);
	for (size_t i = 0; i < n; i++)
		buf_release(&texts[i]);
	free(texts);
	free(settles);
	return r;
}

static int
run_settle(int argc, char **argv, struct err *e)
{
	struct queue queue;
	struct batch b = {.work = settle_batch, .ctx = &queue};
	struct state state;
	int r;

	(void)argc;
	(void)argv;
	/* An outcome must not be lost because a terminal or service stops. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	r = state_open(&state, e);
	queue_init(&queue, &state);
	if (r == 0)
		r = batch_run(&b, e);
	queue_close(&queue);
	state_close(&state);
	return r;
}

static int
run_stats(int argc, char **argv, struct err *e)
{
	struct state state;
	struct queue queue;
	int r;

	if (argc > 0 && check_queue_name(argv[0], e) == -1)
		return -1;
	r = state_open(&state, e);
	queue_init(&queue, &state);
	if (r == 0)
		r = listing_stats(&queue, argc > 0 ? argv[0] : NULL, e);
	queue_close(&queue);
	state_close(&state);
	return r;
}

static int
run_list(int argc, char **argv, struct err *e)
{
	struct listing how = {
	    .queue = argv[0],
	    .state = option.state,
	    .tenant = option.tenant,
	    .older_s = option.older_s,
	    .newer_s = option.newer_s,
	    .count = option.count,
	};
	struct state state;
	struct queue queue;
	int r;

	(void)argc;
	if (check_queue_name(argv[0], e) == -1)
		return -1;
	r = state_open(&state, e);
	queue_init(&queue, &state);
	if (r == 0)
		r = listing_rows(&queue, &how, e);
	queue_close(&queue);
	state_close(&state);
	return r;
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
    {'s', NULL, "STATE", "only in this state", OPTION_STRING, &option.state, 0,
	0},
    {'t', NULL, "TENANT", "only of this tenant", OPTION_STRING, &option.tenant,
	0, 0},
    {'c', NULL, "N", "at most N", OPTION_NUMBER, &option.count, 1, 0},
    {0, "older", "DURATION", "stored longer ago", OPTION_DURATION,
	&option.older_s, 0, 0},
    {0, "newer", "DURATION", "stored since", OPTION_DURATION, &option.newer_s,
	0, 0},
    {0},
};

static const struct option_row no_options[] = {{0}};

static const struct verb verbs[] = {
    {"put", "QUEUE", "queue the records on stdin; 0 is a receipt", put_options,
	"  mail-ingest -t ne-001 <mail | mail-store put | "
	"mail-queue put inbound || exit 75\n",
	run_put, 1, 1, true},
    {"take", "QUEUE", "lease ready mails and write their records", take_options,
	"  mail-queue take -1 inbound | mail-dispatch -- ./handler | "
	"mail-queue settle\n",
	run_take, 1, 1, false},
    {"settle", "", "write down the results of the records on stdin",
	settle_options, NULL, run_settle, 0, 0, false},
    {"stats", "[QUEUE]", "how many mails are in which state", no_options, NULL,
	run_stats, 0, 1, false},
    {"list", "QUEUE", "the records of a queue, oldest first", list_options,
	"  mail-queue list -s dead inbound | jq -r '[.id,.last.reason]|@tsv'\n",
	run_list, 1, 1, false},
    {0},
};

static const struct tool tool = {
    .name = "mail-queue",
    .summary = "Mail that waits for work, is leased, or is done.",
    .verbs = verbs,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
