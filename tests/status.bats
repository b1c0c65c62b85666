#!/usr/bin/env bats
# Exit statuses: whatever the input and the surroundings, 0, 64, 65 and 75 and
# nothing else, and each of them true.  tests/cli.bats has the command line,
# memory and broken configurations.

load helpers

# limit OPTION VALUE COMMAND...: under a limit of the shell.
limit() {
	local option=$1 value=$2
	shift 2
	(ulimit "$option" "$value" && "$@")
}

@test "status: files that may not grow are 75, and nothing is lost" {
	mail one >one
	receive <one
	for kib in 0 1 4 64; do
		mail "two $kib" 100000 >two
		run -75 limit -f $kib mail-deliver -t ne-001 inbound <two
		run limit -f $kib line_receive <one
		[ "$status" = 0 ] || [ "$status" = 75 ]
		run limit -f $kib mail-queue stats
		[ "$status" = 0 ] || [ "$status" = 75 ]
	done
	[ "$(states)" = "ready 1" ]
	same_bytes "$(ids)" one
}

@test "status: a state directory behind a symbolic link is one as well" {
	mkdir real
	ln -s real link
	export MAILPIPE_STATE=$PWD/link/state
	mail one >one
	receive <one
	[ "$(states)" = "ready 1" ]
	run -0 work true
	[ "$(states)" = "succeeded 1" ]
}

@test "status: a record that nobody could read again is refused, by itself" {
	need jq
	# take's line is longer than that of put.
	{
		echo '{"id":"a","tenant":"ne-001"}'
		printf '{"id":"long","tenant":"ne-001","x":"'
		head -c 8200000 /dev/zero | tr '\0' x
		echo '"}'
		echo '{"id":"b","tenant":"ne-001"}'
	} >lines
	run -65 --separate-stderr mail-queue put --strict inbound <lines
	[[ $stderr == "mail-queue: line 2: a record of 82000"*" bytes when"* ]]
	run -75 mail-queue put inbound <lines
	mail-store put <lines >out || [ $? = 65 ]
	[ "$(jq -r .id out | tr -d '\n')" = ab ]
	[ "$(ids | tr -d '\n')" = ab ]
	mail-queue take -c 9 inbound | jq -r .id | tr -d '\n' | grep -qx ab
}

@test "status: a state directory may be new, relative and deep" {
	mail one | MAILPIPE_STATE='' mail-deliver -d new -t ne-001 inbound
	mail two | MAILPIPE_STATE=a/b/c receive
	mail three | MAILPIPE_STATE=./d/../e/ receive
	for dir in new a/b/c e; do
		MAILPIPE_STATE=$dir run -0 count ready
		[ "$output" = 1 ]
	done
}

# Every verb that opens the state directory, with something to read.
verbs() {
	cat <<-'EOF'
		mail-store put
		mail-store get
		mail-store list
		mail-store show x
		mail-store cat x
		mail-store export out
		mail-store import .
		mail-store keep x
		mail-store expire
		mail-store verify
		mail-store backup saved
		mail-store stats
		mail-store doctor
		mail-queue put inbound
		mail-queue take -c 1 inbound
		mail-queue settle
		mail-queue stats
		mail-queue list inbound
		mail-queue pause inbound
		mail-queue resume inbound
		mail-queue drop --all inbound
		mail-dispatch -- true
		mail-deliver -t ne-001 inbound
	EOF
}

# Each of them says 75 and why, with WORD in it; nothing new is there then.
all_say_75() {
	local command got
	while read -r command; do
		got=0
		# shellcheck disable=SC2086 # a command in words
		$command <record >out 2>err || got=$?
		[ "$got" = 75 ] && grep -q -e "$1" out err ||
			echo "$2: $command: $got: $(cat err)"
	done < <(verbs) >>wrong
}

none_wrong() {
	[ ! -s wrong ] || {
		cat wrong
		return 1
	}
}

