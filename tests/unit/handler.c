/* Unit tests of queue/handler: its kept output and its arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/utf8.h"
#include "handler/handler.h"

static int failures;

static void
fail(const char *what, size_t i, const char *got)
{
	fprintf(stderr, "handler: %s %zu: %.300s\n", what, i, got);
	failures++;
}

/* Byte i of an output that never looks the same in two places. */
static char
byte(size_t i)
{
	return (char)('a' + (i * 7 + i / 256) % 26);
}

/* An output of len bytes, given in pieces of step bytes. */
static void
test_output(size_t len, size_t step)
{
	static struct handler_output o;
	struct buf text = BUF_INIT, want = BUF_INIT;
	size_t n;
	bool is_cut;
	char *all = xmalloc(len);

	for (size_t i = 0; i < len; i++)
		all[i] = byte(i);
	o.bytes = 0;
	for (size_t i = 0; i < len; i += n) {
		n = len - i < step ? len - i : step;
		handler_output_add(&o, all + i, n);
	}
	is_cut = handler_output_text(&o, &text);
	if (len <= 2 * HANDLER_KEPT) {
		buf_add(&want, all, len);
	} else {
		buf_add(&want, all, HANDLER_KEPT);
		buf_addstr(&want, "\n[...]\n");
		buf_add(&want, all + len - HANDLER_KEPT, HANDLER_KEPT);
	}
	if (o.bytes != len || is_cut != (len > 2 * HANDLER_KEPT) ||
	    text.len != want.len ||
	    (len > 0 && memcmp(text.data, want.data, want.len) != 0))
		fail("output of", len, text.data != NULL ? text.data : "");
	buf_release(&text);
	buf_release(&want);
	free(all);
}

/* Characters of three bytes: none is cut in two, wherever the cut falls. */
static void
test_characters(size_t shift)
{
	static struct handler_output o;
	struct buf text = BUF_INIT;

	o.bytes = 0;
	handler_output_add(&o, "xx", shift);
	for (size_t i = 0; i < 3000; i++)
		handler_output_add(&o, "\xe3\x81\x82", 3);
	handler_output_add(&o, "xx", shift);
	handler_output_text(&o, &text);
	if (!utf8_valid(text.data, text.len) || text.len < 2 * HANDLER_KEPT - 4)
		fail("characters after", shift, text.data);
	buf_release(&text);
}

static const struct {
	const char *word, *want; /* NULL: refused */
} words[] = {
    {"x", "x"},
    {"", ""},
    {"-x", "-x"},
    {"{tenant}", "t"},
    {"{id}", "i1"},
    {"{attempt}", "3"},
    {"a{tenant}b{id}c", "atbi1c"},
    {"{recipient}", "{id}@y"}, /* not looked into again */
    {"{sender}", NULL}, /* -f@x */
    {"--from={sender}", "--from=-f@x"},
    {"-{sender}", "--f@x"},
    {" {sender}", " -f@x"},
    {"{sender}{id}", NULL},
    {"{}", "{}"},
    {"{", "{"},
    {"{foo}", "{foo}"},
    {"{ tenant}", "{ tenant}"},
    {"{tenant", "{tenant"},
    {"{{tenant}}", "{t}"},
    {"$HOME;`x`", "$HOME;`x`"},
};

static void
test_words(void)
{
	static const char text[] =
	    "{\"id\":\"i1\",\"tenant\":\"t\",\"envelope\":"
	    "{\"from\":\"-f@x\",\"to\":\"{id}@y\"}}";
	char command[] = "{tenant}", word[64];
	char *given[] = {command, word, NULL};
	struct err e;
	char **argv;
	json rec;

	err_clear(&e);
	if (json_parse(text, strlen(text), &rec, &e) == -1)
		exit(1);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		snprintf(word, sizeof word, "%s", words[i].word);
		err_clear(&e);
		argv = handler_argv(given, rec, 3, &e);
		if (words[i].want == NULL) {
			if (argv != NULL || e.class != ERR_DATA)
				fail("word", i, "not refused");
		} else if (argv == NULL || argv[2] != NULL ||
			   strcmp(argv[0], "{tenant}") != 0 ||
			   strcmp(argv[1], words[i].want) != 0) {
			fail("word", i, argv != NULL ? argv[1] : e.text);
		}
		handler_argv_free(argv);
	}
	json_free(rec);
}

int
main(void)
{
	static const size_t sizes[] = {0, 1, HANDLER_KEPT - 1, HANDLER_KEPT,
	    HANDLER_KEPT + 1, 2 * HANDLER_KEPT - 1, 2 * HANDLER_KEPT,
	    2 * HANDLER_KEPT + 1, 3 * HANDLER_KEPT, 100000};
	static const size_t steps[] = {1, 7, HANDLER_KEPT, 65536, 1000000};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
			test_output(sizes[i], steps[k]);
	for (size_t i = 0; i < 3; i++)
		test_characters(i);
	test_words();
	if (profile_find("safe") == NULL || profile_find("") != NULL)
		fail("profile", 0, "wrong");
	return failures > 0;
}
