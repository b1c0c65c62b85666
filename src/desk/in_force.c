#include "desk/in_force.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/file.h"
#include "core/json.h"
#include "core/plain.h"
#include "core/schema.h"
#include "core/table.h"
#include "core/tool.h"
#include "lock/lock.h"
#include "queue/breaker.h"
#include "queue/engines.h"
#include "store/state.h"

enum {
	VALUE_MAX = 200, /* bytes of a value for people */
};

/* Who asks, and for what. */
struct walk {
	const struct config *c;
	void (*show)(void *ctx, const struct setting *s);
	void *ctx;
};

static void
show_by(struct walk *w, const char *name, json value, enum state_by by,
    const char *where)
{
	static const char *const froms[] = {
	    [STATE_BY_OPTION] = "option",
	    [STATE_BY_ENVIRONMENT] = "environment",
	    [STATE_BY_FILE] = "file",
	    [STATE_BY_DEFAULT] = "default",
	};
	struct setting s = {name, value, froms[by], where};

	w->show(w->ctx, &s);
	json_free(value);
}

/* A value of the file, which is given back. */
static void
show_file(struct walk *w, const char *name, json value)
{
	show_by(w, name, value, STATE_BY_FILE, w->c->file);
}

/* What the file says, else the fallback.  Consumes fallback. */
static void
show_value(struct walk *w, const char *name, json fallback)
{
	json value = config_in(w->c->root, name); /* borrowed */

	if (json_is_valid(value)) {
		json_free(fallback);
		show_file(w, name, json_copy(value));
	} else {
		show_by(w, name, fallback, STATE_BY_DEFAULT, NULL);
	}
}

static void
show_file_itself(struct walk *w)
{
	if (w->c->is_named)
		show_by(w, "configuration", json_string(w->c->file),
		    STATE_BY_ENVIRONMENT, "MAILPIPE_CONFIG");
	else
		show_by(w, "configuration",
		    w->c->is_there ? json_string(w->c->file) : json_null(),
		    STATE_BY_DEFAULT, NULL);
}

static void
show_state(struct walk *w)
{
	struct state_place p = state_place(w->c);
	const char *const wheres[] = {
	    [STATE_BY_OPTION] = "-d",
	    [STATE_BY_ENVIRONMENT] = "MAILPIPE_STATE",
	    [STATE_BY_FILE] = w->c->file,
	    [STATE_BY_DEFAULT] = NULL,
	};

	show_by(
	    w, "state", json_bytes(p.path, strlen(p.path)), p.by, wheres[p.by]);
}

/* How many of them there are. */
static void
show_count(struct walk *w, const char *section)
{
	json all = config_in(w->c->root, section); /* borrowed */
	json n = json_number(json_count(all));

	if (json_is_valid(all))
		show_file(w, section, n);
	else
		show_by(w, section, n, STATE_BY_DEFAULT, NULL);
}

/* One setting of a tenant, and the row of the table that it is. */
struct named {
	struct buf name, row;
};

static void show_members(struct walk *w, struct named *at, json obj);

static void
show_member(struct walk *w, struct named *at, json value)
{
	if (schema_is_secret(at->row.data))
		value = (json_free(value), json_string("(not shown)"));
	if (json_kind(value) == JSON_OBJECT) {
		show_members(w, at, value);
		json_free(value);
	} else {
		show_file(w, at->name.data, value);
	}
}

/* All that the file says in this object, each with its whole name. */
static void
show_members(struct walk *w, struct named *at, json obj)
{
	size_t name_len = at->name.len, row_len = at->row.len, len;

	for (int i = 0, n = json_count(obj); i < n; i++) {
		const char *key = json_key_at(obj, i, &len);

		buf_addf(&at->name, ".%s", key);
		buf_addf(&at->row, ".%s", key);
		show_member(w, at, json_at(obj, i));
		at->name.len = name_len;
		at->row.len = row_len;
	}
}

/* What the file says in a section of the whole. */
static void
show_section(struct walk *w, const char *section)
{
	struct named at = {BUF_INIT, BUF_INIT};

	buf_addstr(&at.name, section);
	buf_addstr(&at.row, section);
	show_members(w, &at, config_in(w->c->root, section));
	buf_release(&at.name);
	buf_release(&at.row);
}

static void
show_tenant(struct walk *w, const char *tenant)
{
	struct named at = {BUF_INIT, BUF_INIT};

	buf_addf(&at.name, "tenants.%s", tenant);
	buf_addstr(&at.row, "tenants.*");
	show_members(w, &at, config_tenant(w->c, tenant));
	buf_release(&at.name);
	buf_release(&at.row);
}

