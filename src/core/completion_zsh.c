/* For zsh: the table as specifications of its _arguments. */
#include "core/completion.h"

#include <string.h>

/* Text in single quotes, in which some characters mean something. */
static void
add_quoted(struct buf *out, const char *s, const char *special)
{
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			buf_addstr(out, "'\\'");
		else if (strchr(special, *s) != NULL)
			buf_addch(out, '\\');
		buf_addch(out, *s);
	}
}

/* What completes it; a blank does nothing. */
static const char *
action(enum completion_kind kind)
{
	switch (kind) {
	case COMPLETE_FILES:
		return "_files";
	case COMPLETE_DIRS:
		return "_files -/";
	default:
		return " ";
	}
}

static void
end_option(struct buf *out, const struct option_row *r)
{
	const struct option_word *words = r->value;

	buf_addch(out, '[');
	add_quoted(out, r->help, "[]:\\");
	buf_addch(out, ']');
	if (r->arg != NULL && r->type == OPTION_WORD)
		buf_addf(out, ":%s:(%s)", r->arg, words->words);
	else if (r->arg != NULL)
		buf_addf(
		    out, ":%s:%s", r->arg, action(completion_of_option(r)));
	buf_addstr(out, "'");
}

static void
add_option(struct buf *out, const struct option_row *r)
{
	const char *again = r->type == OPTION_LIST ? "*" : "";

	if (r->letter != 0) {
		buf_addf(out, " \\\n\t\t\t'%s-%c", again, r->letter);
		end_option(out, r);
	}
	if (r->name != NULL) {
		buf_addf(out, " \\\n\t\t\t'%s--%s", again, r->name);
		end_option(out, r);
	}
}

/* One specification for all operands: _mail_ingest_operand has the prefixes. */
static void
add_operands(struct buf *out, const struct tool *tool, const char *operands)
{
	struct completion_operand o;
	enum completion_kind kind = COMPLETE_NOTHING;
	struct buf prefixes = BUF_INIT;

	for (const char *p = operands; completion_next(&p, &o);) {
		if (o.prefix_len > 0)
			buf_addf(
			    &prefixes, " %.*s", (int)o.prefix_len, o.prefix);
		else if (o.kind != COMPLETE_NOTHING)
			kind = o.kind;
	}
	if (prefixes.len > 0) {
		buf_addstr(out, " \\\n\t\t\t'*:operand: _");
		completion_add_name(out, tool);
		buf_addf(out, "_operand \"%s\"%s'",
		    kind != COMPLETE_NOTHING ? action(kind) : "",
		    prefixes.data);
	} else if (kind == COMPLETE_COMMANDS) {
		buf_addstr(out, " \\\n\t\t\t'(-)1:command:_command_names -e'"
				" \\\n\t\t\t'*::argument:_normal'");
	} else if (kind != COMPLETE_NOTHING) {
		buf_addf(out, " \\\n\t\t\t'*:operand:%s'", action(kind));
	} else if (operands[0] != '\0') {
		buf_addstr(out, " \\\n\t\t\t'*:operand: '");
	}
	buf_release(&prefixes);
}

static void
add_verb(struct buf *out, const struct tool *tool, const struct verb *v)
{
	struct options o = tool_options(v);

	buf_addf(out, "\t%s)\n\t\t_arguments -s -S",
	    v->name != NULL ? v->name : "*");
	for (size_t i = 0; i < o.n; i++)
		add_option(out, o.rows[i]);
	add_operands(out, tool, v->operands);
	buf_addstr(out, "\n\t\t;;\n");
}

static void
add_verb_names(struct buf *out, const struct tool *tool)
{
	buf_addstr(out, "\tverbs=(\n");
	for (const struct verb *v = tool->verbs; v->run != NULL; v++)
		if (v->name != NULL) {
			buf_addf(out, "\t\t'%s:", v->name);
			add_quoted(out, v->summary, ":\\");
			buf_addstr(out, "'\n");
		}
	buf_addstr(out, "\t)\n");
}

static const char operand_body[] =
    "\n{\n"
    "\tlocal action=$1 prefix\n"
    "\tshift\n"
    "\tfor prefix; do\n"
    "\t\tcompset -P \"$prefix:\" && { _files; return }\n"
    "\tdone\n"
    "\tcompadd -S '' -- ${^@}:\n"
    "\t[[ -z $action ]] || $=action\n"
    "}\n\n";

static void
add_functions(struct buf *out, const struct tool *tool)
{
	bool has_prefixes = false;
	struct completion_operand o;

	for (const struct verb *v = tool->verbs; v->run != NULL; v++)
		for (const char *p = v->operands; completion_next(&p, &o);)
			has_prefixes |= o.prefix_len > 0;
	if (!has_prefixes)
		return;
	buf_addch(out, '_');
	completion_add_name(out, tool);
	buf_addstr(out, "_operand()");
	buf_addstr(out, operand_body);
}

void
completion_zsh(const struct tool *tool, struct buf *out)
{
	bool needs_verb = tool->verbs[0].name != NULL;
	bool has_verbs = needs_verb || tool->verbs[1].run != NULL;

	buf_addf(out, "#compdef %s\n# %s --completion zsh\n\n", tool->name,
	    tool->name);
	add_functions(out, tool);
	buf_addch(out, '_');
	completion_add_name(out, tool);
	buf_addstr(out, "()\n{\n\tlocal verb=\n\tlocal -a verbs\n");
	add_verb_names(out, tool);
	if (has_verbs)
		buf_addf(out,
		    "\tif ((CURRENT == 2)); then\n"
		    "\t\t_describe -t verbs verb verbs\n%s"
		    "\tfi\n"
		    "\tif ((CURRENT > 2)) && "
		    "((${verbs[(I)$words[2]:*]})); then\n"
		    "\t\tverb=$words[2]\n"
		    "\t\tshift words\n\t\t((CURRENT--))\n\tfi\n",
		    needs_verb ? "\t\treturn\n" : "");
	buf_addstr(out, "\tcase $verb in\n");
	for (const struct verb *v = tool->verbs; v->run != NULL; v++)
		if (v->name != NULL)
			add_verb(out, tool, v);
	if (!needs_verb)
		add_verb(out, tool, &tool->verbs[0]);
	else if (tool->bare != NULL)
		add_verb(out, tool, tool->bare);
	buf_addstr(out, "\tesac\n}\n\n_");
	completion_add_name(out, tool);
	buf_addstr(out, " \"$@\"\n");
}
