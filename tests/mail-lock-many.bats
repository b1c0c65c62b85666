#!/usr/bin/env bats
# mail-lock among many: duplicates that come at once, races, processes that are
# killed.

setup() {
	load helpers
	mailpipe_setup
	need jq
	printf '#!/bin/sh\ncat >/dev/null\necho "$MAIL_ID" >>%q\n' \
		"$PWD/runs" >handler
	chmod +x handler
	: >runs
}

# delivery N [SUBJECT]: the Nth delivery of one mail, with the trace fields of
# another way, other line ends and blank lines at its end.
delivery() {
	local i
	for ((i = 0; i <= $1 % 4; i++)); do
		printf 'Received: from mx%d by mx%d; %d\n' "$1" $i "$1"
	done
	printf 'Return-Path: <a%d@example.com>\n' "$1"
	printf 'From: a@example.com\nMessage-ID: <1@example.com>\n'
	printf 'Date: Sat, 21 Nov 2026 23:06:00 +0900\n'
	printf 'Subject: %s\n\nhello\n' "${2:-order}"
	(($1 % 3)) || echo
}

# spelled N: the recipient, in another spelling each time.
spelled() {
	case $(($1 % 3)) in
	0) echo ne-001@example.jp ;;
	1) echo Ne-001@Example.JP ;;
	2) echo NE-001@EXAMPLE.JP ;;
	esac
}

# deliver N: by an MTA, which does not hear of it the first time and tries the
# same queue file again.
deliver() {
	local i
	delivery "$1" >"mail.$1"
	for i in 1 2; do
		mail-deliver -t ne-001 -r "$(spelled "$1")" inbound <"mail.$1" ||
			echo "$1" >>failed
	done
}

# at_once N: N deliveries, and two lines that work meanwhile.
at_once() {
	local i pids=()
	for ((i = 0; i < $1; i++)); do
		deliver $i 3>&- &
		pids+=($!)
	done
	for i in 1 2; do
		{
			mail-queue take -w 3 inbound | mail-lock acquire |
				mail-dispatch -P 4 -- ./handler |
				mail-lock settle | mail-queue settle ||
				echo "line $i" >>failed
		} 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
}

@test "lock many: one mail that comes 2 to 50 times at once runs its handler once" {
	for n in 2 9 50; do
		rm -rf state
		: >runs
		at_once $n
		[ ! -e failed ]
		# Those that waited behind the claim come back by themselves.
		MAILPIPE_CLOCK=+2m work_once ./handler
		[ "$(wc -l <runs)" = 1 ]
		[ "$(count succeeded)" = 1 ]
		[ "$(count skipped)" = $((n - 1)) ]
		first=$(cat runs)
		mail-store list | jq -e -s --arg first "$first" 'all(.[];
			.id == $first or .last.detail.duplicate_of == $first)'
		# To have waited costs no attempt.
		mail-store list | jq -e -s 'all(.[];
			.attempts == (if .state == "succeeded" then 1 else 0 end))'
	done
}

@test "lock many: two mails with one Message-ID are two" {
	delivery 1 order | receive
	delivery 2 other | receive
	work_once ./handler
	[ "$(wc -l <runs)" = 2 ]
	[ "$(count succeeded)" = 2 ]
}

@test "lock many: two equal mails without Message-ID and Date are two" {
	for i in 1 2; do
		delivery $i | grep -vE '^(Message-ID|Date):' | receive
	done
	work_once ./handler
	[ "$(wc -l <runs)" = 2 ]
	[ "$(count succeeded)" = 2 ]
}

@test "lock many: one mail for two tenants, or two recipients, is two" {
	delivery 1 | mail-deliver -t ne-001 -r a@x inbound
	delivery 2 | mail-deliver -t ne-001 -r b@x inbound
	delivery 3 | mail-deliver -t ne-002 -r a@x inbound
	work_once ./handler
	[ "$(wc -l <runs)" = 3 ]
}

