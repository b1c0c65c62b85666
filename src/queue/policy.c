#include "queue/policy.h"

#include <stddef.h>

/* A tenant without weight would never come, one with all would leave nothing.
 */
#define WEIGHT_MIN 0.001
#define WEIGHT_MAX 1000.0

static json
tenant_of(const struct config *c, const char *tenant)
{
	json tenants = json_member(c->root, "tenants", JSON_OBJECT);
	json t = json_member(tenants, tenant, JSON_OBJECT);

	json_free(tenants);
	return t;
}

static double
weight(void *ctx, const char *tenant)
{
	json t = tenant_of(ctx, tenant), w = json_get(t, "weight");
	double n = json_kind(w) == JSON_NUMBER ? json_number_value(w) : 1;

	json_free(w);
	json_free(t);
	return n < WEIGHT_MIN ? WEIGHT_MIN : n > WEIGHT_MAX ? WEIGHT_MAX : n;
}

static int64_t
in_flight(void *ctx, const char *tenant)
{
	json t = tenant_of(ctx, tenant);
	int64_t n = json_int(t, "in_flight", 0);

	json_free(t);
	return n > 0 ? n : 0;
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
