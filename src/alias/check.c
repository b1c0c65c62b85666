#include "alias/check.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alias/alias.h"
#include "alias/include.h"
#include "alias/names.h"
#include "alias/say.h"
#include "core/id.h"
#include "core/tool.h"

struct check {
	const struct check_how *how;
	struct names names; /* of the file at hand */
	struct names tenants; /* that mail leads to */
	char queue[TENANT_TEXT]; /* of the first line; "": none yet */
	const char *last_file;
};

/* The line that is right, as far as it is known. */
static void
add_right_line(const struct check *c, const struct line *l, const char *name,
    struct buf *out)
{
	struct line_form form = c->how->form;
	char tenant[TENANT_TEXT];

	names_to_tenant(name, tenant);
	if (l->tenant != NULL && name_valid(l->tenant, strlen(l->tenant)))
		memcpy(tenant, l->tenant, strlen(l->tenant) + 1);
	if (l->queue != NULL)
		form.queue = l->queue;
	form.is_pipeline = l->is_pipeline;
	line_add_target(out, &form, tenant);
}

static void
check_form(const struct check *c, const struct line *l, bool is_bare,
    const struct entry_place *at)
{
	struct buf right = BUF_INIT;

	add_right_line(c, l, at->entry->name, &right);
	if (l->why != NULL)
		say_failed(at, "%s: write %s", l->why, right.data);
	else if (l->is_pipeline && !l->has_exit)
		say_failed(at,
		    "it must end in || exit 75, or the MTA bounces mail when a "
		    "program cannot be started: write %s",
		    right.data);
	else if (is_bare)
		say_failed(at,
		    "without double quotes Postfix gives it no arguments: "
		    "write %s",
		    right.data);
	else if (l->queue == NULL)
		say_failed(at, "it names no queue: write %s", right.data);
	buf_release(&right);
}

static void
check_tool(
    const struct check *c, const char *tool, const struct entry_place *at)
{
	const char *slash = strrchr(tool, '/');
	struct stat st;

	if (tool[0] != '/')
		say_failed(at,
		    "%.60s is not named with its whole path, and MTAs give a "
		    "bare PATH: write %s/%.60s",
		    tool, c->how->form.dir, slash != NULL ? slash + 1 : tool);
	else if (stat(tool, &st) == -1 || !S_ISREG(st.st_mode))
		say_failed(at,
		    "%.200s is not there: install it, or write %.100s/%.60s",
		    tool, c->how->form.dir, slash + 1);
	else if ((st.st_mode & 0111) == 0 || access(tool, X_OK) == -1)
		say_failed(at, "%.200s cannot be executed: chmod 755 %.200s",
		    tool, tool);
}

static bool
is_allowed(const struct check *c, const char *queue)
{
	for (size_t i = 0; i < c->how->queues->n; i++)
		if (strcmp(queue, c->how->queues->items[i]) == 0)
			return true;
	return false;
}

static void
check_queue(struct check *c, const char *queue, const struct entry_place *at)
{
	if (queue == NULL)
		return;
	if (c->how->queues->n > 0) {
		if (!is_allowed(c, queue))
			say_failed(at,
			    "its queue is %s, not %s: write that, or check "
			    "with -q %s, too",
			    queue, c->how->queues->items[0], queue);
		return;
	}
	if (c->queue[0] == '\0')
		memcpy(c->queue, queue, strlen(queue) + 1);
	if (strcmp(c->queue, queue) != 0)
		say_failed(at,
		    "its queue is %s, that of the first line %s: write that, "
		    "or check with -q %s -q %s",
		    queue, c->queue, c->queue, queue);
}

/* Has mail-dispatch something to run for it? */
static bool
has_handler(const struct check *c, const char *tenant)
{
	const struct config *config = c->how->config;
	const char *name =
	    config_tenant_str(config, tenant, "handler", "default");

	return json_is_valid(config_handler(config, name));
}

static void
check_tenant(
    struct check *c, const struct line *l, const struct entry_place *at)
{
	json recipients = config_in(c->how->config->root, "recipients");

	if (l->tenant == NULL) {
		if (json_count(recipients) == 0)
			say_failed(at,
			    "it names no tenant, and %.100s has no "
			    "recipients: write -t TENANT",
			    c->how->config->file);
		return;
	}
	if (!name_valid(l->tenant, strlen(l->tenant))) {
		say_failed(at,
		    "\"%.70s\" is not a tenant: write 1 to 64 of A-Z a-z 0-9 . "
		    "_ -, a letter or digit first",
		    l->tenant);
		return;
	}
	names_add(&c->tenants, l->tenant);
	if (!has_handler(c, l->tenant))
		say_failed(at,
		    "its tenant %s has no handler: write .tenants.%s.handler, "
		    "or .handlers.default, into %.100s",
		    l->tenant, l->tenant, c->how->config->file);
}

