/*
 * A long random walk over a ledger engine, beside a simple model of what
 * queue.h says: after each step the two agree.  $MAILPIPE_TEST_STEPS is its
 * length, $MAILPIPE_TEST_SEED its begin.
 */
#include "ledger.h"

enum {
	MAILS = 1000, /* at most, in all */
	YOUNG = 12, /* of them are put again */
	OWNERS = 3,
	PRIORITIES = 3,
	HELD = 200,
};

static const char *const owners[OWNERS] = {"w0", "w1", "w2"};
static const char *const stages[] = {"mail-dispatch", "mail-send"};

/* What the model knows of a mail. */
struct model {
	enum mail_state state;
	int64_t priority, due_at, attempts, deliveries, unstarted;
	int owner; /* of the lease */
	int stage; /* -1: not started */
	int interrupted; /* so many times in a row */
};

/* A lease that was given out once, and what was settled with it. */
struct held {
	int mail, owner;
	int64_t delivery;
	unsigned settled; /* a bit for each stage */
};

struct walk {
	struct ledger *l;
	struct model mails[MAILS];
	int n;
	struct held held[HELD]; /* a ring */
	size_t n_held;
	int picks; /* mails taken */
	unsigned seed;
};

static int
pick(struct walk *w, int n)
{
	w->seed = w->seed * 1103515245 + 12345;
	return (int)((w->seed >> 16) % (unsigned)n);
}

static char *
mail_id(int i, char id[16])
{
	snprintf(id, 16, "m%d", i);
	return id;
}

static void
end_lease(struct model *m, bool is_counted)
{
	m->due_at = 0;
	if (m->stage != -1) {
		m->interrupted++;
		m->state = MAIL_READY;
		if (m->stage == 1)
			m->state = MAIL_PARKED;
		else if (m->interrupted >= MAIL_INTERRUPTED_MAX)
			m->state = MAIL_DEFERRED;
	} else if (is_counted && ++m->unstarted >= MAIL_UNSTARTED_MAX) {
		m->state = MAIL_DEAD;
	} else {
		m->state = MAIL_READY;
	}
	m->stage = -1;
}

/* Time has gone on. */
static void
promote(struct walk *w)
{
	for (int i = 0; i < w->n; i++) {
		struct model *m = &w->mails[i];

		if (m->due_at > w->l->now)
			continue;
		if (m->state == MAIL_LEASED)
			end_lease(m, true);
		else if (m->state == MAIL_SCHEDULED) {
			m->state = MAIL_READY;
			m->due_at = 0;
		}
	}
}

/* A new one, or one of the young again. */
static void
step_put(struct walk *w)
{
	bool is_new = w->n < MAILS && (w->n == 0 || pick(w, 3) > 0);
	int i =
	    is_new ? w->n++ : w->n - 1 - pick(w, w->n < YOUNG ? w->n : YOUNG);
	struct model *m = &w->mails[i];
	bool is_queued = pick(w, 3) > 0;
	int64_t priority = pick(w, PRIORITIES);
	int64_t ready_at = pick(w, 4) == 0 ? w->l->now + 300 : 0;
	char id[16];

	put(w->l, mail_id(i, id), is_queued ? "q" : NULL, priority, ready_at);
	if (is_new)
		*m = (struct model){.state = MAIL_STORED, .stage = -1};
	if (m->state != MAIL_STORED || (!is_queued && !is_new))
		return;
	m->priority = priority;
	if (!is_queued)
		return;
	m->state = ready_at > 0 ? MAIL_SCHEDULED : MAIL_READY;
	m->due_at = ready_at;
}

/*
 * The priority whose turn it is: of eight picks one is for the second highest,
 * of sixty-four one for the third.
 */
static int64_t
next_priority(struct walk *w)
{
	bool is_there[PRIORITIES] = {false};
	int level = 0, found = -1;

	for (int i = 0; i < w->n; i++)
		if (w->mails[i].state == MAIL_READY)
			is_there[w->mails[i].priority] = true;
	for (int n = w->picks + 1; n % 8 == 0; n /= 8)
		level++;
	for (int p = PRIORITIES - 1; p >= 0 && level >= 0; p--)
		if (is_there[p]) {
			found = p;
			level--;
		}
	return found;
}

/* The mail that take gives next, -1 for none. */
static int
next_ready(struct walk *w)
{
	int64_t priority = next_priority(w);

	for (int i = 0; i < w->n; i++)
		if (w->mails[i].state == MAIL_READY &&
		    w->mails[i].priority == priority)
			return i;
	return -1;
}

