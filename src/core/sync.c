#include "core/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/file.h"

enum {
	FEW = 16, /* so many are sooner done than a context is ended */
};

/*
 * One after the other.  The bytes of all are on their way before the first is
 * waited for, so that one commit of the journal may do for all.
 */
static int
sync_each(const struct sync_file *files, size_t n, struct err *e)
{
	for (size_t i = 0; n > 1 && i < n; i++)
		(void)sync_file_range(files[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	for (size_t i = 0; i < n; i++)
		if (file_sync(files[i].fd, files[i].name, e) == -1)
			return -1;
	return 0;
}

/* Ask for them all.  So many were taken, from the first on. */
static size_t
submit(struct sync *s, const struct sync_file *files, size_t n)
{
	struct iocb calls[SYNC_MAX], *all[SYNC_MAX];
	long taken;

	if (s->aio == 0 && syscall(SYS_io_setup, SYNC_MAX, &s->aio) == -1)
		return 0;
	for (size_t i = 0; i < n; i++) {
		calls[i] = (struct iocb){
		    .aio_data = i,
		    .aio_lio_opcode = IOCB_CMD_FSYNC,
		    .aio_fildes = (__u32)files[i].fd,
		};
		all[i] = &calls[i];
	}
	taken = syscall(SYS_io_submit, s->aio, (long)n, all);
	return taken > 0 ? (size_t)taken : 0;
}

/* The first of n answers that is an error; 0: there is none. */
static int
first_error(const struct io_event *events, long n, size_t *file)
{
	for (long i = 0; i < n; i++)
		if (events[i].res < 0) {
			*file = events[i].data;
			return (int)-events[i].res;
		}
	return 0;
}

/* The answers to n of them: all have come when this returns. */
static int
wait_for(struct sync *s, const struct sync_file *files, size_t n, struct err *e)
{
	struct io_event events[SYNC_MAX];
	size_t file = 0;
	int error = 0;
	long got;

	for (size_t left = n; left > 0; left -= (size_t)got) {
		got = syscall(SYS_io_getevents, s->aio, (long)left, (long)left,
		    events, NULL);
		if (got == -1 && errno != EINTR) {
			err_errno(e, "%s: io_getevents", files[0].name);
			sync_release(s); /* it waits, and forgets them */
			return -1;
		}
		if (got == -1)
			got = 0;
		if (error == 0)
			error = first_error(events, got, &file);
	}
	errno = error;
	return error != 0 ? err_errno(e, "%s: fsync", files[file].name) : 0;
}

int
sync_files(
    struct sync *s, const struct sync_file *files, size_t n, struct err *e)
{
	bool is_worth_it = n > 1 && (s->aio != 0 || n >= FEW);
	size_t taken = is_worth_it ? submit(s, files, n) : 0;
	int r = wait_for(s, files, taken, e);

	/* Few, or where the kernel takes none of them. */
	return r == 0 ? sync_each(files + taken, n - taken, e) : -1;
}

void
sync_release(struct sync *s)
{
	if (s->aio != 0)
		syscall(SYS_io_destroy, s->aio);
	s->aio = 0;
}
