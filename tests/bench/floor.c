/*
 * floor: the least that a durable stage of a pipe can do, for comparison.
 *
 *   floor put DIR    stdin becomes a file: written to DIR/tmp, synced, renamed
 *                    to DIR/new, that directory synced; prints the name
 *   floor log FILE   stdin is appended to FILE with one write and one
 *                    fdatasync, and passed on
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char window[1 << 16];

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(75);
}

static void
write_all(int fd, size_t n)
{
	if (write(fd, window, n) != (ssize_t)n)
		die("write");
}

static void
put(const char *dir)
{
	char name[64], tmp[4096], new[4096];
	struct timespec t;
	ssize_t n;
	int fd;

	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(name, sizeof name, "%lld.%ld.%d", (long long)t.tv_sec,
	    t.tv_nsec, getpid());
	snprintf(tmp, sizeof tmp, "%s/tmp/%s", dir, name);
	snprintf(new, sizeof new, "%s/new/%s", dir, name);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1)
		die(tmp);
	while ((n = read(STDIN_FILENO, window, sizeof window)) > 0)
		write_all(fd, (size_t)n);
	if (n == -1 || fsync(fd) == -1 || close(fd) == -1 ||
	    rename(tmp, new) == -1)
		die(tmp);
	snprintf(new, sizeof new, "%s/new", dir);
	fd = open(new, O_RDONLY | O_DIRECTORY);
	if (fd == -1 || fsync(fd) == -1)
		die(new);
	write_all(STDOUT_FILENO,
	    (size_t)snprintf(window, sizeof window, "{\"id\":\"%s\"}\n", name));
}

static void
append(const char *file)
{
	size_t len = 0;
	ssize_t n;
	int fd;

	while ((n = read(STDIN_FILENO, window + len, sizeof window - len)) > 0)
		len += (size_t)n;
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (n == -1 || fd == -1)
		die(file);
	if (len == 0)
		exit(75); /* the stage before died */
	write_all(fd, len);
	if (fdatasync(fd) == -1)
		die(file);
	write_all(STDOUT_FILENO, len);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "put") == 0)
		put(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "log") == 0)
		append(argv[2]);
	else
		return 64;
	return 0;
}
