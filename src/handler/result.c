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

/*
 * The first line that is not empty of what begins at s, and before it
 * introduction.  Nothing when there is none.
 */
static void
add_first_line(const char *s, const char *introduction, struct buf *reason)
{
	size_t len;

	if (s == NULL)
		return;
	s += strspn(s, "\r\n\t\v\f ");
	len = strcspn(s, "\r\n");
	if (len == 0)
		return;
	buf_addstr(reason, introduction);
	buf_add(reason, s, shorten(s, len));
}

/* Why it is not "ok". */
static void
add_reason(const struct handler *h, const struct buf *output,
    const struct verdict *v, struct buf *reason)
{
	char end[SPAWN_END_TEXT];

	if (v->text_at > 0)
		add_first_line(output->data + v->text_at, "", reason);
	if (reason->len > 0)
		return;
	if (h->is_timed_out)
		buf_addf(reason, "time limit of %lld s",
		    (long long)h->limit_ms / 1000);
	else
		buf_addstr(reason, spawn_end_text(h->status, end));
	add_first_line(output->data, ": ", reason);
}

static json
make_detail(const struct handler *h, const struct buf *output, bool is_cut,
    const char *dsn)
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
	if (dsn[0] != '\0')
		detail = json_set_str(detail, "dsn", dsn);
	if (h->unread > 0)
		detail = json_set(
		    detail, "unread_bytes", json_number((int64_t)h->unread));
	return json_set(detail, "duration_ms",
	    json_number((int64_t)(h->ended_at - h->started_at)));
}

/*
 * Whose trouble is it?  What no single mail can have is named, so that it can
 * hold them all: RFC 3463 3.5 and 3.8, RFC 4954 6, sysexits(3), and the shell's
 * 126 and 127.
 */
static const char *
trouble_of(const struct handler *h, const char *dsn)
{
	static const struct {
		const char *detail; /* of a D.S.N */
		int code; /* exit status */
		const char *class;
	} troubles[] = {
	    {"7.8", -1, "credentials"},
	    {"3.5", -1, "configuration"},
	    {"4.1", -1, "network"},
	    {"4.2", -1, "network"},
	    {"4.3", -1, "network"},
	    {"4.4", -1, "network"},
	    {"4.5", -1, "throttle"},
	    {NULL, 69, "network"},
	    {NULL, 78, "configuration"},
	    {NULL, 126, "configuration"},
	    {NULL, 127, "configuration"},
	};
	int code = WIFEXITED(h->status) ? WEXITSTATUS(h->status) : -2;

	if (h->is_timed_out)
		return "time-out";
	for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
		if (troubles[i].code == code ||
		    (troubles[i].detail != NULL && dsn[0] != '\0' &&
			strcmp(dsn + 2, troubles[i].detail) == 0))
			return troubles[i].class;
	return "handler";
}

/* reason NULL: it is the handler's own end that decides. */
static json
make_result(const struct handler *h, const struct profile *profile,
    const char *unexpected)
{
	struct buf output = BUF_INIT, reason = BUF_INIT;
	bool is_cut = handler_output_text(&h->output, &output), is_ok;
	struct ending end = {
	    h->is_timed_out, h->status, output.data, output.len};
	struct verdict v = {.status = "retry"};
	int code = -1;
	json result;

	if (unexpected == NULL)
		profile_judge(profile, &end, &v);
	is_ok = strcmp(v.status, "ok") == 0;
	if (unexpected != NULL)
		buf_addstr(&reason, unexpected);
	else if (!is_ok)
		add_reason(h, &output, &v, &reason);
	if (!h->is_timed_out && WIFEXITED(h->status))
		code = WEXITSTATUS(h->status);
	result = record_result(v.status, "mail-dispatch", code,
	    is_ok ? NULL : trouble_of(h, v.dsn), reason.data);
	result =
	    json_set(result, "detail", make_detail(h, &output, is_cut, v.dsn));
	buf_release(&output);
	buf_release(&reason);
	return result;
}

json
handler_result(const struct handler *h, const struct profile *profile)
{
	return make_result(h, profile, NULL);
}

json
handler_result_unexpected(const struct handler *h, const char *reason)
{
	return make_result(h, NULL, reason);
}
