#include "queue/last_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/tool.h"

#define RUNS "runs"

void
last_run_note(const struct state *s, const char *name)
{
	char at[CLOCK_TEXT];
	struct err e = ERR_INIT;
	int dir = file_open_dir(s->dir, RUNS, &e), fd = -1;

	clock_format(clock_now_ms(), at);
	if (dir != -1)
		fd = openat(dir, name,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd != -1 && file_write(fd, at, strlen(at), -1, name, &e) == 0)
		file_close(fd, name, &e);
	else if (fd != -1)
		close(fd);
	if (dir != -1)
		close(dir);
	if (e.class != ERR_NONE)
		tool_verbose(RUNS "/%s: %s", name, e.text);
}

int64_t
last_run_at(const struct state *s, const char *name)
{
	char *path = xasprintf(RUNS "/%s", name);
	struct buf text = BUF_INIT;
	struct err none = ERR_INIT;
	int64_t at = 0;

	if (file_read_at(s->dir, path, CLOCK_TEXT, &text, &none) == 1) {
		text.data[strcspn(text.data, "\n")] = '\0';
		if (clock_parse(text.data, &at, &none) == -1)
			at = 0;
	}
	buf_release(&text);
	free(path);
	return at;
}
