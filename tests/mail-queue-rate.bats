#!/usr/bin/env bats
# Tenants with a rate: take passes over them while it is used up, and nobody
# else waits.  tests/rate/paced.c is the sender; the rules are tested in
# tests/unit/rate.c and mail_pace.c.

load helpers

setup() {
	mailpipe_setup
	need jq
	paced=$MAILPIPE_REPO/build/release/paced
	! is_sanitized || paced=$MAILPIPE_REPO/build/san/paced
	[ -x "$paced" ] || skip "no paced here: make inject"
	: >sent
}

# fill TENANT FIRST LAST [MEMBERS]: records on the queue, ids TENANT-N.
fill() {
	jq -nc --arg t "$1" --argjson from "$2" --argjson to "$3" \
		"range(\$from; \$to + 1) |
			{id: \"\\(\$t)-\\(.)\", tenant: \$t} + {${4:-}} +
			{content: {base64: \"aGVsbG8=\"}}" |
		mail-store put | mail-queue put q
}

# line TAKE-OPTIONS LIMIT...: the sending line.
line() {
	local take=$1
	shift
	# shellcheck disable=SC2086 # options, one word each
	mail-queue take -l 20 $take q | "$paced" "$@" | mail-queue settle
}

stat() { mail-queue stats q | jq -c "$1"; }
sent() { grep -c "^$1" sent || true; }
is_limited() { [ "$(stat .limited_tenants)" = 1 ]; }
is_idle() { [ "$(stat '[.ready, .scheduled, .leased]')" = "[0,0,0]" ]; }
has_sent() { [ "$(sent "$1")" -ge "$2" ]; }

# most TENANT MS: the most that were sent in any time of so many milliseconds.
most() {
	awk -v t="$1" '$2 == t {print $3}' sent | sort -n | awk -v ms="$2" '
		{at[NR] = $1; while (at[NR] - at[first + 1] >= ms) first++
		 if (NR - first > max) max = NR - first}
		END {print max + 0}'
}

# took TENANT: from its first to its last, in milliseconds.
took() {
	awk -v t="$1" '$2 == t {print $3}' sent | sort -n |
		sed -n '1p;$p' | xargs | awk '{print $2 - $1}'
}

@test "rate: a line from cron drains a limited tenant, at its rate and no faster" {
	fill a 1 61
	line -1 a=20
	[ "$(stat '[.succeeded, .deferred, .ready]')" = "[61,0,0]" ]
	[ "$(most a 1000)" -le 20 ]
	# The limit is used to 95 %, when nothing holds us up.
	[ "$(took a)" -ge 3000 ]
	echo "took $(took a)"
	[ "$(took a)" -le 6000 ]
	[ "$(mail-store list | jq -r .attempts | sort -u)" = 1 ]
}

@test "rate: a slow tenant is waited for, and what came first goes first" {
	fill a 1 4
	line "-1 -n 2" a=0.5
	[ "$(cut -d' ' -f1 sent | xargs)" = "a-1 a-2 a-3 a-4" ]
	[ "$(most a 2000)" = 1 ]
	[ "$(stat '[.succeeded, .limited_tenants]')" = "[4,0]" ] ||
		[ "$(stat '[.succeeded, .limited_tenants]')" = "[4,1]" ]
}

@test "rate: while one waits, others' mail is sent at once" {
	fill a 1 300
	line -F a=5 &
	wait_for 10 has_sent a 8
	wait_for 10 is_limited
	for i in 1 2 3; do
		fill b $((i * 50)) $((i * 50 + 39))
		wait_for 4 has_sent b $((i * 40))
		# Never are many of its mails out of the queue.
		[ "$(stat .leased)" -le 25 ]
	done
	[ "$(sent a)" -lt 100 ]
	[ "$(most a 1000)" -le 5 ]
}

@test "rate: urgent mail overtakes, with its tenant at the limit" {
	fill a 1 200
	line -F a=3 &
	wait_for 10 has_sent a 4
	fill a 1001 1001 'priority: 9'
	wait_for 3 has_sent a-1001 1
	[ "$(sent a)" -lt 60 ]
	# Many of them: they have the rate, too.
	fill a 2001 2006 'priority: 9'
	wait_for 8 has_sent a-200 6
	[ "$(most a 1000)" -le 3 ]
}

@test "rate: a wait longer than ten seconds is the next run's, and can be ended" {
	fill a 1 3
	fill b 1 3
	start=$(date +%s)
	line -1 a=0.05
	[ $(($(date +%s) - start)) -lt 10 ]
	[ "$(sent a)" = 1 ]
	[ "$(sent b)" = 3 ]
	[ "$(stat '[.paused, .paused_tenants, .limited_tenants]')" = \
		"[false,0,1]" ]
	run -0 --separate-stderr mail-queue pause
	[ "$(jq -c '[.queue, .tenant, .rate, .priority, .reason]' \
		<<<"$output")" = '["q","a",true,0,"paced"]' ]
	[ "$(jq -r '.until > .at' <<<"$output")" = true ]
	run -0 mail-queue pause -o table
	[[ $output == *"a (rate)"* ]]
	run -0 mail-queue stats -o table
	[[ $output == *"1 limited"* ]]
	run -0 --separate-stderr mail-queue resume -t a q
	[ -z "$stderr" ]
	[ "$(stat .limited_tenants)" = 0 ]
	[ -z "$(mail-queue pause)" ]
	# Doctor does not call it a trouble.
	fill a 4 4
	line -1 a=0.05
	mail-store doctor -o json >doctor || true
	run -1 grep -E '"holds".*(tenant|held)' doctor
}

@test "rate: an operator's pause of the same tenant stays" {
	fill a 1 5
	mail-queue pause -t a --reason "moving" q
	line -1 a=0.05
	[ "$(sent a)" = 0 ]
	mail-queue resume -t a q
	line -1 a=0.05
	[ "$(sent a)" = 1 ]
	mail-queue pause -t a --reason "moving" q
	[ "$(mail-queue pause | jq -c '[.reason, .rate]' | sort | xargs)" = \
		"[moving,null] [paced,true]" ]
	[ "$(stat '[.paused_tenants, .limited_tenants]')" = "[1,1]" ]
}

@test "rate: two lines, one of them killed, keep to one rate" {
	fill a 1 60
	line "-F -l 3" a=10 &
	mail-queue take -F -l 3 q | "$paced" a=10 >other &
	wait_for 10 has_sent a 10
	kill -KILL $!
	wait_for 30 has_sent a 60
	[ "$(most a 1000)" -le 10 ]
	wait_for 30 is_idle
	[ "$(stat .deferred)" = 0 ]
}

@test "rate: the limit of a day leaves something for urgent mail" {
	fill a 1 120
	line -1 a=1000/100
	[ "$(sent a)" = 98 ]
	fill a 1001 1003 'priority: 1'
	line -1 a=1000/100
	[ "$(sent a-100)" -ge 2 ]
	[ "$(sent a)" = 100 ]
	[ "$(stat '[.succeeded, .deferred, .dead, .limited_tenants]')" = \
		"[100,0,0,1]" ]
}
