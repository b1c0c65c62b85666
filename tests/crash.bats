#!/usr/bin/env bats
# Each row of the crash table in src/queue/queue.h, on purpose: a program is
# killed at a system call, before and after it, at each one of that kind in
# turn; then the next reader looks, and the line is run again.

load helpers
load faults.d/steps

setup() {
	mailpipe_setup
	steps_setup
}

teardown() { mailpipe_teardown; }

# The rows of the table: NAME VERB CALL STATE...
rows() {
	sed -n '/^ \*   NAME  *VERB  *CALL  *STATES/,/^ \*$/s/^ \*   //p' \
		"$MAILPIPE_REPO/src/queue/queue.h" | tail -n +2
}

# try VERB CALL NTH ACTION STATES: false when it ends without being killed.
try() {
	local mail status=0 state
	mail=../$(mail_of "$1")
	what="$1 $4 at $2 $3"
	rm -rf try
	cp -r ready try
	cd try || return
	INJECT_HIT=$PWD/hit INJECT_PROG=$(program_of "$1") \
		inject "$2" "$3" "$4" verb "$1" <in >out 2>err || status=$?
	if [ -s hit ]; then
		[ $status = 137 ] || fail "$what: exit status $status"
		state=$(state_of "$id")
		case " $5 " in
		*" ${state:-none} "*) ;;
		*) fail "$what: it is ${state:-none}, not one of $5" ;;
		esac
		[ -z "$state" ] || same_bytes "$id" "$mail" ||
			fail "$what: other bytes"
		again "$1" "$mail"
	fi
	[ -s hit ] || status=none
	cd ..
	[ $status != none ]
}

# try_row VERB CALL STATES: each call of that kind, killed before and after it;
# after one of SQLite's page writes is before the next.
try_row() {
	local nth=1
	while try "$1" "$2" $nth kill "$3"; do
		[ "$2" = pwrite64 ] || try "$1" "$2" $nth kill-after "$3"
		nth=$((nth + 1))
	done
	[ $nth -gt 1 ] || echo "$1 never calls $2" >>failures
}

# try_rows PATTERN [SUFFIX]: the rows of the verbs that fit; with a suffix, for
# another form of them.
try_rows() {
	local verb='' name now call states
	while read -r name now call states; do
		# shellcheck disable=SC2053 # a pattern
		[[ $now == $1 ]] || continue
		now+=${2:-}
		[ "$now" = "$verb" ] || prepare "$now"
		verb=$now
		try_row "$verb" "$call" "$states"
		echo "$name"
	done < <(rows) >>tried
}

@test "crash: receiving, at each step" {
	try_rows 'mail-ingest'
	try_rows 'mail-store*'
	try_rows 'mail-queue-put'
	none_failed
}

@test "crash: drawing the intake, at each step" {
	try_rows 'draw*'
	none_failed
}

@test "crash: working, at each step" {
	try_rows 'mail-queue-take'
	try_rows 'mail-dispatch'
	try_rows 'mail-queue-settle'
	none_failed
}

@test "crash: a handler of the configuration, at each step" {
	try_rows 'mail-dispatch' -routed
	none_failed
}

@test "crash: the very first mail, at each call that changes something" {
	calls=mkdirat,unlinkat,linkat,renameat,renameat2,flock,write,fsync
	calls+=,fdatasync,ftruncate
	for verb in mail-ingest mail-store mail-store-large draw; do
		prepare $verb fresh
		try_row $verb $calls "none stored ready"
	done
	none_failed
}

@test "crash: each row of the table in queue.h belongs to one of these tests" {
	[ "$(rows | wc -l)" -gt 10 ]
	while read -r name verb call states; do
		[ "$verb" != mail-send ] || continue # mail-send-crash.bats
		[ -n "$states" ] || fail "$name: no states"
		verb=${verb%-large}
		grep -qE "^	try_rows '?${verb%-many}\*?'?$" \
			"$BATS_TEST_FILENAME" || echo "$name $call" >>failures
	done < <(rows)
	none_failed
}
