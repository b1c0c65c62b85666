#include "core/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/utils.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/secret_command.h"

/* Room for the largest, and one byte to see that it is larger. */
static void
reserve(struct secret *s)
{
	*s = (struct secret){.data = xmalloc(SECRET_MAX + 1)};
}

void
secret_release(struct secret *s)
{
	if (s->data != NULL)
		sodium_memzero(s->data, SECRET_MAX + 1);
	free(s->data);
	*s = (struct secret)SECRET_INIT;
}

/* What was got is a secret: not empty, nor too long. */
static int
finish(struct secret *s, const char *name, struct err *e)
{
	if (s->len > SECRET_MAX)
		return err_set(e, ERR_TEMP,
		    "%s: longer than %d bytes: is it the right one?", name,
		    SECRET_MAX);
	if (s->len > 0 && s->data[s->len - 1] == '\n')
		s->len--;
	if (s->len > 0 && s->data[s->len - 1] == '\r')
		s->len--;
	s->data[s->len] = '\0';
	if (s->len == 0)
		return err_set(e, ERR_TEMP, "%s: is empty: write it", name);
	return 0;
}

static int
read_all(struct secret *s, int fd, const char *name, struct err *e)
{
	ssize_t r;

	while (s->len <= SECRET_MAX) {
		r = read(fd, s->data + s->len, SECRET_MAX + 1 - s->len);
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return err_errno(e, "%s: read", name);
		if (r == 0)
			break;
		s->len += (size_t)r;
	}
	return finish(s, name, e);
}

/* Is it as a secret should lie there? */
static int
check_file(int fd, const char *name, bool is_ours_alone, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_errno(e, "%s: stat", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_TEMP,
		    "%s: is not a file: a secret comes from a regular one",
		    name);
	if (!is_ours_alone)
		return 0;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_TEMP,
		    "%s: belongs to uid %ld, and this is uid %ld: chown it",
		    name, (long)st.st_uid, (long)geteuid());
	if ((st.st_mode & 077) != 0)
		return err_set(e, ERR_TEMP,
		    "%s: others can read or change it (mode %03o): chmod 600",
		    name, (unsigned)st.st_mode & 0777);
	return 0;
}

static int
from_file(struct secret *s, const char *path, struct err *e)
{
	int fd, r;

	if (path[0] != '/')
		return err_set(e, ERR_TEMP,
		    "secret file: must be an absolute path, beginning with "
		    "\"/\"");
	/* A pipe without a writer would hold us up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return err_errno(e, "%.200s: open", path);
	r = check_file(fd, path, true, e);
	if (r == 0)
		r = read_all(s, fd, path, e);
	close(fd);
	return r;
}

/*
 * systemd keeps the directory from others; the mode of a file in it may have a
 * bit for the group, where an access list lets the service's user in.
 */
static int
from_credential(struct secret *s, const char *name, struct err *e)
{
	const char *path = getenv("CREDENTIALS_DIRECTORY");
	int dir, fd, r;

	if (path == NULL || path[0] == '\0')
		return err_set(e, ERR_TEMP,
		    "credential %.64s: there is no CREDENTIALS_DIRECTORY: run "
		    "as a service with LoadCredential=, or use \"file\"",
		    name);
	if (strchr(name, '/') != NULL)
		return err_set(e, ERR_TEMP,
		    "credential %.64s: must be a name without \"/\"", name);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1)
		return err_errno(e, "CREDENTIALS_DIRECTORY: open");
	fd = file_open_beneath(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
	close(dir);
	if (fd == -1)
		return err_prefix(e, "credential");
	r = check_file(fd, name, false, e);
	if (r == 0)
		r = read_all(s, fd, name, e);
	close(fd);
	return r == -1 ? err_prefix(e, "credential") : 0;
}

static int
from_command(struct secret *s, json words, struct err *e)
{
	if (secret_command(words, s->data, SECRET_MAX + 1, &s->len, e) == -1)
		return -1;
	return finish(s, "secret command", e);
}

static int
get(struct secret *s, json from, json words, struct err *e)
{
	const char *file = json_str(from, "file");
	const char *credential = json_str(from, "credential");

	if ((file != NULL) + (credential != NULL) + (json_count(words) > 0) !=
	    1)
		return err_set(e, ERR_TEMP,
		    "a secret must be an object with one of \"file\", "
		    "\"command\", \"credential\"");
	if (file != NULL)
		return from_file(s, file, e);
	if (credential != NULL)
		return from_credential(s, credential, e);
	return from_command(s, words, e);
}

int
secret_get(struct secret *s, json from, struct err *e)
{
	json words = json_member(from, "command", JSON_ARRAY);
	int r;

	reserve(s);
	r = get(s, from, words, e);
	json_free(words);
	if (r == -1)
		secret_release(s);
	return r;
}
