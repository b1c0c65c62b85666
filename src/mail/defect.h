/*
 * Defects: what was odd about a mail.  They never stop it; the record's
 * "message.defects" names them, see mail-record(5).
 */
#ifndef MAIL_DEFECT_H
#define MAIL_DEFECT_H

#include <stdint.h>

#include "core/json.h"

typedef uint64_t defect_set;

#define DEFECT_EMPTY (UINT64_C(1) << 0)
#define DEFECT_NO_HEADER (UINT64_C(1) << 1)
#define DEFECT_NO_BLANK_LINE (UINT64_C(1) << 2)
#define DEFECT_STRAY_CONTINUATION (UINT64_C(1) << 3)
#define DEFECT_BAD_FIELD_NAME (UINT64_C(1) << 4)
#define DEFECT_TOO_MANY_FIELDS (UINT64_C(1) << 5)
#define DEFECT_HEADER_TOO_LONG (UINT64_C(1) << 6)
#define DEFECT_HEADER_NOT_UTF8 (UINT64_C(1) << 7)
#define DEFECT_NUL (UINT64_C(1) << 8)
#define DEFECT_BAD_MESSAGE_ID (UINT64_C(1) << 9)
#define DEFECT_NO_IDENTITY (UINT64_C(1) << 10)
#define DEFECT_NO_RECIPIENT (UINT64_C(1) << 11)
#define DEFECT_BAD_ENVELOPE (UINT64_C(1) << 12)
#define DEFECT_ENVELOPE_NOT_UTF8 (UINT64_C(1) << 13)
#define DEFECT_BAD_ENCODED_WORD (UINT64_C(1) << 14)
#define DEFECT_UNKNOWN_CHARSET (UINT64_C(1) << 15)
#define DEFECT_BAD_CHARACTERS (UINT64_C(1) << 16)
#define DEFECT_BAD_ADDRESS (UINT64_C(1) << 17)
#define DEFECT_TOO_MANY_ADDRESSES (UINT64_C(1) << 18)
#define DEFECT_BAD_DATE (UINT64_C(1) << 19)
#define DEFECT_BAD_PARAMETER (UINT64_C(1) << 20)
#define DEFECT_DUPLICATE_PARAMETER (UINT64_C(1) << 21)
#define DEFECT_DUPLICATE_FIELD (UINT64_C(1) << 22)
#define DEFECT_NO_BOUNDARY (UINT64_C(1) << 23)
#define DEFECT_UNCLOSED_MULTIPART (UINT64_C(1) << 24)
#define DEFECT_TOO_MANY_PARTS (UINT64_C(1) << 25)
#define DEFECT_TOO_DEEP (UINT64_C(1) << 26)
#define DEFECT_BAD_ENCODING (UINT64_C(1) << 27)
#define DEFECT_BAD_BASE64 (UINT64_C(1) << 28)
#define DEFECT_BAD_QUOTED_PRINTABLE (UINT64_C(1) << 29)
#define DEFECT_BAD_UUENCODE (UINT64_C(1) << 30)
#define DEFECT_TEXT_CUT (UINT64_C(1) << 31)
#define DEFECT_RECORD_TOO_LONG (UINT64_C(1) << 32)
#define DEFECT_PARSER_KILLED (UINT64_C(1) << 33)

/* Those that are of the envelope, not of the message. */
#define DEFECTS_OF_ENVELOPE                                                    \
	(DEFECT_NO_RECIPIENT | DEFECT_BAD_ENVELOPE | DEFECT_ENVELOPE_NOT_UTF8)

/* Their names, as an array of strings. */
json defect_list(defect_set defects);

/* The reverse; what is no name of a defect is passed over.  Consumes list. */
defect_set defect_parse(json list);

#endif
