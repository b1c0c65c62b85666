/* A template of mail, taken apart: see send/merge.h. */
#ifndef SEND_TEMPLATE_H
#define SEND_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

/* Text, or an expression. */
struct template_piece {
	char *text;
	size_t len;
	bool is_expr;
	bool is_raw; /* not escaped */
	size_t index; /* of the expression, among all */
};

/* A string that has expressions in it. */
struct template_string {
	char *path; /* "mail.subject" */
	struct template_piece *pieces;
	size_t n;
	bool is_html;
};

struct template
{
	json root;
	struct template_string
	    *strings; /* in the order of a walk through root */
	size_t n, n_exprs;
};

/* Take it apart.  ERR_USAGE names the string.  Consumes root. */
int template_parse(struct template *t, json root, struct err *e);
void template_release(struct template *t);

/* The jq program that answers with one array: of each expression the array of
 * its outputs, or {"error":…}. */
void template_program(const struct template *t, struct buf *out);

/* The expression of this number; and where it stands, for an error. */
const char *template_expr(const struct template *t, size_t index);
void template_where(const struct template *t, size_t index, struct buf *out);

/* The record, with these answers.  ERR_DATA.  Does not consume answers. */
int template_fill(
    const struct template *t, json answers, json *out, struct err *e);

#endif
