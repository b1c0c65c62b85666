#!/usr/bin/env bats
# Each row of the crash table in src/queue/queue.h, on purpose: a program is
# killed at a system call, before and after it, at each one of that kind in
# turn; then the next reader looks, and the line is run again.

setup() {
	load helpers
	mailpipe_setup
	need jq
	export INJECT_FD_MIN=1 MAILPIPE_CLOCK=+0
	mail small 3000 >small
	mail large 300000 >large
	mail witness >witness
	cat >handler <<-'EOF'
		#!/bin/sh
		echo run >>runs
		cat >got.$$ && mv got.$$ got
	EOF
	chmod +x handler
	handler=$PWD/handler
}

teardown() { mailpipe_teardown; }

# Failures are collected, so that one does not hide the others.
fail() { echo "$*" >>../failures; }
none_failed() {
	[ ! -s failures ] || {
		cat failures
		return 1
	}
}

# The rows of the table: NAME VERB CALL STATE...
rows() {
	sed -n '/^ \*   NAME  *VERB  *CALL  *STATES/,/^ \*$/s/^ \*   //p' \
		"$MAILPIPE_REPO/src/queue/queue.h" | tail -n +2
}

# The mail that VERB is tried with.
mail_of() {
	case $1 in
	mail-ingest | mail-store-large) echo large ;;
	*) echo small ;;
	esac
}

# VERB, or what stands for it.
verb() {
	case $1 in
	mail-ingest) mail-ingest -t ne-001 ;;
	mail-store | mail-store-large) mail-store put ;;
	mail-queue-put) mail-queue put inbound ;;
	draw) mail-queue stats ;;
	mail-queue-take) mail-queue take -c 1 -l 600 inbound ;;
	mail-dispatch) mail-dispatch -T 600 -- "$handler" ;;
	mail-queue-settle) mail-queue settle ;;
	*) return 99 ;;
	esac
}

program_of() {
	case $1 in
	mail-ingest | mail-dispatch) echo "$1" ;;
	mail-store*) echo mail-store ;;
	*) echo mail-queue ;;
	esac
}

# prepare VERB FRESH: a directory with all that the line does before VERB, and
# what VERB reads, in ready/.  Another mail is there already, unless FRESH.
prepare() {
	local mail
	mail=../$(mail_of "$1")
	rm -rf ready
	mkdir ready
	cd ready || return
	export MAILPIPE_STATE=state
	if [ "$2" != fresh ]; then
		receive ne-002 other <../witness
		ids >old
	fi
	case $1 in
	mail-ingest) cp "$mail" in ;;
	mail-store | mail-store-large) mail-ingest -t ne-001 "$mail" >in ;;
	mail-queue-put) mail-ingest -t ne-001 "$mail" | mail-store put >in ;;
	*) receive <"$mail" && echo >in ;;
	esac
	case $1 in
	mail-dispatch | mail-queue-settle) verb mail-queue-take >in ;;
	esac
	if [ "$1" = mail-queue-settle ]; then
		verb mail-dispatch <in >results
		mv results in
	fi
	cd ..
	id=$(mail-ingest -t ne-001 "$(mail_of "$1")" | jq -r .id)
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

# The line once more, an hour later: the MTA's retry where nobody has said 0,
# and work.  It ends well, and only once, and the history tells how.
again() {
	case $1 in
	mail-ingest | mail-store* | mail-queue-put)
		line_receive <"$2" 2>>err || fail "$what: retry: $(cat err)"
		;;
	esac
	MAILPIPE_CLOCK=+1h work "$handler" 2>>err || fail "$what: $(cat err)"
	[ "$(state_of "$id")" = succeeded ] ||
		fail "$what: $(state_of "$id") in the end: $(cat err)"
	cmp got "$2" || fail "$what: the handler got other bytes"
	mail-store show "$id" >history
	jq -e '[.history[].event | select(. == "start" or . == "interrupted")]
		| join(" ") | test("^(start interrupted )*start$")' history \
		>/dev/null || fail "$what: $(jq -c .history history)"
	[ "$(wc -l <runs)" -le "$(grep -o '"start"' history | wc -l)" ] ||
		fail "$what: more runs than starts"
	witness "$1"
}

# What was there before is there, and nothing half is left.
witness() {
	local n=1
	if [ -s old ]; then
		n=2
		[ "$(state_of "$(cat old)")" = ready ] || fail "$what: witness"
		same_bytes "$(cat old)" ../witness || fail "$what: witness"
	fi
	[ "$(find state/blobs -type f | wc -l)" = $n ] ||
		fail "$what: $(find state/blobs -type f)"
	[ "$(ids | wc -l)" = $n ] || fail "$what: $(states)"
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

# try_rows PATTERN: the rows of the verbs that fit.
try_rows() {
	local verb='' name now call states
	while read -r name now call states; do
		# shellcheck disable=SC2053 # a pattern
		[[ $now == $1 ]] || continue
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
	try_rows draw
	none_failed
}

@test "crash: working, at each step" {
	try_rows 'mail-queue-take'
	try_rows 'mail-dispatch'
	try_rows 'mail-queue-settle'
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
		[ -n "$states" ] || fail "$name: no states"
		grep -qE "^	try_rows '?${verb%-large}\*?'?$" \
			"$BATS_TEST_FILENAME" || echo "$name $call" >>failures
	done < <(rows)
	none_failed
}
