/* mail-ingest: make records of messages.  Manual: man/mail-ingest.1 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/progress.h"
#include "core/tool.h"
#include "ingest/ingest.h"
#include "ingest/maildir.h"
#include "ingest/mbox.h"
#include "mail/address.h"

#define MBOX "mbox:"
#define MAILDIR "maildir:"

enum {
	DEADLINE_MAX_S = 7 * 24 * 3600,
	LEASE_MAX_S = 30 * 24 * 3600,
};

static struct {
	const char *tenant, *sender;
	struct string_list recipients;
	bool is_inline, bodies, attachments, is_following;
	int64_t deadline_s, lease_s;
} option = {.deadline_s = 120, .lease_s = 3600};

static int
clean_addresses(char **sender, char **recipients, struct err *e)
{
	if (option.sender != NULL) {
		*sender =
		    address_clean(option.sender, strlen(option.sender), e);
		if (*sender == NULL)
			return err_prefix(e, "-f");
	}
	for (size_t i = 0; i < option.recipients.n; i++) {
		const char *s = option.recipients.items[i];

		recipients[i] = address_clean(s, strlen(s), e);
		if (recipients[i] == NULL)
			return err_prefix(e, "-r");
		if (recipients[i][0] == '\0')
			return err_set(e, ERR_USAGE, "-r: an empty address");
	}
	return 0;
}

static int
check_options(int argc, char **argv, struct err *e)
{
	const char *t = option.tenant;
	bool has_maildir = false;

	for (int i = 0; i < argc; i++)
		has_maildir |= strncmp(argv[i], MAILDIR, strlen(MAILDIR)) == 0;
	if (t != NULL && !name_valid(t, strlen(t)))
		return err_set(e, ERR_USAGE,
		    "-t: a tenant is 1 to %d of A-Z a-z 0-9 . _ -, a letter or "
		    "digit first",
		    NAME_MAX_LEN);
	if (option.is_following && (argc != 1 || !has_maildir))
		return err_set(
		    e, ERR_USAGE, "-F follows one maildir:DIR, nothing else");
	if (has_maildir && option.recipients.n > 1)
		return err_set(e, ERR_USAGE,
		    "one -r at most with maildir:, since a file is settled by "
		    "one record");
	return 0;
}

static int
read_file(struct ingest *in, const char *operand, struct err *e)
{
	bool is_mbox = strncmp(operand, MBOX, strlen(MBOX)) == 0;
	const char *name = is_mbox ? operand + strlen(MBOX) : operand;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;

	if (fd == -1)
		return err_errno(e, "%s: open", name);
	r = is_mbox ? mbox_read(in, fd, name, e)
		    : ingest_fd(in, fd, name, NULL, e);
	close(fd);
	return r;
}

static int
read_operand(struct ingest *in, const char *operand, struct err *e)
{
	const struct maildir_options how = {
	    .is_following = option.is_following, .lease_s = option.lease_s};

	if (strncmp(operand, MAILDIR, strlen(MAILDIR)) == 0)
		return maildir_read(in, operand + strlen(MAILDIR), &how, e);
	return read_file(in, operand, e);
}

static int
read_all(struct ingest *in, int argc, char **argv, struct err *e)
{
	if (argc == 0)
		return ingest_fd(in, STDIN_FILENO, "stdin", NULL, e);
	if (!option.is_following)
		progress_start("read", true);
	for (int i = 0; i < argc && !ingest_is_output_lost(in); i++) {
		struct err failed = ERR_INIT;

		if (read_operand(in, argv[i], &failed) == -1)
			tool_failed(&failed);
	}
	return 0;
}

static int
ingest_all(
    char *sender, char **recipients, int argc, char **argv, struct err *e)
{
	struct ingest_options o = {
	    .tenant = option.tenant,
	    .sender = sender,
	    .recipients = recipients,
	    .n_recipients = option.recipients.n,
	    .is_inline = option.is_inline,
	    .bodies = option.bodies,
	    .attachments = option.attachments,
	    .deadline_s = option.deadline_s,
	};
	struct ingest *in = ingest_new(&o, e);
	int r;

	if (in == NULL)
		return -1;
	r = read_all(in, argc, argv, e);
	ingest_free(in);
	return r;
}

static int
run(int argc, char **argv, struct err *e)
{
	char **recipients = xcalloc(option.recipients.n, sizeof *recipients);
	char *sender = NULL;
	int r = -1;

	if (check_options(argc, argv, e) == 0 &&
	    clean_addresses(&sender, recipients, e) == 0)
		r = ingest_all(sender, recipients, argc, argv, e);
	for (size_t i = 0; i < option.recipients.n; i++)
		free(recipients[i]);
	free(recipients);
	free(sender);
	return r;
}

static int
run_settle(int argc, char **argv, struct err *e)
{
	(void)argc;
	if (strncmp(argv[0], MAILDIR, strlen(MAILDIR)) != 0)
		return err_set(e, ERR_USAGE, "settle what? give maildir:DIR");
	return maildir_settle(argv[0] + strlen(MAILDIR), e);
}

static const struct option_row options[] = {
    {'t', NULL, "TENANT",
	"whose mail it is; else by the configuration's recipients",
	OPTION_STRING, &option.tenant, 0, 0},
    {'f', NULL, "SENDER", "envelope sender; '' is the null sender",
	OPTION_STRING, &option.sender, 0, 0},
    {'r', NULL, "RECIPIENT", "envelope recipient; a record for each",
	OPTION_LIST, &option.recipients, 0, 0},
    {'b', NULL, NULL, "bodies: the text, and the HTML, as UTF-8", OPTION_FLAG,
	&option.bodies, 0, 0},
    {'a', NULL, NULL, "attachments: the content of each as well", OPTION_FLAG,
	&option.attachments, 0, 0},
    {'i', NULL, NULL, "content always inline, for lines that cross machines",
	OPTION_FLAG, &option.is_inline, 0, 0},
    {'F', NULL, NULL, "follow maildir:DIR: wait for more, until a signal",
	OPTION_FLAG, &option.is_following, 0, 0},
    {'l', NULL, "DURATION", "read a Maildir's claims again after so long (1h)",
	OPTION_DURATION, &option.lease_s, 1, LEASE_MAX_S},
    {0, "deadline", "DURATION", "give up when nothing comes so long (120s)",
	OPTION_DURATION, &option.deadline_s, 0, DEADLINE_MAX_S},
    {0},
};

static const struct option_row no_options[] = {{0}};

static const struct verb verbs[] = {
    {
	.name = NULL,
	.operands = "[FILE | mbox:FILE | maildir:DIR]...",
	.summary = "Make a record of the message on stdin, or of each message "
		   "in the operands.",
	.options = options,
	.example = "  mail-ingest -t ne-001 -r info@example.jp <mail.eml\n",
	.run = run,
	.operands_max = -1,
    },
    {
	.name = "settle",
	.operands = "maildir:DIR",
	.summary = "Remove the files whose records on stdin are queued.",
	.options = no_options,
	.example =
	    "  mail-ingest -t ne-001 maildir:Maildir | mail-store put |\n"
	    "    mail-queue put -E -e inbound | mail-ingest settle "
	    "maildir:Maildir\n",
	.run = run_settle,
	.operands_min = 1,
	.operands_max = 1,
    },
    {0},
};

static const struct tool tool = {
    .name = "mail-ingest",
    .summary = "Make records of messages.",
    .verbs = verbs,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
