/*
 * gmime FILE...: what GMime makes of each message, one JSON object a line, in
 * the shape of a record's "message".  An oracle of the tests, no more.
 */
#include <gmime/gmime.h>
#include <jv.h>
#include <stdio.h>
#include <string.h>

static jv
text(const char *s)
{
	return s != NULL ? jv_string(s) : jv_null();
}

static jv
set(jv object, const char *key, jv value)
{
	return jv_object_set(object, jv_string(key), value);
}

static jv
mailboxes(InternetAddressList *list, jv to)
{
	int n = list != NULL ? internet_address_list_length(list) : 0;

	for (int i = 0; i < n; i++) {
		InternetAddress *a = internet_address_list_get_address(list, i);
		jv mailbox = set(
		    jv_object(), "name", text(internet_address_get_name(a)));

		if (INTERNET_ADDRESS_IS_GROUP(a)) {
			to = mailboxes(internet_address_group_get_members(
					   INTERNET_ADDRESS_GROUP(a)),
			    to);
			jv_free(mailbox);
			continue;
		}
		to = jv_array_append(
		    to, set(mailbox, "address",
			    text(internet_address_mailbox_get_addr(
				INTERNET_ADDRESS_MAILBOX(a)))));
	}
	return to;
}

/* Its decoded bytes. */
static jv
content(GMimePart *leaf)
{
	GMimeDataWrapper *wrapper = g_mime_part_get_content(leaf);
	GMimeStream *memory = g_mime_stream_mem_new();
	GByteArray *bytes;
	gchar *base64;
	jv json;

	if (wrapper != NULL)
		g_mime_data_wrapper_write_to_stream(wrapper, memory);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
	base64 = g_base64_encode(bytes->data, bytes->len);
	json = jv_string(base64);
	g_free(base64);
	g_object_unref(memory);
	return json;
}

static jv walk(GMimeObject *object, const char *path, jv parts);

static jv
walk_children(GMimeObject *object, const char *path, jv parts)
{
	GMimeMultipart *multipart = GMIME_MULTIPART(object);
	int n = g_mime_multipart_get_count(multipart);
	char child[1000];

	for (int i = 0; i < n; i++) {
		snprintf(child, sizeof child, "%s.%d", path, i + 1);
		parts =
		    walk(g_mime_multipart_get_part(multipart, i), child, parts);
	}
	return parts;
}

static jv
walk(GMimeObject *object, const char *path, jv parts)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);
	char *name = g_mime_content_type_get_mime_type(type);
	jv part = set(jv_object(), "part", jv_string(path));
	GMimeMessage *message;
	char child[1000];

	part = set(part, "type", text(name));
	g_free(name);
	part = set(
	    part, "disposition", text(g_mime_object_get_disposition(object)));
	if (GMIME_IS_PART(object)) {
		part = set(part, "name",
		    text(g_mime_part_get_filename(GMIME_PART(object))));
		part = set(part, "content", content(GMIME_PART(object)));
	}
	parts = jv_array_append(parts, part);
	if (GMIME_IS_MULTIPART(object))
		return walk_children(object, path, parts);
	if (!GMIME_IS_MESSAGE_PART(object))
		return parts;
	message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
	if (message == NULL)
		return parts;
	snprintf(child, sizeof child, "%s.1", path);
	return walk(g_mime_message_get_mime_part(message), child, parts);
}

static jv
describe(GMimeMessage *message)
{
	jv json = jv_object();

	json = set(json, "subject", text(g_mime_message_get_subject(message)));
	json = set(json, "from",
	    mailboxes(g_mime_message_get_from(message), jv_array()));
	json = set(
	    json, "to", mailboxes(g_mime_message_get_to(message), jv_array()));
	json = set(
	    json, "cc", mailboxes(g_mime_message_get_cc(message), jv_array()));
	return set(json, "parts",
	    walk(g_mime_message_get_mime_part(message), "1", jv_array()));
}

/* The message without a leading "From " line, which GMime takes for text. */
static GMimeMessage *
parse(const char *file)
{
	gchar *data;
	gsize size, from = 0;
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;

	if (!g_file_get_contents(file, &data, &size, NULL))
		return NULL;
	if (size > 5 && memcmp(data, "From ", 5) == 0) {
		char *lf = memchr(data, '\n', size);

		from = lf != NULL ? (gsize)(lf + 1 - data) : 0;
	}
	stream = g_mime_stream_mem_new_with_buffer(data + from, size - from);
	parser = g_mime_parser_new_with_stream(stream);
	message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	g_free(data);
	return message;
}

int
main(int argc, char **argv)
{
	g_mime_init();
	for (int i = 1; i < argc; i++) {
		GMimeMessage *message = parse(argv[i]);
		jv json = message != NULL ? describe(message) : jv_null();

		jv_dumpf(json, stdout, 0);
		putchar('\n');
		if (message != NULL)
			g_object_unref(message);
	}
	return 0;
}