static void
step_take(struct walk *w)
{
	int owner = pick(w, OWNERS), next;
	size_t max = (size_t)pick(w, 4);
	char id[16];

	promote(w);
	take(w->l, "q", owners[owner], max);
	for (size_t i = 0; i < max; i++) {
		next = next_ready(w);
		if (next == -1) {
			CHECK(w->l, w->l->n == i);
			return;
		}
		struct model *m = &w->mails[next];

		m->state = MAIL_LEASED;
		m->owner = owner;
		m->stage = -1;
		m->due_at = w->l->now + LEASE_MS;
		m->deliveries++;
		w->picks++;
		w->held[w->n_held++ % HELD] = (struct held){
		    .mail = next, .owner = owner, .delivery = m->deliveries};
		CHECK(w->l, strcmp(w->l->rows[i].id, mail_id(next, id)) == 0);
		CHECK(w->l, w->l->rows[i].deliveries == m->deliveries);
		CHECK(
		    w->l, w->l->rows[i].is_interrupted == (m->interrupted > 0));
	}
}

/* A lease of now or of before; NULL when there was none yet. */
static struct held *
any_held(struct walk *w)
{
	size_t n = w->n_held < HELD ? w->n_held : HELD, back;

	if (n == 0)
		return NULL;
	/* Mostly a young one. */
	back = (size_t)pick(w, pick(w, 4) == 0 ? (int)n : (int)(n < 6 ? n : 6));
	return &w->held[(w->n_held - 1 - back) % HELD];
}

static bool
is_current(struct walk *w, const struct held *h)
{
	const struct model *m = &w->mails[h->mail];

	return m->state == MAIL_LEASED && m->owner == h->owner &&
	       m->deliveries == h->delivery;
}

static void
step_start(struct walk *w)
{
	struct held *h = any_held(w);
	int stage = pick(w, 8) == 0;
	int64_t attempt;
	struct model *m;
	char id[16];

	if (h == NULL)
		return;
	m = &w->mails[h->mail];
	attempt = start(w->l, stages[stage],
	    lease(mail_id(h->mail, id), owners[h->owner], h->delivery));
	if (!is_current(w, h) || m->stage != -1) {
		CHECK(w->l, attempt == 0);
		return;
	}
	m->attempts++;
	m->stage = stage;
	m->unstarted = 0;
	m->due_at = w->l->now + LEASE_MS;
	CHECK(w->l, attempt == m->attempts);
}

static void
apply(struct walk *w, struct model *m, enum mail_status status, bool is_held)
{
	static const enum mail_state becomes[] = {
	    [STATUS_OK] = MAIL_SUCCEEDED,
	    [STATUS_RETRY] = MAIL_DEFERRED,
	    [STATUS_SNOOZE] = MAIL_SCHEDULED,
	    [STATUS_SKIP] = MAIL_SKIPPED,
	    [STATUS_FAIL] = MAIL_DEAD,
	    [STATUS_UNCERTAIN] = MAIL_PARKED,
	};
	bool costs = status != STATUS_SNOOZE && status != STATUS_SKIP;

	if (is_held)
		m->attempts += costs - (m->stage != -1);
	m->state = becomes[status];
	m->due_at = status == STATUS_RETRY || status == STATUS_SNOOZE
			? w->l->now + 500
			: 0;
	if (is_held && m->stage != -1)
		m->interrupted = 0;
	m->stage = -1;
	m->unstarted = 0;
}

static void
step_settle(struct walk *w)
{
	struct held *h = any_held(w);
	enum mail_status status =
	    (enum mail_status)pick(w, STATUS_UNCERTAIN + 1);
	unsigned stage = (unsigned)pick(w, 2);
	struct model *m;
	bool is_held;
	char id[16];

	if (h == NULL)
		return;
	m = &w->mails[h->mail];
	is_held = is_current(w, h);
	settle(w->l, stages[stage], status,
	    lease(mail_id(h->mail, id), owners[h->owner], h->delivery));
	if (status == STATUS_NONE) {
		if (is_held && m->stage == -1)
			end_lease(m, false);
		return;
	}
	if (h->settled & 1U << stage)
		return;
	h->settled |= 1U << stage;
	if (is_held || (status == STATUS_OK && m->state != MAIL_SUCCEEDED))
		apply(w, m, status, is_held);
}

