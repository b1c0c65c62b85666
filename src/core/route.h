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

#include "core/json.h"

#include "core/err.h"

/* Check such an object.  ERR_TEMP with path and reason.  Borrows routes. */
int route_check(json routes, struct err *e);

/*
 * The tenant, borrowed from routes; NULL: there is none.  Borrows routes, which
 * may be invalid: no routes.  recipient NULL or "": unknown.
 */
const char *route_tenant(json routes, const char *recipient);

#endif
