/* mail-retry: the way back into the queue.  Manual: man/mail-retry.1 */
#include <string.h>

#include "core/id.h"
#include "core/look.h"
#include "core/option.h"
#include "core/schedule.h"
#include "core/tool.h"
#include "desk/listing.h"
#include "queue/engines.h"
#include "retry/again.h"
#include "retry/due.h"
#include "retry/pace.h"

enum {
	STRANDED_S = 2 * 3600,
};

static struct {
	const char *schedule, *jq, *rate, *tenant, *queue, *reason, *matching;
	struct option_word class, form;
	int64_t max, age_s, budget_s, older_s, newer_s, count;
	bool is_dry, is_echo, is_now, is_all, is_edited;
	bool is_again, is_done, is_fail;
} option = {
    .class = {"handler time-out throttle network credentials configuration "
	      "storage interrupted",
	NULL},
    .form = LOOK_FORM,
};

static int
check_name(const char *what, const char *name, struct err *e)
{
	if (name == NULL || name_valid(name, strlen(name)))
		return 0;
	return err_set(e, ERR_USAGE, "not a %s: \"%.70s\"", what, name);
}

static int
make_pace(struct pace *p, struct err *e)
{
	p->budget_ms = option.budget_s * 1000;
	return option.rate != NULL ? pace_parse(p, option.rate, e) : 0;
}

static struct choice
make_choice(int argc, char **argv)
{
	return (struct choice){
	    .which = {.queue = option.queue,
		.tenant = option.tenant,
		.older_s = option.older_s,
		.newer_s = option.newer_s,
		.count = option.count},
	    .ids = argv,
	    .n_ids = (size_t)argc,
	    .class = option.class.value,
	    .matching = option.matching,
	    .jq = option.jq,
	};
}

static int
check_names(const char *queue, struct err *e)
{
	if (check_name("queue", queue, e) == -1 ||
	    check_name("queue", option.queue, e) == -1)
		return -1;
	return check_name("tenant", option.tenant, e);
}

static int
due(struct queue *q, void *ctx, struct err *e)
{
	return due_run(q, ctx, e);
}

static int
run_due(int argc, char **argv, struct err *e)
{
	struct due how = {
	    .queue = argv[0],
	    .choice = make_choice(0, NULL),
	    .rules = {.schedule = option.schedule,
		.max = option.max,
		.age_s = option.age_s,
		.is_now = option.is_now},
	    .is_dry = option.is_dry,
	    .is_echo = option.is_echo,
	    .look = look_choose(option.form.value),
	};

	(void)argc;
	how.has_sum = option.form.value != NULL ||
		      (how.look.is_table && !how.is_dry && !how.is_echo);
	if (check_names(argv[0], e) == -1 || make_pace(&how.pace, e) == -1)
		return -1;
	if (option.schedule != NULL && schedule_check(option.schedule, e) == -1)
		return err_prefix(e, "-s");
	return queue_with(due, &how, e);
}

static int
again(struct queue *q, void *ctx, struct err *e)
{
	return again_run(q, ctx, e);
}

static int
edited(struct queue *q, void *ctx, struct err *e)
{
	return again_edited(q, ctx, e);
}

static struct again
make_again(int argc, char **argv, enum mail_state from, const char *stage)
{
	return (struct again){
	    .choice = make_choice(argc, argv),
	    .from = from,
	    .to = MAIL_READY,
	    .stage = stage,
	    .reason = option.reason,
	    .is_dry = option.is_dry,
	    .is_echo = option.is_echo,
	};
}

/* Nobody should mean all by leaving something out. */
static int
check_chosen(const struct choice *c, struct err *e)
{
	if (option.is_all || choice_is_made(c))
		return 0;
	return err_set(e, ERR_USAGE,
	    "which mails? name their ids, or choose with -t, -q, -j, --class, "
	    "--matching, --older or --newer; --all is all of them");
}

