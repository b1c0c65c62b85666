#include <string.h>

#include "core/batch.h"
#include "core/json.h"
#include "core/tool.h"
#include "ingest/maildir.h"
#include "ingest/maildir_dirs.h"
#include "mail/record.h"

struct settling {
	struct maildir dirs;
	bool is_given_back; /* a file, and this is not yet synced */
};

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
settle(struct settling *s, const struct batch_item *item, struct err *e)
{
	const char *name = file_of(item->rec), *status;

	if (name == NULL)
		return err_set(e, ERR_DATA,
		    "line %zu: %s: no \"origin.maildir\", it came another way",
		    item->line_no, record_id(item->rec));
	status = record_status(item->rec);
	if (status != NULL && strcmp(status, "ok") == 0)
		return maildir_remove(&s->dirs, name, e);
	s->is_given_back = true;
	return maildir_give_back(&s->dirs, name, e);
}

/*
 * What is given back is synced at once, lest a file be in neither directory.
 * That others are gone is synced in the end: until then nobody was told so, and
 * a claim that a power failure brings back is read again, which changes
 * nothing.
 */
static int
settle_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	struct settling *s = ctx;

	for (size_t i = 0; i < n; i++) {
		struct err failed = ERR_INIT;

		items[i].fate = BATCH_SWALLOW;
		if (settle(s, &items[i], &failed) == 0)
			continue;
		tool_failed(&failed);
		items[i].fate = BATCH_FAILED;
	}
	if (s->is_given_back && maildir_sync(&s->dirs, e) == -1)
		return -1;
	s->is_given_back = false;
	return 0;
}

int
maildir_settle(const char *dir, struct err *e)
{
	struct settling s = {0};
	struct batch b = {.work = settle_batch, .ctx = &s};
	int r;

	if (maildir_open(&s.dirs, dir, e) == -1)
		return -1;
	r = batch_run(&b, e);
	if (r == 0)
		r = maildir_sync(&s.dirs, e);
	maildir_close(&s.dirs);
	return r;
}
