/* Unit tests of mail/charset_to_jis.c: against glibc's ISO-2022-JP, and back
 * through our own decoder. */
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/charset.h"
#include "mail/charset_codec.h"

static int failures;

static void
fail(const char *what, const char *text)
{
	fprintf(stderr, "charset_to_jis: %s: %.60s\n", what, text);
	failures++;
}

/* Read by what mail is read with here. */
static void
decode(const struct buf *jis, struct buf *out)
{
	struct charset_decoder d;

	charset_begin(&d, charset_find("iso-2022-jp", 11));
	charset_add(&d, jis->data, jis->len, out);
	charset_end(&d, out);
	if (d.n_bad > 0)
		fail("not read", jis->data);
}

static const struct {
	const char *text, *jis; /* NULL: refused */
} cases[] = {
    {"plain", "plain"},
    {"生", "\33$B@8\33(B"},
    {"a生b", "a\33$B@8\33(Bb"},
    {"生\r\n生\n", "\33$B@8\33(B\r\n\33$B@8\33(B\n"},
    /* Windows' twins and JIS's own: one place. */
    {"～〜", "\33$B!A!A\33(B"},
    {"－−", "\33$B!]!]\33(B"},
    {"∥‖", "\33$B!B!B\33(B"},
    {"―—", "\33$B!=!=\33(B"},
    {"￠¢￡£￢¬", "\33$B!q!q!r!r\"L\"L\33(B"},
    /* What receivers would see each in their own way. */
    {"①", NULL},
    {"ｶﾅ", NULL},
    {"髙", NULL},
    {"﨑", NULL},
    {"㈱", NULL},
    {"℡", NULL},
    {"¥", NULL},
    {"é", NULL},
    {"😀", NULL},
    {"한", NULL},
    {"\xee\x98\xbe", NULL}, /* a carrier's emoji, private use */
    {"a\33$B", NULL},
    {"a\x0e", NULL},
};

static void
check_case(size_t i)
{
	const char *text = cases[i].text, *want = cases[i].jis;
	struct buf out = BUF_INIT;
	size_t n = strlen(text);
	bool is = charset_to_iso2022jp(text, n, SIZE_MAX, &out) == n;

	if (is != (want != NULL) || (is && strcmp(out.data, want) != 0))
		fail("case", text);
	buf_release(&out);
}

/* Each character of the basic plane: glibc has it, so we do, and the same. */
static void
check_all(void)
{
	iconv_t cd = iconv_open("ISO-2022-JP", "UTF-8");
	size_t found = 0;

	for (uint32_t c = 0x80; c < 0x10000; c++) {
		struct buf text = BUF_INIT, out = BUF_INIT;
		char theirs[16], *from, *to = theirs;
		size_t left, room = sizeof theirs, n;
		bool is;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		charset_put(&text, c);
		from = text.data;
		left = text.len;
		iconv(cd, NULL, NULL, NULL, NULL);
		is = iconv(cd, &from, &left, &to, &room) == 0 &&
		     iconv(cd, NULL, NULL, &to, &room) == 0;
		n = charset_to_iso2022jp(text.data, text.len, SIZE_MAX, &out);
		/* JIS X 0201's yen sign and overline are no JIS X 0208. */
		if (is && n == 0 && c != 0xa5 && c != 0x203e)
			fail("missing", text.data);
		if (is && n > 0 &&
		    (out.len != (size_t)(to - theirs) ||
			memcmp(out.data, theirs, out.len) != 0))
			fail("another", text.data);
		found += n > 0;
		buf_release(&text);
		buf_release(&out);
	}
	iconv_close(cd);
	if (found < 6879 || found > 6900)
		fail("number of characters", "");
}

/* Cut anywhere, the pieces are what the whole is. */
static void
check_max(void)
{
	static const char text[] = "日本abc語x生の1";
	size_t n = strlen(text);

	for (size_t max = 8; max < 60; max++) {
		struct buf back = BUF_INIT;
		size_t taken;

		for (size_t i = 0; i < n; i += taken) {
			struct buf out = BUF_INIT;

			taken =
			    charset_to_iso2022jp(text + i, n - i, max, &out);
			if (taken == 0 || out.len > max) {
				fail("piece", text + i);
				taken = n;
			}
			decode(&out, &back);
			buf_release(&out);
		}
		if (back.len != n || memcmp(back.data, text, n) != 0)
			fail("pieces", back.data);
		buf_release(&back);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(i);
	check_all();
	check_max();
	return failures > 0;
}