static void
step_give_back(struct walk *w)
{
	int owner = pick(w, OWNERS);
	bool is_counted = pick(w, 4) > 0;

	give_back(w->l, owners[owner], is_counted);
	for (int i = 0; i < w->n; i++)
		if (w->mails[i].state == MAIL_LEASED &&
		    w->mails[i].owner == owner && w->mails[i].stage == -1)
			end_lease(&w->mails[i], is_counted);
}

static void
step_renew(struct walk *w)
{
	int owner = pick(w, OWNERS);

	renew(w->l, owners[owner]);
	for (int i = 0; i < w->n; i++)
		if (w->mails[i].state == MAIL_LEASED &&
		    w->mails[i].owner == owner && w->mails[i].stage == -1)
			w->mails[i].due_at = w->l->now + LEASE_MS;
}

static void
step_time(struct walk *w)
{
	w->l->now += pick(w, 2 * LEASE_MS);
}

static const struct {
	const char *name;
	void (*step)(struct walk *w);
	int weight;
} steps[] = {
    {"put", step_put, 3},
    {"take", step_take, 10},
    {"start", step_start, 6},
    {"settle", step_settle, 5},
    {"give_back", step_give_back, 6},
    {"renew", step_renew, 1},
    {"time", step_time, 3},
};

static const char *
any_step(struct walk *w)
{
	size_t n = sizeof steps / sizeof *steps, i;
	int total = 0, at;

	for (i = 0; i < n; i++)
		total += steps[i].weight;
	at = pick(w, total);
	for (i = 0; at >= steps[i].weight; i++)
		at -= steps[i].weight;
	steps[i].step(w);
	return steps[i].name;
}

static void
compare(struct walk *w, int i)
{
	const struct model *m = &w->mails[i];
	char id[16];
	struct seen s = row(w->l, mail_id(i, id));

	CHECK(w->l, s.state == m->state);
	CHECK(w->l, s.due_at == m->due_at);
	CHECK(w->l, s.attempts == m->attempts);
	CHECK(w->l, s.deliveries == m->deliveries);
	CHECK(w->l, s.priority == m->priority);
	CHECK(w->l, s.is_interrupted == (m->interrupted > 0));
	CHECK(w->l, strcmp(s.owner,
			m->state == MAIL_LEASED ? owners[m->owner] : "") == 0);
}

static int
add_counts(void *ctx, const struct mail_stats *s, struct err *e)
{
	int64_t *n = ctx;

	(void)e;
	for (int i = 0; i < MAIL_STATES; i++)
		n[i] += s->n[i];
	return 0;
}

/* All rows, and what stats counts without looking at them. */
static void
compare_all(struct walk *w)
{
	struct err e = ERR_INIT;
	int64_t counted[MAIL_STATES] = {0}, real[MAIL_STATES] = {0};

	for (int i = 0; i < w->n; i++) {
		compare(w, i);
		real[w->mails[i].state]++;
	}
	must(w->l, w->l->m->ops->stats(w->l->m, NULL, add_counts, counted, &e),
	    &e, "stats");
	for (int i = 0; i < MAIL_STATES; i++)
		CHECK(w->l, counted[i] == real[i]);
	must(w->l, w->l->m->ops->check(w->l->m, &e), &e, "check");
}

static long
setting(const char *name, long fallback)
{
	const char *s = getenv(name);

	return s != NULL ? strtol(s, NULL, 10) : fallback;
}

static void
walk(struct ledger *l, long n)
{
	static struct walk w;
	const char *name = "";

	w = (struct walk){
	    .l = l, .seed = (unsigned)setting("MAILPIPE_TEST_SEED", 20261121)};
	for (long i = 0; i < n && failures == 0; i++) {
		name = any_step(&w);
		for (int back = 1; back <= 8 && back <= w.n; back++)
			compare(&w, w.n - back);
		if (i % 100 == 99)
			compare_all(&w);
		if (failures > 0)
			fprintf(stderr, "in step %ld: %s\n", i, name);
	}
	compare_all(&w);
}

int
main(void)
{
	long n = setting("MAILPIPE_TEST_STEPS", 4000);
	struct ledger l;

	ledger_open(&l, "mem:", "state-mem");
	walk(&l, n);
	ledger_close(&l);
	ledger_open(&l, "sqlite:", "state");
	walk(&l, n / 4); /* each step is synced */
	ledger_close(&l);
	return failures > 0;
}
