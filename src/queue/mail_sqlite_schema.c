/* The ledger in SQLite: its tables, and the way to them from older ones. */
#include "queue/mail_sqlite.h"

/*
 * The numbers of the states in the indexes are those of enum mail_state:
 * 1 ready, 2 scheduled, 3 leased.  Partial indexes keep the cost of take and
 * settle independent of depth; counter, lane and tenant are kept by
 * mail_sqlite_tally.c in the transaction that moves a row.
 *
 * lane: the ready rows of one tenant and priority in a queue.  Lanes take
 * turns: vtime is when its next one would come in a time that advances by the
 * inverse of the tenant's weight for each mail taken (start-time fair
 * queueing), turn.vtime how far that time is.  A lane that is held, or full
 * because its tenant is at its cap, is not in the index, so that it costs the
 * others nothing.
 */
#define COUNTERS_AND_LANES                                                     \
	"CREATE TABLE counter("                                                \
	" queue TEXT NOT NULL,"                                                \
	" state INTEGER NOT NULL,"                                             \
	" n INTEGER NOT NULL,"                                                 \
	" PRIMARY KEY(queue,state)) STRICT, WITHOUT ROWID;"                    \
	"CREATE TABLE queue("                                                  \
	" queue TEXT PRIMARY KEY,"                                             \
	" picks INTEGER NOT NULL) STRICT, WITHOUT ROWID;"                      \
	"CREATE TABLE turn("                                                   \
	" queue TEXT NOT NULL,"                                                \
	" priority INTEGER NOT NULL,"                                          \
	" vtime INTEGER NOT NULL,"                                             \
	" PRIMARY KEY(queue,priority)) STRICT, WITHOUT ROWID;"                 \
	"CREATE TABLE lane("                                                   \
	" queue TEXT NOT NULL,"                                                \
	" tenant TEXT NOT NULL,"                                               \
	" priority INTEGER NOT NULL,"                                          \
	" ready INTEGER NOT NULL,"                                             \
	" vtime INTEGER NOT NULL,"                                             \
	" is_held INTEGER NOT NULL,"                                           \
	" is_full INTEGER NOT NULL,"                                           \
	" PRIMARY KEY(queue,tenant,priority)) STRICT, WITHOUT ROWID;"          \
	"CREATE INDEX lane_open ON lane(queue,priority,vtime)"                 \
	" WHERE ready>0 AND is_held=0 AND is_full=0;"                          \
	"CREATE INDEX lane_full ON lane(queue)"                                \
	" WHERE is_full=1;"                                                    \
	"CREATE TABLE tenant("                                                 \
	" queue TEXT NOT NULL,"                                                \
	" tenant TEXT NOT NULL,"                                               \
	" leased INTEGER NOT NULL,"                                            \
	" PRIMARY KEY(queue,tenant)) STRICT, WITHOUT ROWID;"                   \
	"CREATE TABLE hold("                                                   \
	" queue TEXT NOT NULL,"                                                \
	" tenant TEXT NOT NULL," /* '': all of the queue */                    \
	" at INTEGER NOT NULL,"                                                \
	" until INTEGER NOT NULL," /* 0: until it is resumed */                \
	" reason TEXT,"                                                        \
	" PRIMARY KEY(queue,tenant)) STRICT, WITHOUT ROWID;"                   \
	"CREATE INDEX mail_ready ON mail(queue,tenant,priority,seq)"           \
	" WHERE state=1;"

/*
 * Version 3: what rows are looked for by (queue/clues.h), in an index that has
 * all that a filter asks, in order of arrival; kept, the legal hold; and the
 * blobs of rows that are gone, until their files are.
 */
#define FINDING                                                                \
	"ALTER TABLE mail ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;"         \
	"ALTER TABLE mail ADD COLUMN sender INTEGER;" /* NULL: not known */    \
	"ALTER TABLE mail ADD COLUMN recipient INTEGER;"                       \
	"ALTER TABLE mail ADD COLUMN message_id INTEGER;"                      \
	"CREATE INDEX mail_find ON mail(seq,state,sender,recipient,"           \
	"message_id,stored_at,kept,tenant,queue);"                             \
	"CREATE TABLE doomed("                                                 \
	" ref TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"

