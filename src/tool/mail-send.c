/* mail-send: compose, sign and send the mail of each record.
 * Manual: man/mail-send.1 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/tool.h"
#include "queue/queue.h"
#include "send/keygen.h"
#include "send/loop.h"
#include "send/merge.h"
#include "send/preview.h"
#include "send/transport.h"
#include "store/state.h"

/* 0 and NULL: not given. */
static struct {
	int64_t parallel;
	const char *transport, *template;
	bool is_composing;
	struct keygen keygen;
} option = {.parallel = SEND_PARALLEL};

/* What would fail for every record is said before the first is touched. */
static int
check_stdout(struct err *e)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY)
		return err_set(e, ERR_TEMP, "stdout: not open for writing");
	return 0;
}

static int
send_all(struct err *e)
{
	struct transports transports = {.word = option.transport};
	struct state state;
	struct queue queue;
	int r = state_open(&state, e);

	if (r == 0) {
		transports.config = &state.config;
		queue_init(&queue, &state);
		/* A wrong -x is wrong for all of them. */
		if (option.transport != NULL &&
		    transports_find(&transports, "-", e) == NULL)
			r = -1;
		if (r == 0)
			r = send_loop(
			    &queue, &transports, (size_t)option.parallel, e);
		transports_release(&transports);
		queue_close(&queue);
	}
	state_close(&state);
	return r;
}

static int
run(int argc, char **argv, struct err *e)
{
	const struct keygen *k = &option.keygen;
	bool has_keygen = k->algorithm != NULL;

	(void)argc;
	(void)argv;
	if (!has_keygen &&
	    (k->domain != NULL || k->selector != NULL || k->file != NULL))
		return err_set(e, ERR_USAGE,
		    "--domain, --selector and -o are for --keygen");
	if ((has_keygen || option.is_composing) &&
	    (option.transport != NULL || (has_keygen && option.is_composing)))
		return err_set(e, ERR_USAGE,
		    "-x, --compose and --keygen exclude each other");
	if (option.template != NULL &&
	    (has_keygen || option.is_composing || option.transport != NULL))
		return err_set(e, ERR_USAGE,
		    "--merge excludes -x, --compose and --keygen");
	if (check_stdout(e) == -1)
		return -1;
	if (option.template != NULL)
		return merge_run(option.template, e);
	if (has_keygen)
		return keygen(k, e);
	return option.is_composing ? preview(e) : send_all(e);
}

static const struct option_row options[] = {
    {'x', NULL, "TRANSPORT",
	"send all by this one: a name of the configuration, or a URL",
	OPTION_STRING, &option.transport, 0, 0},
    {'P', NULL, "N", "at most so many connections at once (4)", OPTION_NUMBER,
	&option.parallel, 1, SEND_PARALLEL_MAX},
    {0, "compose", NULL, "print the message of a record; send nothing",
	OPTION_FLAG, &option.is_composing, 0, 0},
    {0, "merge", "TEMPLATE",
	"make records of a template, one for each line on stdin", OPTION_STRING,
	&option.template, 0, 0},
    {0, "keygen", "ALGORITHM", "make a key for DKIM: rsa or ed25519",
	OPTION_STRING, &option.keygen.algorithm, 0, 0},
    {0, "domain", "DOMAIN", "whose key it is", OPTION_STRING,
	&option.keygen.domain, 0, 0},
    {0, "selector", "SELECTOR", "and its name there", OPTION_STRING,
	&option.keygen.selector, 0, 0},
    {'o', NULL, "FILE", "where the private key goes (SELECTOR.DOMAIN.pem)",
	OPTION_STRING, &option.keygen.file, 0, 0},
    {0},
};

static const struct verb verbs[] = {
    {
	.operands = "",
	.summary = "Send the mail of each record by the transport of its "
		   "tenant; print the record\nwith the result.",
	.options = options,
	.example = "  mail-queue take -1 outbound | mail-lock acquire |\n"
		   "      mail-send | mail-lock settle | mail-queue settle\n",
	.run = run,
    },
    {0},
};

static const struct tool tool = {
    .name = "mail-send",
    .summary = "compose, sign and send mail",
    .verbs = verbs,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
