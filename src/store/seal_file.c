#include "store/seal_file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

enum {
	WINDOW = 64 * 1024,
	MEMORY_MAX = 1024 * 1024, /* larger content goes to the disk */
	/* A header that is rekeyed just now may be read half and half. */
	LOOKS = 5,
	AGAIN = SEAL_KEY_ID + SEAL_BOX, /* what a new key changes */
};

/* The first bytes, as many as there are. */
static ssize_t
read_head(
    int fd, unsigned char head[SEAL_HEADER], const char *name, struct err *e)
{
	size_t n = 0;
	ssize_t r;

	while (n < SEAL_HEADER) {
		r = pread(fd, head + n, SEAL_HEADER - n, (off_t)n);
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return err_errno(e, "%s: read", name);
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

/* errno tells it from a file that is not there. */
static int
failed(const char *name, struct err *e)
{
	err_prefix(e, "%s", name);
	errno = e->class == ERR_DATA ? EBADMSG : EACCES;
	return -1;
}

static int
look(int fd, unsigned char head[SEAL_HEADER], const char *name,
    struct seal_info *info, struct err *e)
{
	ssize_t n = read_head(fd, head, name, e);

	if (n == -1)
		return -1;
	return seal_look(head, (size_t)n, info, e) == -1 ? failed(name, e) : 0;
}

int
seal_file_look(int fd, const char *name, struct seal_info *info, struct err *e)
{
	unsigned char head[SEAL_HEADER];

	return look(fd, head, name, info, e);
}

static int
create(struct state *s, int fd, const char *name, struct err *e)
{
	struct stat st;
	int to;

	if (fstat(fd, &st) == -1)
		return err_errno(e, "%s: stat", name);
	if (st.st_size > MEMORY_MAX)
		return state_spool_anonymous(s, e);
	to = memfd_create("content", MFD_CLOEXEC);
	return to != -1 ? to : err_errno(e, "%s: memfd_create", name);
}

/* 1 some, 0 the end, -1; at *at, which moves on. */
static int
read_more(
    int fd, char *window, size_t *n, off_t *at, const char *name, struct err *e)
{
	ssize_t r;

	*n = 0;
	do
		r = pread(fd, window, WINDOW, *at);
	while (r == -1 && errno == EINTR);
	if (r == -1)
		return err_errno(e, "%s: read", name);
	*n = (size_t)r;
	*at += r;
	return r > 0;
}

static int
copy_rest(int fd, int to, const char *name, struct err *e)
{
	char window[WINDOW];
	off_t at = SEAL_MAGIC;
	size_t n;
	int r;

	while ((r = read_more(fd, window, &n, &at, name, e)) == 1)
		if (file_write(to, window, n, -1, name, e) == -1)
			return -1;
	return r;
}

static int
unseal_rest(struct unsealer *u, int fd, int to, const char *name, struct err *e)
{
	struct buf out = BUF_INIT;
	char window[WINDOW];
	off_t at = SEAL_HEADER;
	size_t n;
	int r;

	while ((r = read_more(fd, window, &n, &at, name, e)) == 1) {
		if (unseal_add(u, window, n, &out, e) == -1 ||
		    (out.len > 0 &&
			file_write(to, out.data, out.len, -1, name, e) == -1)) {
			r = -1;
			break;
		}
		buf_reset(&out);
	}
	if (r == 0)
		r = unseal_end(u, &out, e);
	if (r == 0 && out.len > 0)
		r = file_write(to, out.data, out.len, -1, name, e);
	buf_release(&out);
	return r;
}

static int
begin(struct state *s, struct unsealer *u, int fd,
    unsigned char head[SEAL_HEADER], const char *name, struct err *e)
{
	const struct seal_ring *ring;
	unsigned char was[SEAL_HEADER];

	if (state_ring(s, &ring, e) == -1)
		return -1;
	for (int i = 0; i < LOOKS; i++) {
		if (unseal_begin(u, head, ring, e) == 0)
			return 0;
		memcpy(was, head, sizeof was);
		if (read_head(fd, head, name, e) != SEAL_HEADER ||
		    memcmp(was, head, sizeof was) == 0)
			return -1;
		err_clear(e);
	}
	return err_set(e, ERR_TEMP, "its key changes while it is read");
}

static int
unseal(struct state *s, int fd, int to, unsigned char head[SEAL_HEADER],
    const char *name, struct err *e)
{
	struct unsealer u = {0};
	int r = begin(s, &u, fd, head, name, e);

	if (r == 0)
		r = unseal_rest(&u, fd, to, name, e);
	unseal_release(&u);
	return r;
}

int
seal_file_open(struct state *s, int fd, const char *name,
    struct seal_info *info, struct err *e)
{
	unsigned char head[SEAL_HEADER];
	int to = -1, r = look(fd, head, name, info, e), error;

	if (r == 0 && info->kind == SEAL_PLAIN)
		return fd;
	if (r == 0) {
		to = create(s, fd, name, e);
		r = to == -1 ? -1
		    : info->kind == SEAL_ESCAPED
			? copy_rest(fd, to, name, e)
			: unseal(s, fd, to, head, name, e);
		if (r == 0 && lseek(to, 0, SEEK_SET) == -1)
			r = err_errno(e, "lseek");
		if (r == -1)
			failed(name, e);
	}
	error = errno;
	if (r == -1 && to != -1)
		close(to);
	close(fd);
	errno = error;
	return r == -1 ? -1 : to;
}

static int
write_key(
    int fd, const unsigned char key[AGAIN], const char *name, struct err *e)
{
	ssize_t n;

	do
		n = pwrite(fd, key, AGAIN, SEAL_MAGIC);
	while (n == -1 && errno == EINTR);
	return n == AGAIN ? 0 : err_errno(e, "%s: write", name);
}

int
seal_file_again(struct state *s, int fd, const char *name,
    const struct seal_public *to, struct err *e)
{
	unsigned char head[SEAL_HEADER], *id = head + SEAL_MAGIC;
	unsigned char was[AGAIN];
	const struct seal_ring *ring;
	struct seal_info info;
	struct err ignored = ERR_INIT;

	if (look(fd, head, name, &info, e) == -1)
		return -1;
	if (info.kind != SEAL_SEALED ||
	    memcmp(info.key_id, to->id, SEAL_KEY_ID) == 0)
		return 0;
	memcpy(was, id, sizeof was);
	if (state_ring(s, &ring, e) == -1 ||
	    seal_again(id, id + SEAL_KEY_ID, ring, to, e) == -1)
		return failed(name, e);
	if (write_key(fd, id, name, e) == 0 && file_sync_data(fd, name, e) == 0)
		return 1;
	/* Lest the next run takes for done what is not on the disk. */
	write_key(fd, was, name, &ignored);
	return -1;
}
