/*
 * Fuzzers: each tests/fuzz/NAME.c is a target of libFuzzer (`make fuzz`), and
 * with replay.c a test of what is in corpus/NAME.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What holds for every input. */
#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,     \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

/* FNV-1a; the same however the bytes are cut.  Begin with 0. */
static inline uint64_t
hash_add(uint64_t hash, const void *data, size_t n)
{
	const unsigned char *s = data;

	hash ^= UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ s[i]) * UINT64_C(0x100000001b3);
	return hash ^ UINT64_C(0xcbf29ce484222325);
}

/* The size of the next piece of an input of which left bytes are left. */
static inline size_t
next_piece(uint32_t *seed, size_t left)
{
	size_t n;

	*seed = *seed * 1103515245 + 12345;
	n = *seed >> 16 & 0x3f;
	n = n < 32 ? 1 : n - 31; /* every other one is a byte */
	return n < left ? n : left;
}

#endif
