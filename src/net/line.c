#include "net/line.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void
line_init(struct line *l)
{
	*l = (struct line){.fd = -1};
}

static int64_t
send_clear(struct line *l, const void *data, size_t n, struct err *e)
{
	ssize_t sent = send(l->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent != -1)
		return sent;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return 0;
	return err_errno(e, "write");
}

int64_t
line_send(struct line *l, const void *data, size_t n, struct err *e)
{
	size_t sent = 0;
	CURLcode code;

	if (l->easy == NULL)
		return send_clear(l, data, n, e);
	code = curl_easy_send(l->easy, data, n, &sent);
	if (code == CURLE_OK)
		return (int64_t)sent;
	if (code == CURLE_AGAIN)
		return 0;
	return err_set(e, ERR_TEMP, "write: %s", curl_easy_strerror(code));
}

static int64_t
recv_clear(struct line *l, void *data, size_t n, struct err *e)
{
	ssize_t got = recv(l->fd, data, n, MSG_DONTWAIT);

	if (got > 0)
		return got;
	if (got == 0)
		return err_set(e, ERR_TEMP, "closed by the server");
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return 0;
	return err_errno(e, "read");
}

int64_t
line_recv(struct line *l, void *data, size_t n, struct err *e)
{
	size_t got = 0;
	CURLcode code;

	if (l->easy == NULL)
		return recv_clear(l, data, n, e);
	code = curl_easy_recv(l->easy, data, n, &got);
	if (code == CURLE_OK && got > 0)
		return (int64_t)got;
	if (code == CURLE_OK)
		return err_set(e, ERR_TEMP, "closed by the server");
	if (code == CURLE_AGAIN)
		return 0;
	return err_set(e, ERR_TEMP, "read: %s", curl_easy_strerror(code));
}

bool
line_is_buffered(const struct line *l)
{
	return l->easy != NULL;
}

void
line_close(struct line *l)
{
	if (l->easy != NULL) {
		/* Whatever libcurl may want to say or hear, it ends at once. */
		shutdown(l->fd, SHUT_RDWR);
		curl_multi_remove_handle(l->multi, l->easy);
		curl_easy_cleanup(l->easy);
		curl_multi_cleanup(l->multi);
	} else if (l->fd != -1) {
		close(l->fd);
	}
	line_init(l);
}
