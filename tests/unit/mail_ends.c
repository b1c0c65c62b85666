/*
 * What every ledger engine does with mails at their ends: looked for, kept,
 * removed, admitted, in doubt.
 */
#include "ledger.h"

static const char record_a[] =
    "{\"id\":\"a\",\"envelope\":{\"from\":\"A@x\",\"to\":\"b@y\"},"
    "\"message\":{\"message_id\":\"<1@x>\"},\"blob\":{\"ref\":"
    "\"file:2026/11/21/a.0\"}}";

static bool
is_found(struct ledger *l, struct mail_filter f, const char *id)
{
	f.state = -1;
	return list(l, f) == 1 && strcmp(l->rows[0].id, id) == 0;
}

static void
test_find(struct ledger *l)
{
	put_record(l, "a", "q", record_a);
	put_record(l, "b", "q", "{\"id\":\"b\",\"envelope\":{\"from\":\"\"}}");
	CHECK(l, is_found(l, (struct mail_filter){.sender = "a@X"}, "a"));
	CHECK(l, is_found(l, (struct mail_filter){.sender = ""}, "b"));
	CHECK(l, is_found(l, (struct mail_filter){.recipient = "B@y"}, "a"));
	CHECK(l, is_found(l, (struct mail_filter){.message_id = "1@x"}, "a"));
	CHECK(l, is_found(l, (struct mail_filter){.message_id = "<1@x>"}, "a"));
	CHECK(l, is_found(l, (struct mail_filter){.behind = "a"}, "b"));
	CHECK(l,
	    list(l, (struct mail_filter){.state = -1, .sender = "c@x"}) == 0);
	CHECK(l, list(l, (struct mail_filter){.state = -1,
			     .sender = "a@x",
			     .message_id = "2@x"}) == 0);
}

static bool
keep(struct ledger *l, const char *id, bool is_kept)
{
	struct mail_keep k = {.id = id, .is_kept = is_kept, .entry = "{}"};
	struct err e = ERR_INIT;

	must(l, l->m->ops->keep(l->m, &k, 1, l->now, &e), &e, "keep");
	return !k.is_unknown;
}

static bool
remove_mail(
    struct ledger *l, const char *id, enum mail_state state, int64_t before)
{
	struct mail_remove r = {.id = id, .state = state, .before = before};
	struct err e = ERR_INIT;

	must(l, l->m->ops->remove(l->m, &r, 1, &e), &e, "remove");
	return r.is_removed;
}

static int
add_ref(void *ctx, const char *ref, struct err *e)
{
	(void)e;
	buf_addf(ctx, "%s ", ref);
	return 0;
}

static bool
is_doomed(struct ledger *l, const char *refs)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	bool is_it;

	buf_addstr(&out, "");
	must(l, l->m->ops->doomed(l->m, add_ref, &out, &e), &e, "doomed");
	is_it = out.len == strlen(refs) &&
		(out.len == 0 || memcmp(out.data, refs, out.len) == 0);
	buf_release(&out);
	return is_it;
}

static void
test_remove(struct ledger *l)
{
	static const char *const refs[] = {"file:2026/11/21/a.0"};
	struct err e = ERR_INIT;

	put_record(l, "a", NULL, record_a);
	put(l, "b", "q", 0, 0);
	CHECK(l, !remove_mail(l, "a", MAIL_DEAD, l->now + 1));
	CHECK(l, !remove_mail(l, "a", MAIL_STORED, l->now)); /* not older */
	CHECK(l, !keep(l, "nobody", true));
	CHECK(l, keep(l, "a", true) && keep(l, "a", true));
	CHECK(l, strcmp(history(l, "a"), ":stored :kept") == 0);
	CHECK(l,
	    list(l, (struct mail_filter){.state = -1, .is_kept = true}) == 1);
	CHECK(l, !remove_mail(l, "a", MAIL_STORED, l->now + 1));
	CHECK(l, keep(l, "a", false));
	CHECK(l, strcmp(history(l, "a"), ":stored :kept :released") == 0);
	CHECK(l, is_doomed(l, ""));
	CHECK(l, remove_mail(l, "a", MAIL_STORED, l->now + 1));
	CHECK(l, !remove_mail(l, "a", MAIL_STORED, l->now + 1));
	CHECK(l, list(l, (struct mail_filter){.state = -1}) == 1);
	CHECK(l, is_doomed(l, "file:2026/11/21/a.0 "));
	must(l, l->m->ops->gone(l->m, refs, 1, &e), &e, "gone");
	CHECK(l, is_doomed(l, ""));
	/* What somebody works on stays. */
	CHECK(l, take(l, "q", "w", 1) == 1);
	CHECK(l, !remove_mail(l, "b", MAIL_LEASED, l->now + 1));
	/* It may come again, and has no history then. */
	put_record(l, "a", NULL, record_a);
	CHECK(l, strcmp(history(l, "a"), ":stored") == 0);
}

