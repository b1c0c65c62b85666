#include "net/smtp_body.h"

enum {
	/* Of the message; head and doubled dots come in addition. */
	WINDOW = 128 * 1024,
	/* Memory that a connection keeps between its mails. */
	KEPT = 64 * 1024,
};

/* So many bytes of the message, from at on, to out (NULL: only looked at). */
static int
add(struct smtp_body *b, size_t n, struct buf *out, struct err *e)
{
	const struct bulk *message = b->mail->message;
	char piece[16 * 1024];
	int64_t got;

	if (message->fd == -1) {
		if ((int64_t)n > message->size - b->at)
			n = (size_t)(message->size - b->at);
		if (n > 0)
			wire_add(
			    &b->wire, message->memory.data + b->at, n, out);
		b->at += (int64_t)n;
		return 0;
	}
	while (n > 0 && b->at < message->size) {
		got = bulk_read(message, b->at, piece,
		    n < sizeof piece ? n : sizeof piece, e);
		if (got == -1)
			return -1;
		if (got == 0)
			return err_set(
			    e, ERR_TEMP, "message: it has become shorter");
		wire_add(&b->wire, piece, (size_t)got, out);
		b->at += got;
		n -= (size_t)got;
	}
	return 0;
}

static void
begin(struct smtp_body *b)
{
	wire_init(&b->wire, true);
	b->at = 0;
	b->sent = 0;
	b->is_last = false;
	buf_reset(&b->window);
}

static int
fill(struct smtp_body *b, struct err *e)
{
	if (add(b, WINDOW, &b->window, e) == -1)
		return -1;
	if (b->at < b->mail->message->size)
		return 0;
	wire_end(&b->wire, &b->window);
	buf_add(&b->window, ".\r\n", 3);
	b->is_last = true;
	return 0;
}

/* All of a large mail is looked at before its first byte is sent. */
static int
look(struct smtp_body *b, struct err *e)
{
	wire_add(&b->wire, b->mail->head, b->mail->head_len, NULL);
	while (b->at < b->mail->message->size)
		if (add(b, WINDOW, NULL, e) == -1)
			return -1;
	wire_end(&b->wire, NULL);
	b->seen = b->wire;
	return 0;
}

int
smtp_body_open(struct smtp_body *b, const struct smtp_mail *mail, struct err *e)
{
	int64_t size = mail->message->size;

	b->mail = mail;
	begin(b);
	if (size > WINDOW) {
		if (look(b, e) == -1)
			return -1;
		begin(b);
	}
	if (b->window.cap == 0)
		buf_grow(&b->window,
		    mail->head_len + (size_t)(size < WINDOW ? size : WINDOW) +
			KEPT / 16);
	wire_add(&b->wire, mail->head, mail->head_len, &b->window);
	if (fill(b, e) == -1)
		return -1;
	if (b->is_last)
		b->seen = b->wire;
	return 0;
}

int
smtp_body_next(struct smtp_body *b, struct err *e)
{
	buf_reset(&b->window);
	b->sent = 0;
	return fill(b, e);
}

void
smtp_body_close(struct smtp_body *b)
{
	b->mail = NULL;
	if (b->window.cap > KEPT)
		buf_release(&b->window);
}

void
smtp_body_release(struct smtp_body *b)
{
	buf_release(&b->window);
}
