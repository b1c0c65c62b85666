/* Text in every charset. */
#include "core/utf8.h"
#include "fuzz.h"
#include "mail/charset.h"

static const char *const labels[] = {
    "us-ascii",
    "utf-8",
    "utf-7",
    "utf-16",
    "utf-16le",
    "utf-16be",
    "utf-32",
    "iso-2022-jp",
    "iso-2022-jp-1",
    "iso-2022-jp-2",
    "iso-2022-jp-3",
    "iso-2022-jp-2004",
    "iso-2022-jp-ms",
    "cp50220",
    "cp50221",
    "shift_jis",
    "windows-31j",
    "cp932",
    "euc-jp",
    "eucjp-ms",
    "cp51932",
    "iso-2022-kr",
    "euc-kr",
    "ks_c_5601-1987",
    "cp949",
    "johab",
    "gb2312",
    "gbk",
    "gb18030",
    "hz-gb-2312",
    "iso-2022-cn",
    "big5",
    "big5-hkscs",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-9",
    "iso-8859-11",
    "iso-8859-13",
    "iso-8859-15",
    "iso-8859-16",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "windows-874",
    "tis-620",
    "koi8-r",
    "koi8-u",
    "ibm437",
    "ibm850",
    "ibm852",
    "ibm866",
    "macintosh",
    "viscii",
};

struct text {
	struct buf out;
	size_t n_bad;
};

/* seed: in pieces, by a decoder that has seen another text. */
static void
decode(struct text *t, const struct charset *cs, const char *data, size_t n,
    uint32_t seed)
{
	struct charset_decoder d;
	size_t size = n;

	charset_begin(&d, cs);
	if (seed != 0) {
		charset_add(&d, data, n / 2, &t->out);
		charset_end(&d, &t->out);
		d.n_bad = 0;
	}
	buf_reset(&t->out);
	buf_addstr(&t->out, "");
	for (size_t i = 0; i < n; i += size) {
		if (seed != 0)
			size = next_piece(&seed, n - i);
		charset_add(&d, data + i, size, &t->out);
	}
	charset_end(&d, &t->out);
	t->n_bad = d.n_bad;
}

static void
check_charset(const struct charset *cs, const char *data, size_t n)
{
	static struct text whole, pieces;

	CHECK(charset_name(cs) != NULL);
	decode(&whole, cs, data, n, 0);
	decode(&pieces, cs, data, n, (uint32_t)n + 1);
	CHECK(utf8_valid(whole.out.data, whole.out.len));
	CHECK(whole.out.len <= n * 6);
	CHECK(whole.n_bad <= n);
	CHECK(whole.n_bad == pieces.n_bad);
	CHECK(whole.out.len == pieces.out.len);
	CHECK(memcmp(whole.out.data, pieces.out.data, whole.out.len) == 0);
}

/* The first byte is the charset, if it names one, the others the text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data + 1;
	const struct charset *cs = NULL;

	if (n == 0)
		return 0;
	if (data[0] < sizeof labels / sizeof *labels)
		cs = charset_find(labels[data[0]], strlen(labels[data[0]]));
	if (cs == NULL) {
		charset_find(text, n - 1);
		cs = charset_guess(text, n - 1, NULL);
		CHECK(cs != NULL);
	}
	check_charset(cs, text, n - 1);
	return 0;
}
