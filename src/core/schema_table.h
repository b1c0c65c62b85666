/* The table of what may stand where; for core/schema*.c only. */
#ifndef CORE_SCHEMA_TABLE_H
#define CORE_SCHEMA_TABLE_H

#include "core/schema_type.h"

/* The first is the root's, the last one has no path. */
extern const struct schema_row schema_rows[];

/* The row of this path; NULL: there is none. */
const struct schema_row *schema_find(const char *path);

#endif
