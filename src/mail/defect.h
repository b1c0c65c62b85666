/*
 * Defects: what was odd about a mail.  They never stop it; the record's
 * "message.defects" names them, see mail-record(5).
 */
#ifndef MAIL_DEFECT_H
#define MAIL_DEFECT_H

#include <jv.h>

/* A set of them is an unsigned. */
enum defect {
	DEFECT_EMPTY = 1 << 0,
	DEFECT_NO_HEADER = 1 << 1,
	DEFECT_NO_BLANK_LINE = 1 << 2,
	DEFECT_STRAY_CONTINUATION = 1 << 3,
	DEFECT_BAD_FIELD_NAME = 1 << 4,
	DEFECT_TOO_MANY_FIELDS = 1 << 5,
	DEFECT_HEADER_TOO_LONG = 1 << 6,
	DEFECT_HEADER_NOT_UTF8 = 1 << 7,
	DEFECT_NUL = 1 << 8,
	DEFECT_BAD_MESSAGE_ID = 1 << 9,
	DEFECT_NO_IDENTITY = 1 << 10,
	DEFECT_NO_RECIPIENT = 1 << 11,
	DEFECT_BAD_ENVELOPE = 1 << 12,
	DEFECT_ENVELOPE_NOT_UTF8 = 1 << 13,
};

/* Their names, as an array of strings. */
jv defect_list(unsigned defects);

#endif
