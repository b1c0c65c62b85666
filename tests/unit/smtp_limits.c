/* How long a mail may take at the most: leases are made for that long. */
#include <inttypes.h>
#include <stdio.h>

#include "net/smtp_limits.h"

static const struct {
	struct smtp_limits limits;
	int64_t size, want_ms;
} rows[] = {
    /* RFC 5321: 3 * 5 min, 2 min, 5 * 3 min, 10 min. */
    {{0}, 0, 42 * 60 * 1000},
    {{0}, 64 * 1000 * 1000, 42 * 60 * 1000 + 1000 * 1000},
    {{.command = 1, .data = 10, .block = 100, .end = 1000}, 640, 1523},
    {{.connect = 5, .command = 1, .data = 10, .block = 100, .end = 1000}, 0,
	1513},
};

int
main(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct smtp_server server = {.limits = rows[i].limits};
		int64_t got = smtp_mail_ms(&server, rows[i].size);

		if (got != rows[i].want_ms) {
			printf("row %zu: %" PRId64 "\n", i, got);
			failed++;
		}
	}
	return failed > 0;
}
