#include "retry/choice.h"

#include <string.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"
#include "core/tool.h"
#include "queue/queue.h"

bool
choice_is_made(const struct choice *c)
{
	return c->n_ids > 0 || c->class != NULL || c->matching != NULL ||
	       c->jq != NULL || c->which.queue != NULL ||
	       c->which.tenant != NULL || c->which.older_s > 0 ||
	       c->which.newer_s > 0;
}

int
choice_open(struct choice *c, struct err *e)
{
	for (size_t i = 0; i < c->n_ids; i++)
		if (!id_valid(c->ids[i], strlen(c->ids[i])))
			return err_set(e, ERR_USAGE,
			    "\"%.70s\" is not the id of a mail", c->ids[i]);
	if (c->jq == NULL)
		return 0;
	c->program = jq_program_open(c->jq, e);
	return c->program != NULL ? 0 : err_prefix(e, "-j");
}

void
choice_close(struct choice *c)
{
	jq_program_free(c->program);
}

static int
matches(const char *text, const struct mail_row *row)
{
	struct err bad = ERR_INIT;
	json last;
	const char *reason;
	int r;

	if (row->last == NULL)
		return 0;
	if (json_parse(row->last, row->last_len, &last, &bad) == -1) {
		err_prefix(&bad, "%s: its last result", row->id);
		tool_failed(&bad);
		return 0;
	}
	reason = json_str(last, "reason");
	r = reason != NULL && strstr(reason, text) != NULL;
	json_free(last);
	return r;
}

static int
ask(struct jq_program *p, const struct mail_row *row, struct err *e)
{
	struct err bad = ERR_INIT;
	struct buf text = BUF_INIT;
	json rec, outputs;
	int r = -1;

	/* What is sealed is absent: it would be true that it is not so. */
	if (row->sealed != NULL) {
		err_set(&bad, row->is_keyless ? ERR_TEMP : ERR_DATA, "-j: %s",
		    row->sealed);
		tool_failed(&bad);
		return 0;
	}
	queue_row_record(row, &text);
	if (json_parse(text.data, text.len, &rec, &bad) == 0) {
		outputs = jq_program_run(p, rec, &bad);
		if (json_is_valid(outputs))
			r = jq_is_truthy(outputs);
		json_free(outputs);
	}
	buf_release(&text);
	if (r == -1) {
		err_prefix(&bad, "%s: -j", row->id);
		if (bad.class == ERR_TEMP)
			return err_set(e, ERR_TEMP, "%s", bad.text);
		tool_failed(&bad);
		r = 0;
	}
	return r;
}

int
choice_has(const struct choice *c, const struct mail_row *row, struct err *e)
{
	int r = c->class == NULL || strcmp(c->class, row->class) == 0;

	if (r == 1 && c->matching != NULL)
		r = matches(c->matching, row);
	if (r == 1 && c->program != NULL)
		r = ask(c->program, row, e);
	return r;
}

struct walk {
	const struct choice *c;
	enum mail_state state;
	mail_row_fn *fn;
	void *ctx;
	int64_t n;
	bool is_there;
};

static int
walk_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct walk *w = ctx;
	struct err bad = ERR_INIT;
	int r = 0;

	w->is_there = true;
	if (w->c->n_ids > 0 && row->state != w->state) {
		err_set(&bad, ERR_DATA, "%s: is %s, not %s: left as it is",
		    row->id, mail_state_name(row->state),
		    mail_state_name(w->state));
		tool_failed(&bad);
		return 0;
	}
	if (w->c->which.count == 0 || w->n < w->c->which.count)
		r = choice_has(w->c, row, e);
	if (r != 1)
		return r;
	w->n++;
	return w->fn(w->ctx, row, e);
}

static int
walk_ids(struct walk *w, struct queue *q, struct mail_filter f, struct err *e)
{
	f.state = -1;
	f.max = 0;
	for (size_t i = 0; i < w->c->n_ids; i++) {
		struct err bad = ERR_INIT;

		f.id = w->c->ids[i];
		w->is_there = false;
		if (q->mail->ops->list(q->mail, &f, walk_row, w, e) == -1)
			return -1;
		if (w->is_there)
			continue;
		err_set(&bad, ERR_DATA,
		    "%s: no such mail, or not one that was chosen", f.id);
		tool_failed(&bad);
	}
	return 0;
}

int
choice_walk(const struct choice *c, struct queue *q, enum mail_state state,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	struct walk w = {.c = c, .state = state, .fn = fn, .ctx = ctx};
	struct mail_filter f;

	if (listing_filter(&c->which, &f, e) == -1)
		return -1;
	if (c->n_ids > 0)
		return walk_ids(&w, q, f, e);
	f.state = (int)state;
	f.max = 0;
	return q->mail->ops->list(q->mail, &f, walk_row, &w, e);
}
