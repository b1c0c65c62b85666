/* mail-store: blobs and ledger.  Manual: man/mail-store.1 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/id.h"
#include "core/json.h"
#include "core/tool.h"
#include "desk/backup.h"
#include "desk/doctor.h"
#include "desk/expire.h"
#include "desk/export.h"
#include "desk/import.h"
#include "desk/keep.h"
#include "desk/listing.h"
#include "desk/rekey.h"
#include "desk/reparse.h"
#include "desk/show.h"
#include "desk/verify.h"
#include "mail/extract.h"
#include "mail/record.h"
#include "queue/common_file.h"
#include "queue/content.h"
#include "queue/engines.h"
#include "queue/load.h"
#include "queue/receive.h"
#include "queue/upgrade.h"

static struct {
	const char *tenant, *queue, *sender, *recipient, *message_id;
	const char *class, *reason, *jq, *attach_from, *file, *name;
	const char *public, *secret;
	struct option_word state, end_state, form;
	int64_t deadline_s, older_s, newer_s, count, rate, budget_s;
	bool is_inline, is_dry, is_kept, is_maildir;
	bool is_released, is_fixing, is_resumed;
} option = {
    .deadline_s = 120,
    .state = {LISTING_STATES, NULL},
    .end_state = {EXPIRE_STATES, NULL},
    .form = LOOK_FORM,
};

static int
run_batch(struct queue *q, void *ctx, struct err *e)
{
	struct batch *b = ctx;

	b->ctx = q;
	return batch_run(b, e);
}

struct putting {
	struct queue *q;
	struct storing_how how;
};

/* As many of them as are stored together; how many is the result. */
static size_t
put_some(struct putting *p, struct batch_item *items, size_t n)
{
	struct err *errs = xcalloc(n, sizeof *errs), failed = ERR_INIT;
	json *recs = xcalloc(n, sizeof *recs);
	size_t done;
	int r;

	for (size_t i = 0; i < n; i++)
		recs[i] = items[i].rec;
	r = queue_store(p->q, &p->how, recs, errs, n, &done, &failed);
	if (r == -1)
		tool_failed(&failed);
	for (size_t i = 0; i < done; i++) {
		items[i].rec = recs[i];
		if (r == -1)
			items[i].fate = BATCH_FAILED;
		else if (errs[i].class != ERR_NONE)
			batch_refuse(&items[i], &errs[i]);
	}
	free(recs);
	free(errs);
	return done;
}

static int
put_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	(void)e;
	for (size_t done = 0; done < n;)
		done += put_some(ctx, items + done, n - done);
	return 0;
}

static int
put_all(struct queue *q, void *ctx, struct err *e)
{
	struct putting p = {.q = q, .how = {.attach_dir = -1}};
	struct batch *b = ctx;
	int r;

	if (option.attach_from != NULL) {
		p.how.attach_dir = open(
		    option.attach_from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (p.how.attach_dir == -1)
			return err_errno(
			    e, "--attach-from: %.200s", option.attach_from);
	}
	b->ctx = &p;
	r = batch_run(b, e);
	if (p.how.attach_dir != -1)
		close(p.how.attach_dir);
	return r;
}

static int
put_file(struct queue *q, void *ctx, struct err *e)
{
	struct common_file how = {
	    .path = option.file,
	    .name = option.name,
	    .tenant = option.tenant,
	};

	(void)ctx;
	return common_file_put(q, &how, e);
}

static int
run_put(int argc, char **argv, struct err *e)
{
	struct batch b = {
	    .work = put_batch,
	    .progress = "stored",
	    .deadline_s = option.deadline_s,
	};

	(void)argc;
	(void)argv;
	if (option.file != NULL)
		return queue_with(put_file, NULL, e);
	if (option.name != NULL || option.tenant != NULL)
		return err_set(
		    e, ERR_USAGE, "--name and -t are of --file: which file?");
	return queue_with(put_all, &b, e);
}

static int
get_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct err bad = ERR_INIT;

		if (record_check(items[i].rec, &bad) == -1 ||
		    queue_load(ctx, &items[i].rec, option.is_inline, &bad) ==
			-1)
			batch_refuse(&items[i], &bad);
	}
	return 0;
}

