#include "queue/deposits.h"

#include <stdlib.h>

#include "core/buf.h"
#include "ledger/parts.h"
#include "mail/record.h"

struct deposit *
deposits_add(struct deposits *d)
{
	if (d->n % 16 == 0)
		d->all = xrealloc(d->all, d->n + 16, sizeof *d->all);
	return &d->all[d->n++];
}

struct taking {
	struct queue *q;
	const char *id;
	int64_t at;
	struct deposits *out;
};

static int
take_part(void *ctx, const struct parts_place *at, json *part, struct err *e)
{
	struct taking *t = ctx;
	json content = json_member(*part, "content", JSON_OBJECT);
	struct deposit *d;
	json blob;
	int r;

	if (at->index >= MIME_PARTS_MAX) {
		json_free(content);
		return err_set(e, ERR_DATA, "%s: more than %d parts", t->id,
		    MIME_PARTS_MAX);
	}
	d = deposits_add(t->out);
	deposit_init(d, t->q, t->id, at->k, t->at);
	r = deposit_take(d, t->q, content, json_has(*part, "digest"), &blob, e);
	json_free(content);
	if (r == -1)
		return err_prefix(e, "%s: %s[%d]", t->id, at->path, at->index);
	*part = json_set(json_del(*part, "content"), "blob", blob);
	return 0;
}

int
deposits_take_parts(
    struct queue *q, json *rec, int64_t at, struct deposits *out, struct err *e)
{
	/* The id is the record's own, which is changed. */
	char *id = xstrdup(record_id(*rec));
	struct taking t = {.q = q, .id = id, .at = at, .out = out};
	int r = parts_change(rec, "content", take_part, &t, e);

	free(id);
	return r;
}

void
deposits_release(struct deposits *d)
{
	for (size_t i = 0; i < d->n; i++)
		deposit_release(&d->all[i]);
	free(d->all);
	*d = (struct deposits){0};
}
