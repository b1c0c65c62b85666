#!/usr/bin/env bats
# Each row of the crash table in src/lock/lock.h, on purpose: a program of the
# full working line is killed at a system call, before and after it, at each one
# of that kind in turn; then the lock is looked at, and the line is run again.
# The handler's own record of its runs, the row's history and the lock agree.

load helpers
load faults.d/steps

setup() {
	mailpipe_setup
	steps_setup
}

teardown() { mailpipe_teardown; }

# The rows of the table: NAME VERB CALL LOCK...
rows() {
	sed -n '/^ \*   NAME  *VERB  *CALL  *LOCK/,/^ \*$/s/^ \*   //p' \
		"$MAILPIPE_REPO/src/lock/lock.h" | tail -n +2
}

stages=(mail-queue-take mail-lock-acquire mail-dispatch mail-lock-settle
	mail-queue-settle)

step() {
	case $1 in
	mail-lock-*) mail-lock "${1#mail-lock-}" ;;
	*) verb "$1" ;;
	esac
}

program() {
	case $1 in
	mail-lock-*) echo mail-lock ;;
	*) program_of "$1" ;;
	esac
}

# prepare_line VERB: a directory with all that the line does before VERB, and
# what VERB reads, in ready/.
prepare_line() {
	local name
	rm -rf ready
	mkdir ready
	cd ready || return
	export MAILPIPE_STATE=state
	receive <../small
	echo >in
	for name in "${stages[@]}"; do
		[ "$name" != "$1" ] || break
		step "$name" <in >out
		mv out in
	done
	cd ..
	id=$(mail-ingest -t ne-001 small | jq -r .id)
}

lock() { mail-lock list | jq -r .state | grep . || echo free; }

# How often the handler has run.
runs() { wc -l <runs; }

# The line once more, an hour later, and after it a duplicate of the mail.
line_again() {
	local before=0 after want
	touch runs
	want=$(lock)
	before=$(runs)
	MAILPIPE_CLOCK=+1h work_once "$handler" 2>>err ||
		fail "$what: again: $(cat err)"
	after=$(runs)
	case $want in
	done) [ "$after" = "$before" ] || fail "$what: done, and run again" ;;
	*) [ "$after" = $((before + 1)) ] ||
		fail "$what: $want, and $((after - before)) runs: $(cat err)" ;;
	esac
	[ "$(state_of "$id")" = succeeded ] ||
		fail "$what: it is $(state_of "$id")"
	mail-lock list | jq -e --arg id "$id" '.state == "done" and
		.id == $id and .result.status == "ok"' >/dev/null ||
		fail "$what: the lock is $(mail-lock list)"
	check_history "$after"
	{ echo 'Received: by another' && cat ../small; } | receive
	MAILPIPE_CLOCK=+1h work_once "$handler" 2>>err ||
		fail "$what: duplicate: $(cat err)"
	[ "$(runs)" = "$after" ] || fail "$what: the duplicate was run"
	[ "$(states)" = $'skipped 1\nsucceeded 1' ] || fail "$what: $(states)"
}

# Each run but the first came after a mark; what was replayed says so.
check_history() {
	mail-store show "$id" | jq -e --argjson runs "$1" '
		[.history[].event | select(. == "start" or . == "interrupted")]
		as $events |
		($events | join(" ") |
			test("^start( interrupted start)*( interrupted)?$")) and
		($events | map(select(. == "start")) | length) >= $runs and
		($events[-1] == "interrupted") ==
			(.last.detail.replayed == true)' >/dev/null ||
		fail "$what: $1 runs; $(mail-store show "$id")"
}

# try VERB CALL NTH ACTION LOCKS: false when it ends without being killed.
try() {
	local status=0 now
	what="$1 $4 at $2 $3"
	rm -rf try
	cp -r ready try
	cd try || return
	INJECT_HIT=$PWD/hit INJECT_PROG=$(program "$1") \
		inject "$2" "$3" "$4" step "$1" <in >out 2>err || status=$?
	if [ -s hit ]; then
		[ $status = 137 ] || fail "$what: exit status $status"
		now=$(lock)
		case " $5 " in
		*" $now "*) ;;
		*) fail "$what: the lock is $now, not one of $5" ;;
		esac
		line_again
	fi
	[ -s hit ] || status=none
	cd ..
	[ $status != none ]
}

# try_row VERB CALL LOCKS: each call of that kind, killed before and after it;
# after one of SQLite's page writes is before the next.
try_row() {
	local nth=1
	while try "$1" "$2" $nth kill "$3"; do
		[ "$2" = pwrite64 ] || try "$1" "$2" $nth kill-after "$3"
		nth=$((nth + 1))
	done
	[ $nth -gt 1 ] || echo "$1 never calls $2" >>failures
}

# try_rows VERB...
try_rows() {
	local name now call locks verb
	for verb; do
		prepare_line "$verb"
		while read -r name now call locks; do
			[ "$now" != "$verb" ] || try_row "$verb" "$call" "$locks"
		done < <(rows)
	done
}

@test "lock crash: acquire, at each step" {
	try_rows mail-queue-take mail-lock-acquire
	none_failed
}

@test "lock crash: the handler, at each step" {
	try_rows mail-dispatch
	none_failed
}

@test "lock crash: settling lock and row, at each step" {
	try_rows mail-lock-settle mail-queue-settle
	none_failed
}

@test "lock crash: each row of the table in lock.h belongs to one of these tests" {
	[ "$(rows | wc -l)" -ge 12 ]
	while read -r name verb call locks; do
		[ "$verb" != mail-send ] || continue # mail-send-crash.bats
		[ -n "$locks" ] && grep -qE "^	try_rows (.* )?$verb( .*)?$" \
			"$BATS_TEST_FILENAME" || echo "$name $call" >>failures
	done < <(rows)
	none_failed
}

# The same for what ends in no success: the lock is never left behind.
@test "lock crash: a handler that fails, killed between lock and row" {
	printf '#!/bin/sh\necho run >>runs\nexit 75\n' >handler
	prepare_line mail-queue-settle
	cd ready
	[ "$(lock)" = free ]
	MAILPIPE_CLOCK=+1h work_once "$handler"
	[ "$(state_of "$id")" = deferred ]
	[ "$(lock)" = free ]
	mail-store show "$id" | jq -e '[.history[].event] | index("interrupted")'
	[ "$(runs)" = 2 ]
}

# fail_calls VERB ERROR CALL: each such call of the program fails.
fail_calls() {
	local status=0
	rm -rf try
	cp -r ready try
	cd try || return
	what="$1: $2 at $3"
	INJECT_HIT=$PWD/hit INJECT_FD_MIN=3 INJECT_PROG=mail-lock \
		inject "$3" 0 "$2" step "$1" <in >out 2>err || status=$?
	if [ -s hit ]; then
		[ $status = 75 ] || fail "$what: $status: $(cat err)"
		[ ! -s out ] || fail "$what: $(cat out)"
		grep -q '^mail-lock: ' err || fail "$what: said nothing"
		line_again
	else
		fail "$what: not called"
	fi
	cd ..
}

@test "lock crash: a full disk and a failing sync are 75, and cost nothing" {
	for verb in mail-lock-acquire mail-lock-settle; do
		prepare_line $verb
		for error in ENOSPC EIO EDQUOT; do
			for call in fdatasync pwrite openat; do
				fail_calls $verb $error $call
			done
		done
	done
	none_failed
}
