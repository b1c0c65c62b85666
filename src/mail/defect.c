#include "mail/defect.h"

#include <stddef.h>
#include <string.h>

static const struct {
	defect_set defect;
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
    {DEFECT_BAD_ENCODED_WORD, "bad-encoded-word"},
    {DEFECT_UNKNOWN_CHARSET, "unknown-charset"},
    {DEFECT_BAD_CHARACTERS, "bad-characters"},
    {DEFECT_BAD_ADDRESS, "bad-address"},
    {DEFECT_TOO_MANY_ADDRESSES, "too-many-addresses"},
    {DEFECT_BAD_DATE, "bad-date"},
    {DEFECT_BAD_PARAMETER, "bad-parameter"},
    {DEFECT_DUPLICATE_PARAMETER, "duplicate-parameter"},
    {DEFECT_DUPLICATE_FIELD, "duplicate-field"},
    {DEFECT_NO_BOUNDARY, "no-boundary"},
    {DEFECT_UNCLOSED_MULTIPART, "unclosed-multipart"},
    {DEFECT_TOO_MANY_PARTS, "too-many-parts"},
    {DEFECT_TOO_DEEP, "too-deep"},
    {DEFECT_BAD_ENCODING, "bad-encoding"},
    {DEFECT_BAD_BASE64, "bad-base64"},
    {DEFECT_BAD_QUOTED_PRINTABLE, "bad-quoted-printable"},
    {DEFECT_BAD_UUENCODE, "bad-uuencode"},
    {DEFECT_TEXT_CUT, "text-cut"},
    {DEFECT_RECORD_TOO_LONG, "record-too-long"},
    {DEFECT_PARSER_KILLED, "parser-killed"},
};

json
defect_list(defect_set defects)
{
	json list = json_array();

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (defects & names[i].defect)
			list = json_append(list, json_string(names[i].name));
	return list;
}

static defect_set
find(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].defect;
	return 0;
}

defect_set
defect_parse(json list)
{
	defect_set defects = 0;

	if (json_kind(list) == JSON_ARRAY) {
		for (int i = 0; i < json_count(list); i++) {
			json name = json_at(list, i);

			if (json_kind(name) == JSON_STRING)
				defects |= find(json_string_value(name));
			json_free(name);
		}
	}
	json_free(list);
	return defects;
}
