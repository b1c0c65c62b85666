#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "handler/handler.h"
#include "mail/record.h"
#include "queue/content.h"

/* Rewrite the message in into a file of its own. */
static int
reform(struct queue *q, json rec, enum mail_form form, int in, struct err *e)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	const struct form_envelope env = {
	    .sender = json_str(envelope, "from"),
	    .recipient = json_str(envelope, "to"),
	    .original_to = json_str(envelope, "original_to"),
	    .at_ms = clock_now_ms(),
	};
	int out = state_spool_anonymous(q->state, e), r;

	if (out == -1)
		goto out;
	r = form_copy(form, &env, in, out, e);
	if (r == 0 && lseek(out, 0, SEEK_SET) == -1)
		r = err_errno(e, "message: lseek");
	if (r == -1) {
		close(out);
		out = -1;
	}
out:
	json_free(envelope);
	return out;
}

int
handler_message(struct queue *q, json rec, enum mail_form form, struct err *e)
{
	int fd = queue_open_message(q, rec, e), out;

	if (fd == -1 || form == FORM_RAW)
		return fd;
	out = reform(q, rec, form, fd, e);
	if (out == -1)
		err_prefix(e, "%s", record_id(rec));
	close(fd);
	return out;
}

int
handler_record(json rec, struct err *e)
{
	int fd = memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct buf line = BUF_INIT;

	if (fd == -1)
		return err_errno(e, "record: memfd_create");
	json_dump(json_copy(rec), &line);
	buf_addch(&line, '\n');
	if (file_write(fd, line.data, line.len, -1, "record", e) == -1) {
		close(fd);
		fd = -1;
	} else if (fcntl(fd, F_ADD_SEALS,
		       F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
			   F_SEAL_WRITE) == -1 ||
		   lseek(fd, 0, SEEK_SET) == -1) {
		err_errno(e, "record");
		close(fd);
		fd = -1;
	}
	buf_release(&line);
	return fd;
}
