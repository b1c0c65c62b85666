#include "queue/policy.h"

#include <stddef.h>

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

struct mail_policy
policy_of(const struct config *config)
{
	return (struct mail_policy){
	    .weight = weight,
	    .in_flight = in_flight,
	    .ctx = (void *)(uintptr_t)config,
	};
}
