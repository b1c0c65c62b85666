/* What every blob engine promises (store/blob.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "store/blob_engines.h"

enum {
	LARGE = 3 * 1024 * 1024,
	MANY = 150, /* more than are synced together, on each of two days */
};

struct test {
	const char *spec;
	struct state state;
	struct blobs *b;
};

static int failures;

static bool
check(bool ok, const char *what, const char *spec, int line)
{
	if (!ok) {
		fprintf(
		    stderr, "line %d: %s: not true: %s\n", line, spec, what);
		failures++;
	}
	return ok;
}

#define CHECK(t, condition) check(condition, #condition, (t)->spec, __LINE__)

static int
put(struct test *t, const char *ref, const void *data, size_t len)
{
	struct blob_put p = {.ref = ref, .data = data, .len = len};
	struct err e = ERR_INIT;
	int r = blob_put(t->b, &p, 1, &e);

	CHECK(t, (r == -1) == (e.class != ERR_NONE));
	return r;
}

/* Is it there with these bytes? */
static bool
has(struct test *t, const char *ref, const void *data, size_t len)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	int fd = blob_read(t->b, ref, &e);
	bool is_same;

	if (fd == -1)
		return false;
	file_read_fd(fd, SIZE_MAX / 4, &got, ref, &e);
	close(fd);
	is_same = got.len == len && memcmp(got.data, data, len) == 0;
	buf_release(&got);
	return is_same;
}

static bool
is_missing(struct test *t, const char *ref)
{
	struct err e = ERR_INIT;
	int fd = blob_read(t->b, ref, &e), error = errno;

	if (fd != -1)
		close(fd);
	return fd == -1 && e.class == ERR_DATA && error == ENOENT;
}

static void
test_put(struct test *t)
{
	CHECK(t, is_missing(t, "file:2026/11/21/a.0"));
	CHECK(t, put(t, "file:2026/11/21/a.0", "one\0\n\xff", 6) == 0);
	CHECK(t, has(t, "file:2026/11/21/a.0", "one\0\n\xff", 6));
	/* What is there stays. */
	CHECK(t, put(t, "file:2026/11/21/a.0", "one\0\n\xff", 6) == 0);
	CHECK(t, put(t, "file:2026/11/21/a.0", "other", 5) == 0);
	CHECK(t, has(t, "file:2026/11/21/a.0", "one\0\n\xff", 6));
	CHECK(t, put(t, "file:2026/11/21/a.1", "", 0) == 0);
	CHECK(t, has(t, "file:2026/11/21/a.1", "", 0));
	CHECK(t, is_missing(t, "file:2026/11/22/a.0"));
}

static void
test_large(struct test *t)
{
	char *bytes = xmalloc(LARGE);

	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i * 7 + i / 4096);
	CHECK(t, put(t, "file:2026/11/21/large.0", bytes, LARGE) == 0);
	CHECK(t, has(t, "file:2026/11/21/large.0", bytes, LARGE));
	free(bytes);
}

/* Many at once, over days, one of them twice: its first bytes count. */
static void
test_batch(struct test *t)
{
	static char refs[MANY][BLOB_REF];
	struct blob_put puts[MANY];
	struct err e = ERR_INIT;

	for (int i = 0; i < MANY; i++) {
		snprintf(refs[i], BLOB_REF, "file:2026/12/%02d/batch%d.0",
		    i * 2 / MANY + 1, i);
		puts[i] = (struct blob_put){
		    .ref = refs[i], .data = refs[i], .len = strlen(refs[i])};
	}
	puts[5] = (struct blob_put){.ref = refs[3], .data = "other", .len = 5};
	CHECK(t, blob_put(t->b, puts, MANY, &e) == 0);
	CHECK(t, is_missing(t, refs[5]));
	memcpy(refs[5], refs[3], BLOB_REF);
	for (int i = 0; i < MANY; i++)
		CHECK(t, has(t, refs[i], refs[i], strlen(refs[i])));
	CHECK(t, blob_put(t->b, NULL, 0, &e) == 0);
}

/* A spool file with these bytes; the caller frees its name. */
static char *
spool(struct test *t, const char *bytes)
{
	struct err e = ERR_INIT;
	char *path;
	int fd = state_spool_create(&t->state, &path, &e);

	file_write(fd, bytes, strlen(bytes), -1, path, &e);
	close(fd);
	return path;
}

static bool
is_spooled(struct test *t, const char *path)
{
	return faccessat(t->state.dir, path, F_OK, 0) == 0;
}

static void
test_spool(struct test *t)
{
	char *path = spool(t, "from a file");
	struct blob_put p = {.ref = "file:2026/11/21/s.0", .spool = path};
	struct err e = ERR_INIT;

	CHECK(t, blob_put(t->b, &p, 1, &e) == 0);
	CHECK(t, has(t, p.ref, "from a file", 11));
	CHECK(t, !is_spooled(t, path));
	free(path);
	/* The next try of the MTA brings a file of its own. */
	path = spool(t, "from a file");
	p.spool = path;
	CHECK(t, blob_put(t->b, &p, 1, &e) == 0);
	CHECK(t, !is_spooled(t, path));
	CHECK(t, has(t, p.ref, "from a file", 11));
	p.ref = "file:2026/11/21/none.0";
	CHECK(t, blob_put(t->b, &p, 1, &e) == -1 && e.class != ERR_NONE);
	CHECK(t, is_missing(t, p.ref));
	free(path);
}