static void
show_tenants(struct walk *w, const struct in_force *which)
{
	json all = config_in(w->c->root, "tenants"); /* borrowed */
	size_t len;

	for (int i = 0; which->is_all_tenants && i < json_count(all); i++)
		show_tenant(w, json_key_at(all, i, &len));
	if (which->is_all_tenants || which->tenants == NULL)
		return;
	for (size_t i = 0; i < which->tenants->n; i++)
		show_tenant(w, which->tenants->items[i]);
}

void
in_force_each(const struct config *c, const struct in_force *which,
    void (*show)(void *ctx, const struct setting *s), void *ctx)
{
	static const char *const sections[] = {
	    "recipients", "tenants", "handlers", "transports", "dkim"};
	struct walk w = {c, show, ctx};

	show_file_itself(&w);
	show_state(&w);
	show_value(&w, "engines.blobs", json_string(QUEUE_BLOBS_DEFAULT));
	show_value(&w, "engines.mail", json_string(QUEUE_MAIL_DEFAULT));
	show_value(&w, "engines.locks", json_string(LOCK_DEFAULT));
	show_value(&w, "limits.reserve_bytes",
	    json_string("2 % of the disk, at most 67108864"));
	show_value(&w, "limits.batch_records", json_number(BATCH_RECORDS));
	show_value(&w, "limits.batch_bytes", json_number(BATCH_BYTES));
	show_value(&w, "limits.lock_ttl_s", json_number(LOCK_TTL_S));
	show_value(&w, "breaker.results", json_number(BREAKER_RESULTS));
	show_value(&w, "breaker.probe", json_number(BREAKER_PROBE_S));
	show_section(&w, "retry");
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
		show_count(&w, sections[i]);
	show_tenants(&w, which);
}

/* A string as it is, the rest as JSON. */
static void
add_value(const struct setting *s, struct buf *out)
{
	struct buf text = BUF_INIT;

	if (json_kind(s->value) == JSON_STRING)
		buf_add(&text, json_string_value(s->value),
		    json_string_len(s->value));
	else if (json_kind(s->value) == JSON_NULL)
		buf_addstr(&text, "none");
	else
		json_dump(json_copy(s->value), &text);
	plain_add(out, text.data, text.len, VALUE_MAX);
	buf_release(&text);
}

static void
add_source(const struct setting *s, struct buf *out)
{
	buf_addstr(out, s->from);
	if (s->where == NULL)
		return;
	buf_addch(out, ' ');
	plain_add(out, s->where, strlen(s->where), VALUE_MAX);
}

void
in_force_text(const struct setting *s, struct buf *out)
{
	add_value(s, out);
	buf_addstr(out, " (");
	add_source(s, out);
	buf_addch(out, ')');
}

static void
write_json(void *ctx, const struct setting *s)
{
	json line = json_set_str(json_object(), "setting", s->name);

	line = json_set(line, "value", json_copy(s->value));
	line = json_set_str(line, "from", s->from);
	if (s->where != NULL)
		line = json_set(
		    line, "where", json_bytes(s->where, strlen(s->where)));
	json_dump(line, ctx);
	buf_addch(ctx, '\n');
}

static const struct table_column columns[] = {
    {"SETTING", 20, .most = 40, .share = 1},
    {"FROM", 27, .most = 60, .share = 1},
    {"VALUE", 20, .is_whole = true},
};

static void
write_row(void *ctx, const struct setting *s)
{
	struct table *t = ctx;
	struct buf value = BUF_INIT, from = BUF_INIT;

	add_value(s, &value);
	add_source(s, &from);
	table_str(t, LOOK_PLAIN, s->name);
	table_str(t, LOOK_PLAIN, from.data);
	table_text(t, LOOK_PLAIN, value.data, value.len);
	table_end(t);
	buf_release(&value);
	buf_release(&from);
}

/* Nothing to show is something to know. */
static void
say_unset(const struct config *c, const struct string_list *tenants)
{
	for (size_t i = 0; i < tenants->n; i++)
		if (json_count(config_tenant(c, tenants->items[i])) == 0)
			tool_say("%.64s: nothing is set for this tenant: "
				 "defaults are in force",
			    tenants->items[i]);
}

int
in_force_write(
    const struct in_force *which, const struct look *look, struct err *e)
{
	struct buf out = BUF_INIT;
	struct err why = ERR_INIT;
	struct table table;
	struct config c;
	bool is_broken = config_load_broken(&c, &why);
	int r;

	table_init(
	    &table, columns, sizeof columns / sizeof *columns, look, &out);
	if (look->is_table)
		in_force_each(&c, which, write_row, &table);
	else
		in_force_each(&c, which, write_json, &out);
	r = file_write(STDOUT_FILENO, out.data, out.len, -1, "stdout", e);
	if (r == 0 && is_broken)
		r = err_set(e, ERR_TEMP, "%s", why.text);
	if (r == 0 && which->tenants != NULL)
		say_unset(&c, which->tenants);
	buf_release(&out);
	config_release(&c);
	return r;
}
