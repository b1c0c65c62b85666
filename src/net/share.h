/* What all connections of a process share. */
#ifndef NET_SHARE_H
#define NET_SHARE_H

#include <curl/curl.h>

struct net {
	CURLSH *share; /* names looked up, TLS sessions */
	struct trust *trust; /* a list: see net/trust.h */
};

#endif
