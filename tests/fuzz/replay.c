/*
 * replay [FILE]...: give the files, or without operands those of the corpus of
 * the fuzzer that the program is named after (fuzz-NAME), to the fuzzer.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "core/buf.h"
#include "fuzz.h"

static void
replay(const char *path)
{
	struct buf b = BUF_INIT;
	char *exact;
	size_t n;
	FILE *f = fopen(path, "r");

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	do {
		buf_grow(&b, BUFSIZ);
		n = fread(b.data + b.len, 1, BUFSIZ, f);
		b.len += n;
	} while (n > 0);
	fclose(f);
	/* Without a byte to spare, so that sanitizers see what is beyond. */
	exact = xmalloc(b.len);
	memcpy(exact, b.data, b.len);
	LLVMFuzzerTestOneInput((uint8_t *)exact, b.len);
	free(exact);
	buf_release(&b);
}

/* How many files there were. */
static size_t
replay_all(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char *path;
	size_t n = 0;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", dir, entry->d_name);
		replay(path);
		free(path);
		n++;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

int
main(int argc, char *argv[])
{
	const char *name = strchr(program_invocation_short_name, '-');
	char *dir;
	size_t n = 0;

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc > 1)
		return 0;
	dir = xasprintf("%s/%s", FUZZ_CORPUS, name != NULL ? name + 1 : "");
	n = replay_all(dir);
	if (n == 0)
		fprintf(stderr, "%s: nothing there\n", dir);
	free(dir);
	return n == 0;
}
