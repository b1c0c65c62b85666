/* mail-dispatch: run a handler for each record.  Manual: man/mail-dispatch.1 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/err.h"
#include "core/tool.h"
#include "handler/explain.h"
#include "handler/handler.h"
#include "handler/loop.h"
#include "handler/route.h"
#include "mail/form.h"
#include "queue/queue.h"
#include "store/state.h"

/* 0 and NULL: not given. */
static struct {
	int64_t parallel, limit_s;
	const char *profile, *form, *cwd, *expect;
	bool is_explaining;
} option = {.parallel = 1};

static int
read_profile(struct route *r, struct err *e)
{
	if (option.profile == NULL)
		return 0;
	if (strcmp(option.profile, "custom") == 0)
		return err_set(e, ERR_USAGE,
		    "-x custom: only a handler of the configuration has a map");
	r->profile = profile_find(option.profile);
	if (r->profile == NULL)
		return err_set(e, ERR_USAGE,
		    "-x must be safe, postfix or qmail, not \"%.40s\"",
		    option.profile);
	return 0;
}

/* COMMAND and what is said about it. */
static int
read_command(struct routes *routes, char **argv, struct err *e)
{
	struct route *r = routes_set_command(routes, argv);
	int form = option.form != NULL ? form_parse(option.form) : FORM_RAW;

	if (form == -1)
		return err_set(e, ERR_USAGE,
		    "-m must be raw, postfix or lf, not \"%.40s\"",
		    option.form);
	r->form = (enum mail_form)form;
	if (option.limit_s > 0)
		r->limit_ms = option.limit_s * 1000;
	if (option.cwd != NULL)
		r->cwd = xstrdup(option.cwd);
	if (option.expect != NULL)
		r->expects = xstrdup(option.expect);
	if (read_profile(r, e) == -1)
		return -1;
	return route_open(routes, r, e);
}

/* Without COMMAND: then nothing can be said about it either. */
static int
read_configuration(const struct routes *routes, struct err *e)
{
	if (option.limit_s > 0 || option.profile != NULL ||
	    option.form != NULL || option.cwd != NULL || option.expect != NULL)
		return err_set(e, ERR_USAGE,
		    "-T, -x, -m, -C and -e need a COMMAND; without one the "
		    "configuration says it");
	if (!routes_are_configured(routes))
		return err_set(e, ERR_USAGE,
		    "no COMMAND, and no \"handlers\" in %.200s",
		    routes->config->file);
	return 0;
}

/* What would fail for every record is said before the first is touched. */
static int
check_stdout(struct err *e)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY)
		return err_set(e, ERR_TEMP, "stdout: not open for writing");
	return 0;
}

/* It needs no state, and makes none. */
static int
explain(int argc, char **argv, struct err *e)
{
	struct config config;
	struct routes routes = {.config = &config};
	int r = config_load(&config, e);

	if (r == 0)
		r = argc > 0 ? read_command(&routes, argv, e)
			     : read_configuration(&routes, e);
	if (r == 0)
		r = explain_records(&routes, isatty(STDOUT_FILENO), e);
	routes_release(&routes);
	config_release(&config);
	return r;
}

static int
run_handlers(struct routes *routes, bool has_command, struct err *e)
{
	struct job_plan plan = {.routes = routes};
	struct state state;
	struct queue queue;
	int r = state_open(&state, e);

	if (r == 0) {
		routes->config = &state.config;
		queue_init(&queue, &state);
		plan.queue = &queue;
		if (!has_command)
			r = read_configuration(routes, e);
		if (r == 0)
			r = handler_loop(&plan, (size_t)option.parallel, e);
		queue_close(&queue);
		routes->config = NULL; /* it goes with the state */
	}
	state_close(&state);
	return r;
}

static int
dispatch(int argc, char **argv, struct err *e)
{
	struct routes routes = {0};
	int r = check_stdout(e);

	if (r == 0 && option.is_explaining)
		return explain(argc, argv, e);
	if (r == 0 && argc > 0)
		r = read_command(&routes, argv, e);
	if (r == 0)
		r = run_handlers(&routes, argc > 0, e);
	routes_release(&routes);
	return r;
}

static const struct option_row options[] = {
    {'P', NULL, "N", "run so many at once (1)", OPTION_NUMBER, &option.parallel,
	1, HANDLERS_MAX},
    {'T', NULL, "DURATION", "time limit of a handler (900s)", OPTION_DURATION,
	&option.limit_s, 1, ROUTE_LIMIT_MAX_S},
    {'x', NULL, "PROFILE", "what exit statuses mean: safe, postfix or qmail",
	OPTION_STRING, &option.profile, 0, 0},
    {'m', NULL, "FORM", "the message as raw, postfix or lf", OPTION_STRING,
	&option.form, 0, 0},
    {'C', NULL, "DIR", "directory to run in", OPTION_STRING, &option.cwd, 0, 0},
    {'e', NULL, "JQ", "jq program that must be true of the JSON on stdout",
	OPTION_STRING, &option.expect, 0, 0},
    {0, "explain", NULL, "say what would be run, and how; run nothing",
	OPTION_FLAG, &option.is_explaining, 0, 0},
    {0},
};

static const struct verb verbs[] = {
    {
	.operands = "[[--] COMMAND [ARG]...]",
	.summary = "Run COMMAND, or the handler that the configuration has for "
		   "its tenant, for\neach record, with its message on stdin; "
		   "print the record with the result.",
	.options = options,
	.example = "  mail-queue take -1 inbound | mail-lock acquire |\n"
		   "      mail-dispatch -P 2 -- php receive.php '{tenant}' |\n"
		   "      mail-lock settle | mail-queue settle\n",
	.run = dispatch,
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
