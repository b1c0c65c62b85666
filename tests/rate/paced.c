/*
 * paced TENANT=PER_S[/PER_DAY]... <RECORDS >RECORDS: a sender that sends
 * nothing, but at the rates of these tenants, as lock/rate.h and queue/pace.h
 * ask it of one.  It notes "ID TENANT MILLISECONDS" in the file sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/jsonl.h"
#include "core/tool.h"
#include "lock/rate.h"
#include "queue/pace.h"

enum {
	WITHIN_MS = 10000,
	URGENT_WITHIN_MS = 20000,
};

/* A mail in hand. */
struct mail {
	json rec;
	const char *tenant;
	char scope[80];
	struct rate_ask ask;
};

struct sender {
	struct queue *q;
	struct rates *rates;
	char **limits;
	struct mail *all;
	size_t n;
	struct buf out;
	FILE *sent;
};

static void
find_limits(const struct sender *s, struct mail *m)
{
	size_t n = strlen(m->tenant);
	struct rate_scope *scope = &m->ask.scopes[0];
	char *end;

	snprintf(m->scope, sizeof m->scope, "tenant:%s", m->tenant);
	*scope = (struct rate_scope){.name = m->scope};
	for (char **l = s->limits; *l != NULL; l++) {
		if (strncmp(*l, m->tenant, n) != 0 || (*l)[n] != '=')
			continue;
		scope->per_s = strtod(*l + n + 1, &end);
		if (*end == '/')
			scope->per_day = strtoll(end + 1, NULL, 10);
	}
}

static int
finish(struct sender *s, struct mail *m, json result, struct err *e)
{
	int r;

	result = json_set_str(result, "stage", "paced");
	m->rec = json_set(m->rec, "result", result);
	buf_reset(&s->out);
	json_dump(m->rec, &s->out);
	buf_addch(&s->out, '\n');
	r = fwrite(s->out.data, 1, s->out.len, stdout) == s->out.len &&
		    fflush(stdout) == 0
		? 0
		: err_errno(e, "stdout");
	*m = s->all[--s->n];
	return r;
}

static int
send_it(struct sender *s, struct mail *m, int64_t now, struct err *e)
{
	fprintf(s->sent, "%s %s %lld\n", json_str(m->rec, "id"), m->tenant,
	    (long long)now);
	fflush(s->sent);
	return finish(s, m, json_set_str(json_object(), "status", "ok"), e);
}

static int
hold(struct sender *s, const struct mail *m, int64_t now, struct err *e)
{
	json lease = json_get(m->rec, "lease");
	struct mail_pace p = {
	    .queue = json_str(lease, "queue"),
	    .tenant = m->tenant,
	    .priority = m->ask.priority,
	    .reason = "paced",
	};

	int r = 0;

	if (p.queue != NULL &&
	    pace_of(&p, m->ask.at, m->ask.is_reserved,
		m->ask.is_day ? 0 : m->ask.scopes[0].per_s, now))
		r = queue_hold_for_rate(s->q, &p, 1, e);
	json_free(lease);
	return r;
}

/*
 * What is urgent takes the first moment of what can wait.  The one that waits
 * now.
 */
static const struct mail *
exchange(struct sender *s, struct mail *m)
{
	struct mail *first = NULL;
	int64_t at = m->ask.at;

	for (size_t i = 0; i < s->n; i++) {
		struct mail *other = &s->all[i];

		if (strcmp(other->tenant, m->tenant) == 0 &&
		    other->ask.priority < m->ask.priority &&
		    other->ask.at < m->ask.at &&
		    (first == NULL || other->ask.at < first->ask.at))
			first = other;
	}
	if (first == NULL)
		return m;
	m->ask.at = first->ask.at;
	first->ask.at = at;
	return first;
}

/* Reserve a moment for the mail, hold its tenant, or put the mail off. */
static int
reserve(struct sender *s, struct mail *m, struct err *e)
{
	int64_t now = clock_now_ms();
	const struct mail *waits = m;
	json result;

	m->ask.scopes[0].name = m->scope;
	if (rates_reserve(s->rates, &m->ask, 1, now, e) == -1)
		return -1;
	if (m->ask.is_reserved)
		waits = exchange(s, m);
	if (hold(s, waits, now, e) == -1)
		return -1;
	if (m->ask.is_reserved)
		return 0;
	result = json_set_str(json_object(), "status", "snooze");
	result = json_set(
	    result, "after_s", json_number((m->ask.at - now + 999) / 1000));
	return finish(s, m, result, e);
}

static int
read_line(struct sender *s, const char *line, size_t len, struct err *e)
{
	struct mail *m;

	s->all = xrealloc(s->all, s->n + 1, sizeof *s->all);
	m = &s->all[s->n];
	*m = (struct mail){.ask = {.n = 1, .within_ms = WITHIN_MS}};
	if (json_parse(line, len, &m->rec, e) == -1)
		return -1;
	s->n++;
	m->tenant = json_str(m->rec, "tenant");
	m->ask.priority = json_int(m->rec, "priority", 0);
	if (m->ask.priority > 0)
		m->ask.within_ms = URGENT_WITHIN_MS;
	find_limits(s, m);
	return reserve(s, m, e);
}

/* All whose moments have come. */
static int
send_due(struct sender *s, struct err *e)
{
	int r = 0;

	for (size_t i = s->n; r == 0 && i-- > 0;) {
		struct mail *m = &s->all[i];
		int64_t now = clock_now_ms();

		if (m->ask.at > now)
			continue;
		if (now - m->ask.at <= RATE_LATE_MS ||
		    m->ask.scopes[0].per_s == 0) {
			r = send_it(s, m, now, e);
			continue;
		}
		m->ask.is_again = true;
		r = reserve(s, m, e);
	}
	return r;
}

/* Until the next moment; -1: there is none. */
static int
time_out(const struct sender *s)
{
	int64_t now = clock_now_ms(), ms = -1;

	for (size_t i = 0; i < s->n; i++) {
		int64_t left = s->all[i].ask.at - now;

		if (left < 0)
			left = 0;
		if (ms == -1 || left < ms)
			ms = left;
	}
	return (int)ms;
}

static int
run(struct sender *s, struct err *e)
{
	const struct timespec rest = {.tv_nsec = 1000000};
	struct jsonl in;
	const char *line;
	size_t len;
	enum jsonl_got got = JSONL_MORE;
	int r = 0;

	jsonl_init(&in, 0);
	while (r == 0 && (got != JSONL_END || s->n > 0)) {
		if (got == JSONL_END)
			nanosleep(&rest, NULL);
		else if (jsonl_fill(&in, time_out(s), e) == -1)
			r = -1;
		while (r == 0 &&
		       (got = jsonl_next(&in, &line, &len)) == JSONL_LINE)
			r = read_line(s, line, len, e);
		if (r == 0)
			r = send_due(s, e);
	}
	jsonl_release(&in);
	return r;
}

static int
work(struct queue *q, void *ctx, struct err *e)
{
	struct sender s = {.q = q, .limits = ctx};
	int r = -1;

	s.sent = fopen("sent", "ae");
	s.rates = rates_open(q->state, e);
	if (s.sent != NULL && s.rates != NULL)
		r = run(&s, e);
	rates_close(s.rates);
	if (s.sent != NULL)
		fclose(s.sent);
	for (size_t i = 0; i < s.n; i++)
		json_free(s.all[i].rec);
	free(s.all);
	buf_release(&s.out);
	return r;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	(void)argc;
	if (queue_with(work, argv + 1, &e) == 0)
		return 0;
	fprintf(stderr, "paced: %s\n", e.text);
	return EXIT_TEMP;
}
