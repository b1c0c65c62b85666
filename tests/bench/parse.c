/*
 * parse: parse messages in one process, again and again, and print on one line
 * what that took and what came out of it.
 *
 *   parse_ours|parse_gmime [-n N] [-d] FILE...
 *
 *   -n N   so many messages, in the order of the files (1000)
 *   -d     see parser_option
 *   -      the one message on stdin, once; nothing is printed
 *
 * Time is that of the processor.
 */
#include "parse.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct message {
	char *data;
	size_t n;
};

_Noreturn static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static struct message
read_all(int fd, const char *name)
{
	struct message m = {NULL, 0};
	size_t room = 0;
	ssize_t n;

	do {
		if (m.n == room) {
			room = room > 0 ? room * 2 : 65536;
			m.data = realloc(m.data, room);
			if (m.data == NULL)
				die(name);
		}
		n = read(fd, m.data + m.n, room - m.n);
		if (n == -1)
			die(name);
		m.n += (size_t)n;
	} while (n > 0);
	return m;
}

static struct message
read_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct message m;

	if (fd == -1)
		die(name);
	m = read_all(fd, name);
	close(fd);
	return m;
}

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
measure(const struct message *messages, int n_messages, long runs)
{
	struct parsed sums = {0};
	double before, bytes = 0;

	for (int i = 0; i < n_messages; i++)
		parse_message(messages[i].data, messages[i].n, &sums);
	before = cpu_s();
	for (long i = 0; i < runs; i++) {
		const struct message *m = &messages[i % n_messages];

		parse_message(m->data, m->n, NULL);
		bytes += (double)m->n;
	}
	before = cpu_s() - before;
	printf("rate=%.2f us=%.2f mb_s=%.1f fields=%ld content=%ld text=%ld\n",
	    (double)runs / before, before * 1e6 / (double)runs,
	    bytes / before / 1e6, sums.fields, sums.content, sums.text);
}

int
main(int argc, char **argv)
{
	struct message *messages;
	long runs = 1000;
	int ch;

	while ((ch = getopt(argc, argv, "n:d")) != -1) {
		if (ch == 'n')
			runs = strtol(optarg, NULL, 10);
		else if (parser_option(ch) == -1)
			exit(64);
	}
	argc -= optind;
	argv += optind;
	if (argc == 0 || runs < 1)
		exit(64);
	if (strcmp(argv[0], "-") == 0) {
		struct message m = read_all(STDIN_FILENO, "stdin");

		parse_message(m.data, m.n, NULL);
		free(m.data);
		return 0;
	}
	messages = calloc((size_t)argc, sizeof *messages);
	if (messages == NULL)
		die("messages");
	for (int i = 0; i < argc; i++)
		messages[i] = read_file(argv[i]);
	measure(messages, argc, runs);
	for (int i = 0; i < argc; i++)
		free(messages[i].data);
	free(messages);
	return 0;
}
