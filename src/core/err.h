/* Errors: a class, which decides the exit status, and one line of text. */
#ifndef CORE_ERR_H
#define CORE_ERR_H

/*
 * ERR_TEMP   75: time or an operator can cure it (disk, network, lock, memory,
 *            configuration, our own bugs).  The only status that means "try
 *            again" to every MTA.
 * ERR_DATA   65: this input can never work; its neighbours are untouched.
 * ERR_USAGE  64: the command line is wrong.
 */
enum err_class {
	ERR_NONE,
	ERR_DATA,
	ERR_USAGE,
	ERR_TEMP,
};

enum {
	EXIT_OK = 0,
	EXIT_USAGE = 64,
	EXIT_DATA = 65,
	EXIT_TEMP = 75,
};

struct err {
	enum err_class class;
	char text[512]; /* UTF-8, one line, names the object; never a secret */
};

/* clang-format off */
#define ERR_INIT {ERR_NONE, ""}
/* clang-format on */

/* Fill *e unless it holds an error already (the first one wins).  Always -1. */
int err_set(struct err *e, enum err_class class, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ": " and strerror(errno); the class is ERR_TEMP. */
int err_errno(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "WHAT: " before the text of an error already set.  Always -1. */
int err_prefix(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

/* The exit status of a class: 0, 64, 65 or 75. */
int err_status(enum err_class class);

#endif
