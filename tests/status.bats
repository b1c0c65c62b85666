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
	# Numbers grow when libjq writes them: 6 MB become 20.
	{
		echo '{"id":"a","tenant":"ne-001"}'
		jq -nc '{id: "long", tenant: "ne-001", x: [range(1200000) | 1]}' |
			sed 's/\b1\b/1e15/2g'
		echo '{"id":"b","tenant":"ne-001"}'
	} >lines
	run -65 --separate-stderr mail-queue put --strict inbound <lines
	[[ $stderr == "mail-queue: line 2: a record of 20400"*" bytes when"* ]]
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
