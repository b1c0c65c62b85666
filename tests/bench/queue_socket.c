/* Servers that speak lines over a socket: redis and beanstalkd. */
#include "queue_peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int sock;
static FILE *replies;
static char reply[4096];

/* What is to be sent. */
static struct {
	char *data;
	size_t len, room;
} out;

static void
add(const char *data, size_t len)
{
	if (out.len + len > out.room) {
		out.room = (out.len + len) * 2;
		out.data = realloc(out.data, out.room);
		if (out.data == NULL)
			die("send", "no memory");
	}
	memcpy(out.data + out.len, data, len);
	out.len += len;
}

__attribute__((format(printf, 1, 2))) static void
addf(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	add(text, (size_t)vsnprintf(text, sizeof text, format, args));
	va_end(args);
}

static void
flush(void)
{
	ssize_t n;

	for (size_t done = 0; done < out.len; done += (size_t)n) {
		n = write(sock, out.data + done, out.len - done);
		if (n <= 0)
			die("send", "the connection is closed");
	}
	out.len = 0;
}

static void
read_reply(void)
{
	if (fgets(reply, sizeof reply, replies) == NULL)
		die("receive", "the connection is closed");
}

static void
want_reply(const char *start)
{
	read_reply();
	if (strncmp(reply, start, strlen(start)) != 0)
		die("wrong reply", reply);
}

/* The bytes that follow a reply, and a line end. */
static void
read_text(struct item *item)
{
	item->text = malloc(item->len + 2);
	if (item->text == NULL ||
	    fread(item->text, 1, item->len + 2, replies) != item->len + 2)
		die("receive", "a record is cut off");
	item->text[item->len] = '\0';
}

static bool
connect_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(sock, (struct sockaddr *)&address, sizeof address) == -1) {
		close(sock);
		return false;
	}
	replies = fdopen(sock, "r");
	return replies != NULL;
}

/*
 * redis: a list; what is taken goes into a second one until it is removed.
 */
static void
redis_create(void)
{
	addf("*3\r\n$3\r\nDEL\r\n$5\r\nready\r\n$5\r\ntaken\r\n");
	flush();
	want_reply(":");
}

static void
redis_text(const struct item *item)
{
	addf("$%zu\r\n", item->len);
	add(item->text, item->len);
	add("\r\n", 2);
}

static void
redis_put(const struct item *items, size_t n)
{
	addf("*%zu\r\n$5\r\nLPUSH\r\n$5\r\nready\r\n", n + 2);
	for (size_t i = 0; i < n; i++)
		redis_text(&items[i]);
	flush();
	want_reply(":");
}

static size_t
redis_take(struct item *items, size_t n)
{
	size_t got = 0;
	long len;

	for (size_t i = 0; i < n; i++)
		addf("*5\r\n$5\r\nLMOVE\r\n$5\r\nready\r\n$5\r\ntaken\r\n"
		     "$5\r\nRIGHT\r\n$4\r\nLEFT\r\n");
	flush();
	for (size_t i = 0; i < n; i++) {
		want_reply("$");
		len = strtol(reply + 1, NULL, 10);
		if (len == -1)
			continue;
		items[got].len = (size_t)len;
		read_text(&items[got++]);
	}
	return got;
}

/* From the tail, where the oldest is. */
static void
redis_remove(const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		addf("*4\r\n$4\r\nLREM\r\n$5\r\ntaken\r\n$2\r\n-1\r\n");
		redis_text(&items[i]);
	}
	flush();
	for (size_t i = 0; i < n; i++)
		want_reply(":1");
}

const struct peer peer_redis = {
    "redis", connect_socket, redis_create, redis_put, redis_take, redis_remove};

/* beanstalkd: its default tube; what is taken is reserved. */
static void
beanstalkd_create(void)
{
}

static void
beanstalkd_put(const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		addf("put 100 0 300 %zu\r\n", items[i].len);
		add(items[i].text, items[i].len);
		add("\r\n", 2);
	}
	flush();
	for (size_t i = 0; i < n; i++)
		want_reply("INSERTED");
}

static size_t
beanstalkd_take(struct item *items, size_t n)
{
	size_t got = 0;

	for (size_t i = 0; i < n; i++)
		addf("reserve-with-timeout 0\r\n");
	flush();
	for (size_t i = 0; i < n; i++) {
		read_reply();
		if (sscanf(reply, "RESERVED %lld %zu", &items[got].id,
			&items[got].len) == 2)
			read_text(&items[got++]);
		else if (strncmp(reply, "TIMED_OUT", 9) != 0)
			die("wrong reply", reply);
	}
	return got;
}

static void
beanstalkd_remove(const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		addf("delete %lld\r\n", items[i].id);
	flush();
	for (size_t i = 0; i < n; i++)
		want_reply("DELETED");
}

const struct peer peer_beanstalkd = {"beanstalkd", connect_socket,
    beanstalkd_create, beanstalkd_put, beanstalkd_take, beanstalkd_remove};
