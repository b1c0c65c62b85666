/* The ledger in SQLite: its tables, and the way to them from older ones. */
#include "ledger/mail_sqlite.h"

/*
 * The numbers of the states in the indexes are those of enum mail_state:
 * 1 ready, 2 scheduled, 3 leased, 6 dead, 7 deferred.  Partial indexes keep the
 * cost of take and settle independent of depth; counter, lane and tenant are
 * kept by mail_sqlite_tally.c in the transaction that moves a row.
 *
 * sender, recipient, message_id: what rows are looked for by (ledger/clues.h);
 * kept: the legal hold.  mail_find has all that a filter asks, in order of
 * arrival.  What can be long comes last in a row, for what is behind it is
 * dear to reach.
 */
#define MAIL                                                                   \
	"CREATE TABLE mail("                                                   \
	" seq INTEGER PRIMARY KEY," /* order of arrival */                     \
	" id TEXT NOT NULL UNIQUE,"                                            \
	" tenant TEXT NOT NULL,"                                               \
	" queue TEXT,"                                                         \
	" lane INTEGER," /* NULL: never queued */                              \
	" state INTEGER NOT NULL,"                                             \
	" priority INTEGER NOT NULL DEFAULT 0,"                                \
	" due_at INTEGER NOT NULL DEFAULT 0,"                                  \
	" attempts INTEGER NOT NULL DEFAULT 0,"                                \
	" deliveries INTEGER NOT NULL DEFAULT 0,"                              \
	" unstarted INTEGER NOT NULL DEFAULT 0," /* leases in a row */         \
	" interrupted INTEGER NOT NULL DEFAULT 0,"                             \
	" kept INTEGER NOT NULL DEFAULT 0,"                                    \
	" spared INTEGER NOT NULL DEFAULT 0,"                                  \
	" since INTEGER NOT NULL DEFAULT 0,"                                   \
	" class TEXT NOT NULL DEFAULT '',"                                     \
	" sender INTEGER," /* NULL: not known */                               \
	" recipient INTEGER,"                                                  \
	" message_id INTEGER,"                                                 \
	" owner TEXT,"                                                         \
	" stage TEXT," /* who started the lease */                             \
	" stored_at INTEGER NOT NULL,"                                         \
	" queued_at INTEGER NOT NULL DEFAULT 0,"                               \
	" updated_at INTEGER NOT NULL,"                                        \
	" record TEXT NOT NULL,"                                               \
	" last TEXT) STRICT;"

#define MAIL_INDEXES                                                           \
	"CREATE INDEX mail_ready ON mail(lane) WHERE state=1;" /* and by seq   \
								*/             \
	"CREATE INDEX mail_due ON mail(due_at) WHERE state IN (2,3);"          \
	"CREATE INDEX mail_owner ON mail(owner) WHERE state=3;"                \
	"CREATE INDEX mail_find ON mail(seq,state,sender,recipient,"           \
	"message_id,stored_at,kept,tenant,queue);"

#define HISTORY                                                                \
	"CREATE TABLE history("                                                \
	" seq INTEGER NOT NULL,"                                               \
	" delivery INTEGER NOT NULL,"                                          \
	" stage TEXT NOT NULL,"                                                \
	" attempt INTEGER NOT NULL,"                                           \
	" at INTEGER NOT NULL,"                                                \
	" entry TEXT NOT NULL,"                                                \
	" PRIMARY KEY(seq,delivery,stage)) STRICT, WITHOUT ROWID;"

#define COUNTERS                                                               \
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
	" PRIMARY KEY(queue,tenant)) STRICT, WITHOUT ROWID;"

/*
 * lane: the ready rows of one tenant and priority in a queue.  Lanes take
 * turns: vtime is when its next one would come in a time that advances by the
 * inverse of the tenant's weight for each mail taken (start-time fair
 * queueing), turn.vtime how far that time is.  A lane that is held, or full
 * because its tenant is at its cap, is not in the index, so that it costs the
 * others nothing.  Rows name it by its number: with many lanes, the first row
 * of each is on another page of mail_ready, and short entries keep these few.
 */
