#!/usr/bin/env bats
# Whose mail is taken next, as an operator sees and steers it: weights, caps,
# priorities, pause and resume, drop.  The rules are tested in
# tests/unit/mail_fair.c.

load helpers

setup() {
	mailpipe_setup
	need jq
}

# fill TENANT FIRST LAST [MEMBERS]: records on the queue, ids TENANT-N.
fill() {
	jq -nc --arg t "$1" --argjson from "$2" --argjson to "$3" \
		"range(\$from; \$to + 1) |
			{id: \"\\(\$t)-\\(.)\", tenant: \$t} + {${4:-}} +
			{content: {base64: \"aGVsbG8=\"}}" |
		mail-store put | mail-queue put q
}

# taken N: the tenants of what is taken, "TENANT COUNT" a line, sorted.
taken() {
	mail-queue take -c "$1" -n "$1" q | jq -r .tenant | sort | uniq -c |
		awk '{print $1, $2}' | xargs
}

config() {
	echo "$1" >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

stat() { mail-queue stats q | jq -c "$1"; }

@test "turns: tenants take turns, however much one has put before" {
	fill big 1 2000
	fill a 1 5
	fill b 1 5
	[ "$(taken 12)" = "4 a 4 b 4 big" ]
	fill late 1 1
	[ "$(taken 4 | grep -c late)" = 1 ]
}

@test "turns: weights of the configuration" {
	config '{"tenants":{"a":{"weight":3},"b":{"weight":1}}}'
	fill a 1 500
	fill b 1 500
	[ "$(taken 400)" = "300 a 100 b" ]
}

@test "turns: a cap on work in flight holds up its tenant, nobody else" {
	config '{"tenants":{"a":{"in_flight":2}}}'
	fill a 1 50
	fill b 1 10
	[ "$(taken 20)" = "2 a 10 b" ]
	run -0 mail-queue take -c 5 q
	[ -z "$output" ]
}

@test "turns: with one in flight, handlers see a tenant's mail in its order" {
	config '{"tenants":{"a":{"in_flight":1}}}'
	fill a 1 40
	fill b 1 40
	mail-queue take q |
		mail-dispatch -P 4 -- sh -c "echo {id} >>order-{tenant}" |
		mail-queue settle
	seq -f a-%g 40 | diff - order-a
	[ "$(stat .succeeded)" = 80 ]
}

@test "turns: priority overtakes; of eight one is of the lower ones" {
	fill bulk 1 100
	fill otp 1 100 'priority: 9'
	[ "$(taken 80)" = "10 bulk 70 otp" ]
}

@test "pause: nothing of the queue is taken until it is resumed" {
	fill a 1 3
	mail-queue pause --reason "moving house" q
	run -0 mail-queue take q
	[ -z "$output" ]
	run -0 mail-queue pause
	jq -e '.queue == "q" and .reason == "moving house" and
		(has("tenant") or has("until") | not)' <<<"$output"
	[ "$(stat .paused)" = true ]
	mail-queue resume q
	[ "$(stat .paused)" = false ]
	[ "$(taken 3)" = "3 a" ]
	run -0 --separate-stderr mail-queue resume q
	[ "$stderr" = "mail-queue: q was not paused" ]
}

@test "pause: of one tenant, with an end; put goes on meanwhile" {
	fill a 1 3
	fill b 1 3
	mail-queue pause -t a --until +1h q
	fill a 4 6
	[ "$(stat .paused_tenants)" = 1 ]
	[ "$(taken 9)" = "3 b" ]
	run -0 mail-queue pause
	jq -e '.tenant == "a" and .until > .at' <<<"$output"
	# What b had is ready again: its leases are over by then.
	[ "$(MAILPIPE_CLOCK=+59m taken 9)" = "3 b" ]
	[ "$(MAILPIPE_CLOCK=+65m taken 9)" = "6 a 3 b" ]
	run -0 mail-queue pause
	[ -z "$output" ]
}

@test "pause: take -F waits, and goes on by itself when it is resumed" {
	fill a 1 2
	mail-queue pause q
	mail-queue take -F q >out &
	wait_for 10 grep -qs "^State:.S" "/proc/$!/status"
	[ ! -s out ]
	mail-queue resume q
	wait_for 10 [ -s out ]
	kill $!
	wait $!
	[ "$(wc -l <out)" = 2 ]
}

@test "pause: what is leased already goes on to its end" {
	fill a 1 2
	mail-queue take -c 2 q >leased
	mail-queue pause q
	mail-dispatch -- true <leased | mail-queue settle
	[ "$(stat .succeeded)" = 2 ]
}

@test "drop: by id, key, tenant, state and age; the history says why" {
	fill a 1 3 'key: "c7"'
	fill b 1 3
	run -0 --separate-stderr mail-queue drop -v -i b-1 -i b-9 \
		--reason "sent by hand" q
	[ "$stderr" = "mail-queue: dropped 1 mails" ]
	[ -z "$output" ]
	mail-store show -o json b-1 |
		jq -e '.state == "dropped" and (.history[-1] |
			.event == "dropped" and .entry.reason == "sent by hand")'
	run -0 --separate-stderr mail-queue drop -n -k c7 q
	[ "$(xargs <<<"$output")" = "a-1 a-2 a-3" ]
	[ "$(stat .ready)" = 5 ]
	run -0 --separate-stderr mail-queue drop -e -k c7 -k none q
	[ "$(xargs <<<"$output")" = "a-1 a-2 a-3" ]
	mail-queue drop --older 1h q
	[ "$(stat .ready)" = 2 ]
	MAILPIPE_CLOCK=+2h mail-queue drop -t b --older 1h -s ready q
	[ "$(stat '[.ready, .dropped]')" = "[0,6]" ]
	# What was put before it was dropped stays dropped.
	fill b 1 1
	[ "$(stat .ready)" = 0 ]
}

@test "drop: what is leased or done stays, and is counted" {
	fill a 1 3
	mail-queue take -c 1 q >leased
	mail-queue take -c 1 q | mail-dispatch -- true | mail-queue settle
	run -0 --separate-stderr mail-queue drop --all q
	[ "$stderr" = "mail-queue: left 2 as they are: leased, or done" ]
	[ "$(stat '[.leased, .succeeded, .dropped]')" = "[1,1,1]" ]
}

@test "drop: all of a queue must be said; a wrong state is named" {
	run -64 mail-queue drop q
	run -64 mail-queue drop -s lost q
	run -64 mail-queue drop --all
	run -64 mail-queue pause -t a
	run -64 mail-queue pause --until yesterday q
	run -64 mail-queue pause -t '../a' q
	run -64 mail-queue resume
}

# sums_are_right: those that are kept are those of the rows.
sums_are_right() {
	mail-store doctor | jq -se 'any(.check == "ledger" and .status == "ok")'
}

@test "drop, pause: killed at any write or sync, all of it is done or nothing" {
	need_release
	for call in pwrite64 fdatasync; do
		for nth in 1 2 3; do
			rm -rf state
			fill a 1 20
			fill b 1 20
			stat .ready
			inject $call $nth kill mail-queue drop -t a q || true
			[[ "$(stat '[.ready, .dropped]')" =~ ^\[(40,0|20,20)\]$ ]]
			sums_are_right
			inject $call $nth kill mail-queue pause -t b q || true
			sums_are_right
			mail-queue drop -t a q
			mail-queue pause -t b q
			[ "$(stat '[.ready, .dropped, .paused_tenants]')" = \
				"[20,20,1]" ]
			run -0 mail-queue take -c 9 q
			[ -z "$output" ]
		done
	done
}

@test "drop, pause: a full or failing disk is 75, and leaves nothing half" {
	need_release
	for error in ENOSPC EIO; do
		for call in pwrite64 fdatasync; do
			rm -rf state
			fill a 1 20
			stat .ready
			run -75 inject $call 1 $error mail-queue drop --all q
			run -75 inject $call 1 $error mail-queue pause q
			# What was not synced may be there all the same.
			[[ "$call $(stat '[.ready, .dropped]')" =~ \
				^(.*\ \[20,0\]|fdatasync\ \[0,20\])$ ]]
			sums_are_right
			mail-queue drop --all q
			[ "$(stat .dropped)" = 20 ]
		done
	done
}
