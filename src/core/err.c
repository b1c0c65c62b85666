#include "core/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Control characters would break the rule of one line a diagnostic. */
static void
flatten(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

int
err_set(struct err *e, enum err_class class, const char *fmt, ...)
{
	va_list ap;

	if (e->class != ERR_NONE)
		return -1;
	e->class = class;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	flatten(e->text);
	return -1;
}

int
err_errno(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	size_t n;
	va_list ap;

	if (e->class != ERR_NONE)
		return -1;
	e->class = ERR_TEMP;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", strerror(saved));
	flatten(e->text);
	errno = saved;
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char was[sizeof e->text];
	size_t n;
	va_list ap;

	memcpy(was, e->text, sizeof was);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n, ": %s", was);
	flatten(e->text);
	return -1;
}

void
err_clear(struct err *e)
{
	e->class = ERR_NONE;
	e->text[0] = '\0';
}

int err_status(enum err_class class)
{
	static const int status[] = {
	    [ERR_NONE] = EXIT_OK,
	    [ERR_DATA] = EXIT_DATA,
	    [ERR_USAGE] = EXIT_USAGE,
	    [ERR_TEMP] = EXIT_TEMP,
	};

	return status[class];
}
