#include "ledger/owned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/id.h"
#include "ledger/parts.h"
#include "mail/record.h"

/* A "blob" section. */
static int
each_blob(json blob, const char *id, owned_fn *fn, void *ctx, struct err *e)
{
	struct owned o = {
	    .ref = json_str(blob, "ref"),
	    .size = json_int(blob, "size", -1),
	    .digest = json_str(blob, "digest"),
	};

	if (o.ref == NULL || (o.part = parts_number(o.ref, id)) == -1)
		return 0;
	return fn(ctx, &o, e);
}

static int
each_part(json list, const char *id, owned_fn *fn, void *ctx, struct err *e)
{
	int r = 0;

	for (int i = 0, n = json_count(list); r == 0 && i < n; i++) {
		json part = json_at(list, i);
		json blob = json_member(part, "blob", JSON_OBJECT);

		r = each_blob(blob, id, fn, ctx, e);
		json_free(blob);
		json_free(part);
	}
	return r;
}

int
owned_each(json rec, owned_fn *fn, void *ctx, struct err *e)
{
	const char *id = record_id(rec);
	json blob = json_member(rec, "blob", JSON_OBJECT);
	int r = each_blob(blob, id, fn, ctx, e);

	json_free(blob);
	for (int i = 0; r == 0 && i < PARTS_KINDS; i++) {
		json list = parts_list(rec, &parts_kinds[i]);

		r = each_part(list, id, fn, ctx, e);
		json_free(list);
	}
	return r;
}

typedef int write_fn(void *ctx, const char *data, size_t n, struct err *e);

static int
check(const struct owned *blob, int fd, write_fn *write_more, void *ctx,
    struct err *e)
{
	char window[65536], text[DIGEST_TEXT];
	struct digest digest;
	int64_t size = 0;
	ssize_t n;

	digest_init(&digest);
	while ((n = read(fd, window, sizeof window)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(e, "%s: read", blob->ref);
		digest_add(&digest, window, (size_t)n);
		size += n;
		if (write_more != NULL &&
		    write_more(ctx, window, (size_t)n, e) == -1)
			return -1;
	}
	if (blob->size >= 0 && size != blob->size)
		return err_set(e, ERR_DATA, "%s: %lld bytes, not %lld",
		    blob->ref, (long long)size, (long long)blob->size);
	if (blob->digest != NULL &&
	    strcmp(digest_text(&digest, text), blob->digest) != 0)
		return err_set(e, ERR_DATA,
		    "%s: its bytes are not those that were stored", blob->ref);
	return 0;
}

static int
write_fd(void *ctx, const char *data, size_t n, struct err *e)
{
	const int *to = ctx;

	return file_write(*to, data, n, -1, "copy", e);
}

int
owned_check(const struct owned *blob, int fd, int to, struct err *e)
{
	return check(blob, fd, to != -1 ? write_fd : NULL, &to, e);
}

static int
write_spool(void *ctx, const char *data, size_t n, struct err *e)
{
	return spool_write(ctx, data, n, e);
}

int
owned_spool(const struct owned *blob, int fd, struct spool *to, struct err *e)
{
	return check(blob, fd, write_spool, to, e);
}
