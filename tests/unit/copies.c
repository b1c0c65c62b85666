/* Copies: what has its name is whole, and nothing else is left. */
#include "core/copies.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

enum {
	MANY = 2 * SYNC_MAX + 1,
};

static int failures;

static void
check(bool is_it, const char *what, int line)
{
	if (is_it)
		return;
	fprintf(stderr, "line %d: not true: %s\n", line, what);
	failures++;
}

#define CHECK(condition) check(condition, #condition, __LINE__)

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool
holds(const char *path, const char *text)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	bool is_it = file_read_at(AT_FDCWD, path, 100, &b, &e) == 1 &&
		     strcmp(b.data, text) == 0;

	buf_release(&b);
	return is_it;
}

static void
begin(struct copies *c, const char *name, const char *text)
{
	struct err e = ERR_INIT;
	int fd = copies_begin(c, name, &e);

	CHECK(
	    fd != -1 && file_write(fd, text, strlen(text), -1, name, &e) == 0);
}

static void
test_publish(struct copies *c)
{
	struct err e = ERR_INIT;
	struct stat st;

	CHECK(copies_enter(c, AT_FDCWD, "a", NULL, &e) == 0);
	begin(c, "one", "1");
	begin(c, "two", "2");
	CHECK(is_there("a/one.tmp") && !is_there("a/one"));
	copies_cancel(c);
	CHECK(copies_publish(c, &e) == 0);
	CHECK(holds("a/one", "1") && !is_there("a/one.tmp"));
	CHECK(!is_there("a/two") && !is_there("a/two.tmp"));
	CHECK(stat("a/one", &st) == 0 && (st.st_mode & 0777) == 0600);
	begin(c, "one", "anew");
	CHECK(holds("a/one", "1"));
	CHECK(copies_publish(c, &e) == 0 && holds("a/one", "anew"));
}

/* What was begun elsewhere has its name when another directory is entered. */
static void
test_enter(struct copies *c)
{
	struct err e = ERR_INIT;

	begin(c, "three", "3");
	CHECK(copies_enter(c, AT_FDCWD, "b/new", "b/tmp", &e) == 0);
	CHECK(holds("a/three", "3"));
	begin(c, "four", "4");
	CHECK(is_there("b/tmp/four.tmp"));
	CHECK(copies_publish(c, &e) == 0);
	CHECK(holds("b/new/four", "4") && !is_there("b/tmp/four.tmp"));
}

static void
test_many(struct copies *c)
{
	struct err e = ERR_INIT;
	char name[16];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "m%d", i);
		begin(c, name, name);
	}
	CHECK(holds("b/new/m0", "m0") && !is_there("b/new/m500"));
	CHECK(copies_publish(c, &e) == 0);
	for (int i = 0; i < MANY; i++) {
		char path[32];

		snprintf(name, sizeof name, "m%d", i);
		snprintf(path, sizeof path, "b/new/%s", name);
		CHECK(holds(path, name));
	}
}

static void
test_link(struct copies *c)
{
	struct err e = ERR_INIT;
	struct stat from, to;
	int a = open("a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	begin(c, "one", "old");
	CHECK(copies_publish(c, &e) == 0);
	CHECK(copies_link(c, a, "one", &e) == 1);
	CHECK(stat("a/one", &from) == 0 && stat("b/new/one", &to) == 0 &&
	      from.st_ino == to.st_ino);
	/* It is gone: the caller looks for himself. */
	CHECK(copies_link(c, a, "nosuch", &e) == 0 && e.class == ERR_NONE);
	CHECK(copies_publish(c, &e) == 0);
	close(a);
}

/* What somebody has laid there is not written through, nor into. */
static void
test_hostile(struct copies *c)
{
	struct err e = ERR_INIT;
	struct stat st;

	CHECK(symlink("../../a/one", "b/tmp/five.tmp") == 0);
	CHECK(link("a/one", "b/tmp/six.tmp") == 0);
	begin(c, "five", "5");
	begin(c, "six", "6");
	CHECK(copies_publish(c, &e) == 0);
	CHECK(holds("a/one", "anew"));
	CHECK(holds("b/new/five", "5") && holds("b/new/six", "6"));
	CHECK(lstat("b/new/five", &st) == 0 && S_ISREG(st.st_mode));
	CHECK(mkdir("b/tmp/seven.tmp", 0700) == 0);
	CHECK(copies_begin(c, "seven", &e) == -1 && e.class == ERR_TEMP);
}

int
main(void)
{
	struct copies c = COPIES_INIT;

	test_publish(&c);
	test_enter(&c);
	test_many(&c);
	test_link(&c);
	test_hostile(&c);
	begin(&c, "eight", "8");
	copies_release(&c);
	CHECK(!is_there("b/new/eight") && !is_there("b/tmp/eight.tmp"));
	return failures > 0;
}
