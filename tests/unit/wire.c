/* The bytes of a message as they travel: whatever ends a line becomes CRLF, in
 * whichever pieces it comes. */
#include <stdio.h>
#include <string.h>

#include "mail/wire.h"

static int failed;

static const struct {
	const char *in, *out;
	bool is_stuffed;
	int64_t longest;
} rows[] = {
    {"", "", true, 0},
    {"a", "a\r\n", true, 1},
    {"a\n", "a\r\n", true, 1},
    {"a\r", "a\r\n", true, 1},
    {"a\r\n", "a\r\n", true, 1},
    {"a\r\r\n", "a\r\n\r\n", true, 1},
    {"a\n\r", "a\r\n\r\n", true, 1},
    {"\n.\n", "\r\n..\r\n", true, 1},
    {"\r.\r\nabc", "\r\n..\r\nabc\r\n", true, 3},
    {".a\n..\nb.", "..a\r\n...\r\nb.\r\n", true, 2},
    {".a\n.\n", ".a\r\n.\r\n", false, 2},
    {"\r\n.\n\r.\r", "\r\n..\r\n\r\n..\r\n", true, 1},
};

static void
check(const char *in, const char *want, bool is_stuffed, int64_t longest,
    size_t piece)
{
	struct buf out = BUF_INIT;
	struct wire w;
	size_t len = strlen(in);

	wire_init(&w, is_stuffed);
	for (size_t i = 0; i < len; i += piece)
		wire_add(&w, in + i, len - i < piece ? len - i : piece, &out);
	wire_end(&w, &out);
	if (out.len != strlen(want) ||
	    (out.len > 0 && memcmp(out.data, want, out.len) != 0) ||
	    w.longest != longest) {
		printf("pieces of %zu: %zu bytes, not %zu\n", piece, out.len,
		    strlen(want));
		failed = 1;
	}
	buf_release(&out);
}

static void
check_seen(const char *in, size_t len, bool nul, bool body, bool header)
{
	struct wire w;

	wire_init(&w, true);
	wire_add(&w, in, len, NULL);
	wire_end(&w, NULL);
	if (w.has_nul != nul || w.has_8bit != body ||
	    w.has_8bit_header != header) {
		printf("seen: %d %d %d\n", w.has_nul, w.has_8bit,
		    w.has_8bit_header);
		failed = 1;
	}
}

/* Lines of every length, with one byte above ASCII anywhere. */
static void
check_lengths(void)
{
	char in[601], want[604];

	for (size_t len = 1; len < 600; len++) {
		memset(in, 'x', sizeof in);
		in[len] = '\0';
		check_seen(in, len, false, false, false);
		in[len / 2] = '\xe9';
		check_seen(in, len, false, true, true);
		snprintf(want, sizeof want, "%s\r\n", in);
		in[len] = '\r';
		in[len + 1] = '\0';
		check(in, want, true, (int64_t)len, 1000);
		in[len] = '\n';
		check(in, want, true, (int64_t)len, 7);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t piece = 1; piece < 8; piece++)
			check(rows[i].in, rows[i].out, rows[i].is_stuffed,
			    rows[i].longest, piece);
	check_seen("a\0b", 3, true, false, false);
	check_seen("a: b\n\nc\xe9", 8, false, true, false);
	check_seen("a: \xe9\n\nc", 7, false, true, true);
	check_seen("a: b\r\n\r\nc\n", 9, false, false, false);
	check_lengths();
	return failed;
}
