/* Clues: what is found by which spelling, and what is not. */
#include "ledger/clues.h"
#include "ledger/clue.h"

#include <stdio.h>
#include <string.h>

static const char record[] =
    "{\"id\":\"a\",\"envelope\":{\"from\":\"Shop@Example.com\",\"to\":\"\"},"
    "\"message\":{\"message_id\":\"<1@X>\"}}";

static const struct {
	const char *sender, *recipient, *message_id;
	bool is_it;
} looked_for[] = {
    {NULL, NULL, NULL, true},
    {"shop@example.COM", NULL, NULL, true},
    {"shop@example.co", NULL, NULL, false},
    {"shop@example.com ", NULL, NULL, false},
    {"", NULL, NULL, false},
    {NULL, "", NULL, true},
    {NULL, "shop@example.com", NULL, false},
    {NULL, NULL, "<1@X>", true},
    {NULL, NULL, "1@X", true},
    {NULL, NULL, "<1@x>", false},
    {NULL, NULL, "<1@X", false},
    {NULL, NULL, "1@X>", false},
    {NULL, NULL, "", false},
    {"shop@example.com", "", "1@X", true},
    {"shop@example.com", "", "2@X", false},
};

static const char wrong_kinds[] =
    "{\"id\":\"a\",\"envelope\":{\"from\":1,\"to\":null},"
    "\"message\":{\"message_id\":[]}}";

/* Records without one of them, or none at all. */
static const char *const others[] = {
    "{\"id\":\"a\"}",
    "{\"id\":\"a\",\"envelope\":[],\"message\":1}",
    wrong_kinds,
    "{\"broken",
    "",
};

static int failures;

static void
check(bool is_it, const char *what, size_t i)
{
	if (is_it)
		return;
	fprintf(stderr, "%zu: not true: %s\n", i, what);
	failures++;
}

#define CHECK(condition, i) check(condition, #condition, i)

/* Whoever is it has the numbers that an index is asked for. */
static void
test_looked_for(void)
{
	struct clues c = clues_of(record, strlen(record));

	for (size_t i = 0; i < sizeof looked_for / sizeof *looked_for; i++) {
		const char *from = looked_for[i].sender;
		const char *to = looked_for[i].recipient;
		const char *message_id = looked_for[i].message_id;
		bool is_it = looked_for[i].is_it;
		bool has_numbers =
		    (from == NULL || clue_address(from) == c.sender) &&
		    (to == NULL || clue_address(to) == c.recipient) &&
		    (message_id == NULL ||
			clue_message_id(message_id) == c.message_id);

		CHECK(clues_match(record, strlen(record), from, to,
			  message_id) == is_it,
		    i);
		CHECK(has_numbers || !is_it, i);
	}
}

static void
test_others(void)
{
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		size_t len = strlen(others[i]);
		struct clues c = clues_of(others[i], len);

		CHECK(
		    c.sender == 0 && c.recipient == 0 && c.message_id == 0, i);
		CHECK(!clues_match(others[i], len, "", NULL, NULL), i);
		CHECK(!clues_match(others[i], len, NULL, "", NULL), i);
		CHECK(!clues_match(others[i], len, NULL, NULL, ""), i);
	}
}

/* They are columns of four bytes, and 0 is none. */
static void
test_range(void)
{
	for (size_t i = 0; i < 10000; i++) {
		char s[16];
		int64_t a, b;

		snprintf(s, sizeof s, "%zu", i);
		a = clue_address(s);
		b = clue_message_id(s);
		CHECK(a > 0 && a <= INT32_MAX && b > 0 && b <= INT32_MAX, i);
	}
	CHECK(clue_address(NULL) == 0 && clue_message_id(NULL) == 0, 0);
	CHECK(clue_address("") > 0 && clue_message_id("<>") > 0, 0);
}

int
main(void)
{
	test_looked_for();
	test_others();
	test_range();
	return failures > 0;
}
