/*
 * Which transport a record goes by, and what is said about it: the one of the
 * command line (-x) for all records, else that of the record's tenant,
 *
 *   tenants.T.transport, else "default"
 *
 * of "transports": {X: {url, user, password, auth, ca_file, helo, time_limits,
 * time_limit_s, dsn, allow, rewrite_to, limits}}.
 *
 *   smtp://HOST[:PORT][?tls=required|opportunistic|never]   25
 *   smtps://HOST[:PORT]                                     465
 *   lmtp://HOST[:PORT][?tls=…], lmtp:/PATH                  24, a UNIX socket
 *   sendmail:COMMAND [ARG]...
 *   maildir:DIR
 *
 * Without "tls" it is required, but for this host itself and for a socket.
 */
#ifndef SEND_TRANSPORT_H
#define SEND_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/err.h"
#include "core/id.h"
#include "core/json.h"
#include "core/secret.h"
#include "net/smtp.h"

enum {
	TRANSPORT_LIMIT_S = 300, /* of sendmail: */
};

enum transport_kind {
	TRANSPORT_SMTP, /* and LMTP */
	TRANSPORT_COMMAND,
	TRANSPORT_MAILDIR,
};

/* What a URL says. */
struct transport_url {
	enum transport_kind kind;
	bool is_lmtp;
	char *host, *path; /* path: of a socket or a Maildir */
	int port;
	enum smtp_tls tls;
	char **words; /* of a command */
};

/*
 * ERR_USAGE, it is none; ERR_TEMP, this program cannot do it yet.  url is to be
 * released in any case.
 */
int transport_url_parse(
    struct transport_url *url, const char *text, struct err *e);
void transport_url_release(struct transport_url *url);

struct transport {
	char *name; /* of the configuration, or the URL that was given */
	/* For results: "@NAME", or "-" for the one of the command line. */
	char route[NAME_MAX_LEN + 2];
	struct transport_url url;
	json config; /* borrowed; none for a URL */
	struct smtp_server server; /* of SMTP, without the password */
	struct secret password; /* as far as it was needed */
	int64_t command_ms; /* what a command may take */
	const char *dsn_notify, *dsn_ret; /* NULL: none is asked for */
};

struct transports {
	const struct config *config;
	const char *word; /* -x, or NULL */
	struct transport **items; /* as far as asked for */
	size_t n;
};

/*
 * The transport of a tenant, while all lives.  NULL: ERR_TEMP, there is none or
 * what the configuration says of it is wrong; ERR_USAGE, -x is.
 */
struct transport *transports_find(
    struct transports *all, const char *tenant, struct err *e);

/* The server with the password in it.  NULL: ERR_TEMP, it cannot be had. */
const struct smtp_server *transport_server(struct transport *t, struct err *e);

/* What a message of so many bytes may take, at the most; milliseconds. */
int64_t transport_mail_ms(const struct transport *t, int64_t size);

/* It was no good: ask for it again the next time. */
void transport_forget_password(struct transport *t);

void transports_release(struct transports *all);

#endif
