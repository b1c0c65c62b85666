/* Lines from a descriptor: bounded memory, whatever comes in. */
#ifndef CORE_JSONL_H
#define CORE_JSONL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	JSONL_LINE_MAX = 8 * 1024 * 1024,
};

struct jsonl {
	int fd;
	size_t limit; /* longest line, JSONL_LINE_MAX at first */
	struct buf in;
	size_t pos; /* first byte not yet given out */
	size_t scanned; /* no line end before this */
	size_t line_no; /* of the line given out last, from 1 */
	bool is_eof;
	bool is_skipping; /* inside a line that was too long */
};

enum jsonl_got {
	JSONL_LINE, /* *line, *len: without its line end */
	JSONL_MORE, /* no whole line in the buffer: fill */
	JSONL_TOO_LONG, /* line line_no was over the limit and skipped */
	JSONL_CUT, /* the input ended in the middle of this line */
	JSONL_END,
};

void jsonl_init(struct jsonl *in, int fd);
void jsonl_release(struct jsonl *in);

/* The next line, from the buffer only.  *line is good until the next fill. */
enum jsonl_got jsonl_next(struct jsonl *in, const char **line, size_t *len);

/*
 * Wait at most timeout_ms (0: not at all, -1: for ever) for input and read
 * once.  1 read or at the end, 0 nothing came in time, -1 error (ERR_TEMP).
 */
int jsonl_fill(struct jsonl *in, int timeout_ms, struct err *e);

#endif
