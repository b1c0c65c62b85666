#include "ingest/ingest.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/jsonl.h"
#include "core/progress.h"
#include "core/tool.h"
#include "ingest/attachments.h"
#include "ingest/held.h"
#include "mail/examine.h"
#include "mail/message.h"
#include "mail/record.h"

enum {
	WINDOW = 64 * 1024, /* what a pipe holds */
	INLINE_MAX = JSONL_LINE_MAX / 4 * 3,
};

struct ingest {
	const struct ingest_options *options;
	struct config config; /* its recipients, where no tenant is given */
	struct lazy_state state;
	struct examine_wants wants;
	struct examiner *examiner;
	bool is_output_lost;
	/* The message at hand. */
	const char *name; /* for diagnostics */
	bool is_begun;
	bool is_parser_dead;
	struct message message;
	struct held content;
	struct attachments attachments;
	char *window; /* apart, so that nobody clears it */
};

static int
take_attachment(
    void *ctx, size_t index, const char *data, size_t n, struct err *e)
{
	struct ingest *in = ctx;

	return attachments_add(&in->attachments, &in->state, index, data, n, e);
}

static int
load_routes(struct ingest *in, struct err *e)
{
	in->config.root = json_none();
	if (in->options->tenant != NULL)
		return 0;
	if (config_load(&in->config, e) == -1)
		return -1;
	in->wants.routes =
	    json_member(in->config.root, "recipients", JSON_OBJECT);
	if (!json_is_valid(in->wants.routes))
		return err_set(e, ERR_TEMP,
		    "whose mail is it? give -t TENANT, or \"recipients\" in %s",
		    in->config.file);
	return 0;
}

struct ingest *
ingest_new(const struct ingest_options *o, struct err *e)
{
	struct ingest *in = xcalloc(1, sizeof *in);

	in->window = xmalloc(WINDOW);
	in->options = o;
	in->wants = (struct examine_wants){
	    .tenant = o->tenant,
	    .routes = json_none(),
	    .sender = o->sender,
	    .recipients = o->recipients,
	    .n_recipients = o->n_recipients,
	    .bodies = o->bodies,
	    .content = o->attachments ? take_attachment : NULL,
	    .ctx = in,
	};
	if (load_routes(in, e) == 0)
		in->examiner = examiner_new(&in->wants, e);
	if (in->examiner != NULL)
		return in;
	ingest_free(in);
	return NULL;
}

void
ingest_free(struct ingest *in)
{
	if (in == NULL)
		return;
	ingest_drop(in);
	examiner_free(in->examiner);
	lazy_state_close(&in->state);
	json_free(in->wants.routes);
	config_release(&in->config);
	free(in->window);
	free(in);
}

static void
begin(struct ingest *in)
{
	const struct ingest_options *o = in->options;
	size_t max = o->is_inline ? INLINE_MAX : CONTENT_INLINE_MAX;

	if (in->is_begun)
		return;
	message_init(&in->message);
	held_init(&in->content, max, o->is_inline);
	attachments_init(&in->attachments,
	    o->n_recipients > 0 ? o->n_recipients : 1, max, o->is_inline);
	in->is_parser_dead = false;
	in->is_begun = true;
}

static void
forget(struct ingest *in)
{
	if (!in->is_begun)
		return;
	message_release(&in->message);
	held_release(&in->content);
	attachments_reset(&in->attachments);
	in->is_begun = false;
}

/*
 * The parser has a part of a message: it starts anew for the next one.  If it
 * cannot, it is that one which fails.
 */
static void
restart_parser(struct ingest *in)
{
	struct err ignored = ERR_INIT;

	examiner_again(in->examiner, &ignored);
}

void
ingest_drop(struct ingest *in)
{
	if (in->is_begun && in->examiner != NULL)
		restart_parser(in);
	forget(in);
}

static int
examine_more(void *ctx, const char *data, size_t n, struct err *e)
{
	struct ingest *in = ctx;
	int r;

	if (in->is_parser_dead)
		return 0;
	r = examiner_add(in->examiner, data, n, e);
	in->is_parser_dead = r == 0;
	return r == -1 ? -1 : 0;
}

int
ingest_add(struct ingest *in, const char *data, size_t n, struct err *e)
{
	begin(in);
	message_add(&in->message, data, n);
	/* The parser works while we write. */
	if (examine_more(in, data, n, e) == -1)
		return -1;
	return held_add(&in->content, &in->state, data, n, e);
}

/* What the parser says.  1, 0 it died, -1. */
static int
finish_examining(struct ingest *in, struct examined *out, struct err *e)
{
	return in->is_parser_dead ? 0 : examiner_end(in->examiner, out, e);
}

/*
 * A parser that died may have suffered from a mail before this one, or of its
 * own old age: another tries, from the first byte.
 */
static int
examine(struct ingest *in, struct examined *out, struct err *e)
{
	int r = finish_examining(in, out, e);

	if (r != 0)
		return r;
	attachments_reset(&in->attachments);
	in->is_parser_dead = false;
	if (examiner_again(in->examiner, e) == -1 ||
	    held_replay(&in->content, examine_more, in, e) == -1)
		return -1;
	r = finish_examining(in, out, e);
	if (r != 0)
		return r;
	attachments_reset(&in->attachments);
	examiner_give_up(in->examiner, out);
	return examiner_again(in->examiner, e);
}

static void
write_fingerprint(const struct ingest *in, const struct examined *x, size_t i,
    struct buf *line)
{
	const struct examined_record *r = &x->records[i];
	const struct message *m = &in->message;
	char text[FINGERPRINT_TEXT];

	if (r->fingerprint[0] == '\0')
		fingerprint_raw(r->tenant, r->recipient,
		    x->has_from ? m->bare : m->digest, text);
	json_text_member_str(line, "fingerprint",
	    r->fingerprint[0] == '\0' ? text : r->fingerprint);
}

