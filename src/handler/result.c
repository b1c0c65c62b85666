#include <string.h>
#include <sys/wait.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/spawn.h"
#include "handler/handler.h"
#include "mail/record.h"

enum {
	LINE_MAX_BYTES = 200, /* of the output, in a reason */
};

/* Exit statuses from first to last. */
struct exit_rule {
	int first, last;
	const char *status;
};

/*
 * sysexits that say "never", and qmail's 100.  Whatever else happens, a
 * handler's bug (PHP's 255) or a shell that did not find it (127) included,
 * must not cost a mail: it is tried again.
 */
static const struct exit_rule safe_rules[] = {
    {0, 0, "ok"},
    {65, 65, "fail"}, /* EX_DATAERR */
    {67, 67, "fail"}, /* EX_NOUSER */
    {77, 77, "fail"}, /* EX_NOPERM */
    {100, 100, "fail"}, /* qmail-command(8) */
    {0, 255, "retry"},
};

/* The first rule that fits; the last one fits always. */
struct handler_profile {
	const char *name;
	const struct exit_rule *rules;
};

static const struct handler_profile profiles[] = {
    {"safe", safe_rules},
};

const struct handler_profile *
handler_profile(const char *name)
{
	for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

static const char *
judge(const struct handler *h, const struct handler_profile *profile)
{
	const struct exit_rule *rule = profile->rules;
	int code;

	if (h->is_timed_out || !WIFEXITED(h->status))
		return "retry";
	code = WEXITSTATUS(h->status);
	while (code < rule->first || code > rule->last)
		rule++;
	return rule->status;
}

/* Shorten a line, but not in the middle of a UTF-8 character. */
static size_t
shorten(const char *s, size_t len)
{
	size_t n = LINE_MAX_BYTES;

	if (len <= n)
		return len;
	while (n > LINE_MAX_BYTES - 3 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* ": " and the first line of the output that is not empty. */
static void
add_first_line(const struct buf *output, struct buf *reason)
{
	const char *s = output->data;
	size_t len;

	if (s == NULL)
		return;
	s += strspn(s, "\r\n\t ");
	len = strcspn(s, "\r\n");
	if (len == 0)
		return;
	buf_addstr(reason, ": ");
	buf_add(reason, s, shorten(s, len));
}

/* Why it is not "ok". */
static void
add_reason(
    const struct handler *h, const struct buf *output, struct buf *reason)
{
	char end[SPAWN_END_TEXT];

	if (h->is_timed_out)
		buf_addf(reason, "time limit of %lld s",
		    (long long)h->limit_ms / 1000);
	else
		buf_addstr(reason, spawn_end_text(h->status, end));
	add_first_line(output, reason);
}

static json
make_detail(const struct handler *h, const struct buf *output, bool is_cut)
{
	json detail = json_object();

	if (h->output.bytes > 0) {
		detail = json_set(
		    detail, "output", json_bytes(output->data, output->len));
		detail = json_set(detail, "output_bytes",
		    json_number((int64_t)h->output.bytes));
	}
	if (is_cut)
		detail = json_set(detail, "output_cut", json_bool(true));
	if (WIFSIGNALED(h->status))
		detail = json_set(
		    detail, "signal", json_number(WTERMSIG(h->status)));
	return json_set(detail, "duration_ms",
	    json_number((int64_t)(h->ended_at - h->started_at)));
}

json
handler_result(const struct handler *h, const struct handler_profile *profile)
{
	const char *status = judge(h, profile), *class = NULL;
	bool is_ok = strcmp(status, "ok") == 0, is_cut;
	struct buf output = BUF_INIT, reason = BUF_INIT;
	int code = -1;
	json result;

	is_cut = handler_output_text(&h->output, &output);
	if (!is_ok)
		add_reason(h, &output, &reason);
	if (!h->is_timed_out && WIFEXITED(h->status))
		code = WEXITSTATUS(h->status);
	if (!is_ok)
		class = h->is_timed_out ? "time-out" : "handler";
	result =
	    record_result(status, "mail-dispatch", code, class, reason.data);
	result = json_set(result, "detail", make_detail(h, &output, is_cut));
	buf_release(&output);
	buf_release(&reason);
	return result;
}