#define LANES                                                                  \
	"CREATE TABLE lane("                                                   \
	" number INTEGER PRIMARY KEY,"                                         \
	" queue TEXT NOT NULL,"                                                \
	" tenant TEXT NOT NULL,"                                               \
	" priority INTEGER NOT NULL,"                                          \
	" ready INTEGER NOT NULL,"                                             \
	" vtime INTEGER NOT NULL,"                                             \
	" is_held INTEGER NOT NULL,"                                           \
	" is_full INTEGER NOT NULL,"                                           \
	" UNIQUE(queue,tenant,priority)) STRICT;"                              \
	"CREATE INDEX lane_open ON lane(queue,priority,vtime)"                 \
	" WHERE ready>0 AND is_held=0 AND is_full=0;"                          \
	"CREATE INDEX lane_full ON lane(queue)"                                \
	" WHERE is_full=1;"

/* The blobs of rows that are gone, until their files are. */
#define DOOMED                                                                 \
	"CREATE TABLE doomed("                                                 \
	" ref TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"

/*
 * What mail-retry asks.  class: why a mail is deferred;
 * spared: how many of its attempts do not count any more; since: from when its
 * age does. Deferred mails lie in groups that wait equally long, by when they
 * began to; those that are not due are not read.
 *
 * breaker: results of a route that were the same trouble, one after the other;
 * open since opened_at (0: not), its mail held but for one at probe_at.  told:
 * when somebody was told of what.
 */
#define RETRY                                                                  \
	"UPDATE mail SET since=CASE WHEN state=2 THEN max(due_at,queued_at)"   \
	" ELSE queued_at END WHERE queued_at>0;"                               \
	"UPDATE mail SET class=" CLASS_OF(                                     \
	    "last") " WHERE state IN (6,7);"                                   \
		    "CREATE INDEX mail_deferred_at"                            \
		    " ON mail(queue,tenant,class,attempts-spared,updated_at)"  \
		    " WHERE state=7;"                                          \
		    "CREATE INDEX mail_deferred_since"                         \
		    " ON mail(queue,tenant,class,attempts-spared,since)"       \
		    " WHERE state=7;"                                          \
		    "CREATE INDEX mail_dead_at ON mail(queue,updated_at) "     \
		    "WHERE state=6;"                                           \
		    "CREATE TABLE breaker("                                    \
		    " queue TEXT NOT NULL,"                                    \
		    " route TEXT NOT NULL,"                                    \
		    " class TEXT NOT NULL,"                                    \
		    " n INTEGER NOT NULL,"                                     \
		    " opened_at INTEGER NOT NULL,"                             \
		    " probe_at INTEGER NOT NULL,"                              \
		    " probe_ms INTEGER NOT NULL,"                              \
		    " reason TEXT NOT NULL,"                                   \
		    " PRIMARY KEY(queue,route)) STRICT, WITHOUT ROWID;"        \
		    "CREATE TABLE told("                                       \
		    " queue TEXT NOT NULL,"                                    \
		    " cause TEXT NOT NULL,"                                    \
		    " at INTEGER NOT NULL,"                                    \
		    " PRIMARY KEY(queue,cause)) STRICT, WITHOUT ROWID;"

/*
 * Tenants that are held for their rates; when that is over until is 0, and only
 * most counts, until after.  It came later than version 3, so where it is
 * missing it is made; programs that do not know it pass over what it holds
 * until somebody who does has taken.
 */
#define PACE                                                                   \
	"CREATE TABLE IF NOT EXISTS pace("                                     \
	" queue TEXT NOT NULL,"                                                \
	" tenant TEXT NOT NULL,"                                               \
	" priority INTEGER NOT NULL," /* and what is lower */                  \
	" at INTEGER NOT NULL,"                                                \
	" until INTEGER NOT NULL,"                                             \
	" most INTEGER NOT NULL,"                                              \
	" after INTEGER NOT NULL,"                                             \
	" reason TEXT,"                                                        \
	" PRIMARY KEY(queue,tenant,priority)) STRICT, WITHOUT ROWID;"          \
	"CREATE INDEX IF NOT EXISTS pace_until ON pace(until) WHERE until>0;"

const char mail_sqlite_pace_table[] = PACE;

static const char create[] =
    MAIL MAIL_INDEXES HISTORY COUNTERS LANES DOOMED RETRY PACE;

