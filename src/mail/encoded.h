/*
 * The text of a header field as UTF-8: unfolded, encoded words decoded (RFC
 * 2047), and raw bytes too (8-bit, and ISO-2022-JP without encoding).
 *
 * More is accepted than the RFC allows, as it is in real mail: encoded words
 * inside quoted strings and words, over-long ones, with blanks in them, without
 * a space between them, base64 without padding, a language suffix (RFC 2231 5).
 * A character that is cut between two words of one charset is put together.
 * White space between two encoded words vanishes; a word that cannot be decoded
 * stays as it is.
 */
#ifndef MAIL_ENCODED_H
#define MAIL_ENCODED_H

#include "core/buf.h"
#include "mail/charset.h"
#include "mail/defect.h"
#include "mail/header.h"

/*
 * The value, still folded and encoded, as UTF-8: itself where it is that, else
 * in space (whose contents are replaced).  To be called before a value is taken
 * apart, since the second byte of a character in Shift_JIS may be a backslash,
 * and any in ISO-2022-JP.
 *
 * hint: the charset of raw bytes if they are not UTF-8, or NULL.
 * Defects: DEFECT_HEADER_NOT_UTF8, DEFECT_BAD_CHARACTERS.
 */
struct slice encoded_raw(struct slice value, const struct charset *hint,
    struct buf *space, defect_set *defects);

/*
 * Append value as UTF-8, without white space at its ends (what encoded words
 * hold stays), line ends gone (unfolding, RFC 5322 2.2.3: the white space after
 * them stays), and control characters kept as they are.
 *
 * hint: the charset of raw bytes if they are not UTF-8, or NULL.
 * Defects are added to *defects (mail/defect.h): DEFECT_HEADER_NOT_UTF8,
 * DEFECT_BAD_ENCODED_WORD, DEFECT_UNKNOWN_CHARSET, DEFECT_BAD_CHARACTERS.
 */
void encoded_decode(struct slice value, const struct charset *hint,
    struct buf *out, defect_set *defects);

#endif
