#include <string.h>

#include "core/batch.h"
#include "core/json.h"
#include "core/tool.h"
#include "ingest/maildir.h"
#include "ingest/maildir_dirs.h"
#include "mail/record.h"

/* The file of a record; NULL: it came another way.  Borrowed from rec. */
static const char *
file_of(json rec)
{
	json origin = json_member(rec, "origin", JSON_OBJECT);
	const char *name = json_str(origin, "maildir");

	json_free(origin); /* the record still holds it */
	return name != NULL && maildir_is_name(name) ? name : NULL;
}

static int
settle(const struct maildir *m, const struct batch_item *item, struct err *e)
{
	const char *name = file_of(item->rec), *status;

	if (name == NULL)
		return err_set(e, ERR_DATA,
		    "line %zu: %s: no \"origin.maildir\", it came another way",
		    item->line_no, record_id(item->rec));
	status = record_status(item->rec);
	if (status != NULL && strcmp(status, "ok") == 0)
		return maildir_remove(m, name, e);
	return maildir_give_back(m, name, e);
}

static int
settle_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	const struct maildir *m = ctx;

	for (size_t i = 0; i < n; i++) {
		struct err failed = ERR_INIT;

		items[i].fate = BATCH_SWALLOW;
		if (settle(m, &items[i], &failed) == 0)
			continue;
		tool_failed(&failed);
		items[i].fate = BATCH_FAILED;
	}
	return maildir_sync(m, e);
}

int
maildir_settle(const char *dir, struct err *e)
{
	struct maildir m;
	struct batch b = {.work = settle_batch, .ctx = &m};
	int r;

	if (maildir_open(&m, dir, e) == -1)
		return -1;
	r = batch_run(&b, e);
	maildir_close(&m);
	return r;
}
