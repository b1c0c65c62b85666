#!/usr/bin/env bats
# Nothing is lost when processes are killed at random, and nothing is done twice
# without the history saying so.

setup() {
	load helpers
	mailpipe_setup
}

# message N: a mail that says who it is; some are too large for a line.
message() {
	printf 'Subject: mail %d\nMessage-ID: <%d@x>\n\nbody %d\n' "$1" "$1" "$1"
	(($1 % 7)) || seq 20000
}

# deliver COMMAND: receive a mail.  Its programs live for some milliseconds only,
# hard to hit, so half of them are killed at one of the calls that they make.
deliver() {
	[ -e over ] || ((RANDOM % 2)) || set -- inject \
		openat,read,write,close,flock,fsync,fdatasync,renameat2,pwrite,io_submit \
		$((RANDOM % 40 + 1)) kill "$@"
	"$@"
}

# produce FROM TO: an MTA, which tries each mail until it gets a receipt.
produce() {
	local i line
	export INJECT_HIT=$PWD/hits
	for ((i = $1; i <= $2; i++)); do
		line=receive
		((i % 2)) || line=line_receive
		until message "$i" | deliver $line "ne-00$((i % 4))"; do
			: # also when it is over: the MTA's last retry
		done 2>/dev/null
		echo "$i" >>acknowledged
		[ ! -e over ] || return 0
	done
}

# work_on [-- HANDLER]: a cron that comes back at once.
work_on() {
	while [ ! -e over ]; do
		mail-queue take -l 1 -n 6 -w 1 inbound 2>/dev/null |
			mail-dispatch -P 2 -T 5 "$@" 2>/dev/null |
			mail-queue settle 2>/dev/null
	done
}

# An operator, who is killed as well.
operate() {
	while [ ! -e over ]; do
		mail-queue pause -t ne-003 inbound
		mail-queue resume -t ne-003 inbound
		mail-queue stats inbound
	done 2>/dev/null
}

