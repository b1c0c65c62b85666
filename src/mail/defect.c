#include "mail/defect.h"

#include <stddef.h>

static const struct {
	enum defect defect;
	const char *name;
} names[] = {
    {DEFECT_EMPTY, "empty"},
    {DEFECT_NO_HEADER, "no-header"},
    {DEFECT_NO_BLANK_LINE, "no-blank-line"},
    {DEFECT_STRAY_CONTINUATION, "stray-continuation"},
    {DEFECT_BAD_FIELD_NAME, "bad-field-name"},
    {DEFECT_TOO_MANY_FIELDS, "too-many-fields"},
    {DEFECT_HEADER_TOO_LONG, "header-too-long"},
    {DEFECT_HEADER_NOT_UTF8, "header-not-utf8"},
    {DEFECT_NUL, "nul"},
    {DEFECT_BAD_MESSAGE_ID, "bad-message-id"},
    {DEFECT_NO_IDENTITY, "no-identity"},
    {DEFECT_NO_RECIPIENT, "no-recipient"},
    {DEFECT_BAD_ENVELOPE, "bad-envelope"},
    {DEFECT_ENVELOPE_NOT_UTF8, "envelope-not-utf8"},
};

jv
defect_list(unsigned defects)
{
	jv list = jv_array();

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (defects & names[i].defect)
			list = jv_array_append(list, jv_string(names[i].name));
	return list;
}
