/* How many columns of a terminal a character takes. */
#ifndef CORE_WIDTH_H
#define CORE_WIDTH_H

#include <stdint.h>

/*
 * 2 for the wide and full-width ones of East Asia (and emoji), 0 for marks that
 * stand on the character before, else 1.  Those that could be either (UAX #11,
 * "ambiguous") are 1.  Control characters do not get this far: core/plain.h.
 *
 * Not wcwidth: that wants a UTF-8 locale, which a server may not have.
 */
int width_of(uint32_t c);

#endif
