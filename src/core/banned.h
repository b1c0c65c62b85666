/* Functions that have no safe use here become compile errors. */
#ifndef CORE_BANNED_H
#define CORE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With clang, glibc's fortified headers make macros of these. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets localtime gmtime
#pragma GCC poison system tmpnam mktemp atoi atol strncpy strncat popen

#endif
