/*
 * mail-ingest: make records of messages.  Manual: man/mail-ingest.1
 *
 * A mail is read once, in windows.  What is small goes out inline without
 * opening anything; what is not is written to a spool file as it comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <jv.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/id.h"
#include "core/json.h"
#include "core/jsonl.h"
#include "core/tool.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "mail/record.h"
#include "store/spool.h"
#include "store/state.h"

enum {
	WINDOW = 64 * 1024, /* what a pipe holds */
	INLINE_MAX = JSONL_LINE_MAX / 4 * 3,
	DEADLINE_MAX_S = 7 * 24 * 3600,
};

static struct {
	const char *tenant, *sender;
	struct string_list recipients;
	bool is_inline;
	int64_t deadline_s;
} opt = {.deadline_s = 120};

/* What the whole run shares. */
static struct {
	char *sender; /* cleaned, or NULL */
	char **recipients; /* cleaned, opt.recipients.n of them */
	struct state state;
	bool has_state;
	bool is_output_lost;
	char window[WINDOW];
} self;

/* One message on its way. */
struct intake {
	struct message message;
	struct spool spool;
	const char *name;
	int fd;
};

static int
wait_readable(const struct intake *in, struct err *e)
{
	struct pollfd p = {.fd = in->fd, .events = POLLIN};
	int64_t until = clock_mono_ms() + opt.deadline_s * 1000, left = -1;
	int r;

	do {
		if (opt.deadline_s > 0)
			left = until - clock_mono_ms();
		if (opt.deadline_s > 0 && left < 0)
			left = 0;
		r = poll(&p, 1, (int)left);
	} while (r == -1 && errno == EINTR);
	if (r == -1)
		return err_errno(e, "%s: poll", in->name);
	if (r == 0)
		return err_set(e, ERR_TEMP,
		    "%s: nothing came for %lld seconds; giving up", in->name,
		    (long long)opt.deadline_s);
	return 0;
}

/* Fill the window.  How many bytes, 0 at the end, -1 error. */
static ssize_t
read_window(const struct intake *in, struct err *e)
{
	ssize_t r;

	do {
		if (wait_readable(in, e) == -1)
			return -1;
		r = read(in->fd, self.window, sizeof self.window);
	} while (r == -1 && (errno == EINTR || errno == EAGAIN));
	if (r == -1)
		return err_errno(e, "%s: read", in->name);
	return r;
}

/* The state directory is opened for the first mail that needs it. */
static int
open_state(struct err *e)
{
	if (self.has_state)
		return 0;
	if (state_open(&self.state, e) == -1) {
		state_close(&self.state);
		return -1;
	}
	self.has_state = true;
	return 0;
}

/* The message has outgrown a line: what was kept so far goes first. */
static int
begin_spool(struct intake *in, struct err *e)
{
	const struct buf *head = &in->message.head;

	if (opt.is_inline)
		return err_set(e, ERR_DATA,
		    "%s: larger than the %d bytes that fit into a line; leave "
		    "out -i",
		    in->name, INLINE_MAX);
	if (open_state(e) == -1 ||
	    spool_begin(&in->spool, &self.state, e) == -1)
		return -1;
	return spool_write(&in->spool, head->data, head->len, e);
}

static int
take_window(struct intake *in, size_t n, struct err *e)
{
	struct message *m = &in->message;

	if (m->size + (int64_t)n > (int64_t)m->keep_max) {
		if (in->spool.n == 0 && begin_spool(in, e) == -1)
			return -1;
		if (spool_write(&in->spool, self.window, n, e) == -1)
			return -1;
	}
	message_add(m, self.window, n);
	return 0;
}

static int
read_message(struct intake *in, size_t n_records, struct err *e)
{
	ssize_t n;

	while ((n = read_window(in, e)) > 0)
		if (take_window(in, (size_t)n, e) == -1)
			return -1;
	if (n == -1)
		return -1;
	message_end(&in->message);
	return in->spool.n > 0 ? spool_finish(&in->spool, n_records, e) : 0;
}

/* The value of "content" for record i, as JSON text. */
static void
format_content(const struct intake *in, size_t i, struct buf *out)
{
	const struct buf *head = &in->message.head;

	buf_reset(out);
	if (in->spool.n > 0) {
		/* Hexadecimal digits: nothing to escape. */
		buf_addf(out,
		    "{\"path\":\"%s\",\"size\":%lld,\"temporary\":true}",
		    in->spool.paths[i], (long long)in->message.size);
		return;
	}
	buf_addstr(out, "{\"base64\":\"");
	base64_encode(head->data, head->len, out);
	buf_addstr(out, "\"}");
}

/*
 * Print a record and its content.  That is put in as text, for libjq takes
 * 25 ns for each of its bytes.  Consumes rec.
 */
static int
print_record(jv rec, const struct buf *content, struct err *e)
{
	struct buf line = BUF_INIT;
	int r;

	json_dump(rec, &line);
	line.len--; /* the '}' */
	buf_addstr(&line, ",\"content\":");
	buf_add(&line, content->data, content->len);
	buf_addch(&line, '}');
	if (line.len > JSONL_LINE_MAX) {
		buf_release(&line);
		return err_set(e, ERR_DATA,
		    "the record would be longer than the %d bytes of a line; "
		    "leave out -i",
		    JSONL_LINE_MAX);
	}
	buf_addch(&line, '\n');
	r = file_write(STDOUT_FILENO, line.data, line.len,
	    opt.deadline_s > 0 ? (int)(opt.deadline_s * 1000) : -1, "stdout",
	    e);
	self.is_output_lost = r == -1;
	buf_release(&line);
	return r;
}

