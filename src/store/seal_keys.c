#include "store/seal_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium/core.h>
#include <sodium/crypto_scalarmult.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "core/secret.h"

enum {
	KEY_DIGITS = 2 * crypto_box_PUBLICKEYBYTES,
	PUBLIC_FILE_MAX = 4096,
};

bool
seal_is_configured(const struct config *c)
{
	return config_str(c, "keys.public", NULL) != NULL ||
	       config_str(c, "keys.secret_file", NULL) != NULL;
}

/* It chooses the fastest code for this processor. */
static int
start(struct err *e)
{
	return sodium_init() == -1
		   ? err_set(e, ERR_TEMP, "libsodium cannot be initialised")
		   : 0;
}

/* "PREFIX", digits, and nothing else but white space behind them. */
static bool
parse_key(const char *s, size_t n, const char *prefix, unsigned char *key)
{
	size_t len = strlen(prefix), got;

	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		n--;
	return n == len + KEY_DIGITS && memcmp(s, prefix, len) == 0 &&
	       sodium_hex2bin(key, crypto_box_PUBLICKEYBYTES, s + len,
		   KEY_DIGITS, NULL, &got, NULL) == 0 &&
	       got == crypto_box_PUBLICKEYBYTES;
}

static int
bad_public(const char *where, struct err *e)
{
	return err_set(e, ERR_TEMP,
	    "keys.public: %.200s \"" SEAL_PUBLIC_PREFIX
	    "\" and %d hexadecimal digits, as mail-store keygen prints them",
	    where, KEY_DIGITS);
}

static int
read_public(const char *value, unsigned char *key, struct err *e)
{
	struct buf text = BUF_INIT;
	int r;

	if (value[0] != '/')
		return parse_key(value, strlen(value), SEAL_PUBLIC_PREFIX, key)
			   ? 0
			   : bad_public("must be a file, \"/…\", or", e);
	r = file_read_at(AT_FDCWD, value, PUBLIC_FILE_MAX, &text, e);
	if (r == 0)
		r = err_set(
		    e, ERR_TEMP, "keys.public: %.200s: no such file", value);
	else if (r == 1)
		r = parse_key(text.data, text.len, SEAL_PUBLIC_PREFIX, key)
			? 0
			: bad_public("the file must have", e);
	buf_release(&text);
	return r;
}

int
seal_keys_public(struct seal_keys *k, const struct config *c,
    const struct seal_public **out, struct err *e)
{
	const char *value = config_str(c, "keys.public", NULL);
	unsigned char key[crypto_box_PUBLICKEYBYTES];

	if (!k->is_public_read && value != NULL) {
		if (start(e) == -1 || read_public(value, key, e) == -1)
			return -1;
		seal_public_init(&k->public, key);
		k->has_public = true;
	}
	k->is_public_read = true;
	*out = k->has_public ? &k->public : NULL;
	return 0;
}

static void
add_pair(struct seal_ring *ring, const unsigned char *secret)
{
	unsigned char key[crypto_box_PUBLICKEYBYTES];
	struct seal_pair *pair;

	/* Room for all lines there can be was made before. */
	pair = &ring->all[ring->n++];
	memcpy(pair->secret, secret, sizeof pair->secret);
	crypto_scalarmult_base(key, secret);
	seal_public_init(&pair->public, key);
}

static int
parse_ring(const struct secret *text, const char *file, struct seal_ring *ring,
    struct err *e)
{
	const char *s = text->data, *end = s + text->len, *lf;
	unsigned char secret[crypto_box_SECRETKEYBYTES];
	int line = 0, r = 0;

	/* Locked, between guard pages, and in no core. */
	ring->all =
	    sodium_allocarray(text->len / KEY_DIGITS + 1, sizeof *ring->all);
	if (ring->all == NULL)
		return err_errno(e, "memory for the secret keys");
	for (; r == 0 && s < end; s = lf + 1) {
		lf = memchr(s, '\n', (size_t)(end - s));
		if (lf == NULL)
			lf = end;
		line++;
		if (lf == s || *s == '#' || (lf == s + 1 && *s == '\r'))
			continue;
		if (parse_key(s, (size_t)(lf - s), SEAL_SECRET_PREFIX, secret))
			add_pair(ring, secret);
		else
			r = err_set(e, ERR_TEMP,
			    "keys.secret_file: %.200s: line %d is not a key: "
			    "put lines of mail-store keygen there, and nothing "
			    "else",
			    file, line);
	}
	sodium_memzero(secret, sizeof secret);
	return r;
}

