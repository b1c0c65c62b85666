#include "desk/doctor_work.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "queue/last_run.h"

enum {
	BACKLOG_MS = 3600 * 1000, /* ready for so long */
	RETRY_MS = 3600 * 1000, /* since mail-retry has run */
};

struct work {
	struct doctor *d;
	int64_t now;
	int64_t deferred, dead, parked;
	bool is_late; /* a queue has a backlog */
	bool is_held;
};

static int
look_at_queue(void *ctx, const struct mail_stats *s, struct err *e)
{
	struct work *w = ctx;
	int64_t age = s->oldest_ready_at != 0 ? w->now - s->oldest_ready_at : 0;
	char text[CLOCK_TEXT];

	(void)e;
	w->deferred += s->n[MAIL_DEFERRED];
	w->dead += s->n[MAIL_DEAD];
	w->parked += s->n[MAIL_PARKED];
	if (age <= BACKLOG_MS || s->is_paused)
		return 0;
	w->is_late = true;
	doctor_finding(w->d, "backlog", DOCTOR_WARN,
	    "queue %s: %lld are ready, the oldest for %s: is mail-queue take "
	    "in cron, and does its line still run?",
	    s->queue, (long long)s->n[MAIL_READY], clock_age(age, text));
	return 0;
}

static int
look_at_hold(void *ctx, const struct mail_hold *h, struct err *e)
{
	struct work *w = ctx;
	char text[CLOCK_TEXT], until[CLOCK_TEXT];

	(void)e;
	/* That a tenant has a rate is no trouble. */
	if (h->is_rate)
		return 0;
	w->is_held = true;
	if (h->route != NULL) {
		doctor_finding(w->d, "holds", DOCTOR_WARN,
		    "queue %s: route %s is held by its breaker for %s, "
		    "%.100s: mend it, then mail-queue resume --route %s %s",
		    h->queue, h->route, clock_age(w->now - h->at, text),
		    h->reason, h->route, h->queue);
		return 0;
	}
	doctor_finding(w->d, "holds", DOCTOR_WARN,
	    "queue %s%s%s is held for %s, %s%s%s%.100s: mail-queue resume%s%s "
	    "%s ends it",
	    h->queue, h->tenant[0] != '\0' ? ", tenant " : "", h->tenant,
	    clock_age(w->now - h->at, text), h->until != 0 ? "until " : "",
	    h->until != 0 ? clock_format(h->until, until) : "without an end",
	    h->reason != NULL ? ", " : "", h->reason != NULL ? h->reason : "",
	    h->tenant[0] != '\0' ? " -t " : "", h->tenant, h->queue);
	return 0;
}

/* "5m ago", "never". */
static const char *
ago(int64_t at, int64_t now, char text[CLOCK_TEXT])
{
	size_t n;

	if (at == 0)
		return "never";
	clock_age(now - at, text);
	n = strlen(text);
	snprintf(text + n, CLOCK_TEXT - n, " ago");
	return text;
}

/* Deferred mail needs mail-retry; the others are worth knowing. */
static void
look_at_runs(struct work *w)
{
	static const char *const names[] = {
	    "mail-retry-due", "mail-store-expire", "mail-store-backup"};
	const struct state *s = w->d->state;
	int64_t at = last_run_at(s, names[0]);
	char text[CLOCK_TEXT];

	if (w->deferred > 0 && w->now - at > RETRY_MS)
		doctor_finding(w->d, "retry", DOCTOR_WARN,
		    "%lld are deferred, and mail-retry due has run %s: is it "
		    "in cron?",
		    (long long)w->deferred, ago(at, w->now, text));
	else
		doctor_finding(w->d, "retry", DOCTOR_OK,
		    "%lld are deferred; mail-retry due: %s",
		    (long long)w->deferred, ago(at, w->now, text));
	for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
		at = last_run_at(s, names[i]);
		doctor_finding(w->d, names[i] + sizeof "mail-store", DOCTOR_OK,
		    "%s", ago(at, w->now, text));
	}
}

/* They wait for somebody, and nobody else will tell. */
static void
look_at_ends(struct work *w)
{
	if (w->dead + w->parked == 0)
		doctor_finding(
		    w->d, "undecided", DOCTOR_OK, "none is dead or parked");
	else
		doctor_finding(w->d, "undecided", DOCTOR_WARN,
		    "%lld are dead, %lld parked: mail-store list -s dead, then "
		    "mail-retry revive or mail-queue drop",
		    (long long)w->dead, (long long)w->parked);
}

void
doctor_work(struct doctor *d)
{
	struct work w = {.d = d, .now = clock_now_ms()};
	struct err e = ERR_INIT;
	struct mail_engine *mail = d->queue->mail;

	/* That it cannot be read is said where it is opened. */
	if (mail == NULL ||
	    mail->ops->stats(mail, NULL, look_at_queue, &w, &e) == -1 ||
	    mail->ops->holds(mail, look_at_hold, &w, &e) == -1)
		return;
	if (!w.is_late)
		doctor_finding(
		    d, "backlog", DOCTOR_OK, "nothing is ready for an hour");
	if (!w.is_held)
		doctor_finding(d, "holds", DOCTOR_OK, "none");
	look_at_ends(&w);
	look_at_runs(&w);
}
