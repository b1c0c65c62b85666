/* How long a server may take for what it does. */
#ifndef NET_SMTP_LIMITS_H
#define NET_SMTP_LIMITS_H

#include "net/smtp.h"

/* The limits with their defaults, milliseconds. */
struct smtp_limits smtp_limits_of(const struct smtp_server *server);

/* What all of a message may take, once the server has said 354. */
int64_t smtp_body_ms(const struct smtp_limits *limits, int64_t size);

#endif
