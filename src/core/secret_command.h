/* A command that prints a secret; for core/secret.c only. */
#ifndef CORE_SECRET_COMMAND_H
#define CORE_SECRET_COMMAND_H

#include <stddef.h>

#include "core/err.h"
#include "core/json.h"

/*
 * Run words, an array of strings, with nothing on its stdin, our stderr and our
 * environment, and put what it prints into data.  It has SECRET_COMMAND_S; what
 * it has left running is not waited for.  More than room - 1 bytes, or another
 * end than exit status 0, is an error (ERR_TEMP).  Borrows words.
 */
int secret_command(
    json words, char *data, size_t room, size_t *len, struct err *e);

#endif