static int
run_revive(int argc, char **argv, struct err *e)
{
	struct again how = make_again(argc, argv, MAIL_DEAD, ":revived");

	if (check_names(NULL, e) == -1 || make_pace(&how.pace, e) == -1)
		return -1;
	if (option.is_edited && (option.is_all || choice_is_made(&how.choice)))
		return err_set(e, ERR_USAGE,
		    "--edited: the records on stdin say which mails; nothing "
		    "else can be chosen");
	if (option.is_edited)
		return queue_with(edited, &how, e);
	if (check_chosen(&how.choice, e) == -1)
		return -1;
	return queue_with(again, &how, e);
}

static int
list_parked(struct queue *q, void *ctx, struct err *e)
{
	struct again *how = ctx;
	struct look look = look_choose(option.form.value);

	how->choice.which.state = mail_state_name(MAIL_PARKED);
	how->choice.which.class = option.class.value;
	how->choice.which.reason = option.matching;
	how->choice.which.jq = option.jq;
	return listing_rows(q, &how->choice.which, &look, e);
}

static int
run_uncertain(int argc, char **argv, struct err *e)
{
	struct again how = make_again(argc, argv, MAIL_PARKED, ":resolved");
	int actions = option.is_again + option.is_done + option.is_fail;

	if (check_names(NULL, e) == -1 || make_pace(&how.pace, e) == -1)
		return -1;
	if (actions > 1)
		return err_set(e, ERR_USAGE,
		    "--again, --done or --fail: which of them happened?");
	if (actions == 0 &&
	    (argc > 0 || option.is_all || option.reason != NULL ||
		option.rate != NULL || option.is_dry || option.is_echo))
		return err_set(e, ERR_USAGE,
		    "what became of them? --again, --done or --fail");
	if (actions == 0)
		return queue_with(list_parked, &how, e);
	if (check_chosen(&how.choice, e) == -1)
		return -1;
	if (option.is_done)
		how.to = MAIL_SUCCEEDED;
	if (option.is_fail)
		how.to = MAIL_DEAD;
	return queue_with(again, &how, e);
}

static int
run_stranded(int argc, char **argv, struct err *e)
{
	struct again how =
	    make_again(argc - 1, argv + 1, MAIL_STORED, ":stranded");

	how.queue = argv[0];
	if (how.choice.which.older_s == 0 && argc == 1)
		how.choice.which.older_s = STRANDED_S;
	if (check_names(argv[0], e) == -1 || make_pace(&how.pace, e) == -1)
		return -1;
	return queue_with(again, &how, e);
}

/* clang-format off */
#define RATE_ROW \
    {0, "rate", "RATE", "make ready at most so many: 20/s, 100/m, 1000/h", \
	OPTION_STRING, &option.rate, 0, 0}
#define TENANT_ROW \
    {'t', NULL, "TENANT", "only of this tenant", OPTION_STRING, \
	&option.tenant, 0, 0}
#define QUEUE_ROW \
    {'q', NULL, "QUEUE", "only of this queue", OPTION_STRING, \
	&option.queue, 0, 0}
#define JQ_ROW \
    {'j', NULL, "JQ", "only those of whose record this jq program is true", \
	OPTION_STRING, &option.jq, 0, 0}
#define CLASS_ROW \
    {0, "class", "CLASS", "only with this class of trouble", OPTION_WORD, \
	&option.class, 0, 0}
#define MATCHING_ROW \
    {0, "matching", "TEXT", "only with this in the reason of the last result", \
	OPTION_STRING, &option.matching, 0, 0}
#define COUNT_ROW \
    {'c', NULL, "N", "at most N", OPTION_NUMBER, &option.count, 1, 0}
#define AGE_ROWS \
    {0, "older", "DURATION", "stored longer ago", OPTION_DURATION, \
	&option.older_s, 0, 0}, \
    {0, "newer", "DURATION", "stored since", OPTION_DURATION, \
	&option.newer_s, 0, 0}
