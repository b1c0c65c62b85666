/*
 * The record loop of every filter and sink: natural batching.  All lines that
 * are readable now (at most BATCH_RECORDS or BATCH_BYTES) are handed over as
 * one array, so that they share one transaction and one sync; then they are
 * written out, and only then is more read.  Nothing is held until the end.
 */
#ifndef CORE_BATCH_H
#define CORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "core/jsonl.h"

enum {
	BATCH_RECORDS = 1000,
	BATCH_BYTES = 4 * 1024 * 1024,
};

/* What becomes of a record after the work on it. */
enum batch_fate {
	BATCH_EMIT, /* written to stdout */
	BATCH_SWALLOW, /* done; nothing to write */
	BATCH_FAILED, /* withheld; the work has reported why (tool_failed) */
};

struct batch_item {
	size_t line_no;
	/*
	 * An object; the work may replace it, also by an array of what is to
	 * be a line each; the driver frees it.
	 */
	json rec;
	enum batch_fate fate; /* BATCH_EMIT at first */
};

struct batch {
	/*
	 * Make n records true.  -1 with *e: none of them is, all are withheld,
	 * the error is reported once and the loop goes on.
	 */
	int (*work)(
	    void *ctx, struct batch_item *items, size_t n, struct err *e);
	void *ctx;
	/*
	 * "…"}}, goes to the items instead of their rec: a large one is dear as
	 * a json.  NULL: none does.
	 */
	const char *const *apart;
	/* What was done with records, for who waits ("stored"); NULL: nobody.
	 */
	const char *progress;
	bool is_silent; /* nothing is emitted */
	bool is_any; /* lines are objects of any kind; "v" is no version */
	/*
	 * What comes is for who reads the output: the end of that one is ours
	 * (ERR_TEMP), even if nothing more is written.
	 */
	bool is_for_reader;
	/* Give up (ERR_TEMP) when nothing moves for so long; 0: never. */
	int64_t deadline_s;
	/*
	 * Nobody waits for what this makes true: while more comes, a batch
	 * may wait so long for it.
	 */
	int64_t linger_ms;
	/* Set by batch_run: */
	bool is_empty; /* there was not a single line */
};

/* Smaller batches in this process, from 1 record and 1 byte on. */
void batch_set_limits(size_t records, size_t bytes);

/*
 * Run until the end of stdin.  Bad lines are reported and remembered for the
 * exit status; -1 is only for what ends the run (ERR_TEMP).
 */
int batch_run(struct batch *b, struct err *e);

/*
 * Parse one line into a record: a JSON object whose "v" we understand.
 * ERR_DATA, or ERR_TEMP for a newer "v"; the text names the line.
 */
int batch_parse(
    const char *line, size_t len, size_t line_no, json *rec, struct err *e);

/* Report a line that jsonl_next refused (JSONL_TOO_LONG or JSONL_CUT). */
void batch_bad_line(enum jsonl_got got, size_t line_no);

/* This item can never work, its neighbours can: report it by its line. */
void batch_refuse(struct batch_item *item, struct err *bad);

#endif
