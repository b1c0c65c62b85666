/* What a run has decided, by class of trouble. */
#ifndef RETRY_SUM_H
#define RETRY_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id.h"
#include "core/look.h"

struct sum_class {
	char class[NAME_MAX_LEN + 1];
	int64_t ready, dead, waiting;
};

struct sum {
	struct sum_class *all;
	size_t n;
};

/* That of a class, made when it is new; good until the next call. */
struct sum_class *sum_of(struct sum *s, const char *class);

/* Print it, as retry/due.h says. */
int sum_print(const struct sum *s, const char *queue, bool is_over,
    const struct look *look, struct err *e);

void sum_release(struct sum *s);

#endif
