#include "send/maildir.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"

enum {
	NAME_ROOM = 320,
};

int
maildir_open(struct maildir *m, const char *path, struct err *e)
{
	int dir = file_open_dir(AT_FDCWD, path, e), cur = -1;

	m->tmp = m->new = -1;
	if (dir == -1)
		return -1;
	m->tmp = file_open_dir(dir, "tmp", e);
	m->new = m->tmp != -1 ? file_open_dir(dir, "new", e) : -1;
	if (m->new != -1)
		cur = file_open_dir(dir, "cur", e);
	close(dir);
	if (cur == -1) {
		maildir_close(m);
		return -1;
	}
	close(cur);
	return 0;
}

void
maildir_close(struct maildir *m)
{
	if (m->tmp != -1)
		close(m->tmp);
	if (m->new != -1)
		close(m->new);
	m->tmp = m->new = -1;
}

/* SECONDS.MmicrosecondsPpidQn.HOST, with '/' and ':' of the host escaped. */
static void
make_name(char name[NAME_ROOM])
{
	static unsigned long count;
	char host[65] = "localhost";
	int64_t now = clock_now_ms();
	int n;

	gethostname(host, sizeof host - 1);
	n = snprintf(name, NAME_ROOM, "%lld.M%lldP%ldQ%lu.",
	    (long long)now / 1000, (long long)now % 1000 * 1000, (long)getpid(),
	    ++count);
	for (const char *p = host; *p != '\0'; p++) {
		const char *as = *p == '/'   ? "\\057"
				 : *p == ':' ? "\\072"
					     : NULL;

		if (as != NULL)
			n +=
			    snprintf(name + n, NAME_ROOM - (size_t)n, "%s", as);
		else
			name[n++] = *p;
	}
	name[n] = '\0';
}

static int
write_mail(int fd, const struct letter *l, struct err *e)
{
	struct buf trace = BUF_INIT;
	int r;

	buf_addf(&trace, "Return-Path: <%s>\nDelivered-To: %s\n", l->sender,
	    l->recipient);
	r = file_write(fd, trace.data, trace.len, -1, "maildir", e);
	buf_release(&trace);
	if (r == 0)
		r = letter_write(l, fd, "maildir", e);
	return r == 0 ? file_sync(fd, "maildir", e) : -1;
}

int
maildir_deliver(struct maildir *m, const struct letter *l, struct err *e)
{
	char name[NAME_ROOM];
	int fd, r;

	make_name(name);
	fd =
	    openat(m->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_errno(e, "maildir: tmp/%s: create", name);
	r = write_mail(fd, l, e);
	if (file_close(fd, "maildir", e) == -1)
		r = -1;
	if (r == 0)
		r = file_publish(m->tmp, name, m->new, name, e);
	if (r == -1)
		unlinkat(m->tmp, name, 0);
	return r;
}
