/*
 * All letters in hand and all that carries them.  Transports take turns, and
 * when carriers are short each has its share; one that does not answer takes no
 * place from the others.
 */
#ifndef SEND_POOL_H
#define SEND_POOL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "send/carrier.h"
#include "send/lane.h"
#include "send/letter.h"
#include "send/message.h"
#include "send/signing.h"

enum {
	POOL_LETTERS = 400, /* in hand, at most */
	POOL_BYTES = 16 * 1024 * 1024, /* of their lines */
	POOL_BATCH = 64, /* started in one write */
	POOL_SLOW_MAX = 200, /* carriers that take no place */
};

struct pool {
	const struct config *config;
	struct message_source source;
	struct signing signing;
	struct carrier_tools tools;
	size_t max; /* carriers */
	struct lane **lanes;
	size_t n_lanes, turn;
	struct carrier **carriers;
	size_t n_carriers;
	size_t n_letters, bytes; /* in hand */
	/* Called with each letter that is done, withheld, or given back. */
	void (*over)(void *ctx, struct letter *l);
	void *ctx;
};

void pool_init(struct pool *p, struct queue *queue, size_t max);
void pool_release(struct pool *p);

/* May another one come in? */
bool pool_has_room(const struct pool *p);

/* One that waits, or is over at once. */
void pool_add(struct pool *p, struct letter *l);

/* Start all that can be. */
void pool_work(struct pool *p);

/* Nothing more is started: what waits goes back as it came. */
void pool_give_back(struct pool *p);

/* How many letters are being sent. */
size_t pool_sending(const struct pool *p);

/* How many descriptors to poll, and which; until when (monotonic). */
size_t pool_fds(const struct pool *p);
void pool_watch(const struct pool *p, struct pollfd *fds);
int64_t pool_due(const struct pool *p);

/* poll(2) over all descriptors there are, also those of others.  0; -1:
 * ERR_TEMP. */
int pool_wait(struct pool *p, struct pollfd *fds, size_t n, int timeout_ms,
    struct err *e);

/* After the poll, with n_fds as they were. */
void pool_step(struct pool *p, const struct pollfd *fds, size_t n_fds);

#endif
