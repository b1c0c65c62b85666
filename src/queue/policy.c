#include "queue/policy.h"

#include <stddef.h>
#include <string.h>

static double
weight(void *ctx, const char *tenant)
{
	return config_tenant_number(ctx, tenant, "weight", 1);
}

static int64_t
in_flight(void *ctx, const char *tenant)
{
	return config_tenant_int(ctx, tenant, "in_flight", 0);
}

static enum mail_state
interrupted(void *ctx, const char *tenant, enum mail_state normal)
{
	const char *word =
	    config_tenant_str(ctx, tenant, "on_interrupted", NULL);

	if (word == NULL)
		return normal;
	return strcmp(word, "park") == 0 ? MAIL_PARKED : MAIL_READY;
}

struct mail_policy
policy_of(const struct config *config)
{
	return (struct mail_policy){
	    .weight = weight,
	    .in_flight = in_flight,
	    .interrupted = interrupted,
	    .ctx = (void *)(uintptr_t)config,
	};
}
