#!/usr/bin/env bats
# What shells do to a working line: no endless loop, no attempt counted, and a
# line on stderr that says what is wrong.

setup() {
	load helpers
	mailpipe_setup
	for i in 1 2 3; do printf '{"id":"m%d","tenant":"t"}\n' $i; done |
		mail-queue put inbound
}

# Behind take stands PIPELINE; then all is as it was, and take has said why.
misuse() {
	run -0 --separate-stderr timeout 20 bash -c "
		mail-queue take -l 1 $2 inbound | $1
		echo \"\${PIPESTATUS[0]}\" >status"
	[ "$(cat status)" = 75 ]
	[[ $stderr == *"$3"* ]]
	[ "$(states)" = "ready 3" ]
	[ "$(mail-queue list inbound | jq -s 'map(.attempts) | add')" = 0 ]
}

nobody='nobody has started or settled any of 3 mails'

@test "misuse: jq -s, which swallows all" {
	misuse 'jq -s . >/dev/null' '' "$nobody"
}

@test "misuse: sort, without anything behind it" {
	misuse 'sort >/dev/null' '' "$nobody"
}

@test "misuse: jq 'select(false)', which lets nothing through" {
	misuse "jq -c 'select(false)' | mail-dispatch -- true | mail-queue settle" \
		'' "$nobody"
}

@test "misuse: no settle at the end" {
	misuse 'cat >/dev/null' '' "$nobody"
}

@test "misuse: the reader has gone while take waits for more" {
	misuse 'head -n 1 >/dev/null' '-F' 'the next program has closed the pipe'
}

@test "misuse: a window that is full, and a program that waits for the end" {
	misuse 'sort >/dev/null' '-n 3' "$nobody"
}

@test "misuse: sort before dispatch works, as long as the window holds all" {
	mail-queue take inbound | sort -r |
		jq -c '.result = {status: "ok", stage: "x"}' | mail-queue settle
	[ "$(states)" = "succeeded 3" ]
}

@test "misuse: records that come after their lease is over are not started" {
	for i in 1 2 3; do mail "$i" | line_receive t other; done
	mail-queue take -c 3 other >taken
	MAILPIPE_CLOCK=+5m mail-queue take -c 3 other >again
	run -75 --separate-stderr mail-dispatch -- touch started <taken
	[ ! -e started ]
	[ -z "$output" ]
	[ "$(grep -c 'lease is over' <<<"$stderr")" = 3 ]
}