static int
run_get(int argc, char **argv, struct err *e)
{
	struct batch b = {.work = get_batch};

	(void)argc;
	(void)argv;
	return queue_with(run_batch, &b, e);
}

static struct listing
listing(char *const *ids)
{
	return (struct listing){
	    .queue = option.queue,
	    .state = option.state.value,
	    .tenant = option.tenant,
	    .older_s = option.older_s,
	    .newer_s = option.newer_s,
	    .count = option.count,
	    .sender = option.sender,
	    .recipient = option.recipient,
	    .message_id = option.message_id,
	    .is_kept = option.is_kept,
	    .class = option.class,
	    .reason = option.reason,
	    .jq = option.jq,
	    .ids = ids,
	};
}

static int
list(struct queue *q, void *ctx, struct err *e)
{
	struct listing how = listing(ctx);
	struct look look = look_choose(option.form.value);

	return listing_rows(q, &how, &look, e);
}

static int
check_id(const char *id, struct err *e)
{
	if (id_valid(id, strlen(id)))
		return 0;
	return err_set(e, ERR_USAGE, "\"%.70s\" is not the id of a mail", id);
}

static int
check_ids(int argc, char **argv, struct err *e)
{
	for (int i = 0; i < argc; i++)
		if (check_id(argv[i], e) == -1)
			return -1;
	return 0;
}

static int
run_list(int argc, char **argv, struct err *e)
{
	if (check_ids(argc, argv, e) == -1)
		return -1;
	return queue_with(list, argv, e);
}

struct showing {
	struct look look;
	char **ids;
};

static int
show(struct queue *q, void *ctx, struct err *e)
{
	struct showing *s = ctx;

	for (char **ids = s->ids; *ids != NULL; ids++) {
		struct err bad = ERR_INIT;

		if (show_mail(q, *ids, &s->look, &bad) == 0)
			continue;
		if (bad.class == ERR_TEMP)
			return err_set(e, ERR_TEMP, "%s", bad.text);
		tool_failed(&bad);
	}
	return 0;
}

static int
run_show(int argc, char **argv, struct err *e)
{
	struct showing s = {
	    .look = look_choose(option.form.value), .ids = argv};

	if (check_ids(argc, argv, e) == -1)
		return -1;
	return queue_with(show, &s, e);
}

static int
cat(struct queue *q, void *ctx, struct err *e)
{
	char **operands = ctx; /* ID, and PART or NULL */

	if (operands[1] == NULL)
		return content_write(q, operands[0], STDOUT_FILENO, e);
	return content_write_part(
	    q, operands[0], operands[1], STDOUT_FILENO, e);
}

static int
run_cat(int argc, char **argv, struct err *e)
{
	if (check_id(argv[0], e) == -1)
		return -1;
	if (argc > 1 && !extract_is_part(argv[1]))
		return err_set(e, ERR_USAGE,
		    "\"%.70s\" is not the number of a part", argv[1]);
	return queue_with(cat, argv, e);
}

static int
reparse_mails(struct queue *q, void *ctx, struct err *e)
{
	struct reparse_options how = {
	    .which = listing(NULL), .ids = ctx, .is_dry = option.is_dry};

	return reparse(q, &how, e);
}

static int
run_reparse(int argc, char **argv, struct err *e)
{
	if (check_ids(argc, argv, e) == -1)
		return -1;
	return queue_with(reparse_mails, argv, e);
}

/* DIR and, but for import, ids. */
static int
export_mails(struct queue *q, void *ctx, struct err *e)
{
	char **operands = ctx;
	struct exporting how = {
	    .which = listing(operands + 1),
	    .dir = operands[0],
	    .is_maildir = option.is_maildir,
	};

	return export_run(q, &how, e);
}

static int
run_export(int argc, char **argv, struct err *e)
{
	if (check_ids(argc - 1, argv + 1, e) == -1)
		return -1;
	return queue_with(export_mails, argv, e);
}

static int
import_mails(struct queue *q, void *ctx, struct err *e)
{
	for (char **dirs = ctx; *dirs != NULL; dirs++)
		if (import_run(q, *dirs, e) == -1)
			return -1;
	return 0;
}