@test "lock many: a duplicate waits for one that fails, and has its turn" {
	delivery 1 | receive
	delivery 2 | receive
	printf '#!/bin/sh\necho run >>%q\nexit 1\n' "$PWD/runs" >failing
	chmod +x failing
	work_once ./failing
	[ "$(states)" = $'deferred 1\nscheduled 1' ]
	MAILPIPE_CLOCK=+2m work_once ./handler
	[ "$(wc -l <runs)" = 2 ]
	[ "$(states)" = $'deferred 1\nsucceeded 1' ]
}

# race PROCESSES KEYS: each process wants all keys, in an order of its own.
race() {
	local p
	mkdir race
	for ((p = 0; p < $1; p++)); do
		seq "$2" | sort -R | jq -c --arg p "$p" \
			'{id: "\($p)-\(.)", tenant: "t", fingerprint: "f1:\(.)"}' \
			>"race/$p.in"
	done
	for ((p = 0; p < $1; p++)); do
		mail-lock acquire <"race/$p.in" >"race/$p.out" ||
			echo "$p" >>failed &
	done 3>&-
	wait
	[ ! -e failed ]
	cat race/*.out >got
	[ "$(wc -l <got)" = $(($1 * $2)) ]
}

@test "lock many: a thousand races, one winner each" {
	# Small batches, so that the processes take turns.
	echo '{"limits": {"batch_records": 7}}' >config.json
	MAILPIPE_CONFIG=$PWD/config.json
	export MAILPIPE_CONFIG
	race 6 1000
	jq -r 'select(.lock) | .fingerprint' got | sort >won
	[ "$(wc -l <won)" = 1000 ]
	[ -z "$(uniq -d won)" ]
	# More than one of them won something.
	jq -r 'select(.lock) | .id | split("-")[0]' got | sort -u >winners
	[ "$(wc -l <winners)" -ge 2 ]
	# And the others know who did.
	jq -r 'select(.lock) | [.fingerprint, .id] | @tsv' got | sort >is
	jq -r 'select(.result) | [.fingerprint, .result.detail.claimed_by] |
		@tsv' got | sort -u | cmp - is
	[ "$(sqlite3 state/lock.db 'PRAGMA integrity_check')" = ok ]
}

@test "lock many: two hundred processes at once" {
	race 200 3
	[ "$(jq -r 'select(.lock) | .fingerprint' got | sort | tr '\n' ' ')" = \
		"f1:1 f1:2 f1:3 " ]
	[ "$(mail-lock list | wc -l)" = 3 ]
}

# Deliveries of some mails, each several times, while lines that work them are
# killed at random.
feed() {
	local n
	for ((n = 1; ; n++)); do
		delivery $n "mail $((n / 3))" | receive && echo $((n / 3)) >>sent
		[ ! -e over ] || return 0
	done 2>/dev/null
}

work_on() {
	while [ ! -e over ]; do
		mail-queue take -l 1 -n 6 -w 1 inbound | mail-lock acquire |
			mail-dispatch -P 2 -T 5 -- ./handler |
			mail-lock settle | mail-queue settle
	done 2>/dev/null
}

# kill_some SESSION N
kill_some() {
	local n=0 pids end=$(($(date +%s) + 120))
	while ((n < $2)); do
		[ "$(date +%s)" -lt $end ] || return 1
		mapfile -t pids < <(pgrep -r R,S,D -s "$1" '^mail-')
		((${#pids[@]} > 0)) || continue
		kill -KILL "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null &&
			n=$((n + 1))
	done
}

# Mails whose record of runs, history and lock do not agree, a line each.
untrue() {
	# shellcheck disable=SC2016 # jq's variables
	mail-store list | jq -r .id | xargs mail-store show |
		jq -c --slurpfile locks locks --rawfile runs runs '
		# (One that is only stored has no receipt: its MTA has it yet.)
		select(.state != "stored") | . as $m |
		($runs | split("\n") | map(select(. == $m.id)) | length)
			as $n |
		([.history[].event] | map(select(. == "start")) | length)
			as $starts |
		([.history[].event] | map(select(. == "interrupted")) | length)
			as $cuts |
		([.history[] | select(.event == "result" and
			.entry.stage == "mail-dispatch" and
			.entry.detail.replayed != true)] | length) as $results |
		select(
			# No run without a start, and a mark between two.
			$n > $starts or $starts > $cuts + $results or
			(if .state == "succeeded" then
				([$locks[] | select(.id == $m.id and
					.state == "done")] | length) != 1 or $n < 1
			else
				.state != "skipped" or $n > 0 or
				([$locks[] | select(.state == "done" and
					.id == $m.last.detail.duplicate_of)]
					| length) != 1
			end)) | [.id, .state, $n, .history]'
}

@test "lock many: working lines killed at random: runs, rows and locks agree" {
	kills=${MAILPIPE_TEST_LOCK_KILLS:-120}
	! is_sanitized || kills=20
	export -f delivery feed work_on receive
	# One that is hit between its fork and its exec counts as a failure of
	# the handler; here it is one of ours.
	# shellcheck disable=SC2016
	setsid bash -c 'echo $$ >session
		feed & work_on & work_on & wait' >/dev/null 2>&1 3>&- &
	wait_for 10 test -s session
	wait_for 30 test -s runs
	kill_some "$(cat session)" "$kills"
	touch over
	wait_for 60 sh -c "! pgrep -s $(cat session) >/dev/null"
	for i in 1 2 3 4 5 6; do
		MAILPIPE_CLOCK=+$((i * 70))m mail-queue take -n 1000 inbound |
			MAILPIPE_CLOCK=+$((i * 70))m mail-lock acquire |
			mail-dispatch -P 2 -- ./handler | mail-lock settle |
			mail-queue settle
	done
	mail-lock list >locks
	# What was killed by us before its exec was deferred: nobody has run it.
	mail-store list | jq -r 'select(.state == "deferred" and
		.last.detail.signal == 9) | .id' >unlucky
	untrue | grep -vF -f unlucky >wrong || true
	cat wrong
	[ ! -s wrong ]
	# Each mail that was sent was handled, and none was twice.
	mail-store list | jq -r 'select(.state == "succeeded") | .fingerprint' |
		sort >handled
	[ -s handled ]
	[ -z "$(uniq -d handled)" ]
	[ "$(wc -l <handled)" -ge "$(($(sort -u sent | wc -l) -
		$(wc -l <unlucky)))" ]
	[ "$(sqlite3 state/lock.db 'PRAGMA integrity_check')" = ok ]
}

@test "lock many: SIGTERM to the whole line loses no outcome" {
	for i in $(seq 20); do delivery 1 "mail $i" | receive; done
	mkfifo gate
	printf '#!/bin/sh\necho >>%q/started\nread -r _ <%q/gate\n' \
		"$PWD" "$PWD" >handler
	: >started
	setsid bash -c 'echo $$ >session
		mail-queue take -n 12 inbound | mail-lock acquire |
			mail-dispatch -P 8 -- ./handler |
			mail-lock settle | mail-queue settle' 3>&- &
	# shellcheck disable=SC2016 # for the other shell
	wait_for 20 sh -c '[ "$(wc -l <started)" = 8 ]'
	pkill -TERM -s "$(cat session)" '^mail-'
	exec 8<>gate
	for i in $(seq 30); do echo; done >&8
	wait_for 30 sh -c "! pgrep -s $(cat session) '^mail-' >/dev/null"
	[ "$(states)" = $'ready 12\nsucceeded 8' ]
	[ "$(mail-lock list -s "done" | wc -l)" = 8 ]
	# What was claimed and given back takes its own claims over.
	work_once ./handler
	[ "$(count succeeded)" = 20 ]
	[ "$(mail-lock list -s "done" | wc -l)" = 20 ]
}
