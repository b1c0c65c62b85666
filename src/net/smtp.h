/*
 * SMTP and LMTP as a client (RFC 5321, 2033, 2920, 1870, 6152, 6531, 3461,
 * 4954, 3207, 8314): libcurl connects, does TLS and AUTH; the dialog is ours.
 * Nothing here waits: connections take steps when their descriptors are ready,
 * many of them in one process.
 *
 *   opening ---> idle <---> busy (MAIL RCPT DATA, the message, its reply)
 *      |          |           |
 *      +----------+-----------+--> closed (error says why, when it was not us)
 *
 * A mail's answer comes when it is known: after RSET has been sent the
 * connection is used again, whatever the reply was (421 excepted).
 */
#ifndef NET_SMTP_H
#define NET_SMTP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bulk.h"
#include "core/err.h"
#include "mail/reply.h"

enum smtp_tls {
	SMTP_TLS_REQUIRED, /* STARTTLS, verified */
	SMTP_TLS_OPPORTUNISTIC, /* STARTTLS if it is offered, not verified; with
				   a user it has to be */
	SMTP_TLS_NEVER,
	SMTP_TLS_IMPLICIT, /* from the first byte (smtps:), verified */
};

/*
 * Milliseconds, RFC 5321 4.5.3.2; 0: what is said there.  A block is whatever
 * the server takes at once; all of a connection's opening may take connect and
 * two of command, all of a message may take SMTP_BLOCKS of them, and
 * a millisecond more for each SMTP_BYTES_MS bytes.
 */
struct smtp_limits {
	int64_t connect, command, data, block, end;
};

enum {
	SMTP_BLOCKS = 5,
	SMTP_BYTES_MS = 64,
};

/* Borrowed while a connection lives. */
struct smtp_server {
	bool is_lmtp;
	const char *host; /* name, IPv4 or IPv6 address without brackets */
	int port;
	const char *path; /* of a UNIX socket (lmtp) instead; NULL: none */
	enum smtp_tls tls;
	const char *ca_file; /* PEM; NULL: the system's */
	const char *helo; /* NULL: the host's name */
	const char *user; /* NULL: no AUTH */
	const char *password;
	const char *auth; /* "plain", "login", "xoauth2"; NULL: what both can */
	struct smtp_limits limits;
};

struct smtp_mail {
	const char *sender; /* "" is the null sender */
	const char *recipient;
	const char *head; /* fields before the message (DKIM-Signature) */
	size_t head_len;
	const struct bulk *message;
	const char
	    *envid; /* DSN (RFC 3461): ENVID; NULL: no DSN is asked for */
	const char *notify; /* "FAILURE,DELAY", "NEVER", … */
	const char *ret; /* "HDRS" or "FULL" */
};

enum smtp_outcome {
	SMTP_ACCEPTED, /* it is the server's now */
	SMTP_REFUSED, /* reply says why */
	SMTP_BROKEN, /* the line broke before the final dot: it was not sent */
	SMTP_UNKNOWN, /* it broke after it: nobody knows */
	SMTP_IMPOSSIBLE, /* error says what about the mail can't be sent there
			  */
};

struct smtp_answer {
	enum smtp_outcome outcome;
	struct reply reply; /* the deciding one; stage is set in any case */
	struct err error; /* of what has no reply */
};

struct net; /* what all connections of a process share */
struct smtp;

struct net *net_open(struct err *e);
void net_close(struct net *net);

/*
 * poll(2) over fds, of which connections that are still opening have one, too.
 * 0, also after a signal; -1: ERR_TEMP.
 */
int net_wait(struct net *net, struct pollfd *fds, size_t n, int timeout_ms,
    struct err *e);

enum smtp_state {
	SMTP_OPENING,
	SMTP_IDLE,
	SMTP_BUSY,
	SMTP_CLOSED,
};

/*
 * Begin to connect.  LMTP knows neither STARTTLS nor AUTH: with
 * SMTP_TLS_REQUIRED or a user it is refused.  With TLS a connection has three
 * descriptors.  NULL: ERR_TEMP.
 */
struct smtp *smtp_open(
    struct net *net, const struct smtp_server *server, struct err *e);

/* The longest that a message of so many bytes takes, from smtp_send to its
 * answer. */
int64_t smtp_mail_ms(const struct smtp_server *server, int64_t size);

enum smtp_state smtp_state(const struct smtp *c);

/*
 * Why it is closed, or could not be opened: reply.stage is REPLY_CONNECT or
 * REPLY_AUTH, with the server's words where it had any; error what happened
 * else.  Refused without a code: it offers no AUTH that can be used.
 */
const struct smtp_answer *smtp_why(const struct smtp *c);

/* Idle, it becomes busy.  mail and what it names are borrowed until it is
 * answered. */
void smtp_send(struct smtp *c, const struct smtp_mail *mail);

/*
 * What to poll for (fd -1: nothing), and until when at the latest (monotonic
 * milliseconds; INT64_MAX: any time; what is past: at once), whatever the state
 * is.  Both may be another after each smtp_step and smtp_send.
 */
void smtp_watch(const struct smtp *c, struct pollfd *fd);
int64_t smtp_due(const struct smtp *c);

/*
 * Go on as far as can be without waiting.  true: the mail that was being sent
 * is answered, *answer is filled, and the connection is idle or closed.
 */
bool smtp_step(
    struct smtp *c, short revents, int64_t now, struct smtp_answer *answer);

/* Say QUIT if that can be said at once, and close.  It waits for nothing. */
void smtp_close(struct smtp *c);

#endif
