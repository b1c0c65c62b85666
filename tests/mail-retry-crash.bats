#!/usr/bin/env bats
# mail-retry that dies: each row of the crash table in src/retry/due.h, on
# purpose; calls that fail; a disk that is full.  A mail is decided or as it
# was, and the next run decides the rest.

load helpers

setup() {
	mailpipe_setup
	need jq
	export INJECT_FD_MIN=1
	at 0
}

teardown() {
	mailpipe_teardown
	! mountpoint -q disk || umount -l disk
}

at() { export MAILPIPE_CLOCK=@$((1795000000 + $1)); }

fail() { echo "$*" >>"$BATS_TEST_TMPDIR/failures"; }
none_failed() {
	[ ! -s failures ] || {
		cat failures
		return 1
	}
}

# prepare: in ready/, three mails that are due and three that are spent.
prepare() {
	export MAILPIPE_STATE=state
	mkdir ready
	cd ready || return
	seq -f '{"id":"m%g","tenant":"t"}' 6 |
		jq -c '.content = {base64: "aGVsbG8="} |
			.tenant = (if .id < "m4" then "due" else "spent" end)' |
		mail-store put | mail-queue put inbound
	mail-queue take -c 6 inbound |
		jq -c '.result = {status: "retry", stage: "x"}' |
		mail-queue settle
	cat >config.json <<-'END'
		{"tenants":{"spent":{"retry":{"max":1}}}}
	END
	cd ..
	export MAILPIPE_CONFIG=config.json
	at 100
}

rows() {
	sed -n '/^ \*   NAME  *CALL  *DUE  *SPENT/,/^ \*$/s/^ \*   //p' \
		"$MAILPIPE_REPO/src/retry/due.h" | tail -n +2
}

# in_order WHAT: states, history and sums agree, whatever was done.
in_order() {
	mail-store show -o json m1 m2 m3 m4 m5 m6 >shown
	jq -r '"\(.tenant) \(.state) \([.history[].event] | join(" "))"' shown |
		sort -u >states
	grep -vxE 'due deferred stored queued result|due ready stored queued result retry|spent deferred stored queued result|spent dead stored queued result dead' \
		states >odd && fail "$1: $(cat odd)"
	mail-store doctor | grep -q '"ledger","status":"ok"' ||
		fail "$1: $(mail-store doctor)"
}

# The next run ends it.
ends_well() {
	mail-retry due inbound 2>>err || fail "$1: the next run: $(cat err)"
	[ "$(states | xargs)" = "dead 3 ready 3" ] ||
		fail "$1: in the end $(states)"
	in_order "$1: in the end"
}

# try CALL NTH ACTION: false when it ends without the fault.
try() {
	local what="$3 at $1 $2" status=0
	rm -rf try
	cp -r ready try
	cd try || return
	INJECT_HIT=$PWD/hit INJECT_PROG=mail-retry \
		inject "$1" "$2" "$3" mail-retry due -e inbound \
		>out 2>err || status=$?
	if [ -s hit ]; then
		case $3 in
		kill*) [ $status = 137 ] || fail "$what: exit status $status" ;;
		*)
			case $status in
			0) ;;
			75) [ -s err ] || fail "$what: 75, and nobody says why" ;;
			*) fail "$what: exit status $status: $(cat err)" ;;
			esac
			;;
		esac
		# What it has printed is true.
		head -n "$(wc -l <out)" out | jq -r '.id + " " + .state' |
			while read -r id state; do
				[ "$(state_of "$id")" = "$state" ] ||
					fail "$what: $id was not $state"
			done
		in_order "$what"
		ends_well "$what"
	fi
	[ -s hit ] || status=none
	cd ..
	[ $status != none ]
}

@test "crash: mail-retry due, at each step" {
	prepare
	while read -r name call states; do
		[ -n "$states" ] || fail "$name: no states"
		nth=1
		while try "$call" $nth kill; do
			[ "$call" = pwrite64 ] || try "$call" $nth kill-after
			nth=$((nth + 1))
		done
		[ $nth -gt 1 ] || fail "$name: it never calls $call"
	done < <(rows)
	[ "$(rows | wc -l)" -ge 4 ]
	none_failed
}

@test "faults: each call of mail-retry due fails in turn" {
	prepare
	for error in EIO ENOSPC EINTR; do
		# Of those behind a number every so-manieth only.
		for call in fdatasync fsync write pwrite64/3 ftruncate \
			openat/3 mkdirat flock read/3; do
			nth=1 step=${call#"${call%/*}"}
			step=${step#/}
			while try "${call%/*}" $nth $error; do
				nth=$((nth + ${step:-1}))
			done
		done
	done
	none_failed
}

@test "faults: a disk without a byte left: 75, and decided when there is room" {
	need_root
	need mkfs.ext4
	truncate -s 20M image
	mkdir disk
	mkfs.ext4 -qF -m 0 image
	mount -o loop image disk 2>/dev/null || skip "mounting is not allowed"
	prepare
	cp -r ready/state disk/state
	cp ready/config.json .
	export MAILPIPE_STATE=$PWD/disk/state MAILPIPE_CONFIG=$PWD/config.json
	dd if=/dev/zero of=disk/filler bs=64k 2>/dev/null || true
	dd if=/dev/zero of=disk/filler2 bs=512 2>/dev/null || true
	for i in 1 2 3; do
		run mail-retry due inbound
		[ "$status" = 0 ] || [ "$status" = 75 ]
	done
	in_order "full disk"
	rm disk/filler*
	ends_well "full disk"
	none_failed
}

@test "crash: revive, killed at each call, loses none and repeats none" {
	prepare
	export MAILPIPE_STATE=$PWD/ready/state MAILPIPE_CONFIG=$PWD/ready/config.json
	mail-retry due --now -m 1 inbound
	mail-queue take -c 9 inbound |
		jq -c '.result = {status: "fail", stage: "x"}' | mail-queue settle
	mail-queue drop -i m6 inbound
	export MAILPIPE_STATE=$PWD/try/state
	for call in fdatasync pwrite64 write; do
		for ((nth = 1; nth < 30; nth++)); do
			rm -rf try hit
			cp -r ready try
			INJECT_HIT=$PWD/hit INJECT_PROG=mail-retry inject $call \
				$nth kill mail-retry revive -e --all >out || true
			[ -s hit ] || break
			mail-retry revive --all
			[ "$(states | xargs)" = "dropped 1 ready 5" ] ||
				fail "$call $nth: $(states)"
			[ "$(mail-store show -o json m1 | jq '[.history[] |
				select(.event == "revived")] | length')" = 1 ] ||
				fail "$call $nth: revived twice"
		done
		[ $nth -gt 1 ] || fail "$call: never called"
	done
	none_failed
}
