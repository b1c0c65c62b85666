/* An explanation (handler/explain.h) as a person reads it on a terminal. */
#ifndef HANDLER_EXPLAIN_TEXT_H
#define HANDLER_EXPLAIN_TEXT_H

#include "core/buf.h"
#include "core/json.h"

/* Append a paragraph.  Does not consume explanation. */
void explain_text(json explanation, struct buf *out);

#endif
