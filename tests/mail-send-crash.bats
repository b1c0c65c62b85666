#!/usr/bin/env bats
# The rows of mail-send in the crash tables of src/queue/queue.h and
# src/lock/lock.h, on purpose: it is killed at a system call, before and after
# it, at each one of that kind in turn, in the middle of the sending line.  What
# it had started is parked, or by policy sent again, and marked; the server's log
# agrees.

load helpers
load smtp.d/helpers
load send.d/helpers
load send.d/steps

setup() {
	mailpipe_setup
	need python3 jq
}

teardown() { mailpipe_teardown; }

# rows FILE TITLE: the rows of mail-send, NAME VERB CALL STATE...
rows() {
	sed -n "/^ \*   NAME  *VERB  *CALL  *$2/,/^ \*$/s/^ \*   //p" \
		"$MAILPIPE_REPO/src/$1" | grep -E '^[a-z-]+ +mail-send '
}

# try CALL NTH ACTION STATES LOCKS: false when it ends without being killed.
try() {
	local status=0 now
	what="$policy: $3 at $1 $2"
	rm -rf try
	cp -r ready try
	cd try || return
	log_was=$(wc -l <../srv/log)
	INJECT_FD_MIN=1 INJECT_HIT=$PWD/hit INJECT_PROG=mail-send \
		inject "$1" "$2" "$3" mail-send <in >out 2>err || status=$?
	if [ -s hit ]; then
		[ $status = 137 ] || fail "$what: exit status $status"
		now=$(state_of "$id")
		case " $4 " in
		*" $now "*) ;;
		*) fail "$what: it is $now, not one of $4" ;;
		esac
		now=$(lock_of)
		case " $5 " in
		*" $now "*) ;;
		*) fail "$what: its lock is $now, not one of $5" ;;
		esac
		after_kill
	fi
	[ -s hit ] || status=none
	cd ..
	[ $status != none ]
}

# try_rows POLICY
try_rows() {
	local name verb call states locks nth
	prepare "$1"
	while read -r name verb call states; do
		locks=$(rows lock/lock.h LOCK |
			awk -v n="$name" '$1 == n {print $4, $5}')
		[ -n "$locks" ] || echo "$name is not in lock.h" >>failures
		nth=1
		while try "$call" $nth kill "$states" "$locks"; do
			try "$call" $nth kill-after "$states" "$locks"
			nth=$((nth + 1))
		done
		[ $nth -gt 1 ] || echo "$verb never calls $call" >>failures
	done < <(rows queue/queue.h STATES)
	none_failed
	server_is_fine
}

@test "send crash: what was started is parked, what was not is sent" {
	[ "$(rows queue/queue.h STATES | wc -l)" -ge 3 ]
	try_rows park
}

@test "send crash: by policy what was started is sent again, and marked" {
	try_rows retry
}
