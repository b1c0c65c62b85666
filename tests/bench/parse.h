/* What a parser does for the section parse of tests/bench/run. */
#ifndef BENCH_PARSE_H
#define BENCH_PARSE_H

#include <stddef.h>

/* Sums, by which one parser's work is held against another's. */
struct parsed {
	long fields; /* of headers of messages, not of parts */
	long content; /* decoded bytes of parts */
	long text; /* bytes of text parts as UTF-8 */
};

/* -1: that is no option of this parser. */
int parser_option(int letter);

/*
 * Parse a message: header and addresses decoded, every part decoded to its end,
 * text made UTF-8.  sums is NULL where time is measured.
 */
void parse_message(const char *data, size_t n, struct parsed *sums);

#endif
