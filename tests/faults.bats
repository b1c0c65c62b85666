#!/usr/bin/env bats
# System calls that fail, one after the other, disks that are full, writes that
# go in half: 75 or a kept promise, never a half state, and after the fault
# everything works.

load helpers
load faults.d/steps

setup() {
	mailpipe_setup
	steps_setup
}

teardown() {
	mailpipe_teardown
	! mountpoint -q disk || umount -l disk
}

# A file system of its own, so many MiB large, on ./disk.
mount_disk() {
	need_root
	need mkfs.ext4
	truncate -s "$1M" image
	mkdir disk
	mkfs.ext4 -qF -m 0 image
	mount -o loop image disk 2>/dev/null || skip "mounting is not allowed"
	export MAILPIPE_STATE=$PWD/disk/state
}

# is_one_of STATUS...: of the last run.
is_one_of() {
	case " $* " in
	*" $status "*) ;;
	*)
		echo "exit status $status: $output"
		return 1
		;;
	esac
}

# The process in which a fault struck, once it is stopped.
is_stopped() {
	victim=$(awk '{print $2; exit}' "$1" 2>/dev/null) && [ -n "$victim" ] &&
		grep -q '^State:.T' "/proc/$victim/status"
}

# kept VERB MAIL: what an exit status of 0 promises is true.
kept() {
	case $1 in
	mail-ingest)
		[ "$(jq -r .id out)" = "$id" ] &&
			cmp "state/$(jq -r .content.path out)" "$2"
		;;
	mail-store*)
		[ "$(jq -r .id out)" = "$id" ] && same_bytes "$id" "$2" &&
			[ "$(state_of "$id")" = stored ]
		;;
	mail-queue-put)
		[ "$(state_of "$id")" = ready ] && same_bytes "$id" "$2"
		;;
	mail-queue-take)
		[ "$(jq -r .id out)" = "$id" ] &&
			[ "$(state_of "$id")" = leased ]
		;;
	mail-dispatch*) [ "$(jq -r .result.stage out)" = mail-dispatch ] ;;
	mail-queue-settle) [ "$(state_of "$id")" = succeeded ] ;;
	draw*) [ "$(state_of "$id")" = ready ] && same_bytes "$id" "$2" ;;
	esac
}

# try VERB CALL NTH ERROR: false when it ends without the fault.
try() {
	local mail status=0
	mail=../$(mail_of "$1")
	what="$1: $4 from $2 $3"
	rm -rf try
	cp -r ready try
	cd try || return
	INJECT_HIT=$PWD/hit INJECT_PROG=$(program_of "$1") \
		inject "$2" "$3" "$4" verb "$1" <in >out 2>err || status=$?
	if [ -s hit ]; then
		case $status in
		0) kept "$1" "$mail" || fail "$what: 0, but it is not true" ;;
		75) [ -s err ] || fail "$what: 75, but nobody says why" ;;
		*) fail "$what: exit status $status: $(cat err)" ;;
		esac
		[ $status = 0 ] || again "$1" "$mail"
	fi
	[ -s hit ] || status=none
	cd ..
	[ $status != none ]
}

# What becomes of each call; of those with a number every so-manieth only, with
# sanitizers every third at least, all of them with MAILPIPE_TEST_ALL=1.  "short" is half of a read or write.
faults() {
	cat <<-'EOF'
		EIO fsync fdatasync write pwrite64 ftruncate mkdirat renameat
		EIO renameat2 linkat unlinkat openat openat2 open close read
		EIO flock pidfd pread64/4
		EIO io_setup io_submit io_getevents
		ENOSPC fsync fdatasync write pwrite64/5
		EINTR read write flock
		EMFILE openat/3
		short read write pwrite64/5
	EOF
}

# try_all VERB [PATTERN]: each call that it makes, and that fits, fails in turn,
# then the line runs again.
try_all() {
	local error calls call nth step usual=1
	! is_sanitized || usual=3
	prepare "$1"
	while read -r error calls; do
		for call in $calls; do
			nth=1 step=${call#"${call%/*}"}
			step=${step#/}
			[ "${step:-0}" -ge $usual ] || step=$usual
			[ -z "${MAILPIPE_TEST_ALL:-}" ] || step=1
			while try "$1" "${call%/*}" $nth "$error"; do
				nth=$((nth + step))
			done
		done
	done < <(faults | grep -e "${2:-}")
}

@test "faults: each call of mail-ingest fails in turn" {
	try_all mail-ingest
	none_failed
}

@test "faults: each call of mail-store put fails in turn" {
	try_all mail-store
	try_all mail-store-large
	none_failed
}

@test "faults: each call of mail-queue put fails in turn" {
	try_all mail-queue-put
	none_failed
}

@test "faults: each call of a draw fails in turn" {
	try_all draw
	try_all draw-many io_
	none_failed
}

@test "faults: each call of mail-queue take fails in turn" {
	try_all mail-queue-take
	none_failed
}

@test "faults: each call of mail-dispatch fails in turn" {
	try_all mail-dispatch
	try_all mail-dispatch-routed
	none_failed
}

@test "faults: each call of mail-queue settle fails in turn" {
	try_all mail-queue-settle
	none_failed
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

@test "faults: a disk that fills up takes no mail, and settles what it has" {
	mount_disk 80
	mail first | receive
	mail-queue take -c 1 -l 600 inbound | mail-dispatch -- true >results
	for ((nth = 0; nth < 300; nth++)); do
		mail "mail $nth" 700000 >"mail.$nth"
		run receive <"mail.$nth"
		is_one_of 0 75
		[ "$status" = 0 ] || break
		run -0 mail-queue stats # draws
	done
	[ $nth -gt 10 ] && [ $nth -lt 300 ]
	[[ $output == *" below the reserve of "* ]]
	run -0 mail-queue settle <results
	run -0 mail-queue take -c 1 inbound
	run -75 line_receive <mail.0
	[ "$(count ready)" = $((nth - 1)) ]
	mail-store list | jq -r 'select(.state == "ready") | .id' | tail -n 1 >id
	same_bytes "$(cat id)" "mail.$((nth - 1))"
}

@test "faults: a disk without a byte left loses nothing" {
	mount_disk 40
	routed() { MAILPIPE_CONFIG=routed.json mail-dispatch; }
	for i in 1 2 3; do
		mail "mail $i" 200000 | receive
	done
	mail-queue take -c 1 -l 600 inbound >taken
	mail "undrawn" 40000 | receive
	dd if=/dev/zero of=disk/filler bs=64k 2>/dev/null || true
	dd if=/dev/zero of=disk/filler2 bs=512 2>/dev/null || true
	for command in "receive <small" "receive <large" "line_receive <small" \
		"mail-queue stats" "mail-queue take -c 1 inbound" \
		"mail-dispatch -- true <taken" "routed <taken" \
		"mail-queue settle <taken" "mail-queue pause inbound" \
		"mail-queue resume inbound"; do
		run eval "$command"
		is_one_of 0 75
	done
	rm disk/filler*
	run -0 receive <large
	MAILPIPE_CLOCK=+1h run -0 work true
	[ "$(states)" = "succeeded 5" ]
	run -0 mail-store doctor
	[ "$(sqlite3 disk/state/mail.db 'PRAGMA integrity_check')" = ok ]
}
