/*
 * The letters of one transport that wait, and its trouble.  While it has
 * trouble that all its mail has, they share its verdict, and nobody asks the
 * server again.
 */
#ifndef SEND_LANE_H
#define SEND_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "send/letter.h"
#include "send/verdict.h"

enum {
	LANE_DEAD_MS = 5 * 1000, /* how long nobody asks: it was not there */
	LANE_HELD_MS = 60 * 1000, /* or it did not want us */
	LANE_CROWDED_MS = 60 * 1000, /* or no more of us */
	LANE_BUSY_MS = 200, /* others have all connections */
};

/* In their order. */
struct letter_list {
	struct letter *first, **end;
	size_t n;
};

struct lane {
	struct transport *transport;
	struct letter_list fresh; /* without a moment, the urgent ones first */
	struct letter_list timed; /* with one */
	size_t carriers; /* it has */
	bool is_up; /* one was opened since its last trouble */
	size_t cap; /* the server wants no more; 0: not known */
	/* Monotonic; 0: it is not. */
	int64_t cap_until, held_until;
	int64_t try_at; /* open none before that */
	int64_t moved_at; /* when the last of its letters was answered */
	struct verdict trouble; /* why it is held */
};

struct lane *lane_new(struct transport *t);
void lane_free(struct lane *lane);

void list_add(struct letter_list *list, struct letter *l);
/* Behind all that are as urgent or more. */
void list_add_urgent(struct letter_list *list, struct letter *l);
void list_add_first(struct letter_list *list, struct letter *l);
struct letter *list_take(struct letter_list *list); /* NULL: it is empty */

/* The most urgent one whose moment has come by then, of these that which came
 * first; NULL: none has. */
struct letter *lane_take_due(struct lane *lane, int64_t until);

/* How many have come to their moment, and *next when the next one does. */
size_t lane_count_due(const struct lane *lane, int64_t until, int64_t *next);

/* Has it anything to send? */
bool lane_has_letters(const struct lane *lane);

/* Any of them; NULL: there is none. */
struct letter *lane_take(struct lane *lane);

/* From now on, for a time, all its letters have this trouble. */
void lane_hold(struct lane *lane, const struct verdict *v);
bool lane_is_held(struct lane *lane, int64_t now);

#endif
