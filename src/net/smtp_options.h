/* What a server's description means to libcurl. */
#ifndef NET_SMTP_OPTIONS_H
#define NET_SMTP_OPTIONS_H

#include <curl/curl.h>

#include "net/smtp.h"

/* ERR_TEMP: it cannot be done; name is the server's in errors. */
int smtp_options(CURL *easy, const struct smtp_server *server, const char *name,
    struct err *e);

#endif
