/*
 * compose_lines [REPEAT [FILE]]: for each line {"id":…,"at_ms":…,"mail":{…}} on
 * stdin
 * {"message":BASE64,"recipients":[…],"sender":"…","author":"…"}, or
 * {"error":"…","class":"data"|"temp"}.  What tests/compose.bats lets others
 * read.  Without input it is a test that passes.
 *
 * Attachments are {"base64":…} or {"path":…}, in "content" or beside it.
 * REPEAT: compose each so many times, and tell on stderr what one took.  FILE:
 * where the messages go instead, as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "mail/compose.h"

static int
open_base64(const char *text, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int fd = -1;

	if (base64_decode(text, strlen(text), &bytes, e) == 0) {
		fd = memfd_create("attachment", MFD_CLOEXEC);
		if (file_write(fd, bytes.data, bytes.len, -1, "memfd", e) ==
			-1 ||
		    lseek(fd, 0, SEEK_SET) == -1)
			abort();
	}
	buf_release(&bytes);
	return fd;
}

static int
open_attachment(void *ctx, json attachment, struct err *e)
{
	json content = json_get(attachment, "content");
	json from = json_kind(content) == JSON_OBJECT ? content : attachment;
	const char *path = json_str(from, "path");
	const char *base64 = json_str(from, "base64");
	int fd = -1;

	(void)ctx;
	if (path != NULL) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd == -1)
			err_set(e, errno == ENOENT ? ERR_DATA : ERR_TEMP,
			    "%s: %s", path, strerror(errno));
	} else if (base64 != NULL) {
		fd = open_base64(base64, e);
	} else {
		err_set(e, ERR_DATA, "nothing there");
	}
	json_free(content);
	return fd;
}

static int
make_file(void *ctx, struct err *e)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	(void)ctx;
	return fd != -1 ? fd : err_errno(e, "memfd_create");
}

static json
set_owned(json out, const char *key, char *value)
{
	if (value != NULL)
		out = json_set_str(out, key, value);
	free(value);
	return out;
}

static FILE *messages; /* NULL: into the answers */

static void
print_message(const struct bulk *message)
{
	struct err e = ERR_INIT;
	char block[65536];
	int64_t n, at = 0;

	while ((n = bulk_read(message, at, block, sizeof block, &e)) > 0) {
		fwrite(block, 1, (size_t)n, messages);
		at += n;
	}
	if (at != message->size || fflush(messages) != 0)
		abort();
}

static json
answer(const struct bulk *message, json mail)
{
	struct buf bytes = BUF_INIT, text = BUF_INIT;
	struct err e = ERR_INIT;
	json out = json_object();

	buf_grow(&bytes, (size_t)message->size);
	if (bulk_read(message, 0, bytes.data, (size_t)message->size, &e) !=
	    message->size)
		abort();
	base64_encode(bytes.data, (size_t)message->size, &text);
	out = json_set(out, "message", json_stringn(text.data, text.len));
	out = json_set(out, "recipients", compose_recipients(mail, &e));
	out = set_owned(out, "sender", compose_sender(mail, &e));
	out = set_owned(out, "author", compose_author(mail, &e));
	if (e.class != ERR_NONE)
		abort();
	buf_release(&bytes);
	buf_release(&text);
	return out;
}

static json
refusal(const struct err *e)
{
	json out = json_set_str(json_object(), "error", e->text);

	return json_set_str(
	    out, "class", e->class == ERR_DATA ? "data" : "temp");
}

static json
compose_line(json rec, json mail, bool is_last)
{
	struct compose how = {
	    .id = json_str(rec, "id"),
	    .at_ms = json_int(rec, "at_ms", 0),
	    .open = open_attachment,
	};
	struct err e = ERR_INIT;
	struct bulk message;
	json out = json_none();

	bulk_init(&message, make_file, NULL);
	if (compose_message(mail, &how, &message, &e) == -1)
		out = refusal(&e);
	else if (is_last && messages != NULL)
		print_message(&message);
	else if (is_last)
		out = answer(&message, mail);
	bulk_release(&message);
	return out;
}

/* What one took, on average, and how large we are now. */
static void
measure(json rec, json mail, long repeat)
{
	struct rusage before, after;
	int64_t us;

	getrusage(RUSAGE_SELF, &before);
	for (long i = 0; i < repeat; i++)
		json_free(compose_line(rec, mail, false));
	getrusage(RUSAGE_SELF, &after);
	us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
	     after.ru_utime.tv_usec - before.ru_utime.tv_usec;
	fprintf(stderr, "%.1f us, %ld KiB\n", (double)us / (double)repeat,
	    after.ru_maxrss);
}

static int
answer_line(const char *line, size_t n, long repeat)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	json rec, mail, answered;

	if (json_parse(line, n, &rec, &e) == -1) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	mail = json_get(rec, "mail");
	if (repeat > 1)
		measure(rec, mail, repeat - 1);
	answered = compose_line(rec, mail, true);
	if (json_is_valid(answered)) {
		json_dump(answered, &out);
		puts(out.data);
	}
	buf_release(&out);
	json_free(mail);
	json_free(rec);
	return 0;
}

int
main(int argc, char *argv[])
{
	long repeat = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	if (argc > 2 && (messages = fopen(argv[2], "w")) == NULL)
		return 1;
	while (r == 0 && (n = getline(&line, &room, stdin)) > 0)
		r = answer_line(line, (size_t)n, repeat);
	free(line);
	return r == -1 || fflush(stdout) != 0;
}
