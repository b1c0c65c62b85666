#include "net/smtp_limits.h"

struct smtp_limits
smtp_limits_of(const struct smtp_server *server)
{
	static const int64_t second = 1000, minute = 60000;
	struct smtp_limits l = server->limits;

	l.connect = l.connect > 0 ? l.connect : 30 * second;
	l.command = l.command > 0 ? l.command : 5 * minute;
	l.data = l.data > 0 ? l.data : 2 * minute;
	l.block = l.block > 0 ? l.block : 3 * minute;
	l.end = l.end > 0 ? l.end : 10 * minute;
	return l;
}

int64_t
smtp_body_ms(const struct smtp_limits *limits, int64_t size)
{
	return SMTP_BLOCKS * limits->block + size / SMTP_BYTES_MS;
}

int64_t
smtp_mail_ms(const struct smtp_server *server, int64_t size)
{
	struct smtp_limits l = smtp_limits_of(server);

	/* RSET, MAIL, RCPT; DATA. */
	return 3 * l.command + l.data + smtp_body_ms(&l, size) + l.end;
}
