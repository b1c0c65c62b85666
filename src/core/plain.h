/*
 * Text that came from outside, for a terminal: nothing of it does anything
 * there but stand for itself.
 */
#ifndef CORE_PLAIN_H
#define CORE_PLAIN_H

#include <stddef.h>

#include "core/buf.h"

/*
 * Append s as one line.  Control characters (C0, DEL, C1), those that change
 * the direction of what follows or cannot be seen, and line separators become
 * \xNN or \u{NNNN}, and so do bytes that are not UTF-8.  What is longer than
 * max bytes ends in "...", in whole characters.
 */
void plain_add(struct buf *out, const char *s, size_t n, size_t max);

/*
 * The same for one of many columns: what takes more than so many columns of the
 * terminal ends in an ellipsis.  How many it takes.
 */
int plain_fit(struct buf *out, const char *s, size_t n, int columns);

#endif
