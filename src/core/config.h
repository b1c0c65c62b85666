/*
 * The configuration file: $MAILPIPE_CONFIG or /etc/mailpipe/config.json.
 * Everything has a default; a broken file is ERR_TEMP, so that it loses no
 * mail.  What may stand in it is in core/schema.h and mailpipe-config(5).
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"

struct config {
	char *file;
	json root; /* an object, whose values are good */
	bool is_named; /* by $MAILPIPE_CONFIG */
	bool is_there; /* else there is no file, and root is empty */
};

/*
 * Read and check it.  A missing default file is an empty configuration; a
 * missing $MAILPIPE_CONFIG is an error.
 */
int config_load(struct config *c, struct err *e);

/*
 * The same for what must go on when it is broken: true with *why, and only
 * "state" and "engines" are there, as far as they are good.
 */
bool config_load_broken(struct config *c, struct err *why);

void config_release(struct config *c);

/*
 * All that follows is borrowed: good while c lives, never freed.  Nothing of it
 * costs more than looking up the keys on the way.
 */

/* One of them by its name; JSON_NONE, which all below take, when there is no
 * such one. */
json config_tenant(const struct config *c, const char *tenant);
json config_handler(const struct config *c, const char *name);
json config_transport(const struct config *c, const char *name);
/* Of "dkim", by domain in lower case: an object, or an array of them. */
json config_dkim(const struct config *c, const char *domain);

/*
 * In such an object, the value at "key" or "section.key"; JSON_NONE when it is
 * absent.
 */
json config_in(json from, const char *path);

/*
 * The same as what the table in schema_table.c says it is; fallback when it is
 * absent.  A duration is in seconds, however it was written.
 */
const char *config_in_str(json from, const char *path, const char *fallback);
int64_t config_in_int(json from, const char *path, int64_t fallback);
double config_in_number(json from, const char *path, double fallback);
int64_t config_in_duration_s(json from, const char *path, int64_t fallback);

/* Of the whole: config_str(c, "engines.mail", "sqlite:"). */
const char *config_str(
    const struct config *c, const char *path, const char *fallback);
int64_t config_int(const struct config *c, const char *path, int64_t fallback);

/* Of one tenant: config_tenant_int(c, "ne-001", "in_flight", 0). */
const char *config_tenant_str(const struct config *c, const char *tenant,
    const char *path, const char *fallback);
int64_t config_tenant_int(const struct config *c, const char *tenant,
    const char *path, int64_t fallback);
double config_tenant_number(const struct config *c, const char *tenant,
    const char *path, double fallback);
int64_t config_tenant_duration_s(const struct config *c, const char *tenant,
    const char *path, int64_t fallback);

#endif
