#include "net/smtp_open.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/plain.h"
#include "net/smtp_limits.h"
#include "net/smtp_options.h"
#include "net/smtp_reply.h"
#include "net/smtp_secret.h"
#include "net/trust.h"

enum {
	/* Greeting, EHLO, STARTTLS, EHLO, AUTH and its challenges. */
	STEPS_MAX = 10,
};

/*
 * Each connection has a multi handle of its own: in a common one libcurl closes
 * others of its connections when it finds them idle for long, or with input
 * that it did not expect, which is a reply to us.
 */
struct smtp_opening {
	const struct smtp_server *server;
	const char *name;
	struct smtp_limits limits;
	CURL *easy;
	CURLM *multi;
	int epoll; /* over libcurl's descriptors */
	int64_t timer_at; /* when libcurl wants to be called */
	int64_t due; /* when this takes too long */
	int64_t all_due; /* and when all of it does, however busy it is */
	bool is_connected;
	bool is_done;
	CURLcode result;
	char text[CURL_ERROR_SIZE];
	/* What the server has said. */
	struct smtp_reader reader;
	struct reply last; /* complete reply */
	struct smtp_caps caps;
	bool has_offered_tls, is_authenticated, has_begun_auth, is_garbage;
};

/* What libcurl waits for; a descriptor's number may have been another's. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
	struct smtp_opening *o = ctx;
	struct epoll_event ev = {.data.fd = fd};

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(o->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(o->epoll, EPOLL_CTL_MOD, fd, &ev) == -1 &&
	    epoll_ctl(o->epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		return -1;
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *ctx)
{
	struct smtp_opening *o = ctx;

	(void)multi;
	o->timer_at = ms < 0 ? INT64_MAX : clock_mono_ms() + ms;
	return 0;
}

/* A reply is complete. */
static void
take_reply(struct smtp_opening *o)
{
	o->last = o->reader.reply;
	o->has_offered_tls |= o->caps.has_starttls;
	/* The greeting, or the answer to STARTTLS: what was offered before
	 * counts no more. */
	if (o->last.code == 220)
		o->caps = (struct smtp_caps){.has_size = false};
	if (o->last.code == 334)
		o->has_begun_auth = true;
	if (o->last.code == 235)
		o->is_authenticated = true;
}

/* For its next words. */
static void
set_due(struct smtp_opening *o, int64_t now)
{
	o->due = now + o->limits.command;
	if (o->due > o->all_due)
		o->due = o->all_due;
}

/* libcurl shows each line of the server's. */
static size_t
on_line(char *data, size_t size, size_t n, void *ctx)
{
	struct smtp_opening *o = ctx;
	size_t len = size * n, at = 0, used;

	/* It is at work as long as it speaks, but not for ever. */
	set_due(o, clock_mono_ms());
	while (at < len) {
		switch (
		    smtp_reader_add(&o->reader, data + at, len - at, &used)) {
		case SMTP_GOT_GARBAGE:
			o->is_garbage = true;
			return 0;
		case SMTP_GOT_REPLY:
			take_reply(o);
			break;
		case SMTP_GOT_MORE:
			break;
		}
		at += used;
	}
	return len;
}

/* libcurl's own limits are for the TCP connection only: what the server says is
 * waited for as long as RFC 5321, 4.5.3.2 wants. */
static int
set_ways(struct smtp_opening *o, struct net *net, struct err *e)
{
	CURL *easy = o->easy;
	CURLM *multi = o->multi;

	if (net_trust_use(net, easy, o->server, e) == -1)
		return err_prefix(e, "%s", o->name);
	if (curl_easy_setopt(easy, CURLOPT_SHARE, net->share) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, o->text) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
		(long)o->limits.connect) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
		(long)(o->limits.command / 1000 + 1)) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_line) !=
		CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_HEADERDATA, o) != CURLE_OK ||
	    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) !=
		CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, o) != CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) !=
		CURLM_OK ||
	    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, o) != CURLM_OK)
		return err_set(e, ERR_TEMP, "%s: libcurl is too old", o->name);
	return 0;
}

static int
begin(struct smtp_opening *o, struct net *net, struct err *e)
{
	o->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (o->epoll == -1)
		return err_errno(e, "%s: epoll", o->name);
	o->easy = curl_easy_init();
	o->multi = curl_multi_init();
	if (o->easy == NULL || o->multi == NULL)
		return err_set(e, ERR_TEMP, "%s: libcurl has no more", o->name);
	if (smtp_options(o->easy, o->server, o->name, e) == -1 ||
	    set_ways(o, net, e) == -1)
		return -1;
	if (curl_multi_add_handle(o->multi, o->easy) != CURLM_OK)
		return err_set(e, ERR_TEMP, "%s: libcurl refuses", o->name);
	return 0;
}

