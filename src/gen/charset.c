/*
 * Writes the tables of src/mail/charset_table.h, as a C file, on stdout: what
 * the iconv of the building machine (glibc's) makes of each byte and pair of
 * bytes.
 */
#include <err.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/charset_table.h"

enum {
	WIDE_MAX = CHARSET_WIDE_END - CHARSET_WIDE,
	SOURCES_MAX = 3,
};

/* Where a table comes from: the first of the charsets that has a character. */
struct table {
	const char *name;
	unsigned prefix; /* byte before the pair; 0: none */
	unsigned lead_min, lead_max, trail_min, trail_max;
	const char *sources[SOURCES_MAX];
};

static const struct table tables[] = {
    {"cp932", 0, 0x81, 0xfc, 0x40, 0xfc, {"CP932"}},
    /* GBK's euro sign at 0x80 is added to what GB 18030 has. */
    {"gb18030", 0, 0x81, 0xfe, 0x40, 0xfe, {"GB18030"}},
    {"big5", 0, 0x81, 0xfe, 0x40, 0xfe, {"BIG5-HKSCS", "BIG5", "CP950"}},
    {"cp949", 0, 0x81, 0xfe, 0x41, 0xfe, {"CP949", "EUC-KR"}},
    {"jis0212", 0x8f, 0xa1, 0xfe, 0xa1, 0xfe, {"EUC-JP-MS"}},
    {"jis0213_1", 0, 0xa1, 0xfe, 0xa1, 0xfe, {"EUC-JISX0213"}},
    {"jis0213_2", 0x8f, 0xa1, 0xfe, 0xa1, 0xfe, {"EUC-JISX0213"}},
};

static iconv_t
open_charset(const char *name)
{
	iconv_t cd = iconv_open("UTF-32LE", name);

	if (cd == (iconv_t)-1)
		errx(1,
		    "iconv does not know %s: are the gconv modules installed?",
		    name);
	return cd;
}

/* What the bytes are as a whole: how many characters (1 or 2), or 0. */
static size_t
convert(iconv_t cd, const unsigned char *bytes, size_t n, uint32_t out[2])
{
	char *in = (char *)bytes, *to = (char *)out;
	size_t in_left = n, left = 2 * sizeof *out;

	out[0] = out[1] = 0;
	iconv(cd, NULL, NULL, NULL, NULL);
	if (iconv(cd, &in, &in_left, &to, &left) != 0 || in_left > 0 ||
	    iconv(cd, NULL, NULL, &to, &left) != 0)
		return 0;
	return 2 - left / sizeof *out;
}

static uint16_t
single_byte(iconv_t cd, unsigned byte)
{
	unsigned char c = (unsigned char)byte;
	uint32_t out[2];

	if (convert(cd, &c, 1, out) != 1)
		return 0;
	return (uint16_t)out[0];
}

static void
print_cell(unsigned cell, size_t i)
{
	printf("%s%u,", i % 16 == 0 ? "\n\t" : " ", cell);
}

static void
print_singles(void)
{
#define X(id, name, iconv) iconv,
	static const char *const names[] = {CHARSET_SINGLES(X)};
#undef X

	printf("const uint16_t charset_singles[CHARSET_SINGLES_N][128] = {\n");
	for (size_t i = 0; i < CHARSET_SINGLES_N; i++) {
		iconv_t cd = open_charset(names[i]);

		printf("/* %s */ {", names[i]);
		for (unsigned b = 0; b < 128; b++)
			print_cell(single_byte(cd, b + 0x80), b);
		printf("},\n");
		iconv_close(cd);
	}
	printf("};\n");
}

/* A pair: what the first source that has it says. */
static size_t
convert_pair(const struct table *t, const iconv_t *cds, unsigned lead,
    unsigned trail, uint32_t out[2])
{
	unsigned char bytes[3] = {(unsigned char)t->prefix, (unsigned char)lead,
	    (unsigned char)trail};
	size_t from = t->prefix != 0 ? 0 : 1, n;

	for (size_t i = 0; i < SOURCES_MAX && t->sources[i] != NULL; i++) {
		/* A lead that is a character itself leads nothing. */
		if (from == 1 && single_byte(cds[i], lead) != 0)
			continue;
		n = convert(cds[i], bytes + from, 3 - from, out);
		if (n > 0)
			return n;
	}
	return 0;
}

