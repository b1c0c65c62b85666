/* A queue server as the client queue_peer sees it. */
#ifndef BENCH_QUEUE_PEER_H
#define BENCH_QUEUE_PEER_H

#include <stdbool.h>
#include <stddef.h>

enum {
	BATCH = 100, /* records of one call */
	CONNECT_TRIES = 3000, /* ten milliseconds apart */
};

struct item {
	char *text;
	size_t len;
	long long id; /* the server's, if it has one */
};

/* Each call is durable when it returns; whatever goes wrong ends the program.
 */
struct peer {
	const char *name;
	bool (*connect)(const char *address); /* false: not yet */
	void (*create)(void); /* an empty queue */
	void (*put)(const struct item *, size_t n);
	size_t (*take)(struct item *, size_t n); /* texts to free; 0: none */
	void (*remove)(const struct item *, size_t n);
};

extern const struct peer peer_redis, peer_beanstalkd, peer_postgresql;

_Noreturn void die(const char *what, const char *why);

#endif