static int
run_import(int argc, char **argv, struct err *e)
{
	(void)argc;
	return queue_with(import_mails, argv, e);
}

static int
keep(struct queue *q, void *ctx, struct err *e)
{
	struct keeping how = {
	    .ids = ctx,
	    .reason = option.reason,
	    .is_released = option.is_released,
	};

	return keep_run(q, &how, e);
}

static int
run_keep(int argc, char **argv, struct err *e)
{
	if (check_ids(argc, argv, e) == -1)
		return -1;
	return queue_with(keep, argv, e);
}

static int
expire(struct queue *q, void *ctx, struct err *e)
{
	struct expiring how = {
	    .tenant = option.tenant,
	    .state = option.end_state.value,
	    .count = option.count,
	    .rate = option.rate,
	    .budget_s = option.budget_s,
	    .is_dry = option.is_dry,
	};

	(void)ctx;
	return expire_run(q, &how, e);
}

static int
run_expire(int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return queue_with(expire, NULL, e);
}

static int
verify(struct queue *q, void *ctx, struct err *e)
{
	struct verifying how = {
	    .which = listing(ctx),
	    .is_fixing = option.is_fixing,
	    .is_resumed = option.is_resumed,
	    .budget_s = option.budget_s,
	};
	struct look look = look_choose(option.form.value);

	how.is_part = how.which.ids[0] != NULL || option.tenant != NULL ||
		      option.older_s > 0 || option.newer_s > 0;
	return verify_run(q, &how, &look, e);
}

static int
run_verify(int argc, char **argv, struct err *e)
{
	if (check_ids(argc, argv, e) == -1)
		return -1;
	return queue_with(verify, argv, e);
}

static int
backup(struct queue *q, void *ctx, struct err *e)
{
	return backup_run(q, ctx, e);
}

static int
run_backup(int argc, char **argv, struct err *e)
{
	(void)argc;
	return queue_with(backup, argv[0], e);
}

static int
run_restore(int argc, char **argv, struct err *e)
{
	(void)argc;
	return backup_restore(argv[0], e);
}

static int
stats(struct queue *q, void *ctx, struct err *e)
{
	struct look look = look_choose(option.form.value);

	(void)ctx;
	return listing_totals(q, &look, e);
}

static int
run_stats(int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return queue_with(stats, NULL, e);
}

static int
run_doctor(int argc, char **argv, struct err *e)
{
	struct look look = look_choose(option.form.value);

	(void)argc;
	(void)argv;
	return doctor_run(&look, e);
}

static int
run_keygen(int argc, char **argv, struct err *e)
{
	struct seal_public made;
	struct buf text = BUF_INIT, line = BUF_INIT;
	char key[SEAL_KEY_ID_TEXT];
	json out;
	int r;

	(void)argc;
	(void)argv;
	if (option.secret == NULL)
		return err_set(e, ERR_USAGE,
		    "where is the secret key to go?  give --secret FILE");
	if (seal_keys_generate(option.secret, option.public, &made, e) == -1)
		return -1;
	seal_public_text(&made, &text);
	out = json_set_str(json_object(), "public", text.data);
	out = json_set_str(out, "key", seal_key_id_text(made.id, key));
	json_dump(out, &line);
	buf_addch(&line, '\n');
	r = file_write(STDOUT_FILENO, line.data, line.len, -1, "stdout", e);
	/* Run again, it would find the files of a key that nobody has seen. */
	if (r == -1)
		seal_keys_forget(option.secret, option.public);
	buf_release(&text);
	buf_release(&line);
	return r;
}

static int
rekey_all(struct queue *q, void *ctx, struct err *e)
{
	(void)ctx;
	return rekey(q, e);
}

static int
run_rekey(int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return queue_with(rekey_all, NULL, e);
}

static int
run_upgrade(int argc, char **argv, struct err *e)
{
	(void)argc;
	(void)argv;
	return queue_upgrade(e);
}

