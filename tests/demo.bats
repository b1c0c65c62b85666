#!/usr/bin/env bats
# scripts/demo does what it says, from any directory, and leaves nothing.

setup() {
	load helpers
	mailpipe_setup
	need_release
	need php
	need jq
	open_tmpdir
	export TMPDIR=$BATS_TEST_TMPDIR # and short
	cd / # any directory will do
}

nothing_left() {
	# (grep exits 2 when a process ends meanwhile.)
	run grep -lsz "^MAIL_CONFIG=$TMPDIR" /proc/[0-9]*/environ
	[ -z "$output" ]
	run -0 find "$TMPDIR" -name 'demo.*'
	[ -z "$output" ]
}

@test "demo: every mail ends in the state that its handler explains" {
	run -0 --separate-stderr "$MAILPIPE_REPO/scripts/demo"
	[[ $output == *$'\nall 36 stored mails are byte for byte '* ]]
	[[ ${lines[-1]} == "20 answers came, each once, each signed; "* ]]
	[[ $output == *$'\nne-001   succeeded '* ]]
	[[ $output == *$'\nne-002   deferred '* ]]
	[[ $output == *$'\nne-003   deferred '* ]]
	[ -z "$stderr" ]
	nothing_left
}

@test "demo: the same through a private Postfix, which is gone afterwards" {
	need_root
	need postfix
	run -0 --separate-stderr "$MAILPIPE_REPO/scripts/demo" --postfix
	[[ $output == *$'\nall 36 stored mails are byte for byte '* ]]
	[[ ${lines[-1]} == "20 answers came, each once, each signed; "* ]]
	nothing_left
}

@test "demo: ^C stops it, and the Postfix it started" {
	need_root
	need postfix
	"$MAILPIPE_REPO/scripts/demo" --postfix \
		>"$TMPDIR/out" 2>&1 &
	demo=$!
	wait_for 60 grep -q 'private Postfix' "$TMPDIR/out"
	kill -TERM $demo
	got=0
	wait $demo || got=$?
	[ $got = 143 ]
	nothing_left
}

@test "demo: an unknown option is named" {
	run -64 "$MAILPIPE_REPO/scripts/demo" --no-such-option
	run -0 "$MAILPIPE_REPO/scripts/demo" --help
	[[ $output == *--postfix* ]]
}
