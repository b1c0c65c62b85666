/* Where secrets come from, what is refused, and that no error has any of it. */
#include "core/secret.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"

static int failures;
static char here[4096];

static void
fail(const char *how, const char *got)
{
	fprintf(stderr, "%s: %.300s\n", how, got);
	failures++;
}

/* A file of that mode in the current directory. */
static void
make(const char *name, mode_t mode, const char *text, size_t n)
{
	int fd;

	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || write(fd, text, n) != (ssize_t)n ||
	    fchmod(fd, mode) == -1 || close(fd) == -1) {
		perror(name);
		exit(1);
	}
}

/* how is JSON in which a '@' is the current directory. */
static int
get(const char *how, struct secret *s, struct err *e)
{
	struct buf text = BUF_INIT;
	struct err bad = ERR_INIT;
	json from = json_none();
	int r;

	for (; *how != '\0'; how++)
		if (*how == '@')
			buf_addstr(&text, here);
		else
			buf_addch(&text, *how);
	if (json_parse(text.data, text.len, &from, &bad) == -1)
		fail("no JSON", text.data);
	*s = (struct secret)SECRET_INIT;
	r = secret_get(s, from, e);
	json_free(from);
	buf_release(&text);
	return r;
}

static void
is(const char *how, const char *want, size_t len)
{
	struct err e = ERR_INIT;
	struct secret s;

	if (get(how, &s, &e) == -1)
		fail(how, e.text);
	else if (s.len != len || memcmp(s.data, want, len) != 0 ||
		 s.data[len] != '\0')
		fail(how, "another secret");
	secret_release(&s);
	if (s.data != NULL)
		fail(how, "not released");
}

static void
refused(const char *how, const char *why)
{
	struct err e = ERR_INIT;
	struct secret s;

	if (get(how, &s, &e) == 0)
		fail(how, "taken");
	else if (e.class != ERR_TEMP || strstr(e.text, why) == NULL)
		fail(how, e.text);
	if (strstr(e.text, "s3cret") != NULL)
		fail(how, "the error has the secret");
	if (s.data != NULL)
		fail(how, "something is left");
	secret_release(&s);
}

static void
test_files(void)
{
	char *large = xcalloc(1, SECRET_MAX + 2);

	memset(large, 'x', SECRET_MAX + 1);
	make("plain", 0600, "s3cret", 6);
	make("line", 0400, "s3cret\n", 7);
	make("crlf", 0600, "s3cret\r\n", 8);
	make("lines", 0600, "s3cret\n\n", 8);
	make("binary", 0600, "\0\xff s3cret\0", 10);
	make("empty", 0600, "", 0);
	make("blank", 0600, "\n", 1);
	make("group", 0640, "s3cret", 6);
	make("others", 0604, "s3cret", 6);
	make("writable", 0602, "s3cret", 6);
	make("full", 0600, large, SECRET_MAX);
	make("large", 0600, large, SECRET_MAX + 1);
	if (mkfifo("pipe", 0600) == -1 || mkdir("dir", 0700) == -1 ||
	    symlink("plain", "link") == -1)
		fail("files", "not made");
	is("{\"file\":\"@/plain\"}", "s3cret", 6);
	is("{\"file\":\"@/line\"}", "s3cret", 6);
	is("{\"file\":\"@/crlf\"}", "s3cret", 6);
	is("{\"file\":\"@/lines\"}", "s3cret\n", 7);
	is("{\"file\":\"@/binary\"}", "\0\xff s3cret\0", 10);
	is("{\"file\":\"@/link\"}", "s3cret", 6);
	is("{\"file\":\"@/full\"}", large, SECRET_MAX);
	refused("{\"file\":\"@/large\"}", "longer than 65536 bytes");
	refused("{\"file\":\"@/empty\"}", "is empty");
	refused("{\"file\":\"@/blank\"}", "is empty");
	refused("{\"file\":\"@/group\"}", "(mode 640): chmod 600");
	refused("{\"file\":\"@/others\"}", "(mode 604): chmod 600");
	refused("{\"file\":\"@/writable\"}", "(mode 602): chmod 600");
	refused("{\"file\":\"@/pipe\"}", "is not a file");
	refused("{\"file\":\"@/dir\"}", "is not a file");
	refused("{\"file\":\"@/none\"}", "/none: open: No such file");
	refused("{\"file\":\"plain\"}", "must be an absolute path");
	free(large);
}