static void
print_cells(const struct table *t, const iconv_t *cds)
{
	static uint32_t wide[WIDE_MAX][2];
	size_t n = 0, i = 0, k;
	uint32_t out[2] = {0, 0};

	printf("static const uint16_t %s_cells[] = {", t->name);
	for (unsigned a = t->lead_min; a <= t->lead_max; a++)
		for (unsigned b = t->trail_min; b <= t->trail_max; b++) {
			k = convert_pair(t, cds, a, b, out);
			if (k == 2 || out[0] > 0xffff) {
				if (n == WIDE_MAX)
					errx(1, "%s: too many", t->name);
				memcpy(wide[n], out, sizeof out);
				out[0] = CHARSET_WIDE + (uint32_t)n++;
			}
			print_cell(k > 0 ? out[0] : 0, i++);
		}
	printf("};\nstatic const uint32_t %s_wide[][2] = {", t->name);
	for (i = 0; i < n; i++)
		printf("{%u, %u},\n", wide[i][0], wide[i][1]);
	printf("{0, 0}};\n");
}

static void
print_single(const struct table *t, iconv_t cd)
{
	bool is_gb = strcmp(t->name, "gb18030") == 0;

	printf("static const uint16_t %s_single[128] = {", t->name);
	for (unsigned b = 0; b < 128; b++)
		print_cell(is_gb && b == 0  ? 0x20ac
			   : t->prefix != 0 ? 0
					    : single_byte(cd, b + 0x80),
		    b);
	printf("};\n");
}

static void
print_table(const struct table *t)
{
	iconv_t cds[SOURCES_MAX] = {0};

	for (size_t i = 0; i < SOURCES_MAX && t->sources[i] != NULL; i++)
		cds[i] = open_charset(t->sources[i]);
	print_single(t, cds[0]);
	print_cells(t, cds);
	printf("const struct charset_pairs charset_%s = {%u, %u, %u, %u,\n"
	       "\t%s_single, %s_cells, %s_wide};\n",
	    t->name, t->lead_min, t->lead_max, t->trail_min, t->trail_max,
	    t->name, t->name, t->name);
	for (size_t i = 0; i < SOURCES_MAX && t->sources[i] != NULL; i++)
		iconv_close(cds[i]);
}

static void
print_ranges(void)
{
	iconv_t cd = open_charset("GB18030");
	uint32_t out[2], expected = UINT32_MAX;

	printf("const struct charset_range charset_gb18030_ranges[] = {\n");
	for (unsigned i = 0; i < CHARSET_GB18030_BMP; i++) {
		unsigned char bytes[4] = {(unsigned char)(i / 12600 + 0x81),
		    (unsigned char)(i / 1260 % 10 + 0x30),
		    (unsigned char)(i / 10 % 126 + 0x81),
		    (unsigned char)(i % 10 + 0x30)};

		if (convert(cd, bytes, 4, out) != 1 || out[0] > 0xffff)
			out[0] = 0;
		if (out[0] != expected)
			printf("{%u, %u},\n", i, out[0]);
		expected = out[0] != 0 ? out[0] + 1 : 0;
	}
	printf("};\nconst size_t charset_gb18030_n_ranges =\n"
	       "\tsizeof charset_gb18030_ranges /\n"
	       "\tsizeof *charset_gb18030_ranges;\n");
	iconv_close(cd);
}

int
main(void)
{
	printf("/* Made by src/gen/charset.c. */\n"
	       "#include \"mail/charset_table.h\"\n\n");
	print_singles();
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		print_table(&tables[i]);
	print_ranges();
	if (fflush(stdout) != 0 || ferror(stdout))
		err(1, "stdout");
	return 0;
}
