/* Transports as they are named: "scheme:rest". */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"
#include "send/transport.h"

enum {
	PORT_MAX = 65535,
};

/* A password may stand before an '@'. */
static int
wrong(struct err *e, const char *text, const char *why)
{
	size_t n = strlen(text);

	if (strchr(text, '@') != NULL)
		n = strcspn(text, ":/");
	return err_set(
	    e, ERR_USAGE, "%.*s: %s", n < 200 ? (int)n : 200, text, why);
}

/* This host itself: nobody else can listen there. */
static bool
is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0;
}

/* "[::1]" or a name, up to a port or the end. */
static bool
read_host(struct transport_url *url, const char **at)
{
	const char *s = *at, *end;
	struct in6_addr v6;

	if (*s == '[') {
		end = strchr(++s, ']');
		if (end == NULL)
			return false;
		url->host = xstrndup(s, (size_t)(end - s));
		*at = end + 1;
		return inet_pton(AF_INET6, url->host, &v6) == 1;
	}
	end = s + strcspn(s, ":/?#@");
	url->host = xstrndup(s, (size_t)(end - s));
	*at = end;
	for (s = url->host; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return url->host[0] != '\0' && url->host[0] != '-';
}

static bool
read_port(struct transport_url *url, const char **at)
{
	char *end;
	long port;

	if (**at != ':')
		return true;
	if ((*at)[1] < '0' || (*at)[1] > '9')
		return false;
	port = strtol(*at + 1, &end, 10);
	*at = end;
	url->port = (int)port;
	return port > 0 && port <= PORT_MAX;
}

/* Behind the host: nothing, or "?tls=WORD". */
static bool
read_tls(struct transport_url *url, const char *s)
{
	static const struct {
		const char *word;
		enum smtp_tls tls;
	} words[] = {
	    {"required", SMTP_TLS_REQUIRED},
	    {"opportunistic", SMTP_TLS_OPPORTUNISTIC},
	    {"never", SMTP_TLS_NEVER},
	};

	s += *s == '/';
	if (*s == '\0')
		return true;
	if (strncmp(s, "?tls=", 5) != 0 || url->tls == SMTP_TLS_IMPLICIT)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(s + 5, words[i].word) == 0) {
			url->tls = words[i].tls;
			return true;
		}
	return false;
}

static int
read_server(struct transport_url *url, const char *text, const char *rest,
    struct err *e)
{
	url->kind = TRANSPORT_SMTP;
	if (url->is_lmtp && rest[0] == '/' && rest[1] != '/') {
		url->path = xstrdup(rest);
		url->tls = SMTP_TLS_NEVER;
		return 0;
	}
	if (strncmp(rest, "//", 2) != 0)
		return wrong(e, text, "must be SCHEME://HOST[:PORT]");
	rest += 2;
	if (memchr(rest, '@', strcspn(rest, "/?#")) != NULL)
		return wrong(e, text,
		    "the user does not stand in the URL: \"user\" and "
		    "\"password\" are members of the transport");
	if (!read_host(url, &rest) || !read_port(url, &rest))
		return wrong(e, text, "must be SCHEME://HOST[:PORT]");
	if (url->tls != SMTP_TLS_IMPLICIT)
		url->tls =
		    is_loopback(url->host) ? SMTP_TLS_NEVER : SMTP_TLS_REQUIRED;
	if (!read_tls(url, rest))
		return wrong(e, text,
		    "behind the host only ?tls=required, ?tls=opportunistic "
		    "or ?tls=never can stand, and nothing with smtps:");
	return 0;
}

static int
read_smtp(struct transport_url *url, const char *text, const char *rest,
    struct err *e)
{
	url->port = 25;
	return read_server(url, text, rest, e);
}

static int
read_smtps(struct transport_url *url, const char *text, const char *rest,
    struct err *e)
{
	url->port = 465;
	url->tls = SMTP_TLS_IMPLICIT;
	return read_server(url, text, rest, e);
}

static int
read_lmtp(struct transport_url *url, const char *text, const char *rest,
    struct err *e)
{
	url->port = 24;
	url->is_lmtp = true;
	return read_server(url, text, rest, e);
}

/* Words with blanks between them; there is no shell. */
static int
read_command(struct transport_url *url, const char *text, const char *rest,
    struct err *e)
{
	size_t n = 0, len;

	url->kind = TRANSPORT_COMMAND;
	url->words = xcalloc(strlen(rest) / 2 + 2, sizeof *url->words);
	for (; *rest != '\0'; rest += len) {
		rest += strspn(rest, " ");
		len = strcspn(rest, " ");
		if (len > 0)
			url->words[n++] = xstrndup(rest, len);
	}
	return n > 0 ? 0 : wrong(e, text, "must be sendmail:COMMAND [ARG]...");
}

static int
read_maildir(struct transport_url *url, const char *text, const char *rest,
    struct err *e)
{
	url->kind = TRANSPORT_MAILDIR;
	url->path = xstrdup(rest);
	return rest[0] != '\0' ? 0 : wrong(e, text, "must be maildir:DIR");
}

static int
not_yet(struct transport_url *url, const char *text, const char *rest,
    struct err *e)
{
	(void)url;
	return err_set(
	    e, ERR_TEMP, "%.*s: is not built yet", (int)(rest - text), text);
}

int
transport_url_parse(struct transport_url *url, const char *text, struct err *e)
{
	static const struct {
		const char *scheme;
		int (*read)(struct transport_url *url, const char *text,
		    const char *rest, struct err *e);
	} schemes[] = {
	    {"smtp:", read_smtp},
	    {"smtps:", read_smtps},
	    {"lmtp:", read_lmtp},
	    {"sendmail:", read_command},
	    {"maildir:", read_maildir},
	    {"ses:", not_yet},
	    {"sendgrid:", not_yet},
	};

	*url = (struct transport_url){.kind = TRANSPORT_SMTP};
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t len = strlen(schemes[i].scheme);

		if (strncmp(text, schemes[i].scheme, len) == 0)
			return schemes[i].read(url, text, text + len, e);
	}
	return wrong(e, text,
	    "must begin with smtp: smtps: lmtp: sendmail: or maildir:");
}

void
transport_url_release(struct transport_url *url)
{
	free(url->host);
	free(url->path);
	for (char **w = url->words; w != NULL && *w != NULL; w++)
		free(*w);
	free(url->words);
	*url = (struct transport_url){.kind = TRANSPORT_SMTP};
}