#define REASON_ROW \
    {0, "reason", "TEXT", "why, for the history", OPTION_STRING, \
	&option.reason, 0, 0}
#define DRY_ROWS \
    {'n', NULL, NULL, "only print what would be done", OPTION_FLAG, \
	&option.is_dry, 0, 0}, \
    {'e', NULL, NULL, "print the records of what was done", OPTION_FLAG, \
	&option.is_echo, 0, 0}
/* clang-format on */

static const struct option_row due_options[] = {
    {'s', NULL, "SCHEDULE", "waits, such as '1m,5m*2,1h*3,4h*'", OPTION_STRING,
	&option.schedule, 0, 0},
    {'m', NULL, "MAX", "at most so many tries", OPTION_NUMBER, &option.max, 1,
	1000000},
    {'g', NULL, "AGE", "no try of a mail that is older (5d)", OPTION_DURATION,
	&option.age_s, 1, 0},
    TENANT_ROW,
    JQ_ROW,
    CLASS_ROW,
    MATCHING_ROW,
    {0, "now", NULL, "all are due, and none is spent", OPTION_FLAG,
	&option.is_now, 0, 0},
    RATE_ROW,
    {0, "budget", "DURATION", "end after so long", OPTION_DURATION,
	&option.budget_s, 1, 0},
    DRY_ROWS,
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row revive_options[] = {
    TENANT_ROW,
    QUEUE_ROW,
    JQ_ROW,
    CLASS_ROW,
    MATCHING_ROW,
    AGE_ROWS,
    COUNT_ROW,
    {0, "all", NULL, "all that are dead", OPTION_FLAG, &option.is_all, 0, 0},
    {0, "edited", NULL, "those of the records on stdin, as these are",
	OPTION_FLAG, &option.is_edited, 0, 0},
    REASON_ROW,
    RATE_ROW,
    DRY_ROWS,
    {0},
};

static const struct option_row uncertain_options[] = {
    {0, "again", NULL, "work them again", OPTION_FLAG, &option.is_again, 0, 0},
    {0, "done", NULL, "it has happened", OPTION_FLAG, &option.is_done, 0, 0},
    {0, "fail", NULL, "it has not, and will not", OPTION_FLAG, &option.is_fail,
	0, 0},
    TENANT_ROW,
    QUEUE_ROW,
    JQ_ROW,
    CLASS_ROW,
    MATCHING_ROW,
    AGE_ROWS,
    COUNT_ROW,
    {0, "all", NULL, "all that are parked", OPTION_FLAG, &option.is_all, 0, 0},
    REASON_ROW,
    RATE_ROW,
    DRY_ROWS,
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row stranded_options[] = {
    TENANT_ROW,
    JQ_ROW,
    {0, "older", "DURATION", "stored longer ago (2h)", OPTION_DURATION,
	&option.older_s, 1, 0},
    COUNT_ROW,
    REASON_ROW,
    RATE_ROW,
    DRY_ROWS,
    {0},
};

static const struct verb verbs[] = {
    {"due", "QUEUE",
	"deferred mails whose time has come are ready, those that are spent "
	"dead",
	due_options,
	"  mail-retry due inbound\n"
	"  mail-retry due --now --class handler inbound\n",
	run_due, 1, 1, false},
    {"revive", "[ID]...", "dead mails are ready again", revive_options,
	"  mail-retry revive -t ne-001 --matching 'disk full' --rate 20/s\n",
	run_revive, 0, -1, false},
    {"uncertain", "[ID]...",
	"decide about parked mails; without a decision: list them",
	uncertain_options, "  mail-retry uncertain --done ID\n", run_uncertain,
	0, -1, false},
    {"stranded", "QUEUE [ID]...",
	"mails that were stored but never queued are put on QUEUE",
	stranded_options, NULL, run_stranded, 1, -1, false},
    {0},
};

static const struct tool tool = {
    .name = "mail-retry",
    .summary = "Mail that failed, died, or was left behind: back into the "
	       "queue.",
    .verbs = verbs,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
