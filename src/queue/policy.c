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

/*
 * "@NAME" is a transport (send/transport.h), all else a handler, of which both
 * may have one of the same name; "default" is that of who names none.
 */
static bool
is_served(void *ctx, const char *tenant, const char *route)
{
	bool is_transport = route[0] == '@';
	const char *name = config_tenant_str(
	    ctx, tenant, is_transport ? "transport" : "handler", "default");

	return strcmp(name, route + is_transport) == 0;
}

struct mail_policy
policy_of(const struct config *config)
{
	return (struct mail_policy){
	    .weight = weight,
	    .in_flight = in_flight,
	    .interrupted = interrupted,
	    .is_served = is_served,
	    .ctx = (void *)(uintptr_t)config,
	};
}
