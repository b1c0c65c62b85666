#include "mail/sniff.h"

#include <fcntl.h>
#include <magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"

enum {
	/*
	 * What is not asked: what is inside compressed data (it would start
	 * programs), and the details of ELF files (a name is all we want).
	 */
	FLAGS = MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF,
};

struct sniff {
	int fd; /* the database; -1: none */
	size_t size;
	void *map; /* NULL: not mapped */
	magic_t magic;
};

/* Where distributions have the compiled database. */
static const char *const usual_places[] = {
    "/usr/lib/file/magic.mgc",
    "/usr/share/misc/magic.mgc",
    "/usr/share/file/magic.mgc",
};

/* Of types whose name follows from them alone. */
static const struct {
	const char *bytes;
	size_t n;
	const char *type;
} signatures[] = {
    {"%PDF-", 5, "application/pdf"},
    {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, "image/png"},
    {"\xff\xd8\xff", 3, "image/jpeg"},
    {"GIF89a", 6, "image/gif"},
    {"GIF87a", 6, "image/gif"},
    {"\x1f\x8b\x08", 3, "application/gzip"},
};

/* The database where libmagic looks for it: "PATH:PATH…", without ".mgc". */
static int
open_default(void)
{
	const char *path = magic_getpath(NULL, 0);
	int fd = -1;
	size_t n;
	char *name;

	for (; fd == -1 && path != NULL && *path != '\0'; path += n) {
		path += *path == ':';
		n = strcspn(path, ":");
		name = xasprintf("%.*s.mgc", (int)n, path);
		fd = open(name, O_RDONLY | O_CLOEXEC);
		free(name);
	}
	return fd;
}

static int
open_database(void)
{
	int fd = -1;

	for (size_t i = 0;
	     fd == -1 && i < sizeof usual_places / sizeof *usual_places; i++)
		fd = open(usual_places[i], O_RDONLY | O_CLOEXEC);
	return fd != -1 ? fd : open_default();
}

/* Its size is asked for here as well: fstat may be newfstatat, a call that can
   name files. */
struct sniff *
sniff_new(void)
{
	struct sniff *s = xcalloc(1, sizeof *s);
	struct stat st;

	s->fd = open_database();
	if (s->fd != -1 && fstat(s->fd, &st) == 0 && st.st_size > 0)
		s->size = (size_t)st.st_size;
	return s;
}

static void
unload(struct sniff *s)
{
	if (s->magic != NULL)
		magic_close(s->magic);
	if (s->map != NULL)
		munmap(s->map, s->size);
	if (s->fd != -1)
		close(s->fd);
	s->magic = NULL;
	s->map = NULL;
	s->fd = -1;
}

void
sniff_free(struct sniff *s)
{
	if (s == NULL)
		return;
	unload(s);
	free(s);
}

/* Private and writable: libmagic may swap its bytes. */
static bool
map(struct sniff *s)
{
	void *p;

	if (s->size == 0)
		return false;
	p = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, s->fd, 0);
	if (p == MAP_FAILED)
		return false;
	s->map = p;
	return true;
}

/* Once; a database that cannot be loaded is none. */
static bool
load(struct sniff *s)
{
	if (s->magic != NULL || s->fd == -1)
		return s->magic != NULL;
	if (map(s))
		s->magic = magic_open(FLAGS);
	if (s->magic == NULL ||
	    magic_load_buffers(s->magic, &s->map, &s->size, 1) == -1)
		unload(s);
	return s->magic != NULL;
}

static bool
is_text(const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data[i];

		if ((c < ' ' && strchr("\t\n\f\r\b\033", c) == NULL) ||
		    c == '\0' || c == 0x7f)
			return false;
	}
	return true;
}

static bool
begins_with(const char *data, size_t n, const char *word)
{
	size_t len = strlen(word);

	return n >= len && strncasecmp(data, word, len) == 0;
}

static const char *
text_type(const char *data, size_t n)
{
	while (n > 0 && strchr(" \t\r\n\f", *data) != NULL) {
		data++;
		n--;
	}
	if (begins_with(data, n, "<!doctype html") ||
	    begins_with(data, n, "<html"))
		return "text/html";
	return "text/plain";
}

static const char *
signature_type(const char *data, size_t n)
{
	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
		if (n >= signatures[i].n &&
		    memcmp(data, signatures[i].bytes, signatures[i].n) == 0)
			return signatures[i].type;
	return NULL;
}

/* "type/subtype", and nothing that libmagic may have put behind it. */
static bool
is_type(const char *s)
{
	static const char token[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789!#$&^_.+-";
	size_t n = strspn(s, token);

	if (n == 0 || s[n] != '/')
		return false;
	s += n + 1;
	n = strspn(s, token);
	return n > 0 && s[n] == '\0';
}

/* Text, says its header: libmagic would take a millisecond to say so too. */
static bool
is_declared_text(const char *type)
{
	return strncmp(type, "text/", 5) == 0 ||
	       strncmp(type, "message/", 8) == 0; /* delivery-status */
}

const char *
sniff_type(struct sniff *s, const char *declared, const char *data, size_t n)
{
	const char *type;

	if (n == 0)
		return NULL;
	if (n > SNIFF_BYTES)
		n = SNIFF_BYTES;
	if (is_declared_text(declared) && is_text(data, n))
		return text_type(data, n);
	type = signature_type(data, n);
	if (type != NULL)
		return type;
	type = load(s) ? magic_buffer(s->magic, data, n) : NULL;
	return type != NULL && is_type(type) ? type : NULL;
}
