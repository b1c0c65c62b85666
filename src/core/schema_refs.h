/*
 * What no row of the table can say: whether that which one part of the
 * configuration refers to stands in another.
 */
#ifndef CORE_SCHEMA_REFS_H
#define CORE_SCHEMA_REFS_H

#include "core/err.h"
#include "core/json.h"

/* Of a root whose keys and values are good.  ERR_TEMP.  Borrows root. */
int schema_check_refs(json root, struct err *e);

#endif
