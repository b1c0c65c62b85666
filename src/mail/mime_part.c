#include "mail/mime_part.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

static const struct {
	const char *name;
	enum mime_encoding encoding;
} encodings[] = {
    {"7bit", MIME_IDENTITY},
    {"8bit", MIME_IDENTITY},
    {"binary", MIME_IDENTITY},
    {"base64", MIME_BASE64},
    {"quoted-printable", MIME_QUOTED_PRINTABLE},
    {"x-uuencode", MIME_UUENCODE},
    {"x-uue", MIME_UUENCODE},
    {"x-uu", MIME_UUENCODE},
    {"uuencode", MIME_UUENCODE},
    {"uue", MIME_UUENCODE},
};

/* The value and parameters of a field: of the first one if there are many. */
static defect_set
read_params(struct params *p, const struct header *h, const char *name)
{
	const struct header_field *f = header_next(h, name, NULL);

	params_parse(p, f != NULL ? f->value : (struct slice){"", 0});
	if (f != NULL && header_next(h, name, f) != NULL)
		return p->defects | DEFECT_DUPLICATE_FIELD;
	return p->defects;
}

static bool
is_type(const struct mime_part *part, const char *type)
{
	return strcmp(part->type.value, type) == 0;
}

static defect_set
read_type(
    struct mime_part *part, const struct header *h, const char *default_type)
{
	defect_set defects = read_params(&part->type, h, "content-type");

	if (part->type.value[0] == '\0') {
		free(part->type.value);
		part->type.value = xstrdup(default_type);
	}
	part->is_multipart = strncmp(part->type.value, "multipart/", 10) == 0;
	part->is_message =
	    is_type(part, "message/rfc822") || is_type(part, "message/global");
	return defects;
}

static defect_set
find_encoding(const char *name, enum mime_encoding *encoding)
{
	for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
		if (strcmp(name, encodings[i].name) != 0)
			continue;
		*encoding = encodings[i].encoding;
		return 0;
	}
	return DEFECT_BAD_ENCODING;
}

static defect_set
read_encoding(struct mime_part *part, const struct header *h)
{
	static const char field[] = "content-transfer-encoding";
	struct params p;
	defect_set defects;

	part->encoding = MIME_IDENTITY;
	if (header_next(h, field, NULL) == NULL)
		return 0;
	/* Its parameters, which it should not have, are nobody's business. */
	defects = read_params(&p, h, field) & DEFECT_DUPLICATE_FIELD;
	defects |= find_encoding(p.value, &part->encoding);
	params_release(&p);
	if (part->is_multipart && part->encoding != MIME_IDENTITY) {
		/* RFC 2045 6.4 forbids it, and nobody means it. */
		part->encoding = MIME_IDENTITY;
		defects |= DEFECT_BAD_ENCODING;
	}
	return defects;
}

defect_set
mime_part_read(
    struct mime_part *part, const struct header *h, const char *default_type)
{
	defect_set defects;

	part->header = h;
	defects = read_type(part, h, default_type);
	defects |= read_params(&part->disposition, h, "content-disposition");
	defects |= read_encoding(part, h);
	part->is_message &= part->encoding == MIME_IDENTITY;
	return defects;
}

struct slice
mime_part_boundary(const struct mime_part *part)
{
	const struct param *p = params_find(&part->type, "boundary");
	size_t len = p != NULL ? p->len : 0;

	/* A blank at its end cannot be told from one that was added. */
	while (
	    len > 0 && (p->value[len - 1] == ' ' || p->value[len - 1] == '\t'))
		len--;
	if (len == 0 || len > MIME_BOUNDARY_MAX)
		return (struct slice){"", 0};
	return (struct slice){p->value, len};
}

void
mime_part_release(struct mime_part *part)
{
	params_release(&part->type);
	params_release(&part->disposition);
}