/* Let libcurl do what it can. */
static void
drive(struct smtp_opening *o, int64_t now)
{
	struct epoll_event events[8];
	int n = epoll_wait(o->epoll, events, 8, 0), left;
	CURLMsg *msg;

	for (int i = 0; i < n; i++) {
		int what = 0;

		if (events[i].events & (EPOLLIN | EPOLLHUP))
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & EPOLLERR)
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(
		    o->multi, events[i].data.fd, what, &left);
	}
	if (o->timer_at <= now) {
		o->timer_at = INT64_MAX;
		curl_multi_socket_action(
		    o->multi, CURL_SOCKET_TIMEOUT, 0, &left);
	}
	while ((msg = curl_multi_info_read(o->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE) {
			o->is_done = true;
			o->result = msg->data.result;
		}
}

struct smtp_opening *
smtp_opening_new(struct net *net, const struct smtp_server *server,
    const char *name, struct err *e)
{
	struct smtp_opening *o = xcalloc(1, sizeof *o);

	o->server = server;
	o->name = name;
	o->limits = smtp_limits_of(server);
	o->timer_at = 0;
	o->due = clock_mono_ms() + o->limits.connect;
	o->all_due = o->due + 2 * o->limits.command;
	smtp_reader_reset(&o->reader);
	o->reader.caps = &o->caps;
	if (begin(o, net, e) == -1) {
		smtp_opening_free(o);
		return NULL;
	}
	drive(o, clock_mono_ms());
	return o;
}

int
smtp_opening_fd(const struct smtp_opening *o)
{
	return o->epoll;
}

int64_t
smtp_opening_due(const struct smtp_opening *o)
{
	if (o->is_done)
		return 0;
	return o->timer_at < o->due ? o->timer_at : o->due;
}

/* There is somebody now, who may think longer than a connection takes. */
static void
look_for_connection(struct smtp_opening *o, int64_t now)
{
	curl_off_t us = 0;

	if (o->is_connected ||
	    curl_easy_getinfo(o->easy, CURLINFO_CONNECT_TIME_T, &us) !=
		CURLE_OK ||
	    us == 0)
		return;
	o->is_connected = true;
	set_due(o, now);
	curl_easy_setopt(o->easy, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(o->limits.connect + STEPS_MAX * (o->limits.command + 1000)));
}

static enum smtp_opened
failed(struct smtp_opening *o, struct smtp_answer *why, const char *text)
{
	struct buf plain = BUF_INIT;
	bool is_auth = o->result == CURLE_LOGIN_DENIED || o->has_begun_auth;

	*why = (struct smtp_answer){.outcome = SMTP_BROKEN};
	if (o->last.code >= 400 && o->last.code <= 599) {
		why->outcome = SMTP_REFUSED;
		why->reply = o->last;
		smtp_hide_secret(o->server->password, &why->reply);
	} else if (o->result == CURLE_LOGIN_DENIED) {
		/* There is no AUTH, or none that both can. */
		why->outcome = SMTP_REFUSED;
	}
	why->reply.stage = is_auth ? REPLY_AUTH : REPLY_CONNECT;
	plain_add(&plain, text, strlen(text), sizeof why->error.text / 2);
	err_set(&why->error, ERR_TEMP, "%s: %s", o->name, plain.data);
	buf_release(&plain);
	return SMTP_OPENED_FAILED;
}

/* TLS stays libcurl's; otherwise only the socket is wanted of it. */
static int
take_line(struct smtp_opening *o, struct line *line, struct err *e)
{
	const struct smtp_server *s = o->server;
	bool is_clear =
	    s->tls == SMTP_TLS_NEVER ||
	    (s->tls == SMTP_TLS_OPPORTUNISTIC && !o->has_offered_tls);
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (curl_easy_getinfo(o->easy, CURLINFO_ACTIVESOCKET, &fd) !=
		CURLE_OK ||
	    fd == CURL_SOCKET_BAD)
		return err_set(e, ERR_TEMP, "closed by the server");
	line_init(line);
	if (is_clear) {
		line->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		return line->fd == -1 ? err_errno(e, "socket") : 0;
	}
	line->fd = fd;
	line->easy = o->easy;
	line->multi = o->multi;
	curl_easy_setopt(o->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(o->easy, CURLOPT_HEADERDATA, NULL);
	curl_multi_setopt(o->multi, CURLMOPT_SOCKETFUNCTION, NULL);
	curl_multi_setopt(o->multi, CURLMOPT_TIMERFUNCTION, NULL);
	o->easy = NULL;
	o->multi = NULL;
	return 0;
}

static enum smtp_opened
finish(struct smtp_opening *o, struct line *line, struct smtp_caps *caps,
    struct smtp_answer *why)
{
	struct err e = ERR_INIT;

	if (o->is_garbage)
		return failed(o, why, "what it answers is not SMTP");
	if (o->result != CURLE_OK)
		return failed(o, why,
		    o->text[0] != '\0' ? o->text
				       : curl_easy_strerror(o->result));
	if (o->server->user != NULL && !o->is_authenticated) {
		/* libcurl would go on without. */
		o->result = CURLE_LOGIN_DENIED;
		return failed(o, why, "the server offers no AUTH");
	}
	if (take_line(o, line, &e) == -1)
		return failed(o, why, e.text);
	*caps = o->caps;
	return SMTP_OPENED;
}

enum smtp_opened
smtp_opening_step(struct smtp_opening *o, int64_t now, struct line *line,
    struct smtp_caps *caps, struct smtp_answer *why)
{
	drive(o, now);
	if (o->is_done)
		return finish(o, line, caps, why);
	look_for_connection(o, now);
	if (now < o->due)
		return SMTP_OPENED_NOT_YET;
	return failed(o, why,
	    o->is_connected ? "no answer within the time limit"
			    : "no connection within the time limit");
}

void
smtp_opening_free(struct smtp_opening *o)
{
	if (o == NULL)
		return;
	if (o->easy != NULL && o->multi != NULL)
		curl_multi_remove_handle(o->multi, o->easy);
	curl_easy_cleanup(o->easy);
	curl_multi_cleanup(o->multi);
	if (o->epoll != -1)
		close(o->epoll);
	free(o);
}
