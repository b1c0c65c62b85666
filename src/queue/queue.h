/*
 * The queue: what the programs do with a mail, over whatever engine keeps it.
 *
 * States of a row (design, section 5):
 *
 *   stored ----> ready <---> scheduled
 *                  |  ^
 *             take |  | lease over unstarted, given back, interrupted
 *                  v  |
 *                leased ---> succeeded | skipped | dead | deferred | parked
 *                     \----> scheduled (snooze)
 *
 *   deferred ----> ready | dead (mail-retry due)
 *   dead ----> ready, parked ----> ready | succeeded | dead, stored ----> ready
 *   (mail-retry, by hand)
 *
 *   result        costs an attempt   row becomes
 *   ok            yes                succeeded (final, from any lease)
 *   retry         yes                deferred
 *   snooze        no                 scheduled, ready again after after_s
 *   skip          no                 skipped
 *   fail          yes                dead
 *   uncertain     yes                parked; by policy (tenants.T.on_uncertain)
 *                                    deferred and marked
 *   (none)        no                 ready
 *   lease over, unstarted   no       ready; the 20th time dead
 *   lease over, started     yes      ready and marked (mail-dispatch), the
 *                                    third time in a row deferred;
 *                                    parked (mail-send)
 *
 * Crash table.  Each row is a place where a process may die, what is on disk
 * then, and what the next run does.  tests/crash.bats reads these rows and
 * tries each: NAME is the row, VERB the command that dies, CALL the system call
 * at which it is killed (before it returns: each one of that kind in turn),
 * STATES the states that the mail may be in for the next reader.
 *
 *   NAME             VERB              CALL       STATES
 *   ingest-spool     mail-ingest       write      none
 *   store-large      mail-store-large  fsync      none stored
 *   store-rename     mail-store-large  renameat2  none stored
 *   store-append     mail-store        write      none stored
 *   store-sync       mail-store        fdatasync  none stored
 *   put-append       mail-queue-put    write      stored ready
 *   put-sync         mail-queue-put    fdatasync  stored ready
 *   draw-blob        draw              fsync      ready
 *   draw-rename      draw              renameat2  ready
 *   draw-blobs       draw-many         io_submit  ready
 *   draw-synced      draw-many         io_getevents  ready
 *   draw-renames     draw-many         renameat2  ready
 *   draw-commit      draw              fdatasync  ready
 *   draw-write       draw              pwrite64   ready
 *   draw-truncate    draw              ftruncate  ready
 *   take-commit      mail-queue-take   fdatasync  ready leased
 *   take-output      mail-queue-take   write      ready leased
 *   start-commit     mail-dispatch     fdatasync  leased
 *   handler-run      mail-dispatch     pidfd      leased
 *   result-output    mail-dispatch     write      leased
 *   send-start       mail-send         fdatasync  leased
 *   send-bytes       mail-send         send       leased
 *   send-output      mail-send         write      leased
 *   settle-commit    mail-queue-settle fdatasync  leased succeeded
 *   settle-write     mail-queue-settle pwrite64   leased succeeded
 *
 * In each of them: a mail for which a program said 0 is there with all its
 * bytes; nothing that was acknowledged is undone; "none" is only possible while
 * the MTA still has the mail, because nobody has said 0; a row left leased is
 * ready again when its lease is over, and carries "interrupted" when its
 * handler may have run; one that mail-send had started is parked then, or, if
 * its tenant wants it (on_interrupted), ready and marked.  (Rows of mail-send
 * are tried by tests/mail-send-crash.bats.)
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "queue/engines.h"

/*
 * The lease of a record ("lease.handle" and the id).  1 there is one, 0 none,
 * -1 ERR_DATA: it is malformed.
 */
int queue_lease(json rec, struct mail_lease *l, struct err *e);

/*
 * Just before an effect: count the attempt and extend the lease to until.
 * starts[i].is_lost says that another has the mail now: do not start.  stage is
 * the program ("mail-dispatch").
 */
int queue_start(struct queue *q, const char *stage, struct mail_start *starts,
    size_t n, struct err *e);

/*
 * Write outcomes down.  It draws nothing, for what was leased is in the ledger
 * already: neither a full disk nor a broken intake keeps an outcome out.
 */
int queue_settle(
    struct queue *q, struct mail_settle *settles, size_t n, struct err *e);

/*
 * A stored row as a record line without its line end: the stored record with
 * "state attempts last updated_at" at its top level, "kept" on legal hold, and
 * with "lease" instead where lease is not NULL.
 */
void queue_row_record(const struct mail_row *row, struct buf *out);
void queue_row_leased(const struct mail_row *row, struct buf *out);

#endif
