#include "lock/claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/tool.h"
#include "lock/key.h"
#include "mail/record.h"

static const char stage[] = "mail-lock";

/* One record that asks, and what its lock_acquire borrows. */
struct asking {
	struct batch_item *item;
	struct buf key;
	char content[DIGEST_TEXT];
};

static void
set_result(struct batch_item *item, json result)
{
	item->rec = json_set(item->rec, "result", result);
}

/*
 * What the program says of the record: a string is the key, nothing or null
 * means the usual one.  -1: there is none, and *e says why.
 */
static int
ask_program(struct jq_program *p, json rec, struct buf *key, struct err *e)
{
	json outputs = jq_program_run(p, json_copy(rec), e), text;
	enum json_kind kind;
	int r = 0;

	if (!json_is_valid(outputs))
		return -1;
	text = json_at(outputs, 0);
	kind = json_kind(text);
	if (json_count(outputs) > 1 ||
	    (kind != JSON_STRING && kind != JSON_NULL && kind != JSON_NONE))
		r = err_set(e, ERR_DATA,
		    "-k: it must give one string, or null for the usual key");
	else if (kind == JSON_STRING && json_string_len(text) > 0)
		lock_key_text(
		    rec, json_string_value(text), json_string_len(text), key);
	else
		lock_key(rec, key);
	json_free(text);
	json_free(outputs);
	return r;
}

/* false: it does not ask for a lock, and its fate is known. */
static bool
find_key(const struct claiming *c, struct asking *a)
{
	struct batch_item *item = a->item;
	struct err bad = ERR_INIT;

	if (c->key == NULL) {
		lock_key(item->rec, &a->key);
		return true;
	}
	if (ask_program(c->key, item->rec, &a->key, &bad) == 0)
		return true;
	if (bad.class == ERR_DATA) {
		set_result(item, record_result("retry", stage, -1,
				     "configuration", bad.text));
	} else {
		err_prefix(&bad, "%s", record_id(item->rec));
		item->fate = BATCH_FAILED;
		tool_failed(&bad);
	}
	return false;
}

static bool
is_retried(const struct claiming *c, const char *tenant)
{
	return strcmp(
		   config_tenant_str(c->config, tenant, "on_uncertain", "park"),
		   "retry") == 0;
}

/* false: there is nothing to acquire. */
static bool
prepare(const struct claiming *c, struct asking *a, struct lock_acquire *want,
    int64_t now)
{
	struct batch_item *item = a->item;
	struct err bad = ERR_INIT;

	if (record_check(item->rec, &bad) == -1) {
		batch_refuse(item, &bad);
		return false;
	}
	if (record_has_result(item->rec))
		return false;
	item->rec = json_del(item->rec, "lock");
	if (!find_key(c, a))
		return false;
	*want = (struct lock_acquire){
	    .key = a->key.data,
	    .id = json_str(item->rec, "id"),
	    .tenant = json_str(item->rec, "tenant"),
	    .content = lock_content(item->rec, a->content),
	    .delivery = lock_delivery(item->rec),
	    .until = now + c->lease_s * 1000,
	    .is_retried = is_retried(c, json_str(item->rec, "tenant")),
	};
	return true;
}

static void
set_claimed(struct asking *a, const struct lock_acquire *got)
{
	json lock = json_object();
	const char *id = record_id(a->item->rec);

	lock = json_set_str(lock, "key", got->key);
	lock = json_set_str(lock, "state", "claimed");
	if (got->found == LOCK_CLAIMED && strcmp(got->holder, id) != 0) {
		char at[CLOCK_TEXT];

		lock = json_set_str(lock, "taken_from", got->holder);
		tool_say("%s: %s: the claim of %s, since %s, was over, and "
			 "nobody knows how that ended: taken",
		    id, got->key, got->holder, clock_format(got->at, at));
	}
	a->item->rec = json_set(a->item->rec, "lock", lock);
}

