#include "ledger/clue.h"

#include <sodium/crypto_shorthash.h>
#include <stddef.h>
#include <string.h>

#include "core/buf.h"

enum {
	CLUE_MAX = 0x7fffffff, /* four bytes in SQLite */
};

/* Never 0, which is "none". */
static int64_t
number(const char *s, size_t n)
{
	static const unsigned char key[crypto_shorthash_KEYBYTES];
	unsigned char raw[crypto_shorthash_BYTES];
	uint64_t h = 0;

	crypto_shorthash(raw, (const unsigned char *)s, n, key);
	for (size_t i = 0; i < sizeof raw; i++)
		h = h << 8 | raw[i];
	return (int64_t)(h % (CLUE_MAX - 1)) + 1;
}

int64_t
clue_address(const char *address)
{
	struct buf lower = BUF_INIT;
	int64_t n;

	if (address == NULL)
		return 0;
	for (const char *s = address; *s != '\0'; s++)
		buf_addch(&lower,
		    *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s);
	n = number(lower.len > 0 ? lower.data : "", lower.len);
	buf_release(&lower);
	return n;
}

/* Without < and >, where both are there. */
static const char *
bare(const char *message_id, size_t *n)
{
	*n = strlen(message_id);
	if (*n < 2 || message_id[0] != '<' || message_id[*n - 1] != '>')
		return message_id;
	*n -= 2;
	return message_id + 1;
}

int64_t
clue_message_id(const char *message_id)
{
	const char *s;
	size_t n;

	if (message_id == NULL)
		return 0;
	s = bare(message_id, &n);
	return number(s, n);
}

/* Borrowed from rec. */
static const char *
message_id_of(json rec)
{
	json message = json_member(rec, "message", JSON_OBJECT);
	json mail = json_member(rec, "mail", JSON_OBJECT);
	const char *s = json_str(message, "message_id");

	if (s == NULL)
		s = json_str(mail, "message_id");
	json_free(message); /* rec still holds them */
	json_free(mail);
	return s;
}

int64_t
clue_of_message(json rec)
{
	return clue_message_id(message_id_of(rec));
}

bool
clue_is_message(const char *wanted, json rec)
{
	const char *s = message_id_of(rec), *a, *b;
	size_t n, m;

	if (wanted == NULL || s == NULL)
		return wanted == NULL;
	a = bare(wanted, &n);
	b = bare(s, &m);
	return n == m && memcmp(a, b, n) == 0;
}
