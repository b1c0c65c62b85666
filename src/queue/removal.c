#include "queue/removal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/id.h"
#include "core/tool.h"
#include "queue/draw.h"

enum {
	WAIT_MS = 60000,
	REFS_MAX = 1000,
	/* A mail that is put now may have begun before midnight. */
	PUT_S = 3600,
};

#define LOCK_FILE "removal.lock"

/* "YYYY/MM/DD", as the names of blobs have it behind "file:". */
#define DAY_TEXT 11

struct refs {
	char today[DAY_TEXT];
	char *all[REFS_MAX]; /* the first n_free are nobody's */
	size_t n, n_free;
};

int
removal_lock(struct state *s, bool is_removing, struct err *e)
{
	int fd = openat(s->dir, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r;

	if (fd == -1)
		return err_errno(e, "%s/" LOCK_FILE, s->path);
	r = file_lock(
	    fd, is_removing ? LOCK_EX : LOCK_SH, WAIT_MS, LOCK_FILE, e);
	if (r == 1)
		return fd;
	close(fd);
	if (r == 0)
		err_set(e, ERR_TEMP,
		    "%s: mail-store backup, verify or expire has been at work "
		    "for "
		    "more than %d seconds: try again later",
		    s->path, WAIT_MS / 1000);
	return -1;
}

/*
 * A mail that comes again on its day finds its bytes, and promises them before
 * its row is there: those of today stay until the next run.
 */
static bool
may_come_again(const struct refs *refs, const char *ref)
{
	return strncmp(ref, "file:", 5) == 0 &&
	       strncmp(ref + 5, refs->today, DAY_TEXT - 1) >= 0;
}

static void
set_today(struct refs *refs)
{
	time_t t = (time_t)(clock_now_ms() / 1000 - PUT_S);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(refs->today, sizeof refs->today, "%Y/%m/%d", &tm);
}

static int
add_ref(void *ctx, const char *ref, struct err *e)
{
	struct refs *refs = ctx;

	(void)e;
	if (refs->n < REFS_MAX && !may_come_again(refs, ref))
		refs->all[refs->n++] = xstrdup(ref);
	return 0;
}

/* What is no name of a blob cannot be there, and must not stop the others. */
static int
remove_files(struct queue *q, const struct refs *refs, struct err *e)
{
	const char *const *all = (const char *const *)refs->all;
	struct err bad = ERR_INIT;

	if (blob_remove(q->blobs, all, refs->n_free, &bad) == 0)
		return 0;
	for (size_t i = 0; i < refs->n_free && bad.class == ERR_DATA; i++) {
		err_clear(&bad);
		if (blob_remove(q->blobs, &all[i], 1, &bad) == -1)
			tool_verbose("%s", bad.text);
		if (bad.class == ERR_NONE)
			bad.class = ERR_DATA;
	}
	return bad.class == ERR_TEMP ? err_set(e, ERR_TEMP, "%s", bad.text) : 0;
}

static int
note(void *ctx, const struct mail_row *row, struct err *e)
{
	bool *is_there = ctx;

	(void)row;
	(void)e;
	*is_there = true;
	return 0;
}

/* Is the mail of "…/ID.K" here again?  1, 0, -1. */
static int
has_row(struct queue *q, const char *ref, struct err *e)
{
	const char *name = strrchr(ref, '/');
	char id[ID_MAX + 1];
	struct mail_filter f = {.id = id, .state = -1};
	bool is_there = false;

	if (name == NULL || strcspn(name + 1, ".") > ID_MAX)
		return 0;
	snprintf(id, sizeof id, "%.*s", (int)strcspn(name + 1, "."), name + 1);
	if (q->mail->ops->list(q->mail, &f, note, &is_there, e) == -1)
		return -1;
	return is_there;
}

/*
 * A mail may have come back since its row went, from an MTA or by import, and
 * have found its bytes still there: they are its own again.
 */
static int
spare(struct queue *q, struct refs *refs, struct err *e)
{
	for (size_t i = 0; i < refs->n; i++) {
		char *ref = refs->all[i];
		int r = has_row(q, ref, e);

		if (r == -1)
			return -1;
		if (r == 1)
			continue;
		refs->all[i] = refs->all[refs->n_free];
		refs->all[refs->n_free++] = ref;
	}
	return 0;
}

/* 1 there may be more, 0 all are gone, -1. */
static int
remove_some(struct queue *q, struct err *e)
{
	struct refs refs = {.n = 0};
	int r;

	set_today(&refs);
	r = q->mail->ops->doomed(q->mail, add_ref, &refs, e);
	if (r == 0)
		r = spare(q, &refs, e);
	if (r == 0 && refs.n_free > 0)
		r = remove_files(q, &refs, e);
	if (r == 0 && refs.n > 0)
		r = q->mail->ops->gone(
		    q->mail, (const char *const *)refs.all, refs.n, e);
	if (r == 0)
		r = refs.n == REFS_MAX;
	for (size_t i = 0; i < refs.n; i++)
		free(refs.all[i]);
	return r;
}

int
removal_of_doomed(struct queue *q, struct err *e)
{
	int r = 1;

	if (queue_mail(q, e) == NULL || queue_blobs(q, e) == NULL)
		return -1;
	while (r == 1)
		r = remove_some(q, e);
	return r;
}
