#!/usr/bin/env bats
# Programs that are stopped while they hold a lock, and programs that are told
# to end: nobody waits for ever, no outcome is lost, no attempt is counted.

load helpers

# The process in which a fault struck, once it is stopped.
is_stopped() {
	victim=$(awk '{print $2; exit}' "$1" 2>/dev/null) && [ -n "$victim" ] &&
		grep -q '^State:.T' "/proc/$victim/status"
}

# stop_in CALL NTH COMMAND...: start it (stdin: ./in) and let it stop there.  In a
# session of its own: who gives up continues all of its group.
stop_in() {
	local call=$1 nth=$2
	shift 2
	INJECT_HIT=$PWD/hit inject "$call" "$nth" stop setsid "$@" <in 2>>err &
	stopped_job=$!
	wait_for 20 is_stopped hit
}

# ends STATUS PID: the exit status of a job; run cannot wait for one.
ends() {
	local got=0
	wait "$2" || got=$?
	[ "$got" = "$1" ] || {
		echo "exit status $got, not $1" >&2
		return 1
	}
}

record() { echo "{\"id\":\"$1\",\"tenant\":\"ne-001\"}"; }

@test "signals: a stopped appender keeps neither appenders nor readers waiting" {
	record a | mail-queue put inbound
	record b >in
	stop_in fdatasync 1 mail-queue put inbound
	record c | timeout 5 mail-queue put inbound
	run -0 timeout 5 mail-queue stats
	record d | timeout 5 mail-queue put inbound
	# What it had written may be seen already, and stays.
	[ "$(timeout 5 mail-queue stats | jq .ready)" = 4 ]
	kill -CONT "$victim"
	wait "$stopped_job"
	[ "$(mail-queue stats | jq .ready)" = 4 ]
	[ -z "$(find state/intake -name '[0-9]' -size +0)" ]
	[ ! -e state/intake/torn ]
}

@test "signals: a stopped reader of the intake keeps no mail out" {
	mail one | receive
	: >in
	stop_in fsync 1 mail-queue stats
	for ((n = 0; n < 8; n++)); do
		mail "more $n" | timeout 5 "$MAILPIPE_BIN/mail-deliver" \
			-t ne-001 inbound
	done
	mail two >two
	(receive <two)
	kill -CONT "$victim"
	wait "$stopped_job"
	[ "$(states)" = "ready 10" ]
}

@test "signals: who waits for a stopped program gives up with 75 and says so" {
	need_release # once is enough to wait
	mail one | receive
	mail two | receive
	mail-queue take -c 1 -l 600 inbound | mail-dispatch -- true >in
	mail-queue take -c 1 -l 600 inbound | mail-dispatch -- true >second
	stop_in fdatasync 1 mail-queue settle
	mail three | receive
	mail-queue settle <second 2>settle.err &
	settle=$!
	mail-queue take -c 1 inbound >taken 2>take.err &
	take=$!
	ends 75 $settle
	grep -q 'mail.db: another process has held it for 60 seconds' settle.err
	ends 75 $take
	grep -q 'look for one that is stopped' take.err
	kill -CONT "$victim"
	wait "$stopped_job"
	run -0 mail-queue settle <second
	[ "$(states)" = "ready 1
succeeded 2" ]
}

@test "signals: take gives back what was not started, and counts nothing" {
	for ((n = 0; n < 5; n++)); do
		record "m$n" | mail-queue put inbound
	done
	for signal in INT TERM HUP; do
		rm -f taken
		env --default-signal="$signal" mail-queue take -F inbound >taken &
		take=$!
		# shellcheck disable=SC2016 # for the other shell
		wait_for 20 sh -c '[ "$(wc -l <taken)" = 5 ]'
		kill -$signal $take
		wait $take
		[ "$(states)" = "ready 5" ]
	done
	[ "$(mail-queue list inbound | jq -s 'map(.attempts) | add')" = 0 ]
}

@test "signals: the second one ends take at once" {
	mail one | receive
	mail-queue take -c 1 -l 600 inbound | mail-dispatch -- true >in
	record two | mail-queue put inbound
	env --default-signal=TERM mail-queue take -F inbound >taken &
	take=$!
	wait_for 20 test -s taken
	# Nobody can write to the ledger now, so it cannot give back.
	stop_in fdatasync 1 mail-queue settle
	kill -TERM $take
	wait_for 20 grep -qe "-> FLOCK .* $take " /proc/locks
	kill -TERM $take
	ends 143 $take
	kill -CONT "$victim"
	wait "$stopped_job"
	# It stays leased until the lease is over.
	[ "$(state_of two)" = leased ]
	[ "$(MAILPIPE_CLOCK=+1h mail-queue take -c 1 inbound | jq -r .id)" = two ]
}

@test "signals: settle goes on to the end of its input, whatever is sent to it" {
	mail one | receive
	mail-queue take -c 1 -l 600 inbound | mail-dispatch -- true >results
	mkfifo pipe
	env --default-signal=INT,TERM,HUP mail-queue settle <pipe &
	settle=$!
	exec 8>pipe
	ignored() { grep -q '^SigIgn:.*[4567cdef]...$' "/proc/$settle/status"; }
	wait_for 20 ignored # TERM is bit 14
	kill -INT $settle
	kill -TERM $settle
	kill -HUP $settle
	cat results >&8
	exec 8>&-
	wait $settle
	[ "$(states)" = "succeeded 1" ]
}

@test "signals: who gives up continues a stage that is stopped before it" {
	for ((n = 0; n < 2; n++)); do
		stop='kill -STOP $$; exec "$@"'
		stages=("" "")
		stages[n]=$stop
		STOP0=${stages[0]:-'exec "$@"'} STOP1=${stages[1]:-'exec "$@"'} \
			run -75 timeout 20 setsid -w sh -c '
			echo x | sh -c "$STOP0" - mail-ingest -t ne-001 |
			sh -c "$STOP1" - mail-store put --deadline 1 |
			mail-queue put --deadline 1 inbound || exit 75'
	done
	[ "$(states)" = "stored 1" ]
}
