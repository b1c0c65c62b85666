#!/usr/bin/env bats
# System calls of mail-send that fail, one after the other, and disks that are
# full, in the middle of the sending line: 0 or 75, nothing is lost, and nothing
# is sent twice unless the history says why.

load helpers
load smtp.d/helpers
load send.d/helpers
load send.d/steps

setup() {
	mailpipe_setup
	need python3 jq
}

teardown() {
	mailpipe_teardown
	! mountpoint -q disk || umount -l disk
}

# after_result: it gave the record out with a result, which is settled.
after_result() {
	local status want=succeeded lock="done" more=0
	is_quiet || wait_for 20 is_quiet
	status=$(jq -r .result.status out)
	case $status,$(copies) in
	ok,1 | uncertain,[01] | retry,0 | snooze,0) ;;
	*) fail "$what: $status, and $(copies) copies: $(cat out err)" ;;
	esac
	mail-lock settle <out 2>>err | mail-queue settle 2>>err ||
		fail "$what: settle: $(cat err)"
	case $status in
	uncertain) want=parked lock=uncertain ;;
	ok) ;;
	*) more=1 ;;
	esac
	more=$(($(copies) + more))
	lines_again
	[ "$(state_of "$id")" = $want ] ||
		fail "$what: $status, then $(state_of "$id"): $(cat err)"
	[ "$(lock_of)" = "$lock" ] || fail "$what: its lock is $(lock_of)"
	[ "$(copies)" = $more ] || fail "$what: $(copies) copies"
}

# try CALL NTH ERROR: false when it ends without the fault.
try() {
	local status=0
	what="$3 from $1 $2"
	rm -rf try
	cp -r ready try
	cd try || return
	log_was=$(wc -l <../srv/log)
	INJECT_FD_MIN=1 INJECT_HIT=$PWD/hit INJECT_PROG=mail-send \
		inject "$1" "$2" "$3" mail-send <in >out 2>err || status=$?
	if [ -s hit ]; then
		case $status in
		0) [ -s out ] || fail "$what: 0, and nothing came" ;;
		75) [ -s err ] || fail "$what: 75, but nobody says why" ;;
		*) fail "$what: exit status $status: $(cat err)" ;;
		esac
		if [ "$(jq -r .result.status out)" ]; then
			after_result
		else
			after_kill
		fi
	fi
	[ -s hit ] || status=none
	cd ..
	[ $status != none ]
}

# try_all ERROR CALL...: each of these calls fails in turn; of CALL/N every Nth.
try_all() {
	local call nth step error=$1
	shift
	for call; do
		nth=1 step=${call#"${call%/*}"}
		step=${step#/}
		while try "${call%/*}" $nth "$error"; do
			nth=$((nth + ${step:-1}))
		done
	done
}

@test "send faults: each call that talks to the server fails in turn" {
	prepare
	try_all ECONNRESET send recv
	try_all ECONNREFUSED connect
	try_all EPIPE send
	try_all EINTR send recv
	try_all short send recv
	try_all EMFILE connect
	none_failed
	server_is_fine
}

@test "send faults: each call that writes fails in turn" {
	prepare
	try_all EIO fsync fdatasync write pwrite64/3 ftruncate
	try_all ENOSPC fdatasync write pwrite64/7
	try_all EINTR write
	try_all short write
	none_failed
	server_is_fine
}

@test "send faults: each call that opens or reads fails in turn" {
	prepare
	try_all EIO openat/4 openat2 open/3 read/3 pread64/5 flock/2 close/6
	try_all EMFILE openat/7 open/5
	none_failed
	server_is_fine
}

@test "send faults: on a disk without a byte left outcomes are written down" {
	need_root
	need mkfs.ext4
	truncate -s 80M image
	mkdir disk
	mkfs.ext4 -qF -m 0 image
	mount -o loop image disk 2>/dev/null || skip "mounting is not allowed"
	export MAILPIPE_STATE=$PWD/disk/state
	serve -s '[{"stage":"rcpt","match":"t.2@","reply":"450 4.2.1 later"},
		{"stage":"rcpt","match":"t.3@","reply":"550 5.1.1 nobody"},
		{"stage":"end","match":"t.4@","do":"close","accept":true}]' --quiet
	config "$(jq -nc --arg url "smtp://127.0.0.1:$port" '{transports:
		{default: {url: $url}}, limits: {reserve_bytes: 33554432}}')"
	queue t 1 20
	# Until nobody is let in any more; who has no reserve fills it.
	head -c 500000 /dev/zero | base64 -w 0 >zeros
	for ((i = 100; i < 300; i++)); do
		jq -nc --rawfile z zeros --arg k "$i" '{tenant: "t", key: $k, mail:
			{from: "a@example.com", to: "b@example.jp", subject: "x",
			attachments: [{name: "x", content: {base64: $z}}]}}' |
			mail-store put >/dev/null 2>full || break
	done
	grep -q 'below the reserve' full
	outbound -1 -n 5
	[ "$(states)" = "dead 1
deferred 1
parked 1
stored $((i - 100))
succeeded 17" ]
	wait_for 20 server_is_quiet
	[ "$(taken)" = "$(for i in 1 4 {5..20}; do echo "t.$i@example.jp"; done |
		sort)" ]
	[ "$(mail-lock list | jq -r .state | sort | uniq -c | xargs)" = \
		"17 done 1 uncertain" ]
}
