#include "desk/expire.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"
#include "queue/common_file.h"
#include "queue/draw.h"
#include "queue/last_run.h"
#include "queue/removal.h"

enum {
	BATCH = 100,
	NEVER = -1,
};

#define FILES "retention.files"

static const enum mail_state states[] = {
    MAIL_SUCCEEDED, MAIL_SKIPPED, MAIL_DEAD, MAIL_PARKED, MAIL_DROPPED};

struct expire {
	struct queue *q;
	const struct expiring *how;
	enum mail_state state;
	char path[40]; /* "retention.STATE" */
	int64_t now, started; /* started: clock_mono_ms */
	char ids[BATCH][ID_MAX + 1];
	int64_t before[BATCH];
	size_t n;
	int64_t removed, seen;
	bool is_over; /* count or budget are spent */
};

/* For how long a tenant wants to have such a row; NEVER: for ever. */
static int64_t
retention_s(const struct expire *x, const struct mail_row *row)
{
	const struct config *c = &x->q->state->config;
	bool is_file = x->state == MAIL_SUCCEEDED &&
		       common_file_is(row->record, row->record_len);
	const char *path = is_file ? FILES : x->path;
	int64_t of_all = config_in_duration_s(c->root, path, NEVER);

	return config_tenant_duration_s(c, row->tenant, path, of_all);
}

static int64_t
shorter_s(int64_t a, int64_t b)
{
	return a == NEVER || (b != NEVER && b < a) ? b : a;
}

/* The shortest of all tenants, so that one walk finds all; NEVER: none. */
static int64_t
shortest_s(const struct expire *x, const char *path)
{
	const struct config *c = &x->q->state->config;
	int64_t least = config_in_duration_s(c->root, path, NEVER);
	json tenants = json_member(c->root, "tenants", JSON_OBJECT);

	for (int i = 0; i < json_count(tenants); i++) {
		json tenant = json_at(tenants, i);

		least =
		    shorter_s(least, config_in_duration_s(tenant, path, NEVER));
		json_free(tenant);
	}
	json_free(tenants);
	return least;
}

/* No more than rate in a second, over all of the run. */
static void
slow_down(const struct expire *x)
{
	int64_t due = x->started;

	if (x->how->rate == 0)
		return;
	due += x->removed * 1000 / x->how->rate;
	for (int64_t left = due - clock_mono_ms(); left > 0;
	     left = due - clock_mono_ms())
		poll(NULL, 0, (int)(left < 1000 ? left : 1000));
}

static bool
is_spent(const struct expire *x)
{
	const struct expiring *how = x->how;

	return (how->count > 0 && x->seen >= how->count) ||
	       (how->budget_s > 0 &&
		   clock_mono_ms() - x->started >= how->budget_s * 1000);
}

static int
print_id(const char *id, struct err *e)
{
	char line[ID_MAX + 2];
	int n = snprintf(line, sizeof line, "%s\n", id);

	return file_write(STDOUT_FILENO, line, (size_t)n, -1, "stdout", e);
}

static void
say_damaged(const struct mail_remove *r)
{
	struct err bad = ERR_INIT;

	if (!r->is_damaged)
		return;
	err_set(&bad, ERR_TEMP,
	    "%s: its record is damaged, so it stays: mail-store verify says "
	    "more",
	    r->id);
	tool_failed(&bad);
}

static int
flush(struct expire *x, struct err *e)
{
	struct mail_engine *mail = x->q->mail;
	struct mail_remove removes[BATCH];
	int r = 0;

	for (size_t i = 0; i < x->n; i++)
		removes[i] = (struct mail_remove){
		    .id = x->ids[i],
		    .state = x->state,
		    .before = x->before[i],
		};
	if (x->n > 0)
		r = mail->ops->remove(mail, removes, x->n, e);
	if (r == 0 && x->n > 0)
		r = removal_of_doomed(x->q, e);
	for (size_t i = 0; r == 0 && i < x->n; i++) {
		x->removed += removes[i].is_removed;
		say_damaged(&removes[i]);
	}
	progress_add((int64_t)x->n);
	x->n = 0;
	if (r == 0)
		slow_down(x);
	return r;
}

/* A batch is no more than a second's share. */
static size_t
batch(const struct expire *x)
{
	return x->how->rate > 0 && x->how->rate < BATCH ? (size_t)x->how->rate
							: BATCH;
}

static int
expire_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct expire *x = ctx;
	int64_t wanted_s;

	if (x->is_over || is_spent(x)) {
		x->is_over = true;
		return -1;
	}
	wanted_s = retention_s(x, row);
	if (wanted_s == NEVER || row->is_kept ||
	    row->updated_at >= x->now - wanted_s * 1000)
		return 0;
	x->seen++;
	if (x->how->is_dry) {
		x->removed++;
		return print_id(row->id, e);
	}
	x->before[x->n] = x->now - wanted_s * 1000;
	snprintf(x->ids[x->n++], sizeof x->ids[0], "%s", row->id);
	return x->n >= batch(x) ? flush(x, e) : 0;
}

static int
expire_state(struct expire *x, struct err *e)
{
	struct mail_filter f = {.tenant = x->how->tenant, .state = x->state};
	const char *name = mail_state_name(x->state);
	int64_t least_s;
	int r;

	if (x->how->state != NULL && strcmp(x->how->state, name) != 0)
		return 0;
	snprintf(x->path, sizeof x->path, "retention.%s", name);
	least_s = shortest_s(x, x->path);
	if (x->state == MAIL_SUCCEEDED)
		least_s = shorter_s(least_s, shortest_s(x, FILES));
	if (least_s == NEVER)
		return 0;
	f.before = x->now - least_s * 1000;
	r = x->q->mail->ops->list(x->q->mail, &f, expire_row, x, e);
	if (x->is_over)
		r = 0;
	return r == 0 ? flush(x, e) : -1;
}

int
expire_run(struct queue *q, const struct expiring *how, struct err *e)
{
	struct expire *x = xcalloc(1, sizeof *x);
	int lock = -1, r = queue_mail(q, e) != NULL ? 0 : -1;

	x->q = q;
	x->how = how;
	x->now = clock_now_ms();
	x->started = clock_mono_ms();
	progress_start("expired", how->is_dry);
	if (r == 0 && !how->is_dry) {
		lock = removal_lock(q->state, true, e);
		r = lock != -1 ? removal_of_doomed(q, e) : -1;
	}
	for (size_t i = 0; r == 0 && i < sizeof states / sizeof *states; i++) {
		x->state = states[i];
		r = expire_state(x, e);
	}
	if (lock != -1)
		close(lock);
	if (r == 0 && !how->is_dry)
		last_run_note(q->state, "mail-store-expire");
	if (r == 0)
		tool_verbose("%lld mails %s%s", (long long)x->removed,
		    how->is_dry ? "would expire" : "expired",
		    x->is_over ? "; there may be more" : "");
	free(x);
	return r;
}
