/*
 * In programs that are linked statically (Makefile) SQLite gets this for
 * dlopen(3), for extensions that we never load.  libc's own could not do it
 * without the shared libraries of the machine that it was built on.
 */
#include <stddef.h>

/* The linker's own word (--wrap). */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__wrap_dlopen(const char *file, int mode);

void *
__wrap_dlopen(const char *file, int mode)
{
	(void)file;
	(void)mode;
	return NULL;
}
/* NOLINTEND(bugprone-reserved-identifier) */
