#!/usr/bin/env bats
# Exactly accounted: a server that fails in every way, and processes of the
# sending line that are killed.  Afterwards each recipient has one outcome, and
# the server's log, the history and the locks agree.

load helpers
load smtp.d/helpers
load send.d/helpers

setup() {
	mailpipe_setup
	need python3 jq
}

teardown() { mailpipe_teardown; }

# Who waits for somebody to look, who is never looked at, and who wants it again
# whatever may have happened.
settings() {
	config "$(jq -nc --arg url "smtp://127.0.0.1:$port" '{
		transports: {default: {url: $url, time_limits:
			{connect: 2, command: 2, data: 2, block: 2, end: 2}}},
		breaker: {results: 0, probe: 1},
		tenants: {looked: {}, left: {},
			again: {on_uncertain: "retry", on_interrupted: "retry"}}}')"
}

# A line from cron, and those of a service; each comes back at once.
work_on() {
	while [ ! -e over ]; do
		SEND="-P 4" outbound -l 1 -n 8 -w 1 "$@" 2>/dev/null
	done
}

# size: of the server's log.
size() { stat -c %s srv/log; }

# kill_some SESSION N: SIGKILL for random programs of the lines, each after some
# more was sent.
kill_some() {
	local n=0 pids end to try
	end=$(($(date +%s) + 60 + $2))
	while ((n < $2)); do
		[ "$(date +%s)" -lt $end ] || return 1
		to=$(($(size) + RANDOM % 10000))
		for ((try = 0; try < 20 && $(size) < to; try++)); do
			sleep 0.01
		done
		mapfile -t pids < <(pgrep -r R,S,D -s "$1" '^mail-')
		((${#pids[@]} > 0)) || continue
		kill -KILL "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null &&
			n=$((n + 1))
	done
}

lines_have_ended() {
	pkill -TERM -x -s "$1" mail-queue
	! pgrep -s "$1" >/dev/null
}

# round KILLS: lines at work, until so many of their programs are dead.
round() {
	rm -f over session
	setsid bash -c 'echo $$ >session
		work_on -1 & work_on & work_on & wait' >/dev/null 2>&1 3>&- &
	wait_for 20 test -s session
	kill_some "$(cat session)" "$1"
	touch over
	# A take whose stdout is closed waits for the leases of the dead.
	wait_for 60 lines_have_ended "$(cat session)"
	wait_for 20 server_is_quiet
}

# Time goes on: leases of the dead end, what was deferred may go again.
later() {
	hours=$((hours + 2))
	export MAILPIPE_CLOCK=+${hours}h
	mail-queue take -c 1 nothing # ends them
	mail-retry due --now outbound
}

# Somebody looks at the server's log, and decides about parked mail.
look() {
	cat srv/log logs 2>/dev/null | jq -r 'select(.event == "mail" and
		.accepted) | .to[]' | sort -u >accepted
	mail-retry uncertain -t looked |
		jq -r '.envelope.to + " " + .id' | sort >parked
	join accepted parked | cut -d' ' -f2 >happened
	join -v 2 accepted parked | cut -d' ' -f2 >missing
	[ ! -s happened ] || xargs mail-retry uncertain --done <happened
	[ ! -s missing ] || xargs mail-retry uncertain --again <missing
}

waiting() {
	mail-queue stats outbound |
		jq '.ready + .leased + .scheduled + .deferred'
}

@test "send kill: each recipient has one outcome, and server, history and lock agree" {
	mails=${MAILPIPE_SEND_MAILS:-300}
	kills=$((mails / 10 > 400 ? 400 : mails / 10))
	! is_sanitized || mails=60 kills=10
	export -f work_on outbound
	serve -s "$(cat "$MAILPIPE_REPO/tests/send.d/trouble.json")" --quiet
	settings
	each=$((mails / 3))
	queue looked 1 $each
	queue left 1 $each
	queue again 1 $((each - 3 * (each / 10)))
	# Some are one mail to three.
	jq -nc --argjson n $((each / 10)) 'range(1; $n + 1) | {tenant: "again",
		key: "three-\(.)", mail: {from: "shop@example.com",
		to: ["a\(.)@example.jp", "b\(.)@example.jp"],
		bcc: "c\(.)@example.jp", subject: "three", text: "three\n"}}' |
		mail-store put | mail-queue put outbound
	hours=0
	for i in 1 2; do
		round $((kills / 2))
		later
		look
	done
	# It recovers, and so do we.
	cat srv/log >logs
	serve_end
	serve --quiet
	settings
	for ((i = 0; i < 12 && $(waiting) > 0; i++)); do
		SEND="-P 10" outbound -1 -n 100
		later
		look
	done
	wait_for 20 server_is_quiet
	server_is_fine
	run -0 account logs srv/log
	echo "$output, killed: $kills" >>"${MAILPIPE_SEND_REPORT:-/dev/null}"
	jq -e --argjson n $((each * 3)) '.mails == $n and .unknown > 0 and
		.twice <= .unknown' <<<"$output"
	[ "$(sqlite3 state/mail.db 'PRAGMA integrity_check')" = ok ]
	[ "$(sqlite3 state/lock.db 'PRAGMA integrity_check')" = ok ]
}

# line_with_stall: mails wait behind one that is on its way and stays there; the
# session of the line is in the file session.
line_with_stall() {
	serve -s '[{"stage":"end","do":"stall"}]' --quiet
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'"}}}'
	queue t 1 4
	export -f outbound
	SEND="-P 1" setsid bash -c 'echo $$ >session; outbound -1 -n 3' 3>&- \
		>/dev/null 2>line.err &
	wait_for 20 grep -q '"event": "mail"' srv/log
}

line_is_over() { ! pgrep -s "$(cat session)" '^mail-' >/dev/null; }

@test "send kill: what a killed sender had not started goes back at once" {
	line_with_stall
	pkill -KILL -s "$(cat session)" '^mail-send'
	# Long before the lease of the one that was started is over.
	wait_for 20 line_is_over
	[ "$(states)" = $'leased 1\nready 3' ]
	mail-store list -s ready | jq -e '.attempts == 0'
	grep -q 'mail-lock: stdout: nobody reads it any more' line.err
	MAILPIPE_CLOCK=+2h mail-queue take -c 1 nothing
	[ "$(states)" = $'parked 1\nready 3' ]
}

@test "send kill: connections of the dead come free" {
	serve -s '[{"stage":"end","mail":1,"connection":1,"do":"stall"}]' --quiet
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
		"limits":{"connections":1}}}}'
	queue t 1 3
	mail-queue take -c 3 outbound >taken
	sed -n 1p taken | mail-send >out 3>&- &
	pid=$!
	wait_for 20 grep -q '"event": "mail"' srv/log
	kill -KILL $pid
	# Its neighbour finds no connection free, until the dead one's is over.
	sed -n 2p taken | mail-send >out2 3>&- &
	pid=$!
	[ "$(sqlite3 state/lock.db 'SELECT count(*) FROM rate_connection')" = 1 ]
	kill -0 $pid
	[ ! -s out2 ]
	sed -n 3p taken | MAILPIPE_CLOCK=+61s mail-send >out3
	[ "$(jq -r .result.status out3)" = ok ]
	kill -TERM $pid
	wait $pid
	[ "$(jq -s 'map(select(.event == "connect")) | length' srv/log)" -le 3 ]
}
