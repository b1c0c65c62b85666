#include "queue/upgrade.h"

#include "core/tool.h"
#include "ledger/mail_engines.h"
#include "store/exclusive.h"
#include "store/state.h"

/*
 * Layout 2: tenants take turns, so mail.db has lanes.  Layout 3: it knows what
 * mails are looked for by, legal holds, what is deferred how, and breakers.
 */
static int
upgrade(struct state *s, int layout, struct err *e)
{
	/* A program of the release before, at work, would spoil what is new. */
	if (layout != STATE_LAYOUT &&
	    (state_exclude(s, e) == -1 ||
		state_read_layout(s, &layout, e) == -1))
		return -1;
	if (mail_sqlite_upgrade(s, e) == -1)
		return -1;
	if (layout == STATE_LAYOUT)
		return 0;
	if (state_set_layout(s, STATE_LAYOUT, e) == -1)
		return -1;
	tool_say("%s: layout %d has become %d", s->path, layout, STATE_LAYOUT);
	return 0;
}

int
queue_upgrade(struct err *e)
{
	struct state s;
	int layout, r;

	r = state_open_any(&s, &layout, e);
	if (r == 0 && layout == STATE_RESTORING)
		r = err_set(e, ERR_TEMP,
		    "%s: mail-store restore has not come to its end here: run "
		    "it again",
		    s.path);
	else if (r == 0 && layout > STATE_LAYOUT)
		r = state_newer_layout(&s, layout, e);
	else if (r == 0 && layout == 0)
		r = state_create(&s, e);
	else if (r == 0)
		r = upgrade(&s, layout, e);
	if (r == 0)
		tool_say("%s: layout %d is current", s.path, STATE_LAYOUT);
	state_close(&s);
	return r;
}
