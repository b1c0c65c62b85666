/*
 * queue_peer: one client of a queue server, which mail-queue is compared with.
 * A hundred records go to a call, and each call is durable when it returns.
 *
 *   queue_peer SERVER ADDRESS create|put|work N
 *
 *   SERVER   redis, beanstalkd (ADDRESS: a socket), postgresql (a conninfo)
 *   create   wait until it answers; make an empty queue
 *   put      queue the lines of stdin
 *   work     take and remove until it is empty, and see that it was N records
 *            {"id":"r00000000",...}, each number below N once
 */
#include "queue_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct peer *const peers[] = {
    &peer_redis, &peer_beanstalkd, &peer_postgresql};
static const struct peer *peer;

_Noreturn void
die(const char *what, const char *why)
{
	fprintf(stderr, "queue_peer: %s: %s\n", what, why);
	exit(1);
}

static void
free_items(struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(items[i].text);
}

static void
put_lines(void)
{
	static char buffer[1024 * 1024];
	struct item items[BATCH] = {0};
	ssize_t len = 0;
	size_t room;
	size_t n = 0;

	setvbuf(stdin, buffer, _IOFBF, sizeof buffer);
	while (len != -1) {
		room = 0;
		items[n].text = NULL;
		len = getline(&items[n].text, &room, stdin);
		if (len > 0)
			items[n++].len = (size_t)len - 1;
		else
			free(items[n].text);
		if (n == BATCH || (len == -1 && n > 0)) {
			peer->put(items, n);
			free_items(items, n);
			n = 0;
		}
	}
}

static void
check_item(const struct item *item, char *seen, long total)
{
	long number = -1;

	if (sscanf(item->text, "{\"id\":\"r%8ld\"", &number) != 1 ||
	    number < 0 || number >= total)
		die("not what was put", item->text);
	if (seen[number]++ != 0)
		die("came twice", item->text);
}

static void
work(long total)
{
	struct item items[BATCH] = {0};
	char *seen = calloc((size_t)total + 1, 1);
	long had = 0;
	size_t n;

	if (seen == NULL)
		die("work", "no memory");
	while ((n = peer->take(items, BATCH)) > 0) {
		for (size_t i = 0; i < n; i++)
			check_item(&items[i], seen, total);
		peer->remove(items, n);
		free_items(items, n);
		had += (long)n;
	}
	free(seen);
	if (had != total)
		die("work", "records are missing");
}

static void
connect_peer(const char *address)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	for (int i = 0; !peer->connect(address); i++) {
		if (i == CONNECT_TRIES)
			die(address, "it does not answer");
		nanosleep(&pause, NULL);
	}
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof peers / sizeof *peers; i++)
		if (strcmp(peers[i]->name, argv[1]) == 0)
			peer = peers[i];
	if (argc < 4 || peer == NULL) {
		fprintf(stderr, "usage: queue_peer SERVER ADDRESS "
				"create|put|work N\n");
		return 64;
	}
	connect_peer(argv[2]);
	if (strcmp(argv[3], "create") == 0)
		peer->create();
	else if (strcmp(argv[3], "put") == 0)
		put_lines();
	else if (strcmp(argv[3], "work") == 0 && argc == 5)
		work(strtol(argv[4], NULL, 10));
	else
		return 64;
	return 0;
}
