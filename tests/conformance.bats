#!/usr/bin/env bats
# The whole line over each engine that a configuration can name; what an engine
# itself promises is in tests/unit/*_conformance.c.

load helpers

# engines MAIL [BLOBS]
engines() {
	export MAILPIPE_CONFIG=$PWD/config.json
	echo "{\"engines\":{\"mail\":\"$1\",\"blobs\":\"${2:-file:}\"}}" \
		>config.json
}

# A small mail and a large one, received and worked.
whole_line() {
	mail small >small
	mail large 300000 >large
	line_receive <small
	receive <large
	[ "$(states)" = "ready 2" ]
	same_bytes "$(ids | head -n 1)" small
	same_bytes "$(ids | tail -n 1)" large
	run -0 work sh -c 'wc -c >>sizes'
	[ "$(states)" = "succeeded 2" ]
	[ "$(wc -l <sizes)" = 2 ]
	run -0 mail-store doctor
}

@test "conformance: the line over sqlite: and file:" {
	engines sqlite: file:
	whole_line
}

@test "conformance: the line over sqlite:direct, without an intake" {
	engines sqlite:direct
	whole_line
	[ ! -e state/intake ]
}

@test "conformance: traced engines say each call and change nothing" {
	engines trace:sqlite: trace:file:
	whole_line 2>err
	grep -q '^mail-queue: trace: mail put, 1$' err
	grep -q 'trace: blob put, 1$' err
}

@test "conformance: an engine that fails from its Nth call on loses nothing" {
	mail one >one
	for engine in mail blobs; do
		for ((nth = 0; nth < 12; nth++)); do
			rm -rf state
			case $engine in
			mail) engines "fail:$nth:sqlite:" file: ;;
			blobs) engines sqlite: "fail:$nth:file:" ;;
			esac
			for command in "line_receive <one" "mail-queue stats" \
				"mail-queue take -c 1 inbound >taken" \
				"mail-dispatch -- true <taken >results" \
				"mail-queue settle <results"; do
				touch taken results
				got=0
				eval "$command" 2>err || got=$?
				[ $got = 0 ] || { [ $got = 75 ] && [ -s err ]; }
			done
			unset MAILPIPE_CONFIG
			line_receive <one
			MAILPIPE_CLOCK=+1h work true
			[ "$(states)" = "succeeded 1" ]
			same_bytes "$(ids)" one
		done
	done
}