static int
read_ring(struct seal_ring *ring, const char *file, struct err *e)
{
	struct secret text = SECRET_INIT;
	json from = json_set_str(json_object(), "file", file);
	int r = secret_get(&text, from, e);

	json_free(from);
	if (r == -1 && access(file, F_OK) == -1 && errno == ENOENT) {
		err_clear(e);
		return err_set(e, ERR_TEMP,
		    "the secret key is missing: keys.secret_file: %.200s: no "
		    "such file",
		    file);
	}
	if (r == 0)
		r = parse_ring(&text, file, ring, e);
	else
		err_prefix(e, "keys.secret_file");
	secret_release(&text);
	return r;
}

int
seal_keys_ring(struct seal_keys *k, const struct config *c,
    const struct seal_ring **out, struct err *e)
{
	const char *file = config_str(c, "keys.secret_file", NULL);

	*out = &k->ring;
	if (k->is_ring_read)
		return 0;
	if (file == NULL)
		return err_set(e, ERR_TEMP,
		    "the secret key is missing: the configuration has no "
		    "keys.secret_file");
	if (start(e) == -1 || read_ring(&k->ring, file, e) == -1) {
		seal_keys_release(k);
		return -1;
	}
	k->is_ring_read = true;
	return 0;
}

void
seal_keys_release(struct seal_keys *k)
{
	sodium_free(k->ring.all); /* which wipes it */
	k->ring = (struct seal_ring){0};
	k->is_ring_read = false;
}

static void
add_hex(const unsigned char *key, const char *prefix, struct buf *out)
{
	char digits[KEY_DIGITS + 1];

	sodium_bin2hex(digits, sizeof digits, key, KEY_DIGITS / 2);
	buf_addstr(out, prefix);
	buf_add(out, digits, KEY_DIGITS);
	sodium_memzero(digits, sizeof digits);
}

void
seal_public_text(const struct seal_public *p, struct buf *out)
{
	add_hex(p->key, SEAL_PUBLIC_PREFIX, out);
}

static int
sync_parent(const char *path, struct err *e)
{
	char *copy = xstrdup(path), *parent = dirname(copy);
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	r = fd == -1 ? err_errno(e, "%.200s: open", parent)
		     : file_sync_dir(fd, parent, e);
	if (fd != -1)
		close(fd);
	free(copy);
	return r;
}

/* A new file; what is there is somebody's key. */
static int
write_file(const char *path, mode_t mode, const struct buf *text, struct err *e)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd == -1 && errno == EEXIST)
		return err_set(e, ERR_TEMP,
		    "%.200s: is there already, and is not overwritten: give "
		    "another name",
		    path);
	if (fd == -1)
		return err_errno(e, "%.200s: create", path);
	/* Whatever the umask says. */
	r = fchmod(fd, mode) == -1 ? err_errno(e, "%.200s: chmod", path) : 0;
	if (r == 0)
		r = file_write(fd, text->data, text->len, -1, path, e);
	if (r == 0)
		r = file_sync(fd, path, e);
	if (file_close(fd, path, e) == -1)
		r = -1;
	if (r == 0)
		r = sync_parent(path, e);
	if (r == -1)
		unlink(path);
	return r;
}

void
seal_keys_forget(const char *secret_file, const char *public_file)
{
	unlink(secret_file);
	if (public_file != NULL)
		unlink(public_file);
}

int
seal_keys_generate(const char *secret_file, const char *public_file,
    struct seal_public *made, struct err *e)
{
	unsigned char key[crypto_box_PUBLICKEYBYTES];
	unsigned char secret[crypto_box_SECRETKEYBYTES];
	struct buf text = BUF_INIT;
	int r = start(e);

	if (r == -1)
		return -1;
	crypto_box_keypair(key, secret);
	seal_public_init(made, key);
	add_hex(secret, SEAL_SECRET_PREFIX, &text);
	buf_addch(&text, '\n');
	r = write_file(secret_file, 0600, &text, e);
	sodium_memzero(text.data, text.len);
	sodium_memzero(secret, sizeof secret);
	if (r == 0 && public_file != NULL) {
		buf_reset(&text);
		seal_public_text(made, &text);
		buf_addch(&text, '\n');
		r = write_file(public_file, 0644, &text, e);
		if (r == -1)
			unlink(secret_file);
	}
	buf_release(&text);
	return r;
}
