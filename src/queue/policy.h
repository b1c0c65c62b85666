/* What the configuration says of tenants in a queue: weight and cap. */
#ifndef QUEUE_POLICY_H
#define QUEUE_POLICY_H

#include "core/config.h"
#include "queue/mail.h"

/* tenants.T.weight and tenants.T.in_flight; config lives as long as it. */
struct mail_policy policy_of(const struct config *config);

#endif