static const struct option_row put_options[] = {
    {0, "attach-from", "DIR", "attachments may name files below DIR",
	OPTION_STRING, &option.attach_from, 0, 0},
    {0, "file", "FILE", "store a file for many mails, and print its blob",
	OPTION_STRING, &option.file, 0, 0},
    {0, "name", "NAME", "as which it is attached", OPTION_STRING, &option.name,
	0, 0},
    {'t', NULL, "TENANT", "whose file it is", OPTION_STRING, &option.tenant, 0,
	0},
    {0, "deadline", "DURATION", "give up after so long without input; 0: never",
	OPTION_DURATION, &option.deadline_s, 0, 86400},
    {0},
};

static const struct option_row get_options[] = {
    {'i', NULL, NULL, "always inline, for lines that cross machines",
	OPTION_FLAG, &option.is_inline, 0, 0},
    {0},
};

/* Which mails: for every verb that works on several. */
/* clang-format off */
#define FILTER_ROWS \
    {'s', NULL, "STATE", "only in this state", OPTION_WORD, &option.state, 0, \
	0}, \
    {'t', NULL, "TENANT", "only of this tenant", OPTION_STRING, &option.tenant, \
	0, 0}, \
    {'q', NULL, "QUEUE", "only of this queue", OPTION_STRING, &option.queue, 0, \
	0}, \
    {'c', NULL, "N", "at most N", OPTION_NUMBER, &option.count, 1, 0}, \
    {0, "older", "DURATION", "stored longer ago", OPTION_DURATION, \
	&option.older_s, 0, 0}, \
    {0, "newer", "DURATION", "stored since", OPTION_DURATION, &option.newer_s, \
	0, 0}, \
    {'f', NULL, "SENDER", "only from this envelope sender", OPTION_STRING, \
	&option.sender, 0, 0}, \
    {'r', NULL, "RECIPIENT", "only to this envelope recipient", \
	OPTION_STRING, &option.recipient, 0, 0}, \
    {0, "message-id", "MESSAGE-ID", "only with this Message-ID", \
	OPTION_STRING, &option.message_id, 0, 0}, \
    {0, "kept", NULL, "only those on legal hold", OPTION_FLAG, \
	&option.is_kept, 0, 0}

/* And by what stands in their records. */
#define CHOICE_ROWS \
    FILTER_ROWS, \
    {0, "class", "CLASS", "only where the last result has this class", \
	OPTION_STRING, &option.class, 0, 0}, \
    {0, "reason", "TEXT", "only where its reason has this in it", \
	OPTION_STRING, &option.reason, 0, 0}, \
    {'j', NULL, "JQ", "only where this jq program is true", OPTION_STRING, \
	&option.jq, 0, 0}
/* clang-format on */

