/*
 * One mail for people: what it is, its parts as a tree, its history as a time
 * line.  Nothing that came with the mail acts on the terminal (core/plain.h).
 */
#ifndef DESK_PAGE_H
#define DESK_PAGE_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/json.h"

/* Append it.  mail is what listing_mail makes.  Does not consume mail. */
void page_write(json mail, bool is_colored, struct buf *out);

#endif
