/*
 * Whose mail it is, by its envelope recipient: the configuration's
 * "recipients", an object of tenants by
 *
 *   "orders@shop.example"   this address, with or without a "+tag"
 *   "@shop.example"         all others of this domain
 *   "*"                     all others
 *
 * An address with its tag comes before the same without.  Keys are in lower
 * case; recipients match in any.
 */
#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include <stddef.h>

#include "core/json.h"

/* Why this cannot be a key of such an object; NULL: it can. */
const char *route_bad_key(const char *key, size_t len);

/*
 * The tenant, borrowed from routes; NULL: there is none.  Borrows routes, which
 * may be invalid: no routes.  recipient NULL or "": unknown.
 */
const char *route_tenant(json routes, const char *recipient);

#endif
