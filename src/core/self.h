/* Where this program is. */
#ifndef CORE_SELF_H
#define CORE_SELF_H

#include <limits.h>

#include "core/err.h"

/*
 * The directory of this program's own file, without links in it.  The other
 * programs are there, too: MTAs give a bare PATH.  ERR_TEMP.
 */
int self_directory(char dir[PATH_MAX], struct err *e);

#endif
