#include <errno.h>
#include <stdlib.h>

#include "core/buf.h"
#include "net/share.h"
#include "net/smtp.h"
#include "net/trust.h"

struct net *
net_open(struct err *e)
{
	struct net *net;
	CURLSH *share;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(e, ERR_TEMP, "libcurl: cannot be initialised");
		return NULL;
	}
	share = curl_share_init();
	/*
	 * No TLS sessions: what one transport's authorities have verified would
	 * be resumed by another, which believes in others.
	 */
	if (share == NULL || curl_share_setopt(share, CURLSHOPT_SHARE,
				 CURL_LOCK_DATA_DNS) != CURLSHE_OK) {
		err_set(e, ERR_TEMP, "libcurl: nothing can be shared");
		curl_share_cleanup(share);
		return NULL;
	}
	net = xcalloc(1, sizeof *net);
	net->share = share;
	return net;
}

void
net_close(struct net *net)
{
	if (net == NULL)
		return;
	net_trust_free(net);
	curl_share_cleanup(net->share);
	curl_global_cleanup();
	free(net);
}

/* What is opening has a descriptor too (net/smtp_open.c). */
int
net_wait(struct net *net, struct pollfd *fds, size_t n, int timeout_ms,
    struct err *e)
{
	(void)net;
	if (poll(fds, n, timeout_ms) == -1) {
		for (size_t i = 0; i < n; i++)
			fds[i].revents = 0;
		return errno == EINTR ? 0 : err_errno(e, "poll");
	}
	return 0;
}