static void
write_message(
    struct ingest *in, const struct examined *x, size_t i, struct buf *line)
{
	json_text_key(line, "message");
	if (in->attachments.n > 0)
		attachments_write(&in->attachments, &x->message, i, line);
	else
		buf_add(line, x->message.data, x->message.len);
}

/* The line of record i. */
static void
write_record(struct ingest *in, const struct examined *x, size_t i,
    const char *maildir, int64_t now, struct buf *line)
{
	const struct examined_record *r = &x->records[i];
	const struct message *m = &in->message;
	char id[ID_TEXT], at[CLOCK_TEXT];

	buf_addstr(line, "{\"v\":1");
	json_text_member_str(line, "id",
	    message_id(m, x->has_from, r->tenant, r->recipient, id));
	json_text_member_str(line, "kind", "message");
	json_text_member_str(line, "tenant", r->tenant);
	json_text_member_str(line, "received_at", clock_format(now, at));
	if (x->n > 1)
		buf_addf(line, ",\"of\":[%zu,%zu]", i + 1, x->n);
	json_text_key(line, "envelope");
	buf_add(line, r->envelope.data, r->envelope.len);
	write_message(in, x, i, line);
	json_text_member_int(line, "size", m->size);
	json_text_member_str(line, "digest", m->digest);
	write_fingerprint(in, x, i, line);
	if (maildir != NULL) {
		json_text_key(line, "origin");
		buf_addch(line, '{');
		json_text_member_str(line, "maildir", maildir);
		buf_addch(line, '}');
	}
	json_text_key(line, "content");
	held_write(&in->content, i, line);
	buf_addch(line, '}');
	tool_verbose("%s: %s: %lld bytes", id, in->name, (long long)m->size);
}

static int
print_line(struct ingest *in, struct buf *line, struct err *e)
{
	int64_t deadline_s = in->options->deadline_s;

	if (line->len > JSONL_LINE_MAX)
		return err_set(e, ERR_DATA,
		    "the record would be longer than the %d bytes of a line; "
		    "leave out -i",
		    JSONL_LINE_MAX);
	buf_addch(line, '\n');
	if (file_write(STDOUT_FILENO, line->data, line->len,
		deadline_s > 0 ? (int)(deadline_s * 1000) : -1, "stdout",
		e) == 0)
		return 0;
	in->is_output_lost = true;
	return -1;
}

static int
check_tenants(const struct examined *x, struct err *e)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->records[i].tenant == NULL)
			return err_set(e, ERR_TEMP,
			    "no tenant for recipient \"%.200s\": give -t, or a "
			    "row in \"recipients\" of the configuration",
			    x->records[i].recipient);
	return 0;
}

/* All of a message's, or, where one has no tenant, none. */
static int
print_records(struct ingest *in, const struct examined *x, const char *maildir,
    struct err *e)
{
	struct buf line = BUF_INIT;
	int64_t now = clock_now_ms();
	int r = check_tenants(x, e);

	for (size_t i = 0; r == 0 && i < x->n; i++) {
		buf_reset(&line);
		write_record(in, x, i, maildir, now, &line);
		r = print_line(in, &line, e);
		if (r == 0) {
			held_given(&in->content);
			attachments_given(&in->attachments);
		}
	}
	buf_release(&line);
	return r;
}

static int
finish(struct ingest *in, const char *maildir, struct err *e)
{
	struct examined x = {0};
	int r = examine(in, &x, e);

	message_end(&in->message);
	if (r == -1)
		restart_parser(in);
	if (r == -1 || held_finish(&in->content, x.n, e) == -1 ||
	    attachments_finish(&in->attachments, e) == -1)
		r = -1;
	else
		r = print_records(in, &x, maildir, e);
	examined_release(&x);
	return r;
}

int
ingest_end(
    struct ingest *in, const char *name, const char *maildir, struct err *e)
{
	int r;

	begin(in); /* of a message without bytes */
	in->name = name;
	r = finish(in, maildir, e);
	forget(in);
	progress_add(1);
	return r == -1 ? err_prefix(e, "%s", name) : 0;
}

bool
ingest_is_output_lost(const struct ingest *in)
{
	return in->is_output_lost;
}

static int
wait_readable(int fd, int64_t deadline_s, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t until = clock_mono_ms() + deadline_s * 1000, left = -1;
	int r;

	do {
		if (deadline_s > 0)
			left = until - clock_mono_ms();
		if (deadline_s > 0 && left < 0)
			left = 0;
		r = poll(&p, 1, (int)left);
	} while (r == -1 && errno == EINTR);
	if (r == -1)
		return err_errno(e, "poll");
	if (r == 0)
		return err_set(e, ERR_TEMP,
		    "nothing came for %lld seconds; giving up",
		    (long long)deadline_s);
	return 0;
}

/* Fill the window.  How many bytes, 0 at the end, -1 error. */
static ssize_t
read_window(struct ingest *in, int fd, struct err *e)
{
	ssize_t n;

	do {
		if (wait_readable(fd, in->options->deadline_s, e) == -1)
			return -1;
		n = read(fd, in->window, WINDOW);
	} while (n == -1 && (errno == EINTR || errno == EAGAIN));
	if (n == -1)
		return err_errno(e, "read");
	return n;
}

int
ingest_fd(struct ingest *in, int fd, const char *name, const char *maildir,
    struct err *e)
{
	ssize_t n;

	while ((n = read_window(in, fd, e)) > 0)
		if (ingest_add(in, in->window, (size_t)n, e) == -1)
			break;
	if (n == 0)
		return ingest_end(in, name, maildir, e);
	ingest_drop(in);
	return err_prefix(e, "%s", name);
}
