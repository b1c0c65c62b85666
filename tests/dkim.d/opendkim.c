/* OpenDKIM's opinion: KEYS FILE...; a line for each file, "NAME WORD WORD". */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <opendkim/dkim.h>

enum {
	MESSAGE_MAX = 16 * 1024 * 1024,
};

static unsigned char *
load(const char *path, size_t *n)
{
	unsigned char *data = malloc(MESSAGE_MAX + 1);
	FILE *f = fopen(path, "rb");

	if (data == NULL || f == NULL)
		err(1, "%s", path);
	*n = fread(data, 1, MESSAGE_MAX, f);
	data[*n] = '\0';
	fclose(f);
	return data;
}

/* Where the field that begins at i ends, its CRLF included. */
static size_t
field_end(const unsigned char *data, size_t n, size_t i)
{
	const unsigned char *lf;

	do {
		lf = memchr(data + i, '\n', n - i);
		i = lf != NULL ? (size_t)(lf - data) + 1 : n;
	} while (i < n && (data[i] == ' ' || data[i] == '\t'));
	return i;
}

static void
feed(DKIM *d, unsigned char *data, size_t n)
{
	size_t i = 0, end;

	for (; i < n && data[i] != '\r'; i = end) {
		end = field_end(data, n, i);
		if (dkim_header(d, data + i, end - i - 2) != DKIM_STAT_OK)
			errx(1, "a field: %s", dkim_geterror(d));
	}
	dkim_eoh(d);
	if (i + 2 < n)
		dkim_body(d, data + i + 2, n - i - 2);
}

static const char *
opinion(DKIM *d, DKIM_SIGINFO *s)
{
	if (dkim_sig_process(d, s) != DKIM_STAT_OK)
		return "error";
	return (dkim_sig_getflags(s) & DKIM_SIGFLAG_PASSED) != 0 &&
		       dkim_sig_getbh(s) == DKIM_SIGBH_MATCH
		   ? "pass"
		   : "fail";
}

static void
verify(DKIM_LIB *lib, const char *path)
{
	const char *name = strrchr(path, '/');
	DKIM_SIGINFO **sigs = NULL;
	DKIM_STAT status;
	DKIM *d = dkim_verify(lib, (unsigned char *)"id", NULL, &status);
	size_t n;
	unsigned char *data = load(path, &n);
	int n_sigs = 0;

	feed(d, data, n);
	dkim_eom(d, NULL);
	dkim_getsiglist(d, &sigs, &n_sigs);
	printf("%s", name != NULL ? name + 1 : path);
	for (int i = 0; i < n_sigs; i++)
		printf(" %s", opinion(d, sigs[i]));
	printf("\n");
	dkim_free(d);
	free(data);
}

int
main(int argc, char *argv[])
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	dkim_query_t how = DKIM_QUERY_FILE;

	if (lib == NULL || argc < 3)
		errx(1, "KEYS FILE...");
	dkim_options(
	    lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, &how, sizeof how);
	dkim_options(
	    lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, argv[1], strlen(argv[1]));
	for (int i = 2; i < argc; i++)
		verify(lib, argv[i]);
	dkim_close(lib);
	return 0;
}
