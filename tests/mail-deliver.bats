#!/usr/bin/env bats
# mail-deliver: 0 when all three stages said 0, else 75, whatever happened.

setup() {
	load helpers
	mailpipe_setup
	mail order 100 >mail
	mkdir stand
	cp "$(command -v mail-deliver)" stand
	stage mail-ingest 'exec cat'
	stage mail-store 'exec cat'
	stage mail-queue 'exec cat >/dev/null'
}

# stage NAME SCRIPT: a stand-in beside a copy of mail-deliver.  It notes its
# process and its arguments.
stage() {
	printf '%s\n' '#!/bin/sh' "echo \$\$ >'$PWD/$1.pid'" \
		"printf '%s\n' \"\$@\" >'$PWD/$1.args'" "$2" >"stand/$1"
	chmod 755 "stand/$1"
}

readonly stages="mail-ingest mail-store mail-queue"

started() { [ -s mail-ingest.pid ] && [ -s mail-store.pid ] &&
	[ -s mail-queue.pid ]; }

# ends_with STATUS PID: wait for a background job; `run` could not.
ends_with() {
	local got=0
	wait "$2" || got=$?
	[ "$got" = "$1" ]
}

# Has this process ended (reaped or not)?
gone() { ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }

all_gone() {
	local name
	for name in $stages; do
		[ ! -s "$name.pid" ] || gone "$(cat "$name.pid")" || return 1
	done
}

@test "mail-deliver: a mail is received, durable and ready, without a word" {
	run -0 --separate-stderr mail-deliver -t ne-001 inbound <mail
	[ -z "$output$stderr" ]
	[ "$(count ready)" = 1 ]
	same_bytes "$(ids ready)" mail
}

@test "mail-deliver: a mail of 5 MB arrives as it is" {
	mail large 5000000 >large
	run -0 mail-deliver -t ne-001 inbound <large
	same_bytes "$(ids ready)" large
}

@test "mail-deliver: its options reach the stages that know them" {
	run -0 stand/mail-deliver -t ne-001 -f '' -r -a@x -r b@y -v \
		--deadline 2m -d "$PWD/s" --strict -- -q <mail
	printf '%s\n' -d "$PWD/s" --deadline 120 -v -t ne-001 -f '' \
		-r -a@x -r b@y | diff - mail-ingest.args
	printf '%s\n' put -d "$PWD/s" --deadline 120 -v |
		diff - mail-store.args
	printf '%s\n' put -d "$PWD/s" --deadline 120 -v --strict -- -q |
		diff - mail-queue.args
}

@test "mail-deliver: needs no PATH and no environment" {
	run -0 env -i "$(command -v mail-deliver)" -d "$PWD/state" \
		-t ne-001 inbound <mail
	[ "$(count ready)" = 1 ]
}

@test "mail-deliver: a stage that is missing is 75, and named" {
	for name in $stages; do
		mv "stand/$name" away
		run -75 --separate-stderr stand/mail-deliver inbound <mail
		[[ $stderr == "mail-deliver: "*"/stand/$name: exec: "* ]]
		mv away "stand/$name"
		wait_for 20 all_gone
	done
}

@test "mail-deliver: a stage without its run bit is 75, and named" {
	for name in $stages; do
		chmod 644 "stand/$name"
		run -75 --separate-stderr stand/mail-deliver inbound <mail
		[[ $stderr == *"/stand/$name: exec: Permission denied" ]]
		chmod 755 "stand/$name"
	done
}

@test "mail-deliver: a stage that is killed is 75, and named with its signal" {
	for name in $stages; do
		stage "$name" 'kill -9 $$'
		run -75 --separate-stderr stand/mail-deliver inbound <mail
		[[ $stderr == "mail-deliver: $name"*": killed by signal 9 (KILL)"* ]]
		stage "$name" 'exec cat >/dev/null'
	done
}

@test "mail-deliver: all statuses are looked at, not only the last one's" {
	for name in $stages; do
		for code in 1 64 65 74 75 255; do
			stage "$name" "cat >/dev/null; exit $code"
			run -75 --separate-stderr stand/mail-deliver q <mail
			[[ $stderr == *" $name"*": exit status $code" ||
				$stderr == *" $name"*": exit status $code;"* ]]
			[ "$(wc -l <<<"$stderr")" = 1 ]
		done
		stage "$name" 'exec cat >/dev/null'
	done
}