static const char create[] =
    "CREATE TABLE mail("
    " seq INTEGER PRIMARY KEY," /* order of arrival */
    " id TEXT NOT NULL UNIQUE,"
    " tenant TEXT NOT NULL,"
    " queue TEXT,"
    " state INTEGER NOT NULL,"
    " priority INTEGER NOT NULL DEFAULT 0,"
    " due_at INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " deliveries INTEGER NOT NULL DEFAULT 0,"
    " unstarted INTEGER NOT NULL DEFAULT 0," /* leases in a row */
    " interrupted INTEGER NOT NULL DEFAULT 0,"
    " owner TEXT,"
    " stage TEXT," /* who started the lease */
    " stored_at INTEGER NOT NULL,"
    " queued_at INTEGER NOT NULL DEFAULT 0,"
    " updated_at INTEGER NOT NULL,"
    " record TEXT NOT NULL,"
    " last TEXT) STRICT;"
    "CREATE INDEX mail_due ON mail(due_at) WHERE state IN (2,3);"
    "CREATE INDEX mail_owner ON mail(owner) WHERE state=3;"
    "CREATE TABLE history("
    " seq INTEGER NOT NULL,"
    " delivery INTEGER NOT NULL,"
    " stage TEXT NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " entry TEXT NOT NULL,"
    " PRIMARY KEY(seq,delivery,stage)) STRICT, WITHOUT "
    "ROWID;" COUNTERS_AND_LANES FINDING;

/* What mail_sqlite_tally.c keeps, from the rows; turns stay where they are. */
#define COUNT_AGAIN                                                            \
	"DELETE FROM counter;"                                                 \
	"INSERT INTO counter SELECT ifnull(queue,''),state,count(*) FROM mail" \
	" GROUP BY 1,2;"                                                       \
	"UPDATE lane SET ready=0,is_full=0,"                                   \
	"is_held=EXISTS(SELECT 1 FROM hold WHERE queue=lane.queue"             \
	" AND tenant=lane.tenant);"                                            \
	"INSERT INTO lane SELECT queue,tenant,priority,count(*),0,"            \
	"EXISTS(SELECT 1 FROM hold WHERE queue=mail.queue"                     \
	" AND tenant=mail.tenant),0 FROM mail WHERE state=1 GROUP BY 1,2,3"    \
	" ON CONFLICT DO UPDATE SET ready=excluded.ready;"                     \
	"DELETE FROM tenant;"                                                  \
	"INSERT INTO tenant SELECT queue,tenant,count(*) FROM mail"            \
	" WHERE state=3 GROUP BY 1,2;"

/* Version 1 knew order of arrival only, and counted by triggers. */
static const char from_1[] =
    "DROP TRIGGER mail_added;"
    "DROP TRIGGER mail_removed;"
    "DROP TRIGGER mail_moved;"
    "DROP TABLE counter;"
    "DROP INDEX mail_ready;" COUNTERS_AND_LANES COUNT_AGAIN;

static const char from_2[] = FINDING;

const struct db_schema mail_sqlite_schema = {
    .version = 3,
    .create = create,
    .upgrades = {from_1, from_2},
};

const char mail_sqlite_count_again[] = "BEGIN IMMEDIATE;" COUNT_AGAIN "COMMIT";

const char mail_sqlite_is_counted[] =
    "SELECT NOT EXISTS("
    "SELECT ifnull(queue,''),state,count(*) FROM mail GROUP BY 1,2"
    " EXCEPT SELECT queue,state,n FROM counter) AND NOT EXISTS("
    "SELECT queue,state,n FROM counter WHERE n!=0 EXCEPT"
    " SELECT ifnull(queue,''),state,count(*) FROM mail GROUP BY 1,2)"
    " AND NOT EXISTS("
    "SELECT queue,tenant,priority,count(*) FROM mail WHERE state=1"
    " GROUP BY 1,2,3 EXCEPT SELECT queue,tenant,priority,ready FROM lane)"
    " AND NOT EXISTS("
    "SELECT queue,tenant,priority,ready FROM lane WHERE ready!=0 EXCEPT"
    " SELECT queue,tenant,priority,count(*) FROM mail WHERE state=1"
    " GROUP BY 1,2,3) AND NOT EXISTS("
    "SELECT queue,tenant,count(*) FROM mail WHERE state=3 GROUP BY 1,2"
    " EXCEPT SELECT queue,tenant,leased FROM tenant) AND NOT EXISTS("
    "SELECT queue,tenant,leased FROM tenant WHERE leased!=0 EXCEPT"
    " SELECT queue,tenant,count(*) FROM mail WHERE state=3 GROUP BY 1,2)";
