#include "core/look.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	WIDTH = 80, /* when nobody says */
	WIDTH_MIN = 20,
	WIDTH_MAX = 1000,
};

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

static bool
is_dumb(void)
{
	const char *term = getenv("TERM");

	return term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
}

bool
look_can_rewrite(int fd)
{
	return isatty(fd) == 1 && !is_dumb();
}

int
look_columns(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static int
find_width(void)
{
	const char *columns = getenv("COLUMNS");
	long n = columns != NULL ? strtol(columns, NULL, 10) : 0;

	if (n <= 0)
		n = look_columns(STDOUT_FILENO);
	if (n <= 0)
		n = look_columns(STDERR_FILENO);
	if (n <= 0)
		return WIDTH;
	return n < WIDTH_MIN ? WIDTH_MIN : n > WIDTH_MAX ? WIDTH_MAX : (int)n;
}

struct look
look_choose(const char *form)
{
	bool is_terminal = isatty(STDOUT_FILENO) == 1;

	return (struct look){
	    .is_table = form != NULL ? strcmp(form, "table") == 0 : is_terminal,
	    .is_colored = is_terminal && !is_set("NO_COLOR") && !is_dumb(),
	    .width = find_width(),
	};
}
