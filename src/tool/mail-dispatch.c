/* mail-dispatch: run a handler for each record.  Manual: man/mail-dispatch.1 */
#include <fcntl.h>
#include <unistd.h>

#include "core/err.h"
#include "core/tool.h"
#include "handler/handler.h"
#include "handler/loop.h"
#include "mail/form.h"
#include "queue/queue.h"
#include "store/state.h"

enum {
	LIMIT_MAX_S = 30 * 86400,
};

static struct {
	int64_t parallel, limit_s;
	const char *profile, *form, *cwd;
} option = {.parallel = 1, .limit_s = 900, .profile = "safe", .form = "raw"};

static int
read_options(struct job_plan *plan, struct err *e)
{
	int form = form_parse(option.form);

	if (form == -1)
		return err_set(e, ERR_USAGE,
		    "-m must be raw, postfix or lf, not \"%.40s\"",
		    option.form);
	plan->form = (enum mail_form)form;
	plan->profile = handler_profile(option.profile);
	if (plan->profile == NULL)
		return err_set(e, ERR_USAGE, "-x \"%.40s\": no such profile",
		    option.profile);
	plan->limit_ms = option.limit_s * 1000;
	plan->cwd = option.cwd;
	return 0;
}

/* What would fail for every record is said before the first is touched. */
static int
check_surroundings(struct err *e)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY)
		return err_set(e, ERR_TEMP, "stdout: not open for writing");
	if (option.cwd != NULL && access(option.cwd, X_OK) == -1)
		return err_errno(e, "-C %.200s", option.cwd);
	return 0;
}

static int
dispatch(int argc, char **argv, struct err *e)
{
	struct job_plan plan = {.words = argv};
	struct state state;
	struct queue queue;
	int r;

	(void)argc;
	if (read_options(&plan, e) == -1 || check_surroundings(e) == -1)
		return -1;
	r = state_open(&state, e);
	if (r == 0) {
		queue_init(&queue, &state);
		plan.queue = &queue;
		r = handler_loop(&plan, (size_t)option.parallel, e);
		queue_close(&queue);
	}
	state_close(&state);
	return r;
}

static const struct option_row options[] = {
    {'P', NULL, "N", "run so many at once (1)", OPTION_NUMBER, &option.parallel,
	1, HANDLERS_MAX},
    {'T', NULL, "DURATION", "time limit of a handler (900s)", OPTION_DURATION,
	&option.limit_s, 1, LIMIT_MAX_S},
    {'x', NULL, "PROFILE", "what exit statuses mean: safe", OPTION_STRING,
	&option.profile, 0, 0},
    {'m', NULL, "FORM", "the message as raw, postfix or lf", OPTION_STRING,
	&option.form, 0, 0},
    {'C', NULL, "DIR", "directory to run in", OPTION_STRING, &option.cwd, 0, 0},
    {0},
};

static const struct verb verbs[] = {
    {
	.operands = "[--] COMMAND [ARG]...",
	.summary = "Run COMMAND for each record, its message on stdin; print "
		   "the record with the result.",
	.options = options,
	.example = "  mail-queue take -1 inbound | mail-dispatch -P 2 -- "
		   "php receive.php '{tenant}' |\n"
		   "      mail-queue settle\n",
	.run = dispatch,
	.operands_min = 1,
	.operands_max = -1,
    },
    {0},
};

static const struct tool tool = {
    .name = "mail-dispatch",
    .summary = "run a handler for each record",
    .verbs = verbs,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
