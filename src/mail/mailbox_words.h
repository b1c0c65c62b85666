/*
 * Runs of words in a list of addresses: is it an address, and what is it as a
 * name?
 */
#ifndef MAIL_MAILBOX_WORDS_H
#define MAIL_MAILBOX_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "mail/mailbox_lex.h"

/* Neighbours; no comments among them. */
struct words {
	const struct word *at;
	size_t n;
};

/*
 * Replace out by the one address that all the words are: "local@domain" as
 * written, without white space.  Local parts may have dots anywhere.  false:
 * they are none, or one with control characters or more than ADDRESS_MAX bytes.
 */
bool words_address(struct words words, struct buf *out);

/* Replace out by the words as a name, still encoded: without quotes. */
void words_name(struct words words, struct buf *out);

/* How many of the words, at least the first, could be one address. */
size_t words_joined(struct words words);

/* Those behind a route "@a.example,@b.example:", of no use (RFC 5322 4.4). */
struct words words_without_route(struct words words);

#endif