@test "mail-deliver: what the stages say on stderr goes through" {
	stage mail-store 'echo "mail-store: disk full" >&2; exit 75'
	run -75 --separate-stderr stand/mail-deliver inbound <mail
	[[ $stderr == "mail-store: disk full
mail-deliver: "*"mail-store put: exit status 75"* ]]
}

@test "mail-deliver: a stopped stage is killed at the deadline, and named" {
	for name in $stages; do
		stage "$name" 'kill -STOP $$; exec cat >/dev/null'
		run -75 --separate-stderr stand/mail-deliver --deadline 1 q <mail
		[[ $stderr == *"not done within 1 seconds, killed: "*"$name"*"(stopped)"* ]]
		wait_for 20 all_gone
		stage "$name" 'exec cat >/dev/null'
	done
}

@test "mail-deliver: a mail that does not end is 75 at the deadline" {
	mkfifo endless
	exec 5<>endless
	run -75 --separate-stderr stand/mail-deliver --deadline 1 q <&5
	[[ $stderr == *"killed: mail-ingest, mail-store put, mail-queue put" ]]
	run -75 mail-deliver --deadline 1 -t ne-001 inbound <&5
	wait_for 20 all_gone
}

@test "mail-deliver: a wrong command line is 75 too, 64 with --strict" {
	for args in "" "a b" "--nonsense q" "-X exim q" "-t" "--deadline 0 q" \
		"--deadline x q"; do
		# shellcheck disable=SC2086 # words
		run -75 stand/mail-deliver $args <mail
		# shellcheck disable=SC2086
		run -64 stand/mail-deliver --strict $args <mail
	done
	[ ! -e mail-ingest.pid ]
}

@test "mail-deliver: for qmail every failure is 111, in any order of options" {
	for args in "-X qmail" "-Xqmail a b" "-X qmail --nonsense q" \
		"--nonsense -X qmail q" "-vXqmail" "-X qmail -X exim q"; do
		# shellcheck disable=SC2086 # words
		run -111 stand/mail-deliver $args <mail
	done
	stage mail-store 'exit 65'
	run -111 stand/mail-deliver -X qmail q <mail
	stage mail-store 'kill -STOP $$'
	run -111 stand/mail-deliver -X qmail --deadline 1 q <mail
}

@test "mail-deliver: for qmail and Postfix 0 is 0" {
	run -0 stand/mail-deliver -X qmail q <mail
	run -0 stand/mail-deliver -X postfix q <mail
}

@test "mail-deliver: --strict gives a stage's 65 back, if nothing else failed" {
	stage mail-queue 'cat >/dev/null; exit 65'
	run -65 stand/mail-deliver --strict q <mail
	stage mail-store 'cat >/dev/null; exit 75'
	run -75 stand/mail-deliver --strict q <mail
}

@test "mail-deliver: TERM, INT and HUP end the stages, with 75" {
	mkfifo endless
	exec 5<>endless
	for signal in TERM HUP INT; do
		rm -f ./*.pid
		# A shell's background job ignores INT; env undoes that.
		env --default-signal=INT stand/mail-deliver q <&5 2>err &
		wait_for 20 started
		kill -"$signal" $!
		ends_with 75 $!
		grep "ended by signal" err
		wait_for 20 all_gone
	done
}

@test "mail-deliver: its stages die with it, and with its process group" {
	mkfifo endless
	exec 5<>endless
	stand/mail-deliver q <&5 &
	wait_for 20 started
	kill -KILL $!
	wait_for 20 all_gone
	rm -f ./*.pid
	setsid stand/mail-deliver q <&5 &
	wait_for 20 started
	pgid=$(ps -o pgid= -p "$(cat mail-queue.pid)" | tr -d ' ')
	[ "$pgid" = "$(ps -o pgid= -p "$(cat mail-ingest.pid)" | tr -d ' ')" ]
	kill -KILL -- "-$pgid"
	wait_for 20 all_gone
}

@test "mail-deliver: starts all stages although one could not be fed" {
	stage mail-ingest "until [ -s '$PWD/mail-queue.pid' ]; do sleep 0.01; done"
	run -0 timeout 20 stand/mail-deliver q <mail
}

@test "mail-deliver: odd surroundings: SIGCHLD ignored, no descriptors" {
	run -0 bash -c 'trap "" CHLD; exec stand/mail-deliver q' <mail
	stage mail-store 'exit 3'
	run -75 bash -c 'trap "" CHLD; exec stand/mail-deliver q' <mail
	stage mail-store 'exec cat'
	run -75 --separate-stderr bash -c 'exec 3>&- 4>&- 5>&- 6>&- 7>&-
		ulimit -n 5; exec stand/mail-deliver q' <mail
	[[ $stderr == *"Too many open files" ]]
	run -0 bash -c 'exec stand/mail-deliver q >&- 2>&-' <mail
	run -75 bash -c 'exec mail-deliver -t ne-001 inbound <&-'
}

@test "mail-deliver: passes only descriptors 0 to 2 on" {
	stage mail-store "ls /proc/\$\$/fd >'$PWD/fds'; exec cat"
	exec 7<mail
	run -0 stand/mail-deliver q <mail
	# The shell itself may hold its script open, close to exec.
	[ "$(grep -cx '[012]' fds)" = 3 ]
	run ! grep -x 7 fds
}
