#include "queue/gate.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "ledger/parts.h"
#include "mail/record.h"
#include "queue/outbound.h"

enum {
	GROUP_MAX = 100000, /* recipients of one message */
};

/* What the records of one message have in common. */
static const char *
message_of(json rec)
{
	json mail = json_member(rec, "mail", JSON_OBJECT);
	const char *s = json_str(rec, "digest");

	if (s == NULL)
		s = json_str(mail, "message_id");
	json_free(mail); /* rec still holds it */
	return s != NULL ? s : "";
}

static struct gate_group *
find_group(struct gate *g, const char *message, int n)
{
	struct gate_group *found;

	for (size_t i = 0; i < g->n; i++)
		if (g->groups[i].n == n &&
		    strcmp(g->groups[i].message, message) == 0)
			return &g->groups[i];
	g->groups = xrealloc(g->groups, g->n + 1, sizeof *g->groups);
	found = &g->groups[g->n++];
	*found =
	    (struct gate_group){xstrdup(message), n, 0, xcalloc((size_t)n, 1)};
	return found;
}

static void
drop_group(struct gate *g, struct gate_group *group)
{
	free(group->message);
	free(group->has);
	*group = g->groups[--g->n];
}

/* "of": [k, n]; -1 when it is something else. */
static int
read_of(json rec, int *k, int *n)
{
	json of = json_get(rec, "of"), a = json_at(of, 0), b = json_at(of, 1);
	double first = json_number_value(a), last = json_number_value(b);
	bool is_good = json_kind(of) == JSON_ARRAY && first >= 1 &&
		       first <= last && last <= GROUP_MAX;

	*k = is_good ? (int)first : 0;
	*n = is_good ? (int)last : 0;
	json_free(a);
	json_free(b);
	json_free(of);
	return is_good || !json_is_valid(of) ? 0 : -1;
}

static int
count_of(struct gate *g, json rec, struct err *e)
{
	struct gate_group *group;
	int k = 0, n = 0;

	if (read_of(rec, &k, &n) == -1)
		return err_set(e, ERR_DATA,
		    "%s: \"of\" must be [K, N] with K from 1 to N",
		    record_id(rec));
	if (n <= 1)
		return 0;
	group = find_group(g, message_of(rec), n);
	if (!group->has[k - 1]) {
		group->has[k - 1] = 1;
		group->seen++;
	}
	if (group->seen == group->n)
		drop_group(g, group);
	return 0;
}

static bool
has_recipient(json rec)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	bool has = json_str(envelope, "to") != NULL;

	json_free(envelope);
	return has;
}

int
gate_check(struct gate *g, json *rec, struct err *e)
{
	const char *status = record_status(*rec);

	/* One that was put once has all of this. */
	if (outbound_is(*rec) && !has_recipient(*rec) &&
	    outbound_address(rec, e) == -1)
		return err_prefix(e, "%s", record_id(*rec));
	if (!json_has(*rec, "id"))
		*rec = outbound_mint(*rec);
	if (record_check(*rec, e) == -1)
		return -1;
	if (record_has_result(*rec) &&
	    (status == NULL || strcmp(status, "ok") != 0))
		return err_set(e, ERR_TEMP,
		    "%s: its result is not ok: an earlier program of the line "
		    "failed on it",
		    record_id(*rec));
	if (json_has(*rec, "content") || parts_have_content(*rec))
		return err_set(e, ERR_TEMP,
		    "%s: its content is not stored: put mail-store put before "
		    "mail-queue put",
		    record_id(*rec));
	return count_of(g, *rec, e);
}

int
gate_close(struct gate *g, bool is_empty_bad, struct err *e)
{
	if (is_empty_bad)
		return err_set(e, ERR_TEMP,
		    "no record came: an earlier program of the line failed "
		    "(-E says that this is fine)");
	if (g->n > 0)
		return err_set(e, ERR_TEMP,
		    "only %d of %d records of one message came: an earlier "
		    "program of the line failed",
		    g->groups[0].seen, g->groups[0].n);
	return 0;
}

void
gate_release(struct gate *g)
{
	while (g->n > 0)
		drop_group(g, &g->groups[g->n - 1]);
	free(g->groups);
	g->groups = NULL;
}
