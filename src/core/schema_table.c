/* What may stand in a configuration; below each object stand its members. */
#include "core/schema_table.h"

#include <string.h>

#define TENANT "a tenant, 1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first"
#define STATUS_WORDS "ok retry fail snooze skip uncertain"

/* clang-format off */
/* Where a secret comes from. */
#define SECRET_ROWS(path, required) \
    {path, SCHEMA_ONE_OF, 0, 0, \
	"an object with one of \"file\", \"command\", \"credential\"", \
	required, true}, \
    {path ".file", SCHEMA_PATH, 0, 0, NULL, false, true}, \
    {path ".command", SCHEMA_COMMAND, 1, 100, NULL, false, true}, \
    {path ".command.*", SCHEMA_TEXT, 0, 0, NULL, false, true}, \
    {path ".credential", SCHEMA_CREDENTIAL, 0, 0, NULL, false, true}

/* When something is tried again: for all, or of one class of trouble. */
#define TIMES_ROWS(path) \
    {path, SCHEMA_OBJECT, 0, 0, NULL, false, false}, \
    {path ".schedule", SCHEMA_SCHEDULE, 0, 0, NULL, false, false}, \
    {path ".max", SCHEMA_INTEGER, 1, 10000, NULL, false, false}, \
    {path ".age", SCHEMA_DURATION, 1, 31536000, NULL, false, false}
#define RETRY_ROWS(path) \
    TIMES_ROWS(path), \
    {path ".classes", SCHEMA_OBJECT, 0, 0, NULL, false, false}, \
    TIMES_ROWS(path ".classes.handler"), \
    TIMES_ROWS(path ".classes.time-out"), \
    TIMES_ROWS(path ".classes.throttle"), \
    TIMES_ROWS(path ".classes.network"), \
    TIMES_ROWS(path ".classes.credentials"), \
    TIMES_ROWS(path ".classes.configuration"), \
    TIMES_ROWS(path ".classes.interrupted")

/* A program and its arguments. */
#define COMMAND_ROWS(path) \
    {path, SCHEMA_COMMAND, 1, 100, NULL, false, true}, \
    {path ".*", SCHEMA_TEXT, 0, 0, NULL, false, true}

/* How fast something may be used. */
#define RATE_ROWS(path) \
    {path, SCHEMA_OBJECT, 0, 0, NULL, false, false}, \
    {path ".per_s", SCHEMA_NUMBER, 0.001, 1000000, NULL, false, false}, \
    {path ".per_day", SCHEMA_INTEGER, 1, 1000000000, NULL, false, false}, \
    {path ".connections", SCHEMA_INTEGER, 1, 1000, NULL, false, false}

/* Who signs mail; the domain may be known already. */
#define DKIM_ROWS(path, is_domain_required) \
    {path, SCHEMA_ONE_OR_MORE, 1, 10, NULL, false, true}, \
    {path ".domain", SCHEMA_DOMAIN, 0, 0, NULL, is_domain_required, false}, \
    {path ".selector", SCHEMA_DOMAIN, 0, 0, \
	"a selector such as \"2026a\"", true, false}, \
    SECRET_ROWS(path ".key", true)

/* For how long what has ended is kept. */
#define RETENTION_ROWS(path) \
    ROW(path, SCHEMA_OBJECT), \
    RANGE(path ".succeeded", SCHEMA_DURATION, 0, 3153600000), \
    RANGE(path ".skipped", SCHEMA_DURATION, 0, 3153600000), \
    RANGE(path ".dead", SCHEMA_DURATION, 0, 3153600000), \
    RANGE(path ".parked", SCHEMA_DURATION, 0, 3153600000), \
    RANGE(path ".dropped", SCHEMA_DURATION, 0, 3153600000), \
    RANGE(path ".files", SCHEMA_DURATION, 0, 3153600000)

/* What is, or has, something that could be a secret. */
#define HIDDEN(path, type) {path, type, 0, 0, NULL, false, true}
#define ROW(path, type) {path, type, 0, 0, NULL, false, false}
#define WORDS(path, type, words) {path, type, 0, 0, words, false, false}
#define RANGE(path, type, min, max) {path, type, min, max, NULL, false, false}
/* clang-format on */