@test "status: a line of 100 MB is refused in little memory, its neighbours not" {
	need_release
	long() {
		echo '{"id":"a","tenant":"ne-001"}'
		head -c 100000000 /dev/zero | tr '\0' x
		echo
		echo '{"id":"b","tenant":"ne-001"}'
	}
	run -75 limit -v 49152 mail-queue put inbound < <(long)
	run -65 limit -v 49152 mail-store put < <(long)
	[ "$(grep -c '^{' <<<"$output")" = 2 ]
	run -65 limit -v 49152 mail-dispatch -- true < <(long)
	run -65 limit -v 49152 mail-queue settle < <(long)
	[[ $output == *"line 2: longer than 8388608 bytes"* ]]
	[ "$(states)" = "ready 2" ]
	# A mail of one such line is a mail.
	long | tail -n 2 >large
	limit -v 49152 mail-deliver -t ne-001 inbound <large
	same_bytes "$(ids | tail -n 1)" large
}

@test "status: a layout that is no number, or another, is 75 for every verb" {
	mail one | receive
	record=$(ids)
	cp state/layout layout
	echo '{"id":"x","tenant":"ne-001"}' >record
	for layout in '' x 99 -1 0 99999999999999999999 '\0'; do
		printf %b "$layout" >state/layout
		all_say_75 layout "layout '$layout'"
	done
	none_wrong
	cp layout state/layout
	[ "$(ids)" = "$record" ]
}

@test "status: the layouts of releases before, and after, are 75 and say what to do" {
	need sqlite3
	mail one | receive
	echo '{"id":"x","tenant":"ne-001"}' >record
	for layout in 1 2; do
		rm -rf state
		mkdir -p state/spool
		sqlite3 state/mail.db \
			<"$MAILPIPE_REPO/tests/mail-store.d/layout$layout.sql"
		echo $layout >state/layout
		cp -r state before
		all_say_75 "mail-store upgrade" "layout $layout"
		diff -r before state || echo "layout $layout: changed" >>wrong
		rm -rf before
	done
	echo 4 >state/layout
	all_say_75 "update mailpipe" "layout 4"
	none_wrong
}

@test "status: a state directory that others own is 75 for every verb" {
	need_root
	need setpriv
	open_tmpdir
	mail one | receive
	echo '{"id":"x","tenant":"ne-001"}' >record
	as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	as_nobody "$MAILPIPE_BIN/mail-queue" -V >/dev/null || skip "not readable"
	while read -r command; do
		got=0
		# shellcheck disable=SC2086 # a command in words
		as_nobody $command <record >out 2>err || got=$?
		[ "$got" = 75 ] && grep -q 'Permission denied' err ||
			echo "$command: $got: $(cat err)"
	done < <(verbs) >>wrong
	none_wrong
	[ "$(states)" = "ready 1" ]
}

@test "status: a broken configuration is 75 for every verb, and named" {
	echo '{"id":"x","tenant":"ne-001"}' >record
	export MAILPIPE_CONFIG=$PWD/config.json
	for config in '' '{' '[]' '{"nosuch":1}' '{"limits":7}' \
		'{"engines":{"mail":7}}' '{"state":[]}' '{"state":"a"} x' \
		'{"limits":{"reserve_bytes":"much"}}' $'{"state":"\xff"}'; do
		printf %s "$config" >config.json
		all_say_75 config.json "$config"
	done
	rm config.json
	all_say_75 config.json missing
	mkdir config.json
	all_say_75 config.json "a directory"
	none_wrong
	[ ! -e state ]
}

@test "status: an engine that does not exist is 75, or costs no mail" {
	export MAILPIPE_CONFIG=$PWD/config.json
	echo '{"engines":{"mail":"nosuch:"}}' >config.json
	mail one >one
	run -75 line_receive <one
	run -75 mail-queue stats
	echo '{"engines":{"blobs":"nosuch:"}}' >config.json
	run -0 line_receive <one # into the intake
	run -75 mail-queue stats
	run -75 mail-store cat x
	echo '{}' >config.json
	[ "$(states)" = "ready 1" ]
	same_bytes "$(ids)" one
}
