/*
 * stamp FILE: a handler that does nothing but say when it began: a line with
 * MAIL_ID and CLOCK_MONOTONIC in nanoseconds, at the end of FILE.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	const char *id = getenv("MAIL_ID");
	struct timespec t;
	char line[256];
	int fd, len;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (argc != 2 || id == NULL)
		return 64;
	len = snprintf(line, sizeof line, "%s %lld\n", id,
	    (long long)t.tv_sec * 1000000000 + t.tv_nsec);
	fd = open(argv[1], O_WRONLY | O_APPEND | O_CLOEXEC);
	return fd != -1 && write(fd, line, (size_t)len) == len ? 0 : 75;
}