/* Only root can give a file away. */
static void
test_owner(void)
{
	make("theirs", 0600, "s3cret", 6);
	if (chown("theirs", 12345, (gid_t)-1) == 0)
		refused("{\"file\":\"@/theirs\"}", "belongs to uid 12345");
}

static void
test_credentials(void)
{
	unsetenv("CREDENTIALS_DIRECTORY");
	refused("{\"credential\":\"smtp\"}", "LoadCredential=");
	mkdir("credentials", 0700);
	make("credentials/smtp", 0440, "s3cret\n", 7);
	if (symlink("../plain", "credentials/link") == -1)
		fail("link", "not made");
	setenv("CREDENTIALS_DIRECTORY", "credentials", 1);
	is("{\"credential\":\"smtp\"}", "s3cret", 6);
	refused("{\"credential\":\"none\"}", "No such file");
	refused("{\"credential\":\"../plain\"}", "without \"/\"");
	refused("{\"credential\":\"..\"}", "credential");
	refused("{\"credential\":\".\"}", "is not a file");
	refused("{\"credential\":\"link\"}", "symbolic links");
	setenv("CREDENTIALS_DIRECTORY", "nowhere", 1);
	refused("{\"credential\":\"smtp\"}", "CREDENTIALS_DIRECTORY: open");
}

#define SH(line) "{\"command\":[\"sh\",\"-c\",\"" line "\"]}"

static void
test_commands(void)
{
	int64_t start = clock_mono_ms();

	is("{\"command\":[\"echo\",\"s3cret\"]}", "s3cret", 6);
	is("{\"command\":[\"printf\",\"%s\",\"$HOME\"]}", "$HOME", 5);
	is(SH("printf 's3c'; exec 2>/dev/null; sleep .1; printf ret"), "s3cret",
	    6);
	is("{\"command\":[\"cat\",\"line\"]}", "s3cret", 6);
	is(SH("cat; echo s3cret"), "s3cret", 6);
	/* What it leaves behind is not waited for. */
	is(SH("echo s3cret; sleep 9 &"), "s3cret", 6);

	refused("{\"command\":[\"cat\",\"large\"]}", "more than 65536 bytes");
	refused(SH("yes"), "more than 65536 bytes");
	refused(SH("echo s3cret; exit 3"), "sh: exit status 3");
	refused(SH("echo s3cret; kill -9 $$"), "killed by signal 9");
	refused("{\"command\":[\"true\"]}", "is empty");
	refused("{\"command\":[\"no-such-program\"]}", "No such file");
	refused("{\"command\":[\"\"]}", "secret command");
	refused("{\"command\":[\"echo\",7]}", "an array of strings");
	if (clock_mono_ms() - start > 8000)
		fail("commands", "waited for what was left behind");
	refused(SH("echo s3cret; sleep 60"), "took longer than 10 seconds");
	if (clock_mono_ms() - start > 40000)
		fail("commands", "no limit");
}

static void
test_forms(void)
{
	static const char *const bad[] = {
	    "{}",
	    "{\"file\":\"@/plain\",\"credential\":\"smtp\"}",
	    "{\"file\":\"@/plain\",\"command\":[\"true\"]}",
	    "{\"command\":[]}",
	    "{\"command\":\"echo s3cret\"}",
	    "{\"file\":7}",
	    "{\"password\":\"s3cret\"}",
	    "\"s3cret\"",
	    "null",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused(bad[i], "must be an object with one of");
}

int
main(void)
{
	if (getcwd(here, sizeof here) == NULL)
		return 1;
	signal(SIGCHLD, SIG_IGN); /* some start us like that */
	test_files();
	test_owner();
	test_credentials();
	test_commands();
	test_forms();
	return failures > 0;
}