static void
check_target(
    struct check *c, const struct alias_target *t, const struct entry_place *at)
{
	struct err bad = ERR_INIT;
	struct line l;

	if (t->kind == ALIAS_INCLUDE && t->why == NULL &&
	    include_check(t->text, &bad) == -1)
		say_failed(at, "%s", bad.text);
	if (t->why != NULL)
		say_failed(at, "%s", t->why);
	if (t->kind != ALIAS_PIPE)
		return;
	if (!line_is_ours(t->text)) {
		tool_verbose("%s:%zu: %.70s: a command that is not mailpipe's",
		    at->path, at->entry->line, at->entry->name);
		return;
	}
	line_read(t->text, &l);
	check_form(c, &l, t->is_bare, at);
	for (size_t i = 0; i < l.n_tools; i++)
		check_tool(c, l.tools[i], at);
	if (l.why == NULL) {
		check_queue(c, l.queue, at);
		check_tenant(c, &l, at);
	} else if (l.tenant != NULL) {
		names_add(&c->tenants, l.tenant);
	}
	line_release(&l);
}

static void
check_entry(struct check *c, const char *path, const struct alias_entry *entry)
{
	const struct entry_place at = {path, entry};

	if (entry->why != NULL)
		say_failed(&at, "%s", entry->why);
	else if (!names_add(&c->names, entry->name))
		say_failed(&at,
		    "the name is there before, and that line counts: take one "
		    "of the two out");
	for (size_t i = 0; i < entry->targets.n; i++)
		check_target(c, &entry->targets.items[i], &at);
}

static int
check_file(struct check *c, const char *path, struct err *e)
{
	struct alias_list list;
	int r = alias_read(path, &list, e);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		check_entry(c, path, &list.entries[i]);
	alias_release(&list);
	names_release(&c->names);
	c->last_file = path;
	return r;
}

static void
say_wrong(const char *config, const char *text)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_DATA, "%.100s: %s", config, text);
	tool_failed(&e);
}

/* Mail by the configuration's recipients: their tenants need handlers, too. */
static void
check_recipients(struct check *c)
{
	json recipients = config_in(c->how->config->root, "recipients");
	struct buf text = BUF_INIT;
	size_t len;

	for (int i = 0, n = json_count(recipients); i < n; i++) {
		json value = json_at(recipients, i);
		const char *tenant = json_string_value(value);

		if (!has_handler(c, tenant)) {
			buf_reset(&text);
			buf_addf(&text,
			    ".recipients.%.100s: tenant %s has no handler: "
			    "write .tenants.%s.handler, or .handlers.default",
			    json_key_at(recipients, i, &len), tenant, tenant);
			say_wrong(c->how->config->file, text.data);
		}
		names_add(&c->tenants, tenant);
		json_free(value);
	}
	buf_release(&text);
}

static void
say_no_line(const struct check *c, const char *tenant)
{
	struct line_form form = c->how->form;
	struct buf text = BUF_INIT;

	if (c->queue[0] != '\0')
		form.queue = c->queue;
	buf_addf(&text,
	    ".tenants.%s: it has a handler, and no mail leads to it: write "
	    "into %.100s: ",
	    tenant, c->last_file);
	line_add_name(&text, tenant);
	line_add_target(&text, &form, tenant);
	say_wrong(c->how->config->file, text.data);
	buf_release(&text);
}

static void
check_tenants(struct check *c)
{
	json tenants = config_in(c->how->config->root, "tenants");
	size_t len;

	for (int i = 0, n = json_count(tenants); i < n; i++) {
		const char *tenant = json_key_at(tenants, i, &len);

		if (config_tenant_str(
			c->how->config, tenant, "handler", NULL) != NULL &&
		    !names_has(&c->tenants, tenant))
			say_no_line(c, tenant);
	}
}

int
check_aliases(char *const *files, const struct check_how *how, struct err *e)
{
	struct check c = {.how = how};
	int r = line_check_form(&how->form, e);

	for (size_t i = 0; r == 0 && files[i] != NULL; i++)
		r = check_file(&c, files[i], e);
	if (r == 0) {
		check_recipients(&c);
		check_tenants(&c);
	}
	names_release(&c.tenants);
	return r;
}
