/* What servers answer, as results have it. */
#include <stdio.h>
#include <string.h>

#include "send/verdict.h"

static int failed;

/* What servers say of a mail that they have taken, and what they call it. */
static const struct {
	const char *text, *id;
} ids[] = {
    {"2.0.0 Ok: queued as 4XyZ1k2Qz3", "4XyZ1k2Qz3"},
    {"Ok: queued as 0A1B2C3D4E5F.", "0A1B2C3D4E5F"},
    {"OK id=1r9XyZ-0001Ab-2C", "1r9XyZ-0001Ab-2C"},
    {"2.0.0 5ATG1234012345 Message accepted for delivery", "5ATG1234012345"},
    {"Ok 0102018b1f7d2f6e-5f1f0a4e-000000", "0102018b1f7d2f6e-5f1f0a4e-000000"},
    {"2.0.0 OK  1700000000 d9443c01a7336-1cc29ed17besi1234567plb.333 - gsmtp",
	"d9443c01a7336-1cc29ed17besi1234567plb.333"},
    {"2.6.0 <m1@example.com> [InternalId=1234567890, Hostname=X] Queued mail",
	""},
    {"2.0.0 Ok", ""},
    {"ok", ""},
    {"", ""},
    {"queued as ", ""},
    {"id=", ""},
    {"Thank you very much", ""},
};

static const struct {
	struct smtp_answer answer;
	bool is_kept;
	const char *status, *class;
	bool is_again;
} rows[] = {
    {{SMTP_ACCEPTED, {REPLY_END, 250, "", "ok"}, ERR_INIT}, false, "ok", NULL,
	false},
    {{SMTP_REFUSED, {REPLY_RCPT, 550, "5.1.1", "no"}, ERR_INIT}, false, "fail",
	"recipient", false},
    {{SMTP_UNKNOWN, {.stage = REPLY_END}, {ERR_TEMP, "closed"}}, true,
	"uncertain", "network", false},
    {{SMTP_BROKEN, {.stage = REPLY_END}, {ERR_TEMP, "closed"}}, true, "retry",
	"network", false},
    {{SMTP_IMPOSSIBLE, {.stage = REPLY_MAIL}, {ERR_DATA, "NUL"}}, true, "fail",
	"content", false},
    /* A connection that was kept for too long. */
    {{SMTP_BROKEN, {.stage = REPLY_MAIL}, {ERR_TEMP, "closed"}}, true, "retry",
	"network", true},
    {{SMTP_BROKEN, {.stage = REPLY_MAIL}, {ERR_TEMP, "closed"}}, false, "retry",
	"network", false},
    /* No mail was offered, so none is tried. */
    {{SMTP_REFUSED, {REPLY_CONNECT, 421, "", "later"}, ERR_INIT}, false,
	"snooze", "network", false},
    {{SMTP_REFUSED, {REPLY_CONNECT, 451, "4.3.2", "busy"}, ERR_INIT}, false,
	"snooze", "network", false},
    {{SMTP_REFUSED, {REPLY_MAIL, 421, "", "later"}, ERR_INIT}, false, "retry",
	"server", false},
    /* One tenant's trouble. */
    {{SMTP_REFUSED, {REPLY_END, 554, "", "Email address is not verified."},
	 ERR_INIT},
	false, "snooze", "configuration", false},
};

static void
check_id(const char *text, const char *want)
{
	struct smtp_answer a = {
	    .outcome = SMTP_ACCEPTED, .reply = {REPLY_END, 250, "", ""}};
	struct verdict v;

	snprintf(a.reply.text, sizeof a.reply.text, "%s", text);
	v = verdict_of_answer(&a, false);
	if (strcmp(v.provider_id, want) != 0) {
		printf("%s: \"%s\", not \"%s\"\n", text, v.provider_id, want);
		failed = 1;
	}
}

static void
check_row(size_t i)
{
	struct verdict v = verdict_of_answer(&rows[i].answer, rows[i].is_kept);

	if (strcmp(v.status, rows[i].status) != 0 ||
	    (v.class == NULL) != (rows[i].class == NULL) ||
	    (v.class != NULL && strcmp(v.class, rows[i].class) != 0) ||
	    v.is_again != rows[i].is_again || v.is_transport) {
		printf("row %zu: %s %s\n", i, v.status,
		    v.class != NULL ? v.class : "-");
		failed = 1;
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		check_id(ids[i].text, ids[i].id);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(i);
	return failed;
}