/* Version 1 knew order of arrival only, and counted by triggers. */
static const char from_1[] = "DROP TRIGGER mail_added;"
			     "DROP TRIGGER mail_removed;"
			     "DROP TRIGGER mail_moved;"
			     "DROP TABLE counter;" COUNTERS;

/*
 * Version 2 could not be searched, and its lanes had no numbers.  All lanes
 * come in where the time of their turns is, in the order of their first mails.
 */
static const char from_2[] =
    "DROP INDEX mail_ready;"
    "DROP INDEX mail_due;"
    "DROP INDEX mail_owner;"
    "DROP TABLE IF EXISTS lane;"
    "ALTER TABLE mail RENAME TO old;" MAIL LANES DOOMED
    "INSERT INTO lane(queue,tenant,priority,ready,vtime,is_held,is_full)"
    " SELECT queue,tenant,priority,0,ifnull((SELECT vtime FROM turn"
    " WHERE queue=old.queue AND priority=old.priority),0),0,0 FROM old"
    " WHERE queue IS NOT NULL GROUP BY 1,2,3 ORDER BY min(seq);"
    "INSERT INTO mail(seq,id,tenant,queue,lane,state,priority,due_at,"
    "attempts,deliveries,unstarted,interrupted,owner,stage,stored_at,"
    "queued_at,updated_at,record,last) SELECT seq,id,tenant,queue,"
    "(SELECT number FROM lane WHERE queue=old.queue AND tenant=old.tenant"
    " AND priority=old.priority),state,priority,due_at,attempts,deliveries,"
    "unstarted,interrupted,owner,stage,stored_at,queued_at,updated_at,record,"
    "last FROM old;"
    "DROP TABLE old;" MAIL_INDEXES RETRY;

const struct db_schema mail_sqlite_schema = {
    .version = 3,
    .create = create,
    .upgrades = {from_1, from_2},
};

/* What mail_sqlite_tally.c keeps, from the rows; turns stay where they are. */
#define COUNT_AGAIN                                                            \
	"DELETE FROM counter;"                                                 \
	"INSERT INTO counter SELECT ifnull(queue,''),state,count(*) FROM mail" \
	" GROUP BY 1,2;"                                                       \
	"UPDATE lane SET is_full=0,"                                           \
	"ready=(SELECT count(*) FROM mail WHERE state=1 AND lane=number),"     \
	"is_held=" LANE_IS_HELD("lane.queue", "lane.tenant",                   \
	    "lane.priority") ";"                                               \
			     "DELETE FROM tenant;"                             \
			     "INSERT INTO tenant SELECT "                      \
			     "queue,tenant,count(*) FROM mail"                 \
			     " WHERE state=3 GROUP BY 1,2;"

const char mail_sqlite_count_again[] = "BEGIN IMMEDIATE;" COUNT_AGAIN "COMMIT";

const char mail_sqlite_is_counted[] =
    "SELECT NOT EXISTS("
    "SELECT ifnull(queue,''),state,count(*) FROM mail GROUP BY 1,2"
    " EXCEPT SELECT queue,state,n FROM counter) AND NOT EXISTS("
    "SELECT queue,state,n FROM counter WHERE n!=0 EXCEPT"
    " SELECT ifnull(queue,''),state,count(*) FROM mail GROUP BY 1,2)"
    " AND NOT EXISTS("
    "SELECT lane,queue,tenant,priority,count(*) FROM mail WHERE state=1"
    " GROUP BY 1,2,3,4 EXCEPT"
    " SELECT number,queue,tenant,priority,ready FROM lane) AND NOT EXISTS("
    "SELECT number,queue,tenant,priority,ready FROM lane WHERE ready!=0"
    " EXCEPT SELECT lane,queue,tenant,priority,count(*) FROM mail"
    " WHERE state=1 GROUP BY 1,2,3,4) AND NOT EXISTS("
    "SELECT queue,tenant,count(*) FROM mail WHERE state=3 GROUP BY 1,2"
    " EXCEPT SELECT queue,tenant,leased FROM tenant) AND NOT EXISTS("
    "SELECT queue,tenant,leased FROM tenant WHERE leased!=0 EXCEPT"
    " SELECT queue,tenant,count(*) FROM mail WHERE state=3 GROUP BY 1,2)";
