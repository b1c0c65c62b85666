/* Bytes with a length, and allocation that does not return on failure. */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * NUL is data.  data[len] is always a NUL of ours once anything was added, so
 * that text can be handed to C functions.  The contents are ours until
 * buf_release or buf_detach.
 */
struct buf {
	char *data;
	size_t len;
	size_t cap;
};

/* clang-format off */
#define BUF_INIT {NULL, 0, 0}
/* clang-format on */

/* Out of memory: what xnomem_set named, else exit 75.  Does not return. */
_Noreturn void xnomem(void);
/* What to do instead; it must not return, nor allocate. */
void xnomem_set(void (*end)(void));
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
/* Room for n elements of size bytes each; overflow is out of memory. */
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Make room for n more bytes (and the closing NUL). */
void buf_grow(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_addstr(struct buf *b, const char *s);
void buf_addch(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Drop the first n bytes. */
void buf_shift(struct buf *b, size_t n);
/* Forget the contents, keep the memory. */
void buf_reset(struct buf *b);
void buf_release(struct buf *b);
/* The contents as a string that the caller frees; b is empty afterwards. */
char *buf_detach(struct buf *b);

#endif
