#include "send/keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/utils.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/tool.h"
#include "mail/dkim.h"

/* What stands in a name of the DNS, and in a file's. */
static bool
is_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 253 && s[0] != '.' && s[0] != '-' &&
	       s[n - 1] != '.' && strstr(s, "..") == NULL &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-._") == n;
}

static int
read_algorithm(const char *s, enum dkim_algorithm *a, struct err *e)
{
	if (strcmp(s, "rsa") == 0)
		*a = DKIM_RSA;
	else if (strcmp(s, "ed25519") == 0)
		*a = DKIM_ED25519;
	else
		return err_set(e, ERR_USAGE,
		    "--keygen must be rsa or ed25519, not \"%.40s\"", s);
	return 0;
}

static int
check(const struct keygen *how, struct err *e)
{
	if (how->domain == NULL || how->selector == NULL)
		return err_set(
		    e, ERR_USAGE, "--keygen needs --domain and --selector");
	if (!is_name(how->domain))
		return err_set(e, ERR_USAGE,
		    "--domain must be a domain in lower case, such as "
		    "shop.example");
	if (!is_name(how->selector))
		return err_set(e, ERR_USAGE,
		    "--selector must be of a-z 0-9 - and ., such as 2026a");
	return 0;
}

/* The directory's entry as well: a key whose record is published must stay. */
static int
sync_directory(const char *file, struct err *e)
{
	const char *slash = strrchr(file, '/');
	char *path = slash == NULL ? xstrdup(".")
				   : xstrndup(file, (size_t)(slash - file) + 1);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir == -1 ? err_errno(e, "%.200s", path)
			  : file_sync_dir(dir, path, e);

	if (dir != -1)
		close(dir);
	free(path);
	return r;
}

static int
write_key(const char *file, const struct buf *pem, struct err *e)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;

	if (fd == -1 && errno == EEXIST)
		return err_set(e, ERR_USAGE,
		    "%.200s: is there already, and is not written over", file);
	if (fd == -1)
		return err_errno(e, "%.200s: create", file);
	r = file_write(fd, pem->data, pem->len, -1, file, e);
	if (r == 0)
		r = file_sync(fd, file, e);
	if (file_close(fd, file, e) == -1)
		r = -1;
	if (r == 0)
		r = sync_directory(file, e);
	if (r == -1)
		unlink(file);
	return r;
}

static int
write_record(const struct keygen *how, const struct buf *pem, struct err *e)
{
	struct dkim_key *key = dkim_key_parse(pem->data, pem->len, e);
	const struct dkim_signer signer = {key, how->domain, how->selector};
	struct buf out = BUF_INIT;
	int r = key != NULL ? dkim_dns_record(&signer, &out, e) : -1;

	if (r == 0 && (out.len == 0 || out.data[out.len - 1] != '\n'))
		buf_addch(&out, '\n');
	if (r == 0)
		r = file_write(
		    STDOUT_FILENO, out.data, out.len, -1, "stdout", e);
	buf_release(&out);
	dkim_key_free(key);
	return r;
}

int
keygen(const struct keygen *how, struct err *e)
{
	struct buf pem = BUF_INIT;
	enum dkim_algorithm a = DKIM_RSA;
	char *file;
	int r;

	if (read_algorithm(how->algorithm, &a, e) == -1 || check(how, e) == -1)
		return -1;
	file = how->file != NULL
		   ? xstrdup(how->file)
		   : xasprintf("%s.%s.pem", how->selector, how->domain);
	r = dkim_keygen(a, &pem, e);
	if (r == 0)
		r = write_key(file, &pem, e);
	if (r == 0)
		tool_verbose(
		    "the private key is in %s: keep it, and publish the "
		    "record",
		    file);
	if (r == 0)
		r = write_record(how, &pem, e);
	if (pem.data != NULL)
		sodium_memzero(pem.data, pem.len);
	buf_release(&pem);
	free(file);
	return r;
}
