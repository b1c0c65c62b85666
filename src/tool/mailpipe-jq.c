/*
 * mailpipe-jq: a user's jq program, in a process that may die of it.
 *
 * stdin: a line with the program, as a JSON string; then one JSON text a line.
 * stdout, one line for each of them: an array, empty for the program and of the
 * outputs for a text; or {"error":"…"}.  A program that jq does not take ends
 * it.  src/core/jq.h starts it, and holds it to its time.
 *
 * libjq 1.6 crashes without the callbacks below, aborts on a stack that grows
 * without end, and opens files for "import": here nothing can be opened, memory
 * has an end, and there is nothing to lose.
 */
#include <jq.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/jsonl.h"
#include "core/sandbox.h"

enum {
	MEMORY_BYTES = 256 * 1024 * 1024,
	/* Of all texts together; then we are started anew. */
	CPU_S = 20,
	READ_BYTES = 64 * 1024,
	LINE_MAX = 2 * JSONL_LINE_MAX, /* a text, or outputs */
	OUTPUTS_MAX = 100 * 1000, /* of one text */
	MESSAGE_MAX = 400,
};

static struct buf input; /* read, and not yet worked on */

static void
put(const char *data, size_t n)
{
	ssize_t r;

	for (; n > 0; n -= (size_t)r, data += r) {
		r = write(STDOUT_FILENO, data, n);
		if (r <= 0)
			_exit(0); /* nobody wants it any more */
	}
}

/* Consumes message. */
static void
put_error(jv message)
{
	jv text, line;

	if (jv_get_kind(message) != JV_KIND_STRING)
		message = jv_dump_string(message, 0);
	/* jq cuts at characters, as we must. */
	if (jv_string_length_bytes(jv_copy(message)) > MESSAGE_MAX)
		message = jv_string_slice(message, 0, MESSAGE_MAX / 4);
	line = jv_object_set(jv_object(), jv_string("error"), message);
	text = jv_dump_string(line, 0);
	put(jv_string_value(text), strlen(jv_string_value(text)));
	put("\n", 1);
	jv_free(text);
}

/* libjq has no memory left: there is no way to go on. */
static void
out_of_memory(void *unused)
{
	static const char text[] = "{\"error\":\"out of memory\"}\n";

	(void)unused;
	put(text, sizeof text - 1);
	_exit(1);
}

/* The next line, without its end; the end of the input ends us. */
static jv
next_text(void)
{
	size_t scanned = 0, len;
	char *end = NULL;
	ssize_t n;
	jv text;

	for (;;) {
		if (input.len > scanned)
			end = memchr(
			    input.data + scanned, '\n', input.len - scanned);
		if (end != NULL)
			break;
		scanned = input.len;
		if (input.len > LINE_MAX)
			_exit(1);
		buf_grow(&input, READ_BYTES);
		n = read(STDIN_FILENO, input.data + input.len, READ_BYTES);
		if (n <= 0)
			_exit(0);
		input.len += (size_t)n;
	}
	len = (size_t)(end - input.data);
	text = jv_parse_sized(input.data, (int)len);
	buf_shift(&input, len + 1);
	return text;
}

/* The first of what jq has to say about a program is what matters. */
static void
on_error(void *ctx, jv message)
{
	jv *first = ctx;

	if (jv_is_valid(*first)) {
		jv_free(message);
		return;
	}
	*first = message;
}

/* "jq: error: …, line 1:" and the program, of which the first line says it. */
static jv
tidy(jv message)
{
	static const char prefix[] = "jq: error: ";
	const char *s;
	jv text;

	if (jv_get_kind(message) != JV_KIND_STRING)
		return message;
	s = jv_string_value(message);
	if (strncmp(s, prefix, strlen(prefix)) == 0)
		s += strlen(prefix);
	text = jv_string_sized(s, (int)strcspn(s, "\n"));
	jv_free(message);
	return text;
}

static jv
no_input(jq_state *jq, void *unused)
{
	(void)jq;
	(void)unused;
	return jv_invalid(); /* "No more inputs" */
}

static void
no_debug(void *unused, jv message)
{
	(void)unused;
	jv_free(message);
}

static jq_state *
compile(void)
{
	static jv first;
	jq_state *jq = jq_init();
	jv program = next_text();

	if (jq == NULL)
		out_of_memory(NULL);
	first = jv_invalid();
	jq_set_error_cb(jq, on_error, &first);
	jq_set_input_cb(jq, no_input, NULL);
	jq_set_debug_cb(jq, no_debug, NULL);
	jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
	jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/"));
	jq_set_attr(jq, jv_string("PROGRAM_ORIGIN"), jv_string("/"));
	if (jv_get_kind(program) != JV_KIND_STRING) {
		put_error(jv_string("the program must be a JSON string"));
		_exit(1);
	}
	if (!jq_compile(jq, jv_string_value(program))) {
		if (!jv_is_valid(first))
			first = jv_string("not a jq program");
		put_error(tidy(first));
		_exit(1);
	}
	jv_free(program);
	return jq;
}

/* Why it gave no more outputs, invalid when that is all right.  Consumes end.
 */
static jv
find_error(jq_state *jq, jv end)
{
	bool has_message = jv_invalid_has_msg(jv_copy(end));
	jv code;

	if (has_message)
		return jv_invalid_get_msg(end);
	jv_free(end);
	if (!jq_halted(jq))
		return jv_invalid();
	code = jq_get_exit_code(jq);
	if (!jv_is_valid(code)) {
		jv_free(code);
		return jv_invalid(); /* halt, without an error */
	}
	jv_free(code);
	return jq_get_error_message(jq);
}

/* Consumes text. */
static void
answer(jq_state *jq, jv text, struct buf *out)
{
	jv v, dumped, error;
	int n = 0;

	buf_reset(out);
	jq_start(jq, text, 0);
	while (jv_is_valid(v = jq_next(jq))) {
		dumped = jv_dump_string(v, 0);
		buf_addch(out, out->len == 0 ? '[' : ',');
		buf_add(out, jv_string_value(dumped),
		    (size_t)jv_string_length_bytes(jv_copy(dumped)));
		jv_free(dumped);
		if (++n > OUTPUTS_MAX || out->len > LINE_MAX) {
			put_error(jv_string("its outputs have no end"));
			return;
		}
	}
	error = find_error(jq, v);
	if (jv_is_valid(error)) {
		put_error(error);
		return;
	}
	jv_free(error);
	buf_addstr(out, out->len == 0 ? "[]\n" : "]\n");
	put(out->data, out->len);
}

/* For "import" there are no files: libjq says that there is no such module. */
static void
close_door(void)
{
	static const struct rlimit none = {
	    STDERR_FILENO + 1, STDERR_FILENO + 1};

	setrlimit(RLIMIT_NOFILE, &none);
}

int
main(void)
{
	static const struct sandbox limits = {MEMORY_BYTES, CPU_S};
	struct buf out = BUF_INIT;
	jq_state *jq;
	jv text;

	/* localtime(3) reads the zone once, as long as TZ stays as it is. */
	setenv("TZ", ":/etc/localtime", 0);
	tzset();
	jv_nomem_handler(out_of_memory, NULL);
	close_door();
	jq = compile();
	sandbox_enter(&limits);
	put("[]\n", 3);
	for (;;) {
		text = next_text();
		if (jv_is_valid(text)) {
			answer(jq, text, &out);
		} else {
			jv_free(text);
			put_error(jv_string("not a JSON text"));
		}
	}
}
