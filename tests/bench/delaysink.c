/*
 * delaysink: a distant or slow SMTP server on a free port of 127.0.0.1, which
 * takes all mail and forgets it.
 *
 *   delaysink [-d MS] [-e MS] COUNTERS
 *
 * -d: every batch of replies comes so much later, which plays the round trip
 * time; the greeting takes two of them, as a TCP handshake would.  -e: only the
 * reply to the message itself does.  COUNTERS is written over in place, "PORT
 * CONNECTIONS MESSAGES\n" in columns of 12.  Ends with SIGTERM.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNECTIONS = 4096, /* descriptors */
	LINE = 4096, /* of what is longer only the end is seen */
	REPLIES = 4096,
};

struct connection {
	bool is_open, is_in_data, is_closing;
	char line[LINE];
	size_t n;
	char replies[REPLIES]; /* that wait until due */
	size_t n_replies;
	double due;
};

static struct connection connections[CONNECTIONS];
static double delay, end_delay;
static long n_connections, n_messages;
static int port, counters, highest; /* descriptor */

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
write_counters(void)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%11d %11ld %11ld\n", port,
	    n_connections, n_messages);

	if (pwrite(counters, text, (size_t)n, 0) != n)
		exit(1);
}

static void
reply(struct connection *c, const char *text, double after)
{
	size_t n = strlen(text);

	if (c->n_replies + n > sizeof c->replies)
		exit(1); /* nobody pipelines so much */
	memcpy(c->replies + c->n_replies, text, n);
	c->n_replies += n;
	if (now() + after > c->due)
		c->due = now() + after;
}

static void
take_line(struct connection *c, const char *line)
{
	if (c->is_in_data) {
		if (strcmp(line, ".") != 0)
			return;
		c->is_in_data = false;
		n_messages++;
		reply(c, "250 2.0.0 Ok: queued\r\n", delay + end_delay);
		return;
	}
	if (strncasecmp(line, "EHLO", 4) == 0) {
		reply(c,
		    "250-sink.test\r\n250-PIPELINING\r\n250-SIZE\r\n"
		    "250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n",
		    delay);
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		c->is_in_data = true;
		reply(c, "354 Go on\r\n", delay);
	} else if (strncasecmp(line, "QUIT", 4) == 0) {
		c->is_closing = true;
		reply(c, "221 2.0.0 Bye\r\n", delay);
	} else {
		reply(c, "250 2.1.0 Ok\r\n", delay);
	}
}

static void
take_bytes(struct connection *c, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n') {
			c->line[c->n] = '\0';
			if (c->n > 0 && c->line[c->n - 1] == '\r')
				c->line[c->n - 1] = '\0';
			take_line(c, c->line);
			c->n = 0;
		} else if (c->n < LINE - 1) {
			c->line[c->n++] = data[i];
		}
	}
}

static void
read_from(int fd)
{
	static char data[65536];
	struct connection *c = &connections[fd];
	ssize_t n = read(fd, data, sizeof data);

	if (n > 0) {
		take_bytes(c, data, (size_t)n);
	} else if (n == 0) {
		close(fd);
		c->is_open = false;
	}
}

static void
accept_all(int listener, int poller)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
		if (fd >= CONNECTIONS)
			exit(1);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		event.data.fd = fd;
		epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
		memset(&connections[fd], 0, sizeof connections[fd]);
		connections[fd].is_open = true;
		highest = fd > highest ? fd : highest;
		n_connections++;
		reply(&connections[fd], "220 sink.test ESMTP\r\n", 2 * delay);
	}
}

/* Send what is due; milliseconds until the next, -1 for none. */
static int
send_due(void)
{
	double t = now(), next = 0;

	for (int fd = 0; fd <= highest; fd++) {
		struct connection *c = &connections[fd];

		if (!c->is_open || c->n_replies == 0)
			continue;
		if (c->due > t) {
			if (next == 0 || c->due < next)
				next = c->due;
			continue;
		}
		if (write(fd, c->replies, c->n_replies) == -1 ||
		    c->is_closing) {
			close(fd);
			c->is_open = false;
		}
		c->n_replies = 0;
		c->due = 0;
	}
	return next == 0 ? -1 : (int)(next - t + 0.999);
}

static int
listen_somewhere(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof a) == -1 ||
	    listen(fd, 1000) == -1 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) == -1) {
		perror("delaysink");
		exit(1);
	}
	port = ntohs(a.sin_port);
	return fd;
}

int
main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN}, events[256];
	int listener, poller = epoll_create1(0), option, n;

	while ((option = getopt(argc, argv, "d:e:")) != -1) {
		if (option == 'd')
			delay = atof(optarg);
		else if (option == 'e')
			end_delay = atof(optarg);
		else
			return 64;
	}
	counters = open(argv[optind], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	listener = listen_somewhere();
	event.data.fd = listener;
	if (counters == -1 ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) == -1)
		return 1;
	for (;;) {
		write_counters();
		n = epoll_wait(poller, events, 256, send_due());
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				accept_all(listener, poller);
			else
				read_from(events[i].data.fd);
	}
}
