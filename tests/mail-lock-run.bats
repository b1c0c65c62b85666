#!/usr/bin/env bats
# mail-lock run: a command, at most one at a time, or once only.

setup() {
	load helpers
	mailpipe_setup
	need jq
}

run_it() { mail-lock run "$@"; }
locks() { mail-lock list | jq -r '.key + " " + .state'; }

# A command that waits until it is let go: mkfifo gate first.
hold() {
	run_it "$@" -- sh -c 'echo >>started; read -r _ <gate' \
		>held.out 2>held.err 3>&- &
	holder=$!
	wait_for 20 test -s started
}
let_go() { echo >gate; }

@test "lock run: the command runs, its output, input and environment are ours" {
	run -0 --separate-stderr env WORD=x mail-lock run k -- \
		sh -c 'cat; echo "$WORD $1"; echo said >&2' - y < <(echo in)
	[ "$output" = $'in\nx y' ]
	[ "$stderr" = said ]
	[ -z "$(locks)" ]
	# The separator may be left out.
	run -0 mail-lock run k echo a -- b
	[ "$output" = "a -- b" ]
}

@test "lock run: while it runs nobody else does, and that is fine" {
	mkfifo gate
	hold k
	[ "$(locks)" = "k claimed" ]
	run -0 --separate-stderr mail-lock run k -- echo ran
	[ -z "$output$stderr" ]
	run -0 --separate-stderr mail-lock run -v k -- echo ran
	[ -z "$output" ]
	[[ $stderr == "mail-lock: k: held by run-"*" since "*"; not run" ]]
	run -75 --separate-stderr mail-lock run --must-run k -- echo ran
	[ -z "$output" ]
	[[ $stderr == "mail-lock: k: held by run-"* ]]
	# Another key is another lock.
	run -0 mail-lock run other -- echo ran
	[ "$output" = ran ]
	let_go
	wait $holder
	run -0 mail-lock run --must-run k -- echo ran
	[ "$output" = ran ]
}

@test "lock run: a command that fails is 75, and frees the lock" {
	for command in 'exit 1' 'exit 64' 'exit 255' 'kill -9 $$' 'kill $$'; do
		run -75 --separate-stderr mail-lock run k -- sh -c "$command"
		[[ $stderr == "mail-lock: k: sh: "* ]]
		run -75 --separate-stderr mail-lock run --once k -- \
			sh -c "$command"
	done
	[[ $stderr == *"killed by signal 15 (TERM)" ]]
	[ -z "$(locks)" ]
	run -75 --separate-stderr mail-lock run k -- ./no-such-command
	[[ $stderr == "mail-lock: k: ./no-such-command: "* ]]
	[ -z "$(locks)" ]
}

@test "lock run: --once, what has ended well is not run again" {
	run -75 mail-lock run --once k -- sh -c 'echo ran >>runs; exit 1'
	for i in 1 2 3; do
		run -0 --separate-stderr mail-lock run --once k -- \
			sh -c 'echo ran >>runs'
		[ -z "$stderr" ]
	done
	[ "$(wc -l <runs)" = 2 ]
	[ "$(locks)" = "k done" ]
	# Also not without --once, for the lock says so; until it is forgotten.
	run_it -v k -- sh -c 'echo ran >>runs' 2>said
	grep -q 'k: done at .*; not run again' said
	MAILPIPE_CLOCK=+13d run_it --once k -- sh -c 'echo ran >>runs'
	[ "$(wc -l <runs)" = 2 ]
	MAILPIPE_CLOCK=+15d run_it --once k -- sh -c 'echo ran >>runs'
	[ "$(wc -l <runs)" = 3 ]
	run_it --once --ttl 1h k2 -- true
	MAILPIPE_CLOCK=+2h run_it k2 -- sh -c 'echo ran >>runs'
	[ "$(wc -l <runs)" = 4 ]
}

@test "lock run: of fifty at once one runs, then none with --once" {
	for i in $(seq 50); do
		{ run_it --once k -- sh -c 'echo >>runs' || echo >>failed; } 3>&- &
	done
	wait
	[ ! -e failed ]
	[ "$(wc -l <runs)" = 1 ]
}

