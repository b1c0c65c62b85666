/*
 * All letters in hand, from when they were read to when their fate is known.
 * Transports take turns.
 */
#ifndef SEND_POOL_H
#define SEND_POOL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/loop.h"
#include "send/fleet.h"
#include "send/letter.h"
#include "send/message.h"
#include "send/signing.h"

enum {
	POOL_LETTERS = 400, /* in hand, at most */
	POOL_BYTES = 16 * 1024 * 1024, /* of their lines */
	POOL_BATCH = 64, /* started in one write */
};

struct pool {
	const struct config *config;
	struct message_source source;
	struct signing signing;
	struct fleet fleet;
	size_t turn;
	size_t n_letters, bytes; /* in hand */
	int64_t looked_at; /* what the wall clock said then */
	int64_t again_at; /* monotonic: some wait for a connection then */
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

/* Reserve moments, and start all that can be. */
void pool_work(struct pool *p);

/* What was started goes when its moment comes; true: something came of it. */
bool pool_go(struct pool *p);

/* Nothing more is started: what waits goes back as it came. */
void pool_give_back(struct pool *p);

/* How many letters are started, or on their way. */
size_t pool_sending(const struct pool *p);

/* How many descriptors to wait for, and which. */
size_t pool_fds(const struct pool *p);
void pool_watch(const struct pool *p, struct pollfd *fds);

/* loop_wait, until the next thing is to be done.  -1: ERR_TEMP. */
int pool_wait(struct pool *p, struct loop *l, struct err *e);

/* After the wait, with n_fds as they were. */
void pool_step(struct pool *p, const struct pollfd *fds, size_t n_fds);

#endif
