/* Unit tests of mail/sniff.c, also in the sandbox, and beside libmagic. */
#include <magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/sandbox.h"
#include "mail/sniff.h"

#define BYTES(s) s, sizeof s - 1

static int failures;

static const struct {
	const char *declared, *data;
	size_t n;
	const char *type; /* NULL: none */
} cases[] = {
    {"text/plain", BYTES(""), NULL},
    {"image/png", BYTES(""), NULL},
    /* Text that says so. */
    {"text/plain", BYTES("hello\n"), "text/plain"},
    {"text/csv", BYTES("a,b\nc,d\ne,f\n"), "text/plain"},
    {"text/plain", BYTES("\033$B$3$l\033(B\r\n"), "text/plain"},
    {"text/plain", BYTES("\x82\xb1\x82\xea\t\f\b"), "text/plain"},
    {"text/html", BYTES("<p>hello"), "text/plain"},
    {"text/html", BYTES("<HTML><p>hello"), "text/html"},
    {"text/plain", BYTES(" \r\n<!DOCTYPE html>\n<p>hello"), "text/html"},
    {"text/plain", BYTES("<!DOCTYPE htm"), "text/plain"},
    {"text/plain", BYTES("%PDF-1.4\n"), "text/plain"},
    {"text/plain", BYTES("   "), "text/plain"},
    {"message/delivery-status", BYTES("{\"a\":[1,2]}\n"), "text/plain"},
    /* Text that is none. */
    {"text/plain", BYTES("%PDF-1.4\n\1"), "application/pdf"},
    {"text/plain", BYTES("\xff\xd8\xff\xe0\0\x10JFIF\0"), "image/jpeg"},
    {"text/html", BYTES("\0\1"), "application/octet-stream"},
    /* What is not declared as text, and what libmagic knows. */
    {"application/octet-stream", BYTES("%PDF-1.4\n"), "application/pdf"},
    {"application/octet-stream", BYTES("GIF89a\1\0\1\0"), "image/gif"},
    {"application/octet-stream", BYTES("hello, world\n"), "text/plain"},
    {"application/octet-stream", BYTES("<!DOCTYPE html>\n<html>\n"),
	"text/html"},
    {"application/x", BYTES("\x1f\x8b\x08\0\0\0\0\0\0\3"), "application/gzip"},
    {"application/x", BYTES("RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0"),
	"audio/x-wav"},
    {"application/x",
	BYTES("PK\3\4\x14\0\0\0\0\0\xbd.v]\x86\xa6\x10\x36\5\0\0\0\5\0\0\0"
	      "\5\0\0\0a.txthelloPK\1\2\x14\3\x14\0\0\0\0\0\xbd.v]\x86\xa6"
	      "\x10\x36\5\0\0\0\5\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\x80\1"),
	"application/zip"},
    {"application/x",
	BYTES("\x7f"
	      "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0\1\0\0\0\0\0\0\0\0"
	      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	"application/x-executable"},
    {"application/x", BYTES("BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n"),
	"text/vcard"},
    {"application/x", BYTES("\1\2\3\4"), "application/octet-stream"},
    {"", BYTES("{\"a\":[1,2]}\n"), "application/json"},
};

static void
fail(const char *what, const char *want, const char *got)
{
	fprintf(stderr, "sniff: %s: %s, not %s\n", what,
	    got != NULL ? got : "nothing", want != NULL ? want : "nothing");
	failures++;
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_cases(struct sniff *s, const char *how)
{
	const char *type;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		type =
		    sniff_type(s, cases[i].declared, cases[i].data, cases[i].n);
		if (!is_same(type, cases[i].type))
			fail(how, cases[i].type, type);
	}
}

/* Nothing is opened after sniff_new. */
static void
check_sandbox(void)
{
	static const struct sandbox how = {
	    .memory_bytes = 64 * 1024 * 1024, .cpu_s = 10};
	struct sniff *s = sniff_new();
	char got[32];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(STDERR_FILENO); /* no file may grow */
		failures = 0;
		status = 77;
		if (sandbox_enter(&how)) {
			check_cases(s, "in the sandbox");
			status = failures > 0;
		}
		/* Not _exit, before which sanitizers ask the kernel things. */
		syscall(SYS_exit_group, status);
	}
	if (waitpid(pid, &status, 0) != pid)
		exit(1);
	snprintf(got, sizeof got, "wait status 0x%x", status);
	if (status != 0 && status != 77 << 8)
		fail("sandbox", "exit status 0", got);
	sniff_free(s);
}

/* Zeros, text, or anything. */
static void
fill(char *data, size_t n, int round)
{
	for (size_t i = 0; i < n; i++) {
		if (round < 20)
			data[i] = 0;
		else if (round < 40)
			data[i] = "text\n"[i % 5];
		else
			data[i] = (char)(rand() & 0xff);
	}
}

/* The signatures that are ours, with various bytes behind. */
static void
check_libmagic(struct sniff *s)
{
	static const struct {
		const char *data;
		size_t n;
	} heads[] = {
	    {BYTES("%PDF-")},
	    {BYTES("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n")},
	    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR")},
	    {BYTES("\xff\xd8\xff")},
	    {BYTES("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1")},
	    {BYTES("\xff\xd8\xff\xe1\0\x18"
		   "Exif\0\0MM\0*")},
	    {BYTES("GIF89a")},
	    {BYTES("GIF87a")},
	    {BYTES("\x1f\x8b\x08")},
	    {BYTES("\x1f\x8b\x08\x08\0\0\0\0\0\3name\0")},
	};
	magic_t magic = magic_open(MAGIC_MIME_TYPE);
	char data[SNIFF_BYTES];
	const char *want, *got;
	size_t n = sizeof data;

	if (magic_load(magic, NULL) == -1)
		exit(77);
	srand(1);
	for (int round = 0; round < 200; round++) {
		size_t i = round % (sizeof heads / sizeof *heads);

		fill(data, n, round);
		memcpy(data, heads[i].data, heads[i].n);
		got = sniff_type(s, "application/octet-stream", data, n);
		want = magic_buffer(magic, data, n);
		if (!is_same(want, got))
			fail(heads[i].data, want, got);
	}
	magic_close(magic);
}

int
main(void)
{
	struct sniff *s = sniff_new();

	check_sandbox();
	check_cases(s, "first");
	check_cases(s, "again");
	check_libmagic(s);
	sniff_free(s);
	return failures > 0;
}