@test "lock run: never two at a time" {
	# Each that comes in while another is there says so.
	cat >job <<-'EOF'
		#!/bin/sh
		mkdir inside || echo >>overlaps
		echo >>runs
		rmdir inside
	EOF
	chmod +x job
	for i in $(seq 8); do
		for j in 1 2 3 4 5; do run_it k -- ./job; done 3>&- &
	done
	wait
	[ ! -e overlaps ]
	[ -s runs ]
	[ -z "$(locks)" ]
}

@test "lock run: killed, its command goes too, and the lease ends the claim" {
	mkfifo gate
	mail-lock run -l 5 k -- sh -c 'echo $$ >started; read -r _ <gate' 3>&- &
	holder=$!
	wait_for 20 test -s started
	kill -KILL $holder
	wait_for 20 sh -c "! kill -0 $(cat started) 2>/dev/null"
	run -0 mail-lock run k -- echo ran
	[ -z "$output" ]
	MAILPIPE_CLOCK=+6s run -0 --separate-stderr mail-lock run k -- echo ran
	[ "$output" = ran ]
	[[ $stderr == "mail-lock: k: run-$holder-"*" never said how it ended; run again" ]]
}

@test "lock run: the claim is renewed while it runs" {
	mkfifo gate
	hold -l 3 k
	before=$(mail-lock list | jq -r .until)
	renewed() { [ "$(mail-lock list | jq -r .until)" != "$before" ]; }
	wait_for 20 renewed
	MAILPIPE_CLOCK=+2s run -0 mail-lock run k -- echo ran
	let_go
	wait $holder
	[ ! -s held.err ]
}

@test "lock run: a claim that is taken away ends the command" {
	mkfifo gate
	hold -l 3 k
	mail-lock release k
	mail-lock run -l 1h k -- sh -c 'echo >other; read -r _ <gate' 3>&- &
	wait_for 20 test -s other
	got=0
	wait $holder || got=$?
	[ $got = 75 ]
	grep -q 'mail-lock: k: the claim is lost; ending sh' held.err
	# What the other has is not touched.
	[ "$(locks)" = "k claimed" ]
	let_go
	wait
}

@test "lock run: SIGTERM is passed on; the second one kills" {
	mail-lock run k -- sh -c 'trap "echo got >>got" TERM; echo >started
		while [ ! -e over ]; do sleep 0.05; done' 2>err 3>&- &
	holder=$!
	wait_for 20 test -s started
	kill -TERM $holder
	wait_for 20 test -s got
	touch over
	wait $holder
	rm over started
	mail-lock run k -- sh -c 'trap "" TERM; echo >started
		while [ ! -e over ]; do sleep 0.05; done' 2>err 3>&- &
	holder=$!
	wait_for 20 test -s started
	kill -TERM $holder
	wait_for 20 sh -c "! grep -q 'ShdPnd:.*[1-9a-f]' /proc/$holder/status"
	kill -HUP $holder
	got=0
	wait $holder || got=$?
	[ $got = 75 ]
	grep -q 'killed by signal 9' err
	[ -z "$(locks)" ]
}

@test "lock run: keys are any text" {
	for key in 'two words' 'ünï' $'new\nline' '%' "$(printf '%01024d' 0)"; do
		run_it --once "$key" -- true
		[ "$(mail-lock list | jq -r .key)" = "$key" ]
		mail-lock release "$key"
	done
	run -64 mail-lock run '' -- true
	run -64 mail-lock run "$(printf '%01025d' 0)" -- true
	run -64 mail-lock run k --
	run -64 mail-lock run k
}

@test "lock run: a disk that is full afterwards is told of" {
	mkfifo gate
	echo '{"engines": {"locks": "fail:1:sqlite:"}}' >config.json
	MAILPIPE_CONFIG=$PWD/config.json run -75 --separate-stderr \
		mail-lock run --once k -- echo ran
	[ "$output" = ran ]
	[ "$stderr" = "mail-lock: k: fail: lock settle" ]
	echo '{"engines": {"locks": "fail:0:sqlite:"}}' >config.json
	MAILPIPE_CONFIG=$PWD/config.json run -75 --separate-stderr \
		mail-lock run k -- echo ran
	[ -z "$output" ]
}
