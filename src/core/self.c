#include "core/self.h"

#include <string.h>
#include <unistd.h>

int
self_directory(char dir[PATH_MAX], struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	char *slash;

	if (n == -1)
		return err_errno(e, "/proc/self/exe: readlink");
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return err_set(e, ERR_TEMP, "/proc/self/exe: not a path");
	*slash = '\0';
	return 0;
}