/* The stored result, so that the row catches up. */
static void
set_replayed(struct asking *a, const struct lock_acquire *got)
{
	struct err e = ERR_INIT;
	json result, detail;

	if (json_parse(got->result, strlen(got->result), &result, &e) == -1)
		result = json_none();
	if (json_kind(result) != JSON_OBJECT) {
		json_free(result);
		result =
		    record_result(got->found == LOCK_DONE ? "ok" : "uncertain",
			stage, -1, NULL, NULL);
	}
	detail = json_member(result, "detail", JSON_OBJECT);
	if (!json_is_valid(detail))
		detail = json_object();
	detail = json_set(detail, "replayed", json_bool(true));
	set_result(a->item, json_set(result, "detail", detail));
	tool_verbose("%s: %s: %s already; nothing is run",
	    record_id(a->item->rec), got->key, lock_state_name(got->found));
}

static json
detail_of(const struct lock_acquire *got)
{
	return json_set_str(json_object(), "key", got->key);
}

static void
set_duplicate(struct asking *a, const struct lock_acquire *got)
{
	char at[CLOCK_TEXT], *reason;
	json result, detail = detail_of(got);

	reason = xasprintf(
	    "done by %s at %s", got->holder, clock_format(got->at, at));
	result = record_result("skip", stage, -1, "duplicate", reason);
	detail = json_set_str(detail, "duplicate_of", got->holder);
	set_result(a->item, json_set(result, "detail", detail));
	free(reason);
}

static void
set_busy(struct asking *a, const struct lock_acquire *got, int64_t now)
{
	int64_t after_s = (now - got->at) / 1000;
	char at[CLOCK_TEXT], *reason;
	json result, detail = detail_of(got);

	if (after_s < CLAIM_AFTER_MIN_S)
		after_s = CLAIM_AFTER_MIN_S;
	if (after_s > CLAIM_AFTER_MAX_S)
		after_s = CLAIM_AFTER_MAX_S;
	reason = xasprintf("%s by %s since %s",
	    got->found == LOCK_CLAIMED ? "claimed" : "left uncertain",
	    got->holder, clock_format(got->at, at));
	result = record_result("snooze", stage, -1, "claimed", reason);
	result = json_set(result, "after_s", json_number(after_s));
	detail = json_set_str(detail, "claimed_by", got->holder);
	set_result(a->item, json_set(result, "detail", detail));
	free(reason);
}

static void
set_conflict(struct asking *a, const struct lock_acquire *got)
{
	json result, detail = detail_of(got);
	char *reason;

	reason = xasprintf(
	    "another mail has the key %s: %s, this one is %s; see mail-lock "
	    "release",
	    got->key, got->other, a->content);
	result = record_result("fail", stage, -1, "conflict", reason);
	detail = json_set_str(detail, "conflict_with", got->holder);
	detail = json_set_str(detail, "content", a->content);
	detail = json_set_str(detail, "other_content", got->other);
	set_result(a->item, json_set(result, "detail", detail));
	free(reason);
}

static void
answer(struct asking *a, const struct lock_acquire *got, int64_t now)
{
	switch (got->answer) {
	case LOCK_GOT:
		set_claimed(a, got);
		break;
	case LOCK_REPLAY:
		set_replayed(a, got);
		break;
	case LOCK_DUPLICATE:
		set_duplicate(a, got);
		break;
	case LOCK_BUSY:
		set_busy(a, got, now);
		break;
	case LOCK_CONFLICT:
		set_conflict(a, got);
		break;
	}
}

int
claim_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	const struct claiming *c = ctx;
	struct lock_acquire *wants = xcalloc(n, sizeof *wants);
	struct asking *all = xcalloc(n, sizeof *all);
	int64_t now = clock_now_ms();
	size_t k = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		all[k].item = &items[i];
		if (prepare(c, &all[k], &wants[k], now))
			k++;
		else
			buf_release(&all[k].key);
	}
	if (k > 0)
		r = c->locks->ops->acquire(c->locks, wants, k, now, e);
	for (size_t i = 0; r == 0 && i < k; i++) {
		answer(&all[i], &wants[i], now);
		free(wants[i].result);
	}
	for (size_t i = 0; i < k; i++)
		buf_release(&all[i].key);
	free(all);
	free(wants);
	return r;
}
