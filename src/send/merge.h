/*
 * `mail-send --merge TEMPLATE`: records made of a template and of what stands
 * in each line of the input, an object of any kind.
 *
 * The template is a file with one JSON object, a record as mail-store put takes
 * it.  Its strings may have jq expressions in them, which see the line:
 *
 *   {{ EXPR }}    its value; in mail.html with &, <, >, " and ' escaped
 *   {{{ EXPR }}}  its value as it is
 *
 * Where a string is one {{ EXPR }} and nothing else, its place is taken by the
 * value, of whatever type; not in mail.html.  Elsewhere a value is a string, a
 * number or a boolean.  "text_file" and "html_file", beside "mail" or in it,
 * are files below the template's directory that become mail.text and mail.html.
 *
 * All expressions are one jq program (core/jq.h), compiled once.
 */
#ifndef SEND_MERGE_H
#define SEND_MERGE_H

#include "core/err.h"

enum {
	MERGE_TEMPLATE_MAX = 4 * 1024 * 1024, /* bytes; and of each file */
};

/*
 * All of stdin, to stdout.  A line for which an expression has no value (null,
 * or none, or several, or it fails) is a bad one (ERR_DATA), which is said with
 * the expression.  -1: ERR_USAGE, the template is none; ERR_TEMP.
 */
int merge_run(const char *path, struct err *e);

#endif
