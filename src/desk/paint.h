/* Colours (core/look.h) of what means good or bad news to who looks. */
#ifndef DESK_PAINT_H
#define DESK_PAINT_H

/* Of a state's name, a result's status; NULL has none. */
const char *paint_state(const char *state);
const char *paint_status(const char *status);

#endif