static void
test_admit(struct ledger *l)
{
	const struct mail_history events[] = {
	    {.at = 5,
		.delivery = 1,
		.attempt = 1,
		.stage = ":start",
		.entry = "{}",
		.entry_len = 2},
	    {.at = 6, .stage = ":reparse", .entry = "{}", .entry_len = 2},
	    {.at = 7, .stage = ":reparse", .entry = "{}", .entry_len = 2},
	};
	struct mail_image images[2] = {
	    {.row = {.id = "a",
		 .tenant = "t",
		 .queue = "q",
		 .state = MAIL_DEAD,
		 .attempts = 3,
		 .deliveries = 4,
		 .stored_at = 1,
		 .queued_at = 2,
		 .updated_at = 9,
		 .is_kept = true,
		 .record = record_a,
		 .record_len = sizeof record_a - 1},
		.history = events,
		.history_n = 3},
	    {.row = {.id = "b",
		 .tenant = "t",
		 .state = MAIL_STORED,
		 .stored_at = 1,
		 .updated_at = 1,
		 .record = "{\"id\":\"b\"}",
		 .record_len = 10}},
	};
	struct err e = ERR_INIT;

	put(l, "b", "q", 0, 0);
	must(l, l->m->ops->admit(l->m, images, 2, &e), &e, "admit");
	CHECK(l, !images[0].is_there && images[1].is_there);
	CHECK(l, is_found(l, (struct mail_filter){.sender = "a@x"}, "a"));
	CHECK(l, l->rows[0].state == MAIL_DEAD && l->rows[0].attempts == 3);
	CHECK(l, l->rows[0].deliveries == 4);
	CHECK(l, strcmp(history(l, "a"),
		     ":stored :queued :start :reparse :reparse") == 0);
	must(l, l->m->ops->admit(l->m, images, 2, &e), &e, "admit");
	CHECK(l, images[0].is_there);
	/* The one that was here is as it was. */
	CHECK(l, take(l, "q", "w", 9) == 1);
	CHECK(l, strcmp(l->rows[0].id, "b") == 0);
}

static enum mail_state
park(void *ctx, const char *tenant, enum mail_state normal)
{
	(void)ctx;
	(void)tenant;
	(void)normal;
	return MAIL_PARKED;
}

static void
test_doubt(struct ledger *l)
{
	const struct mail_policy parking = {.interrupted = park};
	struct mail_doubts d;
	struct err e = ERR_INIT;

	put(l, "stored", NULL, 0, 0);
	put_record(l, "out", "q", "{\"id\":\"out\",\"mail\":{}}");
	put(l, "later", "q", 0, l->now + 1000);
	put(l, "leased", "r", 0, 0);
	CHECK(l, take(l, "r", "w", 1) == 1);
	must(l, l->m->ops->doubt(l->m, NULL, l->now, &d, &e), &e, "doubt");
	CHECK(l, d.marked == 3 && d.parked == 1);
	CHECK(l, list(l, (struct mail_filter){.state = MAIL_PARKED}) == 1);
	CHECK(l, list(l, (struct mail_filter){.state = MAIL_SCHEDULED}) == 1);
	CHECK(l, l->rows[0].is_interrupted && l->rows[0].due_at > l->now);
	CHECK(l, take(l, "r", "x", 1) == 1 && l->rows[0].is_interrupted);
	CHECK(
	    l, strcmp(history(l, "leased"), ":stored :queued :restored") == 0);
	must(l, l->m->ops->doubt(l->m, &parking, l->now, &d, &e), &e, "doubt");
	CHECK(l, d.marked == 1 && d.parked == 2);
}

static void (*const tests[])(struct ledger *) = {
    test_find,
    test_remove,
    test_admit,
    test_doubt,
};

int
main(void)
{
	static const char *const specs[] = {"sqlite:", "mem:", "trace:mem:"};
	struct err e = ERR_INIT;
	char dir[64];
	struct ledger l;

	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
		for (size_t t = 0; t < sizeof tests / sizeof *tests; t++) {
			snprintf(dir, sizeof dir, "state-%zu-%zu", i, t);
			ledger_open(&l, specs[i], dir);
			tests[t](&l);
			/* And its sums are right. */
			must(&l, l.m->ops->check(l.m, &e), &e, "check");
			ledger_close(&l);
		}
	return failures > 0;
}
