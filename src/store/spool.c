#include "store/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/id.h"

static void
add_path(struct spool *sp, char *path)
{
	sp->paths = xrealloc(sp->paths, sp->n + 1, sizeof *sp->paths);
	sp->paths[sp->n++] = path;
}

int
spool_begin(struct spool *sp, struct state *s, struct err *e)
{
	char *path;

	if (state_check_space(s, e) == -1)
		return -1;
	sp->state = s;
	sp->fd = state_spool_create(s, &path, e);
	if (sp->fd == -1)
		return -1;
	add_path(sp, path);
	return 0;
}

int
spool_write(struct spool *sp, const void *data, size_t n, struct err *e)
{
	return file_write(sp->fd, data, n, -1, sp->paths[0], e);
}

int
spool_finish(struct spool *sp, size_t n, struct err *e)
{
	int dir = sp->state->dir, fd = sp->fd;
	const char *first = sp->paths[0];
	char id[ID_TEXT], *path;

	sp->fd = -1;
	if (file_close(fd, first, e) == -1)
		return -1;
	while (sp->n < n) {
		path = xasprintf("spool/%s", id_random(id));
		if (linkat(dir, first, dir, path, 0) == -1) {
			err_errno(e, "%s: link to %s", first, path);
			free(path);
			return -1;
		}
		add_path(sp, path);
	}
	return 0;
}

void
spool_release(struct spool *sp)
{
	if (sp->fd != -1)
		close(sp->fd);
	for (size_t i = 0; i < sp->n; i++) {
		if (i >= sp->n_given)
			unlinkat(sp->state->dir, sp->paths[i], 0);
		free(sp->paths[i]);
	}
	free(sp->paths);
	*sp = (struct spool)SPOOL_INIT;
}
