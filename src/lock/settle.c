#include "lock/settle.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/tool.h"
#include "lock/key.h"
#include "mail/record.h"

/* What a result makes of the lock; the order is that of the table in lock.h. */
static const struct {
	const char *status;
	enum lock_state state;
} outcomes[] = {
    {"ok", LOCK_DONE},
    {"retry", LOCK_FREE},
    {"snooze", LOCK_FREE},
    {"fail", LOCK_FREE},
    {"skip", LOCK_FREE},
    {"uncertain", LOCK_UNCERTAIN},
};

/* LOCK_CLAIMED: the lock stays as it is. */
static enum lock_state
outcome_of(json rec)
{
	const char *status = record_status(rec);

	for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if (status != NULL && strcmp(outcomes[i].status, status) == 0)
			return outcomes[i].state;
	return LOCK_CLAIMED;
}

enum {
	RESULT_MAX = 16 * 1024, /* of a result that is kept */
};

/* The result as it is kept: a long one without its detail. */
static void
dump_result(json rec, struct buf *text)
{
	json result = json_get(rec, "result");

	json_dump(json_copy(result), text);
	if (text->len > RESULT_MAX) {
		buf_reset(text);
		result = json_del(result, "detail");
		json_dump(json_copy(result), text);
	}
	if (text->len > RESULT_MAX) {
		buf_reset(text);
		json_dump(record_result(
			      record_status(rec), "mail-lock", -1, NULL, NULL),
		    text);
	}
	json_free(result);
}

/* One record with an outcome; key and text keep what s borrows. */
struct settled {
	json lock;
	struct buf text;
	char content[DIGEST_TEXT];
};

/* false: it holds no lock, or has no outcome. */
static bool
read_outcome(struct batch_item *item, const struct settling *how,
    struct settled *keep, struct lock_settle *s, int64_t now)
{
	enum lock_state state = outcome_of(item->rec);
	json lock = json_member(item->rec, "lock", JSON_OBJECT);
	const char *key = json_str(lock, "key"), *is = json_str(lock, "state");

	if (state == LOCK_CLAIMED || key == NULL || is == NULL ||
	    strcmp(is, "claimed") != 0 || strlen(key) > LOCK_KEY_MAX) {
		json_free(lock);
		return false;
	}
	keep->lock = lock;
	if (state != LOCK_FREE)
		dump_result(item->rec, &keep->text);
	*s = (struct lock_settle){
	    .key = key,
	    .id = json_str(item->rec, "id"),
	    .tenant = json_str(item->rec, "tenant"),
	    .content = lock_content(item->rec, keep->content),
	    .delivery = lock_delivery(item->rec),
	    .state = state,
	    .until = now + how->ttl_s * 1000,
	    .result = state != LOCK_FREE ? keep->text.data : "",
	    .result_len = keep->text.len,
	};
	return true;
}

int
settle_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	const struct settling *how = ctx;
	struct lock_settle *all = xcalloc(n, sizeof *all);
	struct settled *keep = xcalloc(n, sizeof *keep);
	int64_t now = clock_now_ms();
	size_t k = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		struct err bad = ERR_INIT;

		if (record_check(items[i].rec, &bad) == -1)
			batch_refuse(&items[i], &bad);
		else if (read_outcome(&items[i], how, &keep[k], &all[k], now))
			k++;
	}
	if (k > 0)
		r = how->locks->ops->settle(how->locks, all, k, now, e);
	for (size_t i = 0; i < k; i++) {
		if (r == 0 && all[i].is_stale)
			tool_say("%s: %s: another holds the lock by now; it "
				 "stays as it is",
			    all[i].id, all[i].key);
		buf_release(&keep[i].text);
		json_free(keep[i].lock);
	}
	free(keep);
	free(all);
	return r;
}
