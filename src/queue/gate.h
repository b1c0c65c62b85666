/*
 * The gate at the end of a receiving line: `sh` reports the last stage's status
 * only, so mail-queue put refuses whatever shows that a stage before it did not
 * do its work, and the MTA keeps the mail.
 */
#ifndef QUEUE_GATE_H
#define QUEUE_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/json.h"

/* Records of one message ("of": [1, 3]) that have not all come yet. */
struct gate_group {
	char *message; /* its digest, or Message-ID */
	int n, seen;
	unsigned char *has;
};

struct gate {
	struct gate_group *groups;
	size_t n;
};

/*
 * Check one record and mint its id where it has none.  Replaces *rec.
 * ERR_DATA: malformed; ERR_TEMP: an earlier stage failed on it, or has not
 * stored its content.
 */
int gate_check(struct gate *g, json *rec, struct err *e);

/* At the end of the input: ERR_TEMP when something is missing. */
int gate_close(struct gate *g, bool is_empty_bad, struct err *e);
void gate_release(struct gate *g);

#endif
