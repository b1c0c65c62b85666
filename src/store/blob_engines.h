/* The blob engines that there are; only store/blob.c and tests need this. */
#ifndef STORE_BLOB_ENGINES_H
#define STORE_BLOB_ENGINES_H

#include "store/blob.h"

extern const struct blob_ops blob_file_ops; /* "file:" */
extern const struct blob_ops blob_mem_ops; /* "mem:" lives in the process */
extern const struct blob_ops blob_fail_ops; /* "fail:N:SPEC" */
extern const struct blob_ops blob_trace_ops; /* "trace:SPEC" */

#endif
