/* What the configuration says of tenants in a queue: weight and cap. */
#ifndef QUEUE_POLICY_H
#define QUEUE_POLICY_H

#include "core/config.h"
#include "ledger/mail.h"

/* tenants.T.weight, in_flight and on_interrupted; config lives as long as it.
 */
struct mail_policy policy_of(const struct config *config);

#endif