static void
test_remove(struct test *t)
{
	const char *refs[] = {"file:2026/11/21/r.0", "file:2026/11/21/none.0"};
	struct err e = ERR_INIT;
	int fd;
	char c;

	put(t, refs[0], "x", 1);
	fd = blob_read(t->b, refs[0], &e);
	CHECK(t, blob_remove(t->b, refs, 2, &e) == 0);
	CHECK(t, is_missing(t, refs[0]));
	/* Who has opened it can still read it. */
	CHECK(t, read(fd, &c, 1) == 1 && c == 'x');
	close(fd);
	CHECK(t, put(t, refs[0], "again", 5) == 0);
	CHECK(t, has(t, refs[0], "again", 5));
}

static void
test_readers(struct test *t)
{
	struct err e = ERR_INIT;
	int one, two;
	char a[2], b[2];

	put(t, "file:2026/11/21/two.0", "xy", 2);
	one = blob_read(t->b, "file:2026/11/21/two.0", &e);
	two = blob_read(t->b, "file:2026/11/21/two.0", &e);
	CHECK(t, read(one, a, 2) == 2 && read(two, b, 2) == 2);
	close(one);
	close(two);
}

/* Records come from outside: nothing but a blob's name reaches the files. */
static void
test_refs(struct test *t)
{
	static const char *const refs[] = {
	    "",
	    "file:",
	    "file:x",
	    "/etc/passwd",
	    "file:/etc/passwd",
	    "file:../../../etc/passwd",
	    "file:2026/11/21/../../../layout.0",
	    "file:2026/11/21/a/b.0",
	    "file:2026/11/21/.0",
	    "file:2026/11/21/a.",
	    "file:2026/11/21/a.x",
	    "file:2026/11/21/a.0/",
	    "file:2026/11/21/a.0.tmp",
	    "file:2026/11/21/-a.0",
	    "file:-026/11/21/a.0",
	    "file:2026-11-21-a.0",
	    "mem:2026/11/21/a.0",
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
		e = (struct err)ERR_INIT;
		CHECK(t, blob_read(t->b, refs[i], &e) == -1);
		CHECK(t, e.class == ERR_DATA);
		if (strncmp(t->spec, "file:", 5) == 0)
			CHECK(t, put(t, refs[i], "x", 1) == -1);
	}
}

static void (*const tests[])(struct test *) = {
    test_put,
    test_large,
    test_batch,
    test_spool,
    test_remove,
    test_readers,
    test_refs,
};

static void
open_engine(struct test *t, const char *spec)
{
	struct err e = ERR_INIT;

	t->spec = spec;
	t->b = blobs_open(&t->state, spec, &e);
	if (t->b == NULL) {
		fprintf(stderr, "%s: %s\n", spec, e.text);
		exit(1);
	}
	CHECK(t, t->b->ops->scheme != NULL && t->b->ops->open != NULL);
	CHECK(t, t->b->ops->put != NULL && t->b->ops->read != NULL);
	CHECK(t, t->b->ops->remove != NULL && t->b->ops->close != NULL);
}

/* From call n on nothing works, and nothing has happened. */
static void
test_failing(struct test *t)
{
	const char *ref = "file:2026/11/23/f.0";
	struct err e = ERR_INIT;

	open_engine(t, "fail:1:file:");
	CHECK(t, put(t, ref, "x", 1) == 0);
	CHECK(t, put(t, "file:2026/11/23/g.0", "x", 1) == -1);
	CHECK(t, blob_read(t->b, ref, &e) == -1 && e.class == ERR_TEMP);
	e = (struct err)ERR_INIT;
	CHECK(t, blob_remove(t->b, &ref, 1, &e) == -1 && e.class == ERR_TEMP);
	blobs_close(t->b);
	open_engine(t, "file:");
	CHECK(t, has(t, ref, "x", 1));
	CHECK(t, is_missing(t, "file:2026/11/23/g.0"));
	blobs_close(t->b);
}

int
main(void)
{
	static const char *const specs[] = {
	    "file:", "mem:", "trace:mem:", "trace:file:", "fail:1000:mem:"};
	struct err e = ERR_INIT;
	struct test t = {.spec = ""};
	char dir[32];

	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		snprintf(dir, sizeof dir, "state-%zu", i);
		setenv("MAILPIPE_STATE", dir, 1);
		if (state_open(&t.state, &e) == -1) {
			fprintf(stderr, "%s\n", e.text);
			return 1;
		}
		open_engine(&t, specs[i]);
		for (size_t k = 0; k < sizeof tests / sizeof *tests; k++)
			tests[k](&t);
		blobs_close(t.b);
		if (i == 0)
			test_failing(&t);
		state_close(&t.state);
	}
	return failures > 0;
}
