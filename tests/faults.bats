#!/usr/bin/env bats
# System calls that fail, one after the other, disks that are full, writes that
# go in half: 75 or a kept promise, never a half state, and after the fault
# everything works.

setup() {
	load helpers
	mailpipe_setup
}

teardown() { mailpipe_teardown; }

# The process in which a fault struck, once it is stopped.
is_stopped() {
	victim=$(awk '{print $2; exit}' "$1" 2>/dev/null) && [ -n "$victim" ] &&
		grep -q '^State:.T' "/proc/$victim/status"
}

@test "faults: another's entry inside of a half-written one loses neither" {
	for id in a b c; do
		echo "{\"id\":\"$id\",\"tenant\":\"ne-001\"}" >$id
	done
	run -0 mail-queue put inbound <a
	INJECT_HIT=$PWD/hit inject write 1 short-stop mail-queue put inbound <b &
	wait_for 20 is_stopped hit
	run -0 mail-queue put inbound <c
	kill -CONT "$victim"
	wait $!
	[ "$(ids | sort | tr -d '\n')" = abc ]
	# What never goes in whole is never acknowledged.
	echo '{"id":"d","tenant":"ne-001"}' >d
	run -75 inject write 0 short mail-queue put inbound <d
	[ "$(ids | wc -l)" = 3 ]
}

@test "faults: an intake that cannot be drawn keeps no outcome out" {
	mail one >one
	receive <one
	mail-queue take -c 1 inbound | mail-dispatch -- true >results
	mail two 3000 | receive
	run -75 inject fsync 0 ENOSPC mail-queue stats
	run -0 inject fsync 0 ENOSPC mail-queue settle <results
	[ "$(states)" = "ready 1
succeeded 1" ]
}
