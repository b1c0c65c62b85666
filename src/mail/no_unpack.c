/*
 * What a statically linked libmagic (Makefile) gets in place of its functions
 * that unpack compressed data and read files: we ask it about bytes in memory,
 * of which it unpacks none (MAGIC_NO_CHECK_COMPRESS).  So no decompressor is in
 * a process that reads hostile mail, and none prepares itself at each start:
 * liblzma asks the processor what it can, which takes a virtual machine longer
 * than a short mail takes to be parsed.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

/* The linker's own word (--wrap). */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
int __wrap_file_zmagic(void *magic, const void *data, const char *name);
int __wrap_file_pipe2file(void *magic, int fd, const void *data, size_t n);
ssize_t __wrap_sread(int fd, void *to, size_t n, int may_be_pipe);

/* It is not compressed. */
int
__wrap_file_zmagic(void *magic, const void *data, const char *name)
{
	(void)magic;
	(void)data;
	(void)name;
	return 0;
}

int
__wrap_file_pipe2file(void *magic, int fd, const void *data, size_t n)
{
	(void)magic;
	(void)fd;
	(void)data;
	(void)n;
	errno = ENOSYS;
	return -1;
}

ssize_t
__wrap_sread(int fd, void *to, size_t n, int may_be_pipe)
{
	(void)fd;
	(void)to;
	(void)n;
	(void)may_be_pipe;
	errno = ENOSYS;
	return -1;
}
/* NOLINTEND(bugprone-reserved-identifier) */
