#include "net/smtp_caps.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* SIZE's parameter (RFC 1870, 4): up to 20 digits; more than we can count is no
 * limit to us. */
static int64_t
parse_size(const char *s)
{
	long long size;
	char *end;

	s += strspn(s, " ");
	if (*s < '0' || *s > '9')
		return 0;
	errno = 0;
	size = strtoll(s, &end, 10);
	return errno == 0 && (*end == '\0' || *end == ' ') ? size : 0;
}

void
smtp_caps_add(struct smtp_caps *caps, const char *line)
{
	const struct {
		const char *name;
		bool *has;
	} known[] = {
	    {"PIPELINING", &caps->has_pipelining},
	    {"8BITMIME", &caps->has_8bitmime},
	    {"SMTPUTF8", &caps->has_smtputf8},
	    {"DSN", &caps->has_dsn},
	    {"STARTTLS", &caps->has_starttls},
	    {"AUTH", &caps->has_auth},
	    {"SIZE", &caps->has_size},
	};
	/* "AUTH=LOGIN" is what servers said to old clients. */
	size_t len = strcspn(line, " =");

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strlen(known[i].name) != len ||
		    strncasecmp(line, known[i].name, len) != 0)
			continue;
		*known[i].has = true;
		if (known[i].has == &caps->has_size)
			caps->size_max = parse_size(line + len);
	}
}
