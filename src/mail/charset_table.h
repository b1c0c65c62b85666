/*
 * The tables of charsets, made of glibc's iconv at build time by
 * src/gen/charset.c.
 */
#ifndef MAIL_CHARSET_TABLE_H
#define MAIL_CHARSET_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Charsets of one byte a character whose lower half is ASCII.
 * X(identifier, our name, iconv's name)
 */
#define CHARSET_SINGLES(X)                                                     \
	X(ISO_8859_1, "iso-8859-1", "ISO-8859-1")                              \
	X(ISO_8859_2, "iso-8859-2", "ISO-8859-2")                              \
	X(ISO_8859_3, "iso-8859-3", "ISO-8859-3")                              \
	X(ISO_8859_4, "iso-8859-4", "ISO-8859-4")                              \
	X(ISO_8859_5, "iso-8859-5", "ISO-8859-5")                              \
	X(ISO_8859_6, "iso-8859-6", "ISO-8859-6")                              \
	X(ISO_8859_7, "iso-8859-7", "ISO-8859-7")                              \
	X(ISO_8859_8, "iso-8859-8", "ISO-8859-8")                              \
	X(ISO_8859_9, "iso-8859-9", "ISO-8859-9")                              \
	X(ISO_8859_10, "iso-8859-10", "ISO-8859-10")                           \
	X(ISO_8859_11, "iso-8859-11", "ISO-8859-11")                           \
	X(ISO_8859_13, "iso-8859-13", "ISO-8859-13")                           \
	X(ISO_8859_14, "iso-8859-14", "ISO-8859-14")                           \
	X(ISO_8859_15, "iso-8859-15", "ISO-8859-15")                           \
	X(ISO_8859_16, "iso-8859-16", "ISO-8859-16")                           \
	X(WINDOWS_1250, "windows-1250", "CP1250")                              \
	X(WINDOWS_1251, "windows-1251", "CP1251")                              \
	X(WINDOWS_1252, "windows-1252", "CP1252")                              \
	X(WINDOWS_1253, "windows-1253", "CP1253")                              \
	X(WINDOWS_1254, "windows-1254", "CP1254")                              \
	X(WINDOWS_1255, "windows-1255", "CP1255")                              \
	X(WINDOWS_1256, "windows-1256", "CP1256")                              \
	X(WINDOWS_1257, "windows-1257", "CP1257")                              \
	X(WINDOWS_1258, "windows-1258", "CP1258")                              \
	X(WINDOWS_874, "windows-874", "CP874")                                 \
	X(TIS_620, "tis-620", "TIS-620")                                       \
	X(KOI8_R, "koi8-r", "KOI8-R")                                          \
	X(KOI8_U, "koi8-u", "KOI8-U")                                          \
	X(MACINTOSH, "macintosh", "MACINTOSH")                                 \
	X(IBM437, "ibm437", "IBM437")                                          \
	X(IBM850, "ibm850", "IBM850")                                          \
	X(IBM852, "ibm852", "IBM852")                                          \
	X(IBM866, "ibm866", "IBM866")

enum {
#define X(id, name, iconv) CHARSET_##id,
	CHARSET_SINGLES(X)
#undef X
	CHARSET_SINGLES_N,
	CHARSET_WIDE = 0xd800, /* a cell from this on, below … */
	CHARSET_WIDE_END = 0xe000, /* … this, is an index */
};

/* What the bytes 0x80 to 0xff are; 0: nothing. */
extern const uint16_t charset_singles[CHARSET_SINGLES_N][128];

/* Characters of two bytes, and of one with the eighth bit set. */
struct charset_pairs {
	unsigned char lead_min, lead_max, trail_min, trail_max;
	const uint16_t *single; /* 0x80 to 0xff; 0: nothing, or a lead */
	const uint16_t *cells; /* a row for each lead; 0: nothing */
	/* Cells beyond 16 bits, and of two characters (else the second is 0) */
	const uint32_t (*wide)[2];
};

extern const struct charset_pairs charset_cp932, charset_gb18030, charset_big5,
    charset_cp949;
/* Sets of 94 x 94 that are reached by escapes: leads and trails from 0xa1. */
extern const struct charset_pairs charset_jis0212, charset_jis0213_1,
    charset_jis0213_2;

/*
 * The characters of GB 18030 with four bytes, of the basic plane: from the
 * index first on they are c, c + 1 … (0: nothing), to the next range.
 */
struct charset_range {
	uint16_t first, c;
};

enum {
	CHARSET_GB18030_BMP = 39420, /* so many indexes */
};

extern const struct charset_range charset_gb18030_ranges[];
extern const size_t charset_gb18030_n_ranges;

#endif