const struct schema_row schema_rows[] = {
    ROW("", SCHEMA_OBJECT),
    ROW("state", SCHEMA_PATH),
    ROW("engines", SCHEMA_OBJECT),
    ROW("engines.blobs", SCHEMA_SPEC),
    ROW("engines.mail", SCHEMA_SPEC),
    ROW("engines.locks", SCHEMA_SPEC),
    ROW("limits", SCHEMA_OBJECT),
    RANGE("limits.reserve_bytes", SCHEMA_INTEGER, 0, 1e15),
    RANGE("limits.batch_records", SCHEMA_INTEGER, 1, 1000),
    RANGE("limits.batch_bytes", SCHEMA_INTEGER, 1, 4194304),
    RANGE("limits.lock_ttl_s", SCHEMA_DURATION, 1, 3153600000),
    ROW("defaults", SCHEMA_OBJECT),
    WORDS("defaults.tenant", SCHEMA_NAME, TENANT),
    WORDS("defaults.from", SCHEMA_STRING, "an address such as \"a@b\""),
    RETENTION_ROWS("retention"),
    RETRY_ROWS("retry"),
    ROW("breaker", SCHEMA_OBJECT),
    RANGE("breaker.results", SCHEMA_INTEGER, 0, 100000),
    RANGE("breaker.probe", SCHEMA_DURATION, 1, 86400),
    COMMAND_ROWS("on_dead"),
    COMMAND_ROWS("on_hold"),
    ROW("recipients", SCHEMA_BY_ADDRESS),
    WORDS("recipients.*", SCHEMA_NAME, TENANT),

    ROW("tenants", SCHEMA_BY_NAME),
    ROW("tenants.*", SCHEMA_OBJECT),
    RANGE("tenants.*.weight", SCHEMA_NUMBER, 0.001, 1000),
    RANGE("tenants.*.in_flight", SCHEMA_INTEGER, 1, 1000000),
    WORDS("tenants.*.handler", SCHEMA_NAME, "the name of a handler"),
    WORDS("tenants.*.transport", SCHEMA_NAME, "the name of a transport"),
    RANGE("tenants.*.from_domains", SCHEMA_LIST, 1, 1000),
    ROW("tenants.*.from_domains.*", SCHEMA_DOMAIN),
    DKIM_ROWS("tenants.*.dkim", true),
    WORDS("tenants.*.on_interrupted", SCHEMA_CHOICE, "retry park"),
    WORDS("tenants.*.on_uncertain", SCHEMA_CHOICE, "park retry"),
    RATE_ROWS("tenants.*.limits"),
    RETRY_ROWS("tenants.*.retry"),
    RETENTION_ROWS("tenants.*.retention"),

    ROW("handlers", SCHEMA_BY_NAME),
    ROW("handlers.*", SCHEMA_OBJECT),
    {"handlers.*.argv", SCHEMA_COMMAND, 1, 1000, NULL, true, true},
    HIDDEN("handlers.*.argv.*", SCHEMA_TEXT),
    WORDS("handlers.*.profile", SCHEMA_CHOICE, "safe postfix qmail custom"),
    ROW("handlers.*.map", SCHEMA_BY_STATUS),
    WORDS("handlers.*.map.*", SCHEMA_CHOICE, STATUS_WORDS),
    RANGE("handlers.*.time_limit_s", SCHEMA_DURATION, 1, 2592000),
    ROW("handlers.*.cwd", SCHEMA_PATH),
    HIDDEN("handlers.*.env", SCHEMA_BY_VARIABLE),
    HIDDEN("handlers.*.env.*", SCHEMA_TEXT),
    WORDS("handlers.*.message", SCHEMA_CHOICE, "raw postfix lf"),
    WORDS("handlers.*.expect", SCHEMA_STRING,
	"a jq program such as \".failures | length == 0\""),
    RANGE("handlers.*.nice", SCHEMA_INTEGER, 0, 19),
    RANGE("handlers.*.parallel", SCHEMA_INTEGER, 1, 240),
    ROW("handlers.*.limits", SCHEMA_OBJECT),
    RANGE("handlers.*.limits.memory_bytes", SCHEMA_INTEGER, 1048576, 1e15),
    RANGE("handlers.*.limits.cpu_s", SCHEMA_DURATION, 1, 2592000),
    RANGE("handlers.*.limits.files", SCHEMA_INTEGER, 3, 1000000),
    RANGE("handlers.*.limits.processes", SCHEMA_INTEGER, 1, 1000000),
    RANGE("handlers.*.limits.file_bytes", SCHEMA_INTEGER, 1, 1e15),

    HIDDEN("transports", SCHEMA_BY_NAME),
    HIDDEN("transports.*", SCHEMA_OBJECT),
    {"transports.*.url", SCHEMA_URL, 0, 0, NULL, true, true},
    HIDDEN("transports.*.user", SCHEMA_STRING),
    SECRET_ROWS("transports.*.password", false),
    WORDS("transports.*.auth", SCHEMA_CHOICE, "plain login xoauth2"),
    ROW("transports.*.ca_file", SCHEMA_PATH),
    ROW("transports.*.helo", SCHEMA_DOMAIN),
    ROW("transports.*.time_limits", SCHEMA_OBJECT),
    RANGE("transports.*.time_limits.connect", SCHEMA_DURATION, 1, 3600),
    RANGE("transports.*.time_limits.command", SCHEMA_DURATION, 1, 3600),
    RANGE("transports.*.time_limits.data", SCHEMA_DURATION, 1, 3600),
    RANGE("transports.*.time_limits.block", SCHEMA_DURATION, 1, 3600),
    RANGE("transports.*.time_limits.end", SCHEMA_DURATION, 1, 3600),
    RANGE("transports.*.time_limit_s", SCHEMA_DURATION, 1, 86400),
    ROW("transports.*.dsn", SCHEMA_OBJECT),
    WORDS("transports.*.dsn.notify", SCHEMA_CHOICE,
	"never failure failure,delay success,failure success,failure,delay"),
    WORDS("transports.*.dsn.return", SCHEMA_CHOICE, "headers full"),
    RANGE("transports.*.allow", SCHEMA_LIST, 1, 1000),
    WORDS("transports.*.allow.*", SCHEMA_ADDRESS,
	"an address such as \"a@shop.example\", or \"@shop.example\""),
    ROW("transports.*.rewrite_to", SCHEMA_ADDRESS),
    RATE_ROWS("transports.*.limits"),
    ROW("transports.*.domains", SCHEMA_BY_DESTINATION),
    ROW("transports.*.domains.*", SCHEMA_OBJECT),
    RATE_ROWS("transports.*.domains.*.limits"),

    HIDDEN("dkim", SCHEMA_BY_DOMAIN),
    DKIM_ROWS("dkim.*", false),

    HIDDEN("keys", SCHEMA_OBJECT),
    HIDDEN("keys.public", SCHEMA_STRING),
    HIDDEN("keys.secret_file", SCHEMA_PATH),
    {NULL, SCHEMA_OBJECT, 0, 0, NULL, false, false},
};

const struct schema_row *
schema_find(const char *path)
{
	const struct schema_row *r = schema_rows;

	while (r->path != NULL && strcmp(r->path, path) != 0)
		r++;
	return r->path != NULL ? r : NULL;
}
