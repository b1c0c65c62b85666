#include "net/smtp_options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "core/buf.h"

enum {
	HELO_MAX = 255,
};

/* smtp://host:port/helo; LMTP is a stream of bytes, thus what libcurl thinks to
 * be HTTP and only connects to. */
static char *
make_url(const struct smtp_server *s)
{
	bool is_tls = s->tls == SMTP_TLS_IMPLICIT, is_set;
	const char *host = s->host != NULL ? s->host : "localhost";
	CURLU *url = curl_url();
	char *host_text, *port, *path, *text = NULL;

	if (url == NULL)
		xnomem();
	host_text = xasprintf(strchr(host, ':') != NULL ? "[%s]" : "%s", host);
	port = xasprintf("%d", s->port > 0 ? s->port : 24);
	path = xasprintf("/%s", !s->is_lmtp && s->helo != NULL ? s->helo : "");
	is_set = curl_url_set(url, CURLUPART_SCHEME,
		     s->is_lmtp ? (is_tls ? "https" : "http")
				: (is_tls ? "smtps" : "smtp"),
		     0) == CURLUE_OK &&
		 curl_url_set(url, CURLUPART_HOST, host_text, 0) == CURLUE_OK &&
		 curl_url_set(url, CURLUPART_PORT, port, 0) == CURLUE_OK &&
		 curl_url_set(url, CURLUPART_PATH, path, CURLU_URLENCODE) ==
		     CURLUE_OK &&
		 curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK;
	free(host_text);
	free(port);
	free(path);
	curl_url_cleanup(url);
	return is_set ? text : NULL;
}

static bool
set_address(CURL *easy, const struct smtp_server *s)
{
	char *url = make_url(s);
	bool is_set;

	if (url == NULL)
		return false;
	is_set = curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
	curl_free(url);
	if (s->path != NULL)
		is_set &= strlen(s->path) <
			      sizeof((struct sockaddr_un *)NULL)->sun_path &&
			  curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
			      s->path) == CURLE_OK;
	/* No proxy, whatever the environment says. */
	return is_set &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
		   "smtp,smtps,http,https") == CURLE_OK;
}

/*
 * With "opportunistic" a password still goes through TLS only, so that nobody
 * gets it who only leaves STARTTLS out of an answer.
 */
static bool
set_tls(CURL *easy, const struct smtp_server *s)
{
	bool is_verified =
	    s->tls == SMTP_TLS_REQUIRED || s->tls == SMTP_TLS_IMPLICIT;
	long use = CURLUSESSL_NONE;

	if (is_verified)
		use = CURLUSESSL_ALL;
	else if (s->tls == SMTP_TLS_OPPORTUNISTIC)
		use = s->user != NULL ? CURLUSESSL_ALL : CURLUSESSL_TRY;
	return curl_easy_setopt(easy, CURLOPT_USE_SSL, use) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
		   is_verified ? 1L : 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
		   is_verified ? 2L : 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L) ==
		   CURLE_OK &&
	       (!is_verified || curl_easy_setopt(easy, CURLOPT_SSLVERSION,
				    (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK);
}

static bool
set_login(CURL *easy, const struct smtp_server *s)
{
	static const struct {
		const char *name, *option;
	} mechanisms[] = {
	    {"plain", "AUTH=PLAIN"},
	    {"login", "AUTH=LOGIN"},
	    {"xoauth2", "AUTH=XOAUTH2"},
	};
	const char *password = s->password != NULL ? s->password : "";
	bool is_token = s->auth != NULL && strcasecmp(s->auth, "xoauth2") == 0;
	const char *option = NULL;

	if (s->user == NULL)
		return true;
	for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
		if (s->auth != NULL &&
		    strcasecmp(s->auth, mechanisms[i].name) == 0)
			option = mechanisms[i].option;
	if (s->auth != NULL && option == NULL)
		return false;
	return curl_easy_setopt(easy, CURLOPT_USERNAME, s->user) == CURLE_OK &&
	       curl_easy_setopt(easy,
		   is_token ? CURLOPT_XOAUTH2_BEARER : CURLOPT_PASSWORD,
		   password) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_LOGIN_OPTIONS, option) ==
		   CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SASL_IR, 1L) == CURLE_OK;
}

/* It is a word of a command. */
static bool
is_helo(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return n > 0 && n <= HELO_MAX;
}

int
smtp_options(
    CURL *easy, const struct smtp_server *s, const char *name, struct err *e)
{
	if (s->is_lmtp && s->user != NULL)
		return err_set(e, ERR_TEMP,
		    "%s: LMTP with a user: there is no "
		    "AUTH for it here",
		    name);
	if (s->is_lmtp && s->tls == SMTP_TLS_REQUIRED)
		return err_set(
		    e, ERR_TEMP, "%s: LMTP with STARTTLS is not there", name);
	if (s->helo != NULL && !is_helo(s->helo))
		return err_set(e, ERR_TEMP, "%s: helo: it is no name", name);
	if (!set_address(easy, s))
		return err_set(e, ERR_TEMP,
		    "%s: it cannot be the address of a server", name);
	if (!set_tls(easy, s))
		return err_set(e, ERR_TEMP, "%s: TLS cannot be set up", name);
	if (!set_login(easy, s))
		return err_set(e, ERR_TEMP,
		    "%s: auth: none of plain, login, xoauth2", name);
	/* QUICK_EXIT: a look-up that hangs is not waited for. */
	if (curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) != CURLE_OK)
		return err_set(e, ERR_TEMP, "%s: libcurl is too old", name);
	return 0;
}
