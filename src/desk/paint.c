#include "desk/paint.h"

#include <stddef.h>
#include <string.h>

#include "core/look.h"

struct paint {
	const char *word, *color;
};

static const struct paint states[] = {
    {"succeeded", LOOK_GREEN},
    {"leased", LOOK_CYAN},
    {"dead", LOOK_RED},
    {"parked", LOOK_RED},
    {"deferred", LOOK_YELLOW},
    {"skipped", LOOK_DIM},
    {"dropped", LOOK_DIM},
    {NULL, LOOK_PLAIN},
};

/* What is not known is no good news. */
static const struct paint statuses[] = {
    {"ok", LOOK_GREEN},
    {"retry", LOOK_YELLOW},
    {"snooze", LOOK_PLAIN},
    {"skip", LOOK_PLAIN},
    {NULL, LOOK_RED},
};

static const char *
find(const struct paint *p, const char *word)
{
	while (p->word != NULL && strcmp(p->word, word) != 0)
		p++;
	return p->color;
}

const char *
paint_state(const char *state)
{
	return state != NULL ? find(states, state) : LOOK_PLAIN;
}

const char *
paint_status(const char *status)
{
	return status != NULL ? find(statuses, status) : LOOK_PLAIN;
}