static const struct option_row list_options[] = {
    CHOICE_ROWS,
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row export_options[] = {
    CHOICE_ROWS,
    {0, "maildir", NULL, "write a Maildir", OPTION_FLAG, &option.is_maildir, 0,
	0},
    {0},
};

static const struct option_row reparse_options[] = {
    FILTER_ROWS,
    {'n', NULL, NULL, "only say what would change", OPTION_FLAG, &option.is_dry,
	0, 0},
    {0},
};

static const struct option_row keep_options[] = {
    {0, "release", NULL, "end it", OPTION_FLAG, &option.is_released, 0, 0},
    {0, "reason", "TEXT", "why, for the history", OPTION_STRING, &option.reason,
	0, 0},
    {0},
};

static const struct option_row expire_options[] = {
    {'s', NULL, "STATE", "only in this state", OPTION_WORD, &option.end_state,
	0, 0},
    {'t', NULL, "TENANT", "only of this tenant", OPTION_STRING, &option.tenant,
	0, 0},
    {'c', NULL, "N", "at most N", OPTION_NUMBER, &option.count, 1, 0},
    {0, "rate", "N", "at most N in a second", OPTION_NUMBER, &option.rate, 1,
	0},
    {0, "budget", "DURATION", "end after so long", OPTION_DURATION,
	&option.budget_s, 1, 0},
    {'n', NULL, NULL, "only print the ids of what would go", OPTION_FLAG,
	&option.is_dry, 0, 0},
    {0},
};

static const struct option_row verify_options[] = {
    {'t', NULL, "TENANT", "only of this tenant", OPTION_STRING, &option.tenant,
	0, 0},
    {0, "older", "DURATION", "stored longer ago", OPTION_DURATION,
	&option.older_s, 0, 0},
    {0, "newer", "DURATION", "stored since", OPTION_DURATION, &option.newer_s,
	0, 0},
    {0, "budget", "DURATION", "end after so long", OPTION_DURATION,
	&option.budget_s, 1, 0},
    {0, "resume", NULL, "go on where the run before has ended", OPTION_FLAG,
	&option.is_resumed, 0, 0},
    {0, "fix", NULL, "remove files that nobody can miss", OPTION_FLAG,
	&option.is_fixing, 0, 0},
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row keygen_options[] = {
    {0, "public", "FILE", "also write the public key there", OPTION_STRING,
	&option.public, 0, 0},
    {0, "secret", "FILE", "write the secret key there, a new file",
	OPTION_STRING, &option.secret, 0, 0},
    {0},
};

static const struct option_row form_options[] = {
    LOOK_ROW(&option.form),
    {0},
};

static const struct option_row no_options[] = {{0}};

static const struct verb verbs[] = {
    {"put", "", "store the content of the records on stdin", put_options,
	"  mail-ingest -t ne-001 <mail | mail-store put\n", run_put, 0, 0,
	false},
    {"get", "", "put the content back into the records on stdin", get_options,
	"  mail-store list -c 1 | mail-store get -i | jq -r .content.base64\n",
	run_get, 0, 0, false},
    {"list", "[ID]...", "the stored records, oldest first", list_options,
	"  mail-store list -s dead | mail-dispatch -- ./new-handler\n",
	run_list, 0, -1, false},
    {"show", "ID...", "everything about some mails, their history too",
	form_options, NULL, run_show, 1, -1, false},
    {"cat", "ID [PART]",
	"the message as it came, byte for byte; or a part, decoded", no_options,
	"  mail-store cat ID 1.2 >order.pdf\n", run_cat, 1, 2, false},
    {"reparse", "[ID]...", "parse stored mails again, with today's parser",
	reparse_options, "  mail-store reparse -n --newer 30d\n", run_reparse,
	0, -1, false},
    {"export", "DIR [ID]...", "write mails and their rows into files",
	export_options, "  mail-store export -t ne-001 --older 30d /backup/1\n",
	run_export, 1, -1, false},
    {"import", "DIR...", "make mails of what export has written", no_options,
	"  mail-store import /backup/1\n", run_import, 1, -1, false},
    {"keep", "ID...", "a legal hold: nothing expires past it", keep_options,
	"  mail-store keep --reason 'case 12' ID\n", run_keep, 1, -1, false},
    {"expire", "", "remove what the configuration wants no longer",
	expire_options, "  mail-store expire -n -t ne-001 | wc -l\n",
	run_expire, 0, 0, false},
    {"verify", "[ID]...", "compare what is stored with what was stored",
	verify_options, "  mail-store verify --budget 30m --resume\n",
	run_verify, 0, -1, false},
    {"backup", "DIR", "all of the state at one moment, while others work",
	no_options, "  mail-store backup /backup/mail\n", run_backup, 1, 1,
	false},
    {"restore", "DIR", "a backup, into an empty state directory", no_options,
	"  mail-store restore -d /var/lib/mailpipe.new /backup/mail\n",
	run_restore, 1, 1, false},
    {"stats", "", "how many mails are in which state", form_options, NULL,
	run_stats, 0, 0, false},
    {"doctor", "", "what is wrong with the state directory", form_options, NULL,
	run_doctor, 0, 0, false},
    {"keygen", "", "make a pair of keys for encryption at rest", keygen_options,
	"  mail-store keygen --secret /etc/mailpipe/secret.key\n", run_keygen,
	0, 0, false},
    {"rekey", "", "seal stored mail to the public key of today", no_options,
	NULL, run_rekey, 0, 0, false},
    {"upgrade", "", "bring the state directory to this release's layout",
	no_options, NULL, run_upgrade, 0, 0, false},
    {0},
};

static const struct tool tool = {
    .name = "mail-store",
    .summary = "Stored mail: its bytes, its state, its history.",
    .verbs = verbs,
};

int
main(int argc, char **argv)
{
	return tool_main(&tool, argc, argv);
}
