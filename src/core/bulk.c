#include "core/bulk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

void
bulk_init(struct bulk *b, bulk_file_fn *file, void *ctx)
{
	*b = (struct bulk){.fd = -1, .file = file, .ctx = ctx};
}

int
bulk_init_file(struct bulk *b, int fd, struct err *e)
{
	struct stat st;

	bulk_init(b, NULL, NULL);
	b->fd = fd;
	if (fstat(fd, &st) == -1)
		return err_errno(e, "message: fstat");
	b->size = st.st_size;
	return 0;
}

/* From memory to a file: what comes next would be too much. */
static int
move_to_file(struct bulk *b, struct err *e)
{
	b->fd = b->file(b->ctx, e);
	if (b->fd == -1)
		return -1;
	if (file_write(
		b->fd, b->memory.data, b->memory.len, -1, "message", e) == -1)
		return -1;
	buf_release(&b->memory);
	return 0;
}

int
bulk_add(struct bulk *b, const void *data, size_t n, struct err *e)
{
	if (b->fd == -1 && b->file != NULL && b->memory.len + n > BULK_MEMORY &&
	    move_to_file(b, e) == -1)
		return -1;
	if (b->fd == -1)
		buf_add(&b->memory, data, n);
	else if (file_write(b->fd, data, n, -1, "message", e) == -1)
		return -1;
	b->size += (int64_t)n;
	return 0;
}

int64_t
bulk_read(const struct bulk *b, int64_t at, void *out, size_t n, struct err *e)
{
	ssize_t got;

	if (b->fd == -1) {
		if (at >= b->size)
			return 0;
		if (n > (size_t)(b->size - at))
			n = (size_t)(b->size - at);
		memcpy(out, b->memory.data + at, n);
		return (int64_t)n;
	}
	do
		got = pread(b->fd, out, n, at);
	while (got == -1 && errno == EINTR);
	return got == -1 ? err_errno(e, "message: pread") : got;
}

void
bulk_release(struct bulk *b)
{
	buf_release(&b->memory);
	if (b->fd != -1)
		close(b->fd);
	b->fd = -1;
}
