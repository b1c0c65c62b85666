#include "core/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/look.h"
#include "core/tool.h"

#define ERASE "\r\033[K"

enum {
	FIRST_MS = 1000, /* what is over by then needs no line */
	EVERY_MS = 250,
	WIDTH = 80, /* of a terminal that does not say */
	TEXT_MAX = 200,
};

static struct {
	const char *what;
	bool is_on, is_shown;
	int64_t n, done, all;
	int64_t began, due; /* monotonic, ms */
} self;

/* Is it the last program of its pipeline? */
static bool
is_last(void)
{
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 && !S_ISFIFO(st.st_mode) &&
	       !S_ISSOCK(st.st_mode);
}

/* Also what was sent to the background after its start is asked not to write,
 * and what comes back may write again. */
static bool
is_in_foreground(void)
{
	return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

void
progress_start(const char *what, bool has_output)
{
	self.what = what;
	self.n = self.done = self.all = 0;
	self.is_on = look_can_rewrite(STDERR_FILENO) && is_last() &&
		     !(has_output && isatty(STDOUT_FILENO) == 1);
	if (!self.is_on)
		return;
	self.began = clock_mono_ms();
	self.due = self.began + FIRST_MS;
}

/* "1234 queued, 567/s, 43 %" */
static void
write_text(int64_t now, char text[TEXT_MAX])
{
	int64_t tenths = self.n * 10000 / (now - self.began), part = 0;
	char rest[16] = "";

	if (self.all > 0 && self.done <= self.all)
		part = (int64_t)((double)self.done * 100 / (double)self.all);
	if (self.all > 0)
		snprintf(rest, sizeof rest, ", %lld %%", (long long)part);
	if (tenths < 100)
		snprintf(text, TEXT_MAX, "%s: %lld %s, %lld.%lld/s%s",
		    tool_name(), (long long)self.n, self.what,
		    (long long)tenths / 10, (long long)tenths % 10, rest);
	else
		snprintf(text, TEXT_MAX, "%s: %lld %s, %lld/s%s", tool_name(),
		    (long long)self.n, self.what, (long long)tenths / 10, rest);
}

static void
draw(int64_t now)
{
	int columns = look_columns(STDERR_FILENO);
	char text[TEXT_MAX], line[TEXT_MAX + sizeof ERASE + 2];
	int n;

	write_text(now, text);
	if (columns <= 0)
		columns = WIDTH;
	n = snprintf(line, sizeof line, ERASE "%.*s\r", columns - 1, text);
	if (write(STDERR_FILENO, line, (size_t)n) == -1)
		self.is_on = false;
	self.is_shown = true;
}

void
progress_add(int64_t n)
{
	int64_t now;

	if (!self.is_on)
		return;
	self.n += n;
	now = clock_mono_ms();
	if (now < self.due)
		return;
	self.due = now + EVERY_MS;
	if (is_in_foreground())
		draw(now);
}

void
progress_at(int64_t done, int64_t all)
{
	self.done = done;
	self.all = all;
}

void
progress_end(void)
{
	self.is_on = false;
	if (self.is_shown && is_in_foreground() &&
	    write(STDERR_FILENO, ERASE, strlen(ERASE)) == -1)
		return; /* whom to tell? */
	self.is_shown = false;
}

const char *
progress_eraser(void)
{
	return look_can_rewrite(STDERR_FILENO) ? ERASE : "";
}