# kill_some SESSION N: SIGKILL for random programs of ours, until N are dead,
# half of them by our hand.
kill_some() {
	local n=0 hits=0 pids end
	end=$(($(date +%s) + 240))
	while ((n < $2 / 2 || n + hits < $2)); do
		[ "$(date +%s)" -lt $end ] || return 1
		hits=$(wc -l <hits)
		# What is dead already is none.
		mapfile -t pids < <(pgrep -r R,S,D -s "$1" '^mail-')
		((${#pids[@]} > 0)) || continue
		kill -KILL "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null &&
			n=$((n + 1))
	done
	echo $((n + hits)) >killed
}

# The last runs: nobody is killed, and leases of the dead are over.
finish() {
	local i
	mail-queue resume -t ne-003 inbound
	for ((i = 1; i <= 5; i++)); do
		MAILPIPE_CLOCK=+$((i * 10))m mail-queue take -n 1000 inbound |
			mail-dispatch -P 2 -- ./handler | mail-queue settle
	done
}

# Everything that was started is in the history, and no start follows another
# without an interruption between them.  One line a mail that breaks this.  A
# handler that was hit before its exec is one that was killed: deferred.
untrue_histories() {
	# shellcheck disable=SC2016 # jq's variables
	mail-store list | jq -r .id | xargs mail-store show | jq -c '
		select(
			([.history[] | select(.event == "start")] | length) as $starts |
			([.history[] | select(.event == "interrupted")] | length) as $cuts |
			([.history[] | select(.event == "result")] | length) as $results |
			(.state != "succeeded" and .last.detail.signal != 9) or
			$starts > $cuts + $results or $starts < $cuts + 1)'
}

@test "kill: 500 random kills in receiving and working lines, parallel producers" {
	kills=${MAILPIPE_TEST_KILLS:-500} enough=20
	# Sanitized programs start so slowly that few mails get through.
	! is_sanitized || kills=50 enough=1
	# shellcheck disable=SC2016 # the handler's variables
	printf '#!/bin/sh\ncat >/dev/null\necho "$MAIL_ID $MAIL_ATTEMPT" >>%q\n' \
		"$PWD/runs" >handler
	# The same, as an answer and with the record.
	printf '%s\n' 'grep -q "\"id\":\"$MAIL_ID\"" "$MAIL_RECORD" || exit 65' \
		'echo "{\"done\":true}"' >>handler
	chmod +x handler
	export -f message deliver produce work_on operate line_receive receive \
		inject
	# Turns, caps, holds and handlers by tenant are at work meanwhile.
	jq -n --arg handler "$PWD/handler" '{
		tenants: {"ne-000": {in_flight: 1}, "ne-001": {weight: 3},
			"ne-002": {in_flight: 2, handler: "one"}},
		handlers: {
			one: {argv: [$handler], parallel: 1, expect: ".done"},
			default: {argv: [$handler, "{tenant}"], nice: 1}}}' >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
	: >acknowledged
	: >hits
	setsid bash -c 'echo $$ >session
		for p in 1 2 3; do produce ${p}00000 ${p}99999 & done
		work_on -- ./handler & work_on & work_on & operate & wait' >/dev/null 2>&1 3>&- &
	wait_for 10 test -s session
	kill_some "$(cat session)" "$kills"
	touch over
	wait_for 60 sh -c "! pgrep -s $(cat session) >/dev/null"
	[ "$(cat killed)" -ge "$kills" ]
	finish 2>/dev/null

	# Every mail with a receipt is there once, with its bytes.
	mail-store list | jq -r .id | while read -r id; do
		mail-store cat "$id" >got
		n=$(sed -n 's/^Subject: mail //p' got)
		message "$n" | cmp -s - got || echo "$id differs"
		echo "$n"
	done | sort >stored
	run -1 grep differs stored
	[ -z "$(uniq -d stored)" ]
	[ -z "$(sort acknowledged | comm -23 - stored)" ]
	[ "$(wc -l <acknowledged)" -ge "$enough" ]
	run -0 untrue_histories
	[ -z "$output" ]
	# No handler ran without a start, and none twice for one attempt.
	[ -z "$(sort runs | uniq -d)" ]
	[ "$(sqlite3 state/mail.db 'PRAGMA integrity_check')" = ok ]
	mail-store doctor >/dev/null
}

@test "kill: two hundred alias lines at once, all succeed" {
	for i in $(seq 200); do
		{ message "$i" | line_receive ne-001 || echo "$i" >>failed; } 3>&- &
	done
	wait
	[ ! -e failed ]
	[ "$(mail-queue stats inbound | jq .ready)" = 200 ]
	mail-store list | jq -r .id | while read -r id; do
		mail-store cat "$id" | sed -n 's/^Subject: mail //p'
	done | sort -n >got
	seq 200 | cmp - got
}

# eight_handlers SIGNAL [-- HANDLER]: send it to the whole working line in the
# middle.
eight_handlers() {
	local signal=$1
	shift
	for i in $(seq 20); do message "$i" | line_receive ne-001; done
	mkfifo gate
	printf '#!/bin/sh\necho >>%q/started\nread -r _ <%q/gate\necho {}\n' \
		"$PWD" "$PWD" >handler
	chmod +x handler
	: >started
	# A background job of a script ignores SIGINT; a terminal's does not.
	setsid env --default-signal=INT bash -c 'echo $$ >session
		mail-queue take -n 12 inbound | mail-dispatch -P 8 "$@" |
			mail-queue settle' - "$@" 3>&- &
	# shellcheck disable=SC2016 # for the other shell
	wait_for 20 sh -c '[ "$(wc -l <started)" = 8 ]'
	pkill -"$signal" -s "$(cat session)" '^mail-'
	# Now the handlers may end.
	exec 8<>gate
	for i in $(seq 30); do echo; done >&8
	wait_for 30 sh -c "! pgrep -s $(cat session) '^mail-' >/dev/null"
	exec 8>&-
	[ "$(states)" = "ready 12
succeeded 8" ]
	[ "$(mail-queue list -s ready inbound | jq -s 'map(.attempts) | add')" = 0 ]
}

@test "kill: ^C in the middle of eight handlers loses no outcome" {
	eight_handlers INT -- ./handler
}

@test "kill: SIGTERM in the middle of eight handlers loses no outcome" {
	eight_handlers TERM -- ./handler
}

@test "kill: ^C amid eight handlers of the configuration loses no outcome" {
	jq -n --arg handler "$PWD/handler" '{
		tenants: {"ne-001": {in_flight: 12, handler: "gated"}},
		handlers: {gated: {argv: [$handler], parallel: 8, expect: "true",
			time_limit_s: 60, nice: 1}}}' >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
	eight_handlers INT
}
