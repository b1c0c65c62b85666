/*
 * GMime, asked for what our parser gives: fields and addresses decoded, every
 * part decoded to its end, text as UTF-8.  With -d it makes the digests as well
 * (BLAKE2b of each part and of the body), so that both do the same work.
 */
#include <gmime/gmime.h>
#include <sodium.h>
#include <string.h>

#include "parse.h"

static gboolean is_digesting;

int
parser_option(int letter)
{
	if (letter != 'd')
		return -1;
	is_digesting = TRUE;
	return sodium_init() == -1 ? -1 : 0;
}

static void
digest(const void *data, size_t n)
{
	unsigned char out[crypto_generichash_BYTES];

	if (is_digesting)
		crypto_generichash(out, sizeof out, data, n, NULL, 0);
}

static void
read_addresses(InternetAddressList *list)
{
	int n = list != NULL ? internet_address_list_length(list) : 0;

	for (int i = 0; i < n; i++) {
		InternetAddress *a = internet_address_list_get_address(list, i);

		internet_address_get_name(a);
		if (INTERNET_ADDRESS_IS_MAILBOX(a))
			internet_address_mailbox_get_addr(
			    INTERNET_ADDRESS_MAILBOX(a));
	}
}

static int
read_header(GMimeMessage *message)
{
	GMimeHeaderList *list =
	    g_mime_object_get_header_list(GMIME_OBJECT(message));
	int n = g_mime_header_list_get_count(list);

	for (int i = 0; i < n; i++)
		g_mime_header_get_value(
		    g_mime_header_list_get_header_at(list, i));
	g_mime_message_get_subject(message);
	g_mime_message_get_date(message);
	read_addresses(g_mime_message_get_from(message));
	read_addresses(g_mime_message_get_to(message));
	read_addresses(g_mime_message_get_cc(message));
	return n;
}

/* Decoded to memory, since the digest and the sums want the bytes. */
static void
read_content(GMimePart *part, struct parsed *sums)
{
	GMimeDataWrapper *wrapper = g_mime_part_get_content(part);
	GMimeStream *memory;
	GByteArray *bytes;

	if (wrapper == NULL)
		return;
	memory = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(wrapper, memory);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
	digest(bytes->data, bytes->len);
	sums->content += bytes->len;
	g_object_unref(memory);
}

static void
read_text(GMimeTextPart *part, struct parsed *sums)
{
	char *text = g_mime_text_part_get_text(part);

	if (text != NULL)
		sums->text += (long)strlen(text);
	g_free(text);
}

/* Text is decoded once where nobody asks for its bytes. */
static void
read_part(GMimeObject *parent, GMimeObject *object, gpointer ctx)
{
	struct parsed *sums = ctx;

	(void)parent;
	if (!GMIME_IS_PART(object))
		return;
	g_mime_part_get_filename(GMIME_PART(object));
	g_mime_object_get_disposition(object);
	g_mime_object_get_content_id(object);
	if (!GMIME_IS_TEXT_PART(object)) {
		read_content(GMIME_PART(object), sums);
		return;
	}
	if (is_digesting || sums->fields >= 0)
		read_content(GMIME_PART(object), sums);
	read_text(GMIME_TEXT_PART(object), sums);
}

/* In memory, and not copied. */
static GMimeMessage *
construct(const char *data, size_t n)
{
	GByteArray bytes = {(guint8 *)(guintptr)data, (guint)n};
	GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(&bytes);
	GMimeParser *parser;
	GMimeMessage *message;

	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	parser = g_mime_parser_new_with_stream(stream);
	g_mime_parser_set_persist_stream(parser, FALSE);
	message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

void
parse_message(const char *data, size_t n, struct parsed *sums)
{
	static gboolean is_begun;
	struct parsed unwanted = {.fields = -1};
	GMimeMessage *message;
	int fields;

	if (!is_begun)
		g_mime_init();
	is_begun = TRUE;
	message = construct(data, n);
	if (message == NULL)
		return;
	fields = read_header(message);
	if (sums != NULL)
		sums->fields += fields;
	digest(data, n);
	g_mime_message_foreach(
	    message, read_part, sums != NULL ? sums : &unwanted);
	g_object_unref(message);
}
