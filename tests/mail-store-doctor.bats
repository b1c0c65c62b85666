#!/usr/bin/env bats
# mail-store doctor: what is wrong, and what to do.

load helpers

# check NAME STATUS TEXT: there is such a line.
check() {
	mail-store doctor >checks || true
	jq -se --arg c "$1" --arg s "$2" --arg d "$3" 'any(.check == $c and
		.status == $s and (.detail | contains($d)))' checks >/dev/null || {
		jq -c --arg c "$1" 'select(.check == $c)' checks
		return 1
	}
}

@test "doctor: a sound directory is 0, and every check has a line" {
	need jq
	mail one | receive t q
	QUEUE=q work true
	run -0 --separate-stderr mail-store doctor
	[ -z "$stderr" ]
	for name in layout permissions file-system space intake spool ledger \
		leases locks clock backlog holds undecided retry expire backup \
		sandbox configuration; do
		jq -se --arg c "$name" 'any(.check == $c and
			(.status == "ok" or ($c | IN("file-system", "space"))))' \
			<<<"$output" >/dev/null || { echo "$name" && false; }
	done
}

@test "doctor: a queue that nobody works, and one that is held" {
	need jq
	mail one | receive t q
	check backlog ok "nothing is ready for an hour"
	MAILPIPE_CLOCK=+3h check backlog warn "queue q: 1 are ready, the oldest for 3h"
	mail-queue pause --reason 'new handler' q
	MAILPIPE_CLOCK=+3h check backlog ok ""
	MAILPIPE_CLOCK=+3h check holds warn "queue q is held for 3h, without an end, new handler: mail-queue resume q"
	run -0 mail-store doctor # a warning
	mail-queue resume q
	check holds ok none
	mail-queue pause -t t q
	check holds warn "mail-queue resume -t t q ends it"
}

@test "doctor: deferred mail, and nobody who retries it" {
	need jq
	mail one | receive t q
	QUEUE=q work false
	check retry warn "1 are deferred, and mail-retry due has run never"
	mkdir -p state/runs
	date -u +%FT%T.000Z >state/runs/mail-retry-due
	check retry ok "1 are deferred; mail-retry due: "
	MAILPIPE_CLOCK=+3h check retry warn "has run 3h ago: is it in cron?"
	echo nonsense >state/runs/mail-retry-due
	check retry warn "has run never"
}

@test "doctor: when expire and backup have run" {
	need jq
	mail one | receive t q
	check expire ok never
	mail-store expire -n
	check expire ok never
	mail-store expire
	mail-store backup saved
	MAILPIPE_CLOCK=+2d check expire ok "2d ago"
	MAILPIPE_CLOCK=+2d check backup ok "2d ago"
	# That it cannot be written down is no failure.
	rm -r state/runs
	: >state/runs
	run -0 mail-store expire
	check expire ok never
}

@test "doctor: what is dead or parked, and leases that are over" {
	need jq
	mail one | receive t q
	mail two | receive t q
	mail-queue take -c 1 q | jq -c '.result = {status: "fail"}' |
		mail-queue settle
	check undecided warn "1 are dead, 0 parked"
	mail-queue take -c 1 q >/dev/null
	check leases ok "none is over"
	MAILPIPE_CLOCK=+1h check leases warn "1 leases are over"
}

@test "doctor: a clock that has jumped back" {
	need jq
	mail one | receive t q
	mail-store list >/dev/null
	check clock ok ""
	MAILPIPE_CLOCK=-3h check clock warn "has the clock jumped back?"
}

@test "doctor: files of another user" {
	need jq
	need_root
	mail one | receive t q
	mail-store list >/dev/null
	chown 65534 state/mail.db
	check permissions warn "mail.db belongs to uid 65534"
	chown 0 state/mail.db
	check permissions ok ""
}

@test "doctor: a directory that was not restored to its end is a fail, 75" {
	need jq
	mkdir state
	echo restoring >state/layout
	run -75 mail-store doctor
	check layout fail "restore has not come to its end"
}

@test "doctor: a reserve that is not there is a fail, 75" {
	need jq
	echo '{"limits":{"reserve_bytes":1e15}}' >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
	run -75 mail-store doctor
	check space fail "below the reserve"
}

@test "doctor: locks that are damaged, or of a newer release" {
	need jq sqlite3
	mail one | receive t q
	check locks ok "none yet"
	[ ! -e state/lock.db ]
	mail-queue take -c 1 q | mail-lock acquire >/dev/null
	check locks ok sound
	sqlite3 state/lock.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	cp state/lock.db sound.db
	sqlite3 state/lock.db 'PRAGMA user_version=99'
	check locks fail "lock.db: schema version 99"
	run -75 --separate-stderr mail-store doctor
	rm -f state/lock.db-wal state/lock.db-shm
	head -c 100000 /dev/urandom >state/lock.db
	check locks fail "lock.db: "
	cp sound.db state/lock.db
	check locks ok sound
}
