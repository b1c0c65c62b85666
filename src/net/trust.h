/*
 * The certificates of authorities, read once for all connections: libcurl would
 * read the system's for each multi handle, which takes longer than all the rest
 * of opening a connection.
 */
#ifndef NET_TRUST_H
#define NET_TRUST_H

#include "net/share.h"
#include "net/smtp.h"

struct trust;

/* Verify with the server's ca_file, or with the system's; nothing to do where
 * nothing is verified.  ERR_TEMP: the file. */
int net_trust_use(struct net *net, CURL *easy, const struct smtp_server *server,
    struct err *e);

void net_trust_free(struct net *net);

#endif
