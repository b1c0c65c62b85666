/* PostgreSQL as a queue: a partial index on what is ready, and SKIP LOCKED. */
#include "queue_peer.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_OID = 25, /* of pg_type */
	PARAMETER = 1024 * 1024, /* all texts of a call */
};

static PGconn *conn;

static bool
pg_connect(const char *address)
{
	PQfinish(conn);
	conn = PQconnectdb(address);
	return PQstatus(conn) == CONNECTION_OK;
}

static void
run(const char *sql)
{
	PGresult *r = PQexec(conn, sql);

	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		die(sql, PQerrorMessage(conn));
	PQclear(r);
}

static void
pg_create(void)
{
	run("SET client_min_messages=warning");
	run("DROP TABLE IF EXISTS queue");
	run("CREATE TABLE queue(id bigserial PRIMARY KEY,"
	    " state smallint NOT NULL DEFAULT 0, lease timestamptz,"
	    " tries int NOT NULL DEFAULT 0, record text NOT NULL)");
	run("CREATE INDEX queue_ready ON queue(id) WHERE state=0");
}

/* Prepared when it is first used. */
static PGresult *
call(const char *name, const char *sql, const char *parameter, int len,
    bool is_binary, ExecStatusType wanted)
{
	static const char *prepared[4];
	int format = is_binary;
	PGresult *r;
	size_t i;

	for (i = 0; prepared[i] != NULL && prepared[i] != name; i++)
		continue;
	if (prepared[i] == NULL) {
		prepared[i] = name;
		PQclear(PQprepare(conn, name, sql, 1, NULL));
	}
	r = PQexecPrepared(conn, name, 1, &parameter, &len, &format, 0);
	if (PQresultStatus(r) != wanted)
		die(name, PQerrorMessage(conn));
	return r;
}

static void
add_int(char *to, size_t *len, size_t value)
{
	uint32_t n = htonl((uint32_t)value);

	memcpy(to + *len, &n, sizeof n);
	*len += sizeof n;
}

/* One text[] in binary: dimensions, has nulls, type; size, first index. */
static void
pg_put(const struct item *items, size_t n)
{
	static char array[PARAMETER];
	size_t len = 0;

	add_int(array, &len, 1);
	add_int(array, &len, 0);
	add_int(array, &len, TEXT_OID);
	add_int(array, &len, n);
	add_int(array, &len, 1);
	for (size_t i = 0; i < n; i++) {
		if (len + items[i].len + 4 > sizeof array)
			die("put", "the records are too long");
		add_int(array, &len, items[i].len);
		memcpy(array + len, items[i].text, items[i].len);
		len += items[i].len;
	}
	PQclear(
	    call("put", "INSERT INTO queue(record) SELECT unnest($1::text[])",
		array, (int)len, true, PGRES_COMMAND_OK));
}

static size_t
pg_take(struct item *items, size_t n)
{
	char limit[16];
	PGresult *r;
	size_t got;

	snprintf(limit, sizeof limit, "%zu", n);
	r = call("take",
	    "UPDATE queue SET state=1, lease=now()+interval '5 min',"
	    " tries=tries+1 WHERE id IN (SELECT id FROM queue WHERE state=0"
	    " ORDER BY id FOR UPDATE SKIP LOCKED LIMIT $1::int)"
	    " RETURNING id, record",
	    limit, 0, false, PGRES_TUPLES_OK);
	got = (size_t)PQntuples(r);
	for (size_t i = 0; i < got; i++) {
		items[i].id = strtoll(PQgetvalue(r, (int)i, 0), NULL, 10);
		items[i].text = strdup(PQgetvalue(r, (int)i, 1));
		if (items[i].text == NULL)
			die("take", "no memory");
		items[i].len = strlen(items[i].text);
	}
	PQclear(r);
	return got;
}

static void
pg_remove(const struct item *items, size_t n)
{
	static char ids[PARAMETER];
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(
		    ids + len, "%c%lld", i == 0 ? '{' : ',', items[i].id);
	strcpy(ids + len, "}");
	PQclear(call("remove", "DELETE FROM queue WHERE id=ANY($1::bigint[])",
	    ids, 0, false, PGRES_COMMAND_OK));
}

const struct peer peer_postgresql = {
    "postgresql", pg_connect, pg_create, pg_put, pg_take, pg_remove};
