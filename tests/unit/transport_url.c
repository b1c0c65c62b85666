/* Transports as they are named. */
#include <stdio.h>
#include <string.h>

#include "send/transport.h"

static int failed;

static const struct {
	const char *url;
	enum transport_kind kind;
	bool is_lmtp;
	const char *host, *path; /* NULL: none */
	int port;
	enum smtp_tls tls;
} good[] = {
    {"smtp://mx.example", TRANSPORT_SMTP, false, "mx.example", NULL, 25,
	SMTP_TLS_REQUIRED},
    {"smtp://mx.example/", TRANSPORT_SMTP, false, "mx.example", NULL, 25,
	SMTP_TLS_REQUIRED},
    {"smtp://mx.example:587", TRANSPORT_SMTP, false, "mx.example", NULL, 587,
	SMTP_TLS_REQUIRED},
    {"smtp://mx.example?tls=opportunistic", TRANSPORT_SMTP, false, "mx.example",
	NULL, 25, SMTP_TLS_OPPORTUNISTIC},
    {"smtp://mx.example:26/?tls=never", TRANSPORT_SMTP, false, "mx.example",
	NULL, 26, SMTP_TLS_NEVER},
    {"smtp://localhost", TRANSPORT_SMTP, false, "localhost", NULL, 25,
	SMTP_TLS_NEVER},
    {"smtp://LocalHost:25?tls=required", TRANSPORT_SMTP, false, "LocalHost",
	NULL, 25, SMTP_TLS_REQUIRED},
    {"smtp://127.0.0.1:2525", TRANSPORT_SMTP, false, "127.0.0.1", NULL, 2525,
	SMTP_TLS_NEVER},
    {"smtp://127.1.2.3", TRANSPORT_SMTP, false, "127.1.2.3", NULL, 25,
	SMTP_TLS_NEVER},
    {"smtp://128.0.0.1", TRANSPORT_SMTP, false, "128.0.0.1", NULL, 25,
	SMTP_TLS_REQUIRED},
    {"smtp://localhost.example", TRANSPORT_SMTP, false, "localhost.example",
	NULL, 25, SMTP_TLS_REQUIRED},
    {"smtp://[::1]:2525", TRANSPORT_SMTP, false, "::1", NULL, 2525,
	SMTP_TLS_NEVER},
    {"smtp://[2001:db8::1]", TRANSPORT_SMTP, false, "2001:db8::1", NULL, 25,
	SMTP_TLS_REQUIRED},
    {"smtps://mx.example", TRANSPORT_SMTP, false, "mx.example", NULL, 465,
	SMTP_TLS_IMPLICIT},
    {"smtps://localhost:1465", TRANSPORT_SMTP, false, "localhost", NULL, 1465,
	SMTP_TLS_IMPLICIT},
    {"lmtp://mx.example", TRANSPORT_SMTP, true, "mx.example", NULL, 24,
	SMTP_TLS_REQUIRED},
    {"lmtp:/run/dovecot/lmtp", TRANSPORT_SMTP, true, NULL, "/run/dovecot/lmtp",
	24, SMTP_TLS_NEVER},
    {"maildir:out", TRANSPORT_MAILDIR, false, NULL, "out", 0,
	SMTP_TLS_REQUIRED},
    {"maildir:/srv/a b", TRANSPORT_MAILDIR, false, NULL, "/srv/a b", 0,
	SMTP_TLS_REQUIRED},
    {"sendmail:/usr/sbin/sendmail", TRANSPORT_COMMAND, false, NULL, NULL, 0,
	SMTP_TLS_REQUIRED},
};

static const char *const bad[] = {
    "",
    "smtp",
    "smtp:",
    "smtp:mx.example",
    "smtp://",
    "smtp://:25",
    "smtp://-x",
    "smtp://mx.example:",
    "smtp://mx.example:0",
    "smtp://mx.example:65536",
    "smtp://mx.example:25x",
    "smtp://mx.example:-25",
    "smtp://mx.example: 25",
    "smtp://mx .example",
    "smtp://[::1",
    "smtp://[mx.example]",
    "smtp://::1",
    "smtp://shop@mx.example",
    "smtp://shop:secret@mx.example",
    "smtp://mx.example?tls=maybe",
    "smtp://mx.example?tls=",
    "smtp://mx.example?verify=no",
    "smtp://mx.example/?tls=never&x=1",
    "smtp://mx.example/path",
    "smtps://mx.example?tls=never",
    "lmtp:",
    "lmtp:socket",
    "maildir:",
    "sendmail:",
    "sendmail:  ",
    "http://mx.example",
    "SMTP://mx.example",
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check_good(size_t i)
{
	struct transport_url url;
	struct err e = ERR_INIT;

	if (transport_url_parse(&url, good[i].url, &e) == -1 ||
	    url.kind != good[i].kind || url.is_lmtp != good[i].is_lmtp ||
	    !same(url.host, good[i].host) || !same(url.path, good[i].path) ||
	    url.port != good[i].port || url.tls != good[i].tls) {
		printf("%s: %s\n", good[i].url, e.text);
		failed = 1;
	}
	transport_url_release(&url);
}

static void
check_bad(const char *text, enum err_class class)
{
	struct transport_url url;
	struct err e = ERR_INIT;

	if (transport_url_parse(&url, text, &e) != -1 || e.class != class ||
	    strstr(e.text, "secret") != NULL) {
		printf("%s: class %d: %s\n", text, (int)e.class, e.text);
		failed = 1;
	}
	transport_url_release(&url);
}

static void
check_words(void)
{
	struct transport_url url;
	struct err e = ERR_INIT;

	if (transport_url_parse(&url, "sendmail: /bin/x  -a  b ", &e) == -1 ||
	    !same(url.words[0], "/bin/x") || !same(url.words[1], "-a") ||
	    !same(url.words[2], "b") || url.words[3] != NULL) {
		printf("words\n");
		failed = 1;
	}
	transport_url_release(&url);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		check_good(i);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		check_bad(bad[i], ERR_USAGE);
	check_bad("ses:eu-west-1", ERR_TEMP);
	check_bad("sendgrid:", ERR_TEMP);
	check_words();
	return failed;
}
