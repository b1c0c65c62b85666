#include "alias/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alias/alias.h"
#include "alias/include.h"
#include "alias/names.h"
#include "alias/say.h"
#include "alias/words.h"
#include "core/json.h"
#include "core/schema.h"
#include "core/tool.h"
#include "core/utf8.h"

enum {
	ARGV_MAX = 1000, /* of the schema */
};

struct import {
	const struct import_how *how;
	struct names aliases, tenants;
	struct names own; /* those that are tenants under their own name */
	struct buf tenants_json, handlers_json;
	struct import_result *out;
};

/* The entry at hand, and its new line. */
struct entry {
	struct entry_place at;
	struct buf line;
	size_t n_mapped;
};

/* Why it cannot be an argument of a handler; NULL: it can. */
static const char *
bad_argument(const char *s)
{
	static const char *const placeholders[] = {
	    "{tenant}", "{id}", "{sender}", "{recipient}", "{attempt}"};

	if (!utf8_valid(s, strlen(s)))
		return "the command is not UTF-8: put it into a script";
	for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
		if (strstr(s, placeholders[i]) != NULL)
			return "mail-dispatch would replace the {...} in the "
			       "command: put it into a script";
	return NULL;
}

static json
array_of(const char *a, const char *b, const char *c)
{
	json argv = json_append(json_array(), json_string(a));

	argv = json_append(argv, json_string(b));
	return json_append(argv, json_string(c));
}

/* smrsh(8) looks for the program in its own directory, whatever was said. */
static json
program_of(const struct import *im, const char *word)
{
	char *path;
	json program;

	if (im->how->smrsh == NULL)
		return json_string(word);
	path = xasprintf("%s/%s", im->how->smrsh, basename(word));
	program = json_string(path);
	free(path);
	return program;
}

/* These ask who calls them. */
static void
warn_of_program(const struct entry *en, const char *word)
{
	const char *name = basename(word);

	if (strcmp(name, "wrapper") == 0 || strcmp(name, "mailman") == 0)
		say_note(&en->at,
		    "%s looks at the user or group that calls it: let it take "
		    "that of mailpipe",
		    name);
	else if (word[0] != '/')
		say_note(&en->at,
		    "%s is named without its path: the PATH of mail-dispatch "
		    "decides what it is",
		    word);
}

/* The argv of a command, or JSON_NONE: reported. */
static json
argv_of(const struct import *im, const struct entry *en, const char *command)
{
	const char *bad = bad_argument(command);
	struct words w;
	json argv = json_none();

	if (bad != NULL) {
		say_failed(&en->at, "%s", bad);
		return argv;
	}
	if (words_split(command, &w) && w.n <= ARGV_MAX) {
		warn_of_program(en, w.items[0]);
		argv = json_append(json_array(), program_of(im, w.items[0]));
		for (size_t i = 1; i < w.n; i++)
			argv = json_append(argv, json_string(w.items[i]));
	} else if (im->how->smrsh != NULL) {
		say_failed(&en->at,
		    "the command needs a shell, which smrsh is not: put it "
		    "into a script");
	} else {
		say_note(&en->at, "the command needs a shell: its handler is "
				  "sh -c");
		argv = array_of("sh", "-c", command);
	}
	words_release(&w);
	return argv;
}

/* Is there something else of that name in the configuration? */
static bool
is_taken(const struct import *im, const char *tenant, json handler)
{
	const struct config *c = im->how->config;
	const char *named = config_tenant_str(c, tenant, "handler", NULL);
	json there = config_handler(c, tenant); /* borrowed */

	if (named != NULL && strcmp(named, tenant) != 0)
		return true;
	return json_is_valid(there) && !json_equal(there, handler);
}

/* `"NAME":`, behind what is there already. */
static void
add_key(struct buf *b, const char *name)
{
	if (b->len > 0)
		buf_addch(b, ',');
	json_dump(json_string(name), b);
	buf_addch(b, ':');
}

static void
add_tenant(struct import *im, const char *tenant, json handler)
{
	json t = json_set_str(json_object(), "handler", tenant);

	t = json_set(t, "in_flight", json_number(2));
	add_key(&im->tenants_json, tenant);
	json_dump(t, &im->tenants_json);
	add_key(&im->handlers_json, tenant);
	json_dump(json_copy(handler), &im->handlers_json);
}

/* The alias' own name, or one like it that nobody has. */
static void
choose_tenant(struct import *im, const struct entry *en, bool is_first,
    char tenant[TENANT_TEXT])
{
	const char *name = en->at.entry->name;

	names_to_tenant(name, tenant);
	if (is_first && names_has(&im->own, name))
		return;
	names_add_another(&im->tenants, tenant);
	if (strcmp(name, tenant) != 0)
		say_note(&en->at, "its tenant is %s%s", tenant,
		    is_first ? "" : ": one alias, several commands");
}

static bool
map_command(struct import *im, struct entry *en, const char *command)
{
	char tenant[TENANT_TEXT];
	json argv = argv_of(im, en, command), handler;
	bool is_mapped = false;

	if (!json_is_valid(argv))
		return false;
	choose_tenant(im, en, en->n_mapped == 0, tenant);
	handler = json_set(json_object(), "argv", argv);
	handler = json_set_str(handler, "profile", "postfix");
	handler = json_set_str(handler, "message", "postfix");
	handler = json_set(handler, "time_limit_s", json_number(1000));
	if (is_taken(im, tenant, handler)) {
		say_failed(&en->at,
		    "%.100s has another handler for %s: rename the alias, or "
		    "take that out",
		    im->how->config->file, tenant);
	} else {
		add_tenant(im, tenant, handler);
		line_add_target(&en->line, &im->how->form, tenant);
		is_mapped = true;
	}
	json_free(handler);
	return is_mapped;
}