static jv
make_record(const struct intake *in, const struct envelope *env, size_t i,
    size_t n, int64_t now)
{
	jv rec = message_record(&in->message, env, opt.tenant, now);

	if (n > 1)
		rec = json_set(rec, "of",
		    JV_ARRAY(jv_number((double)i + 1), jv_number((double)n)));
	tool_verbose("%s: %s: %lld bytes", record_id(rec), in->name,
	    (long long)in->message.size);
	return rec;
}

static int
print_records(struct intake *in, size_t n, struct err *e)
{
	struct buf content = BUF_INIT;
	struct envelope env;
	int64_t now = clock_now_ms();
	int r = 0;

	envelope_resolve(&env, self.sender,
	    opt.recipients.n > 0 ? self.recipients[0] : NULL,
	    &in->message.header);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			envelope_set_recipient(&env, self.recipients[i]);
		if (i == 0 || in->spool.n > 0)
			format_content(in, i, &content);
		r = print_record(make_record(in, &env, i, n, now), &content, e);
		if (r == 0)
			in->spool.n_given++;
	}
	envelope_release(&env);
	buf_release(&content);
	return r;
}

static int
ingest(int fd, const char *name, struct err *e)
{
	struct intake in = {.fd = fd, .name = name, .spool = SPOOL_INIT};
	size_t n = opt.recipients.n > 0 ? opt.recipients.n : 1;
	int r;

	message_init(
	    &in.message, opt.is_inline ? INLINE_MAX : CONTENT_INLINE_MAX);
	r = read_message(&in, n, e);
	if (r == 0)
		r = print_records(&in, n, e);
	spool_release(&in.spool);
	message_release(&in.message);
	return r;
}

static int
ingest_file(const char *name, struct err *e)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;

	if (fd == -1)
		return err_errno(e, "%s: open", name);
	r = ingest(fd, name, e);
	close(fd);
	return r;
}

static int
clean_options(struct err *e)
{
	if (opt.sender != NULL) {
		self.sender = address_clean(opt.sender, strlen(opt.sender), e);
		if (self.sender == NULL)
			return err_prefix(e, "-f");
	}
	self.recipients = xcalloc(opt.recipients.n, sizeof *self.recipients);
	for (size_t i = 0; i < opt.recipients.n; i++) {
		const char *s = opt.recipients.items[i];

		self.recipients[i] = address_clean(s, strlen(s), e);
		if (self.recipients[i] == NULL)
			return err_prefix(e, "-r");
		if (self.recipients[i][0] == '\0')
			return err_set(e, ERR_USAGE, "-r: an empty address");
	}
	if (opt.tenant == NULL)
		return err_set(e, ERR_TEMP, "whose mail is it? give -t TENANT");
	if (!name_valid(opt.tenant, strlen(opt.tenant)))
		return err_set(e, ERR_USAGE,
		    "-t: a tenant is 1 to %d of A-Z a-z 0-9 . _ -, a letter or "
		    "digit first",
		    NAME_MAX_LEN);
	return 0;
}

static int
ingest_all(int argc, char **argv, struct err *e)
{
	if (clean_options(e) == -1)
		return -1;
	if (argc == 0)
		return ingest(STDIN_FILENO, "stdin", e);
	for (int i = 0; i < argc && !self.is_output_lost; i++) {
		struct err failed = ERR_INIT;

		if (ingest_file(argv[i], &failed) == -1)
			tool_failed(&failed);
	}
	return 0;
}

static int
run(int argc, char **argv, struct err *e)
{
	int r = ingest_all(argc, argv, e);

	for (size_t i = 0; self.recipients != NULL && i < opt.recipients.n; i++)
		free(self.recipients[i]);
	free(self.recipients);
	free(self.sender);
	if (self.has_state)
		state_close(&self.state);
	return r;
}

static const struct option_row options[] = {
    {'t', NULL, "TENANT", "whose mail it is", OPTION_STRING, &opt.tenant, 0, 0},
    {'f', NULL, "SENDER", "envelope sender; '' is the null sender",
	OPTION_STRING, &opt.sender, 0, 0},
    {'r', NULL, "RECIPIENT", "envelope recipient; a record for each",
	OPTION_LIST, &opt.recipients, 0, 0},
    {'i', NULL, NULL, "content always inline, for lines that cross machines",
	OPTION_FLAG, &opt.is_inline, 0, 0},
    {0, "deadline", "DURATION", "give up when nothing comes so long (120s)",
	OPTION_DURATION, &opt.deadline_s, 0, DEADLINE_MAX_S},
    {0},
};

static const struct verb verbs[] = {
    {
	.name = NULL,
	.operands = "[FILE]...",
	.summary = "Make a record of the message on stdin, or of each FILE.",
	.options = options,
	.example = "  mail-ingest -t ne-001 -r info@example.jp <mail.eml\n",
	.run = run,
	.operands_max = -1,
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
