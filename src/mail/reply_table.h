/*
 * The rules of src/mail/reply_rules.txt as src/gen/reply.c writes them, and the
 * form in which texts and words are compared.
 */
#ifndef MAIL_REPLY_TABLE_H
#define MAIL_REPLY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum reply_status {
	REPLY_OK,
	REPLY_RETRY,
	REPLY_SNOOZE,
	REPLY_FAIL,
	REPLY_BY_CODE, /* retry or fail */
};

struct reply_rule {
	const char *name;
	unsigned stages; /* bits, by enum reply_stage */
	/* Patterns, between commas; "" is any. */
	const char *codes;
	const char *enhanced;
	enum reply_status status;
	const char *class; /* NULL: none */
	int32_t after_s;
	bool is_slow_down, is_transport;
	/*
	 * One of them has to be there, up to a NULL; no list: none has to.
	 * Each is phrases, in order, each with its NUL, and a NUL.
	 */
	const char *const *words;
};

/* The last one fits anything. */
extern const struct reply_rule reply_rules[];

static inline bool
reply_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

/* Could it be inside an address? */
static inline bool
reply_is_atom(char c)
{
	return reply_is_word(c) ||
	       (c != '\0' && strchr("@.!#$%&'*+-/=?^_`{|}~\"", c) != NULL);
}

/*
 * The words of a text in lower case, a blank before and behind each; addresses
 * are left out.  out has room for strlen(text) + 2 bytes and is cut at size.
 */
static inline void
reply_words(const char *text, char *out, size_t size)
{
	size_t n = 0, run;

	out[n++] = ' ';
	for (; *text != '\0' && n + 2 < size; text += run) {
		for (run = 0; reply_is_atom(text[run]);)
			run++;
		if (memchr(text, '@', run) != NULL)
			continue;
		if (run == 0)
			run = 1;
		for (size_t i = 0; i < run && n + 2 < size; i++) {
			char c = text[i];

			if (c >= 'A' && c <= 'Z')
				c |= 0x20;
			if (reply_is_word(c))
				out[n++] = c;
			else if (out[n - 1] != ' ')
				out[n++] = ' ';
		}
	}
	if (out[n - 1] != ' ')
		out[n++] = ' ';
	out[n] = '\0';
}

#endif
