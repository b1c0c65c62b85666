/*
 * For bash, without any function of the package bash-completion: a table as the
 * arms of a case, and one loop over what fits.
 */
#include "core/completion.h"

static const char begin[] =
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev='' verb=${COMP_WORDS[1]-}\n"
    "\tlocal options='' operands='' value='' prefix='' fits word names\n"
    "\n"
    "\tCOMPREPLY=()\n"
    "\t((COMP_CWORD < 2)) || prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "\t# A colon is a word of its own: maildir : DIR.\n"
    "\tif [[ $cur == : ]]; then\n"
    "\t\tcur='' prefix=$prev\n"
    "\telif [[ $prev == : ]]; then\n"
    "\t\tprefix=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "\tfi\n"
    "\t((COMP_CWORD > 1)) || verb=\n"
    "\tcase $verb in\n";

static const char end[] =
    "\tesac\n"
    "\tfits=$operands\n"
    "\t[[ $cur != -* ]] || fits=$options\n"
    "\tfor word in ${value:-$fits}; do\n"
    "\t\tcase $word in\n"
    "\t\t@nothing) ;;\n"
    "\t\t@*)\n"
    "\t\t\tmapfile -t names < <(compgen -A \"${word#@}\" -- \"$cur\")\n"
    "\t\t\tCOMPREPLY+=(\"${names[@]}\")\n"
    "\t\t\t[[ ${#names[@]} = 0 ]] || compopt -o filenames 2>/dev/null\n"
    "\t\t\t;;\n"
    "\t\t\"$cur\"*) COMPREPLY+=(\"$word\") ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\t[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *: ]] ||\n"
    "\t\tcompopt -o nospace 2>/dev/null\n"
    "}\n"
    "\n";

/* Actions of compgen, as words among others. */
static const char *
action(enum completion_kind kind)
{
	switch (kind) {
	case COMPLETE_FILES:
		return "@file";
	case COMPLETE_DIRS:
		return "@directory";
	case COMPLETE_COMMANDS:
		return "@command @file";
	default:
		return "@nothing";
	}
}

static void
add_options(struct buf *out, const struct options *o)
{
	buf_addstr(out, "\t\toptions='");
	for (size_t i = 0; i < o->n; i++) {
		const struct option_row *r = o->rows[i];

		if (r->letter != 0)
			buf_addf(out, "%s-%c", i > 0 ? " " : "", r->letter);
		if (r->name != NULL)
			buf_addf(out, "%s--%s",
			    i > 0 || r->letter != 0 ? " " : "", r->name);
	}
	buf_addstr(out, "'\n");
}

/* "-o) value='json table' ;;": after an option that has an argument. */
static void
add_value(struct buf *out, const struct option_row *r)
{
	const struct option_word *words = r->value;

	buf_addstr(out, "\t\t");
	if (r->letter != 0)
		buf_addf(out, "-%c%s", r->letter, r->name != NULL ? " | " : "");
	if (r->name != NULL)
		buf_addf(out, "--%s", r->name);
	buf_addf(out, ") value='%s' ;;\n",
	    r->type == OPTION_WORD ? words->words
				   : action(completion_of_option(r)));
}

static void
add_values(struct buf *out, const struct options *o)
{
	buf_addstr(out, "\t\tcase $prev in\n");
	for (size_t i = 0; i < o->n; i++)
		if (o->rows[i]->arg != NULL)
			add_value(out, o->rows[i]);
	buf_addstr(out, "\t\tesac\n");
}

/* "operands='mbox: @file'"; behind the prefix it is another matter. */
static void
add_operands(struct buf *out, const char *operands)
{
	struct completion_operand o;
	bool has_prefix = false;

	for (const char *p = operands; completion_next(&p, &o);) {
		if (o.prefix_len > 0)
			buf_addf(out, "\t\toperands+=' %.*s:'\n",
			    (int)o.prefix_len, o.prefix);
		else if (o.kind != COMPLETE_NOTHING)
			buf_addf(out, "\t\toperands+=' %s'\n", action(o.kind));
		has_prefix |= o.prefix_len > 0;
	}
	if (!has_prefix)
		return;
	buf_addstr(out, "\t\tcase $prefix in\n");
	for (const char *p = operands; completion_next(&p, &o);)
		if (o.prefix_len > 0)
			buf_addf(out, "\t\t%.*s) operands=%s ;;\n",
			    (int)o.prefix_len, o.prefix, action(o.kind));
	buf_addstr(out, "\t\tesac\n");
}

static void
add_verb_names(struct buf *out, const struct tool *tool)
{
	for (const struct verb *v = tool->verbs; v->run != NULL; v++)
		if (v->name != NULL)
			buf_addf(out, " %s", v->name);
}

static void
add_verb(struct buf *out, const struct tool *tool, const struct verb *v)
{
	struct options o = tool_options(v);

	buf_addf(out, "\t%s)\n", v->name != NULL ? v->name : "*");
	add_options(out, &o);
	add_values(out, &o);
	add_operands(out, v->operands);
	if (v->name == NULL && v[1].run != NULL) {
		buf_addstr(out, "\t\t((COMP_CWORD > 1)) || operands+='");
		add_verb_names(out, tool);
		buf_addstr(out, "'\n");
	}
	buf_addstr(out, "\t\t;;\n");
}

/* In the place of a verb, where one is needed. */
static void
add_no_verb(struct buf *out, const struct tool *tool)
{
	buf_addstr(out, "\t'')\n");
	if (tool->bare != NULL) {
		struct options o = tool_options(tool->bare);

		add_options(out, &o);
		add_values(out, &o);
	} else {
		buf_addstr(out, "\t\toptions='-h --help -V --version'\n");
	}
	buf_addstr(out, "\t\toperands='");
	add_verb_names(out, tool);
	buf_addstr(out, "'\n\t\t;;\n");
}

void
completion_bash(const struct tool *tool, struct buf *out)
{
	const struct verb *verbs = tool->verbs;

	buf_addf(out, "# %s --completion bash\n_", tool->name);
	completion_add_name(out, tool);
	buf_addstr(out, "()\n");
	buf_addstr(out, begin);
	if (verbs[0].name != NULL)
		add_no_verb(out, tool);
	for (const struct verb *v = verbs; v->run != NULL; v++)
		if (v->name != NULL)
			add_verb(out, tool, v);
	if (verbs[0].name == NULL)
		add_verb(out, tool, &verbs[0]);
	buf_addstr(out, end);
	buf_addstr(out, "complete -F _");
	completion_add_name(out, tool);
	buf_addf(out, " %s\n", tool->name);
}
