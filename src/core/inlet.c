#include "core/inlet.h"

#include <unistd.h>

#include "core/batch.h"
#include "core/tool.h"

void
inlet_init(struct inlet *in)
{
	jsonl_init(&in->in, STDIN_FILENO);
	in->is_open = true;
}

void
inlet_release(struct inlet *in)
{
	jsonl_release(&in->in);
}

/* Is it a record?  Empty lines are nothing at all. */
static bool
parse(struct inlet_line *line)
{
	struct err e = ERR_INIT;

	if (line->len == 0)
		return false;
	if (batch_parse(line->text, line->len, line->no, &line->rec, &e) == 0)
		return true;
	tool_failed(&e);
	return false;
}

bool
inlet_next(struct inlet *in, struct inlet_line *line)
{
	while (in->is_open) {
		enum jsonl_got got =
		    jsonl_next(&in->in, &line->text, &line->len);

		line->no = in->in.line_no;
		if (got == JSONL_MORE)
			return false;
		if (got == JSONL_LINE) {
			if (parse(line))
				return true;
			continue;
		}
		if (got == JSONL_END || got == JSONL_CUT)
			in->is_open = false;
		if (got != JSONL_END)
			batch_bad_line(got, line->no);
	}
	return false;
}

void
inlet_read(struct inlet *in)
{
	struct err e = ERR_INIT;

	if (jsonl_fill(&in->in, 0, &e) != -1)
		return;
	in->is_open = false;
	tool_failed(&e);
}
