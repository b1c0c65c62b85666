/*
 * Our parser, as mail-ingest -b uses it in its cell: in windows, all of the
 * record's "message" made, JSON text, with the digests of the parts and of the
 * body.  Types are sniffed with -d only.
 */
#include <string.h>

#include "core/json.h"
#include "mail/parse.h"
#include "parse.h"

enum {
	WINDOW = 65536,
};

static struct sniff *sniff;

int
parser_option(int letter)
{
	if (letter != 'd')
		return -1;
	sniff = sniff_new();
	return 0;
}

static void
take_content(void *ctx, const struct part *part, size_t index, const char *data,
    size_t n)
{
	long *size = ctx;

	(void)part;
	(void)index;
	(void)data;
	*size += (long)n;
}

static long
text_size(json message, const char *key)
{
	size_t n = 0;

	return json_strn(message, key, &n) != NULL ? (long)n : 0;
}

static void
add_sums(const struct buf *text, struct parsed *sums)
{
	struct err e = ERR_INIT;
	json message, headers;

	if (json_parse(text->data, text->len, &message, &e) == -1)
		return;
	headers = json_member(message, "headers", JSON_ARRAY);
	sums->fields += json_count(headers);
	json_free(headers);
	sums->text += text_size(message, "text") + text_size(message, "html");
	json_free(message);
}

void
parse_message(const char *data, size_t n, struct parsed *sums)
{
	long content = 0;
	struct parse_wants wants = {
	    .bodies = true,
	    .sniff = sniff,
	    .content = take_content,
	    .ctx = &content,
	};
	struct parse *p = parse_new(&wants);
	struct buf text = BUF_INIT;

	for (size_t at = 0; at < n; at += WINDOW)
		parse_add(p, data + at, n - at < WINDOW ? n - at : WINDOW);
	parse_end(p);
	parse_write(p, NULL, 0, &text);
	parse_free(p);
	if (sums != NULL) {
		sums->content += content;
		add_sums(&text, sums);
	}
	buf_release(&text);
}
