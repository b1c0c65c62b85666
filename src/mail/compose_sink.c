#include "mail/compose_sink.h"

#include <string.h>

int
sink_check(const struct sink *s, int64_t n)
{
	if (n <= s->room)
		return 0;
	return err_set(s->e, ERR_DATA,
	    "mail: is over %d bytes (%d MiB) when encoded", MESSAGE_MAX,
	    MESSAGE_MAX / (1024 * 1024));
}

int
sink_add(struct sink *s, const void *data, size_t n)
{
	if (sink_check(s, (int64_t)n) == -1)
		return -1;
	s->room -= (int64_t)n;
	return bulk_add(s->out, data, n, s->e);
}

int
sink_addstr(struct sink *s, const char *text)
{
	return sink_add(s, text, strlen(text));
}