/* Where a line goes, its other targets go as well. */
static void
warn_of_file(const struct entry *en, const struct alias_target *t)
{
	if (t->raw[0] == '/' || strncmp(t->raw, "\"/", 2) == 0)
		say_note(&en->at,
		    "%.200s stays in its line: it is written by the owner of "
		    "the aliases file that this is in",
		    t->raw);
}

static void
import_target(struct import *im, struct entry *en, const struct alias_target *t)
{
	struct err bad = ERR_INIT;

	if (en->line.len > 0)
		buf_addstr(&en->line, ", ");
	if (t->kind == ALIAS_INCLUDE && t->why == NULL &&
	    include_check(t->text, &bad) == -1)
		say_failed(&en->at, "%s", bad.text);
	if (t->why != NULL)
		say_failed(&en->at, "%s", t->why);
	else if (t->kind == ALIAS_PIPE && line_is_ours(t->text))
		tool_verbose(
		    "%s: leads to mailpipe already", en->at.entry->name);
	else if (t->kind == ALIAS_PIPE && map_command(im, en, t->text)) {
		en->n_mapped++;
		if (t->is_bare)
			say_note(&en->at,
			    "a command with arguments and without double "
			    "quotes, read as sendmail does: Postfix gave it no "
			    "arguments");
		return;
	}
	buf_addstr(&en->line, t->raw);
}

static void
import_entry(struct import *im, const char *path, const struct alias_entry *a)
{
	struct entry en = {.at = {path, a}, .line = BUF_INIT};

	if (a->why != NULL) {
		say_failed(&en.at, "%s", a->why);
		return;
	}
	if (!names_add(&im->aliases, a->name)) {
		say_failed(&en.at,
		    "the name is there before, and that line counts: take "
		    "one of the two out");
		return;
	}
	for (size_t i = 0; i < a->targets.n; i++)
		import_target(im, &en, &a->targets.items[i]);
	if (en.n_mapped > 0) {
		for (size_t i = 0; i < a->targets.n; i++)
			warn_of_file(&en, &a->targets.items[i]);
		line_add_name(&im->out->aliases, a->name);
		buf_add(&im->out->aliases, en.line.data, en.line.len);
		buf_addch(&im->out->aliases, '\n');
	}
	buf_release(&en.line);
}

/* Lines of ours have their tenants. */
static void
reserve_ours(struct import *im, const struct alias_entry *a)
{
	struct line l;

	for (size_t i = 0; i < a->targets.n; i++) {
		const struct alias_target *t = &a->targets.items[i];

		if (t->kind != ALIAS_PIPE || !line_is_ours(t->text))
			continue;
		line_read(t->text, &l);
		if (l.tenant != NULL)
			names_add(&im->tenants, l.tenant);
		line_release(&l);
	}
}

/* Who can keep the name does so, whatever comes before. */
static void
reserve_own(struct import *im, const struct alias_entry *a)
{
	char tenant[TENANT_TEXT];

	if (a->n_pipes > 0 && names_to_tenant(a->name, tenant) &&
	    names_add(&im->tenants, tenant))
		names_add(&im->own, tenant);
}

/* What we print is what every program takes. */
static int
write_config(struct import *im, struct err *e)
{
	struct buf *out = &im->out->config;
	json root;
	int r;

	buf_addstr(out, "{\"tenants\":{");
	buf_add(out, im->tenants_json.data, im->tenants_json.len);
	buf_addstr(out, "},\"handlers\":{");
	buf_add(out, im->handlers_json.data, im->handlers_json.len);
	buf_addstr(out, "}}");
	r = json_parse(out->data, out->len, &root, e);
	if (r == 0) {
		r = schema_check(root, e);
		json_free(root);
	}
	buf_addch(out, '\n');
	return r == 0 ? 0 : err_prefix(e, "configuration");
}

int
import_aliases(const char *path, const struct import_how *how,
    struct import_result *out, struct err *e)
{
	struct import im = {.how = how, .out = out};
	struct alias_list list;
	int r;

	*out = (struct import_result){BUF_INIT, BUF_INIT};
	r = line_check_form(&how->form, e);
	if (r == 0)
		r = alias_read(path, &list, e);
	else
		list = (struct alias_list){NULL, 0, 0};
	if (r == 0) {
		for (size_t i = 0; i < list.n; i++)
			reserve_ours(&im, &list.entries[i]);
		for (size_t i = 0; i < list.n; i++)
			reserve_own(&im, &list.entries[i]);
		for (size_t i = 0; i < list.n; i++)
			import_entry(&im, path, &list.entries[i]);
		r = write_config(&im, e);
	}
	alias_release(&list);
	names_release(&im.aliases);
	names_release(&im.tenants);
	names_release(&im.own);
	buf_release(&im.tenants_json);
	buf_release(&im.handlers_json);
	return r;
}

void
import_release(struct import_result *r)
{
	buf_release(&r->config);
	buf_release(&r->aliases);
}
