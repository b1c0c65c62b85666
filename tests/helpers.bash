# Loaded by every tests/*.bats: `setup() { load helpers; mailpipe_setup; }`, or
# only `load helpers` at the top of a file that needs no setup of its own.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

MAILPIPE_REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The build under test first in PATH, an empty state directory, and nothing of
# the caller's own set-up.
mailpipe_setup() {
	export MAILPIPE_BIN=${MAILPIPE_BIN:-$MAILPIPE_REPO/bin}
	export MAILPIPE_PRELOADABLE=${MAILPIPE_PRELOADABLE:-$MAILPIPE_BIN}
	export PATH=$MAILPIPE_BIN:$PATH
	cd "$BATS_TEST_TMPDIR" || return 1
	export MAILPIPE_STATE=$BATS_TEST_TMPDIR/state
	export MAILPIPE_TEST=$BATS_TEST_TMPDIR # marks processes for teardown
	export HOME=$BATS_TEST_TMPDIR LC_ALL=C.UTF-8 TZ=UTC
	# See leaks.bats.
	! is_sanitized || export ASAN_OPTIONS=detect_leaks=0
	unset MAILPIPE_CONFIG MAILPIPE_CLOCK SENDER RECIPIENT ORIGINAL_RECIPIENT \
		EXTENSION USER LOCAL DOMAIN CLIENT_ADDRESS CLIENT_HELO
}

# End what a test has left running: its jobs, and whatever inherited its mark.
mailpipe_teardown() {
	local pid
	for pid in $(jobs -p) $(marked_processes); do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

marked_processes() {
	local pid
	while IFS=/ read -r _ _ pid _; do
		# Not this shell, and not what it runs to list the others.
		[ "$pid" = "$BASHPID" ] || [ "$pid" = $$ ] ||
			case $(cat "/proc/$pid/comm" 2>/dev/null) in
			bats* | grep | tee) ;;
			*) echo "$pid" ;;
			esac
	done < <(grep -lszx "MAILPIPE_TEST=$BATS_TEST_TMPDIR" \
		/proc/[0-9]*/environ 2>/dev/null)
}

setup() { mailpipe_setup; }
teardown() { mailpipe_teardown; }

## What a test needs; it is skipped without it.

need() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "no $program here"
	done
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "only root can do this"
}

# Let other users in: a private Postfix runs its commands as another.
open_tmpdir() {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
}

# The corpora beside the checkout: $MAILPIPE_SHARED/corpora.
need_shared() {
	export MAILPIPE_SHARED=${MAILPIPE_SHARED:-$MAILPIPE_REPO/../shared}
	[ -d "$MAILPIPE_SHARED/corpora" ] ||
		skip "no corpora in $MAILPIPE_SHARED"
}

is_sanitized() {
	case $MAILPIPE_BIN in */san/*) ;; *) return 1 ;; esac
}

# Sanitizers need terabytes of address space, and time.
need_release() {
	! is_sanitized || skip "not with sanitizers"
}

# wait_for SECONDS COMMAND...: until it is true, with a deadline.
wait_for() {
	local limit=$1 end
	end=$(($(date +%s%N) + limit * 1000000000))
	shift
	until "$@"; do
		if [ "$(date +%s%N)" -gt "$end" ]; then
			echo "still not true after $limit s: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

## Mails and lines.

# mail [SUBJECT [BODY_BYTES]]: a message on stdout; equal calls, equal bytes.
mail() {
	local subject=${1:-test} size=${2:-20}
	printf '%s\n' "From: Alice <alice@example.com>" \
		"To: bob@example.jp" "Subject: $subject" \
		"Date: Sat, 21 Nov 2026 23:06:00 +0900" \
		"Message-ID: <${subject//[^A-Za-z0-9]/-}.$size@example.com>" ""
	head -c "$size" /dev/zero | tr '\0' x | fold -w 72
	echo
}

# line_receive [TENANT [QUEUE]] <MAIL: the alias line as an MTA's shell runs it.
line_receive() {
	sh -c "mail-ingest -t ${1:-ne-001} | mail-store put |
		mail-queue put ${2:-inbound} || exit 75"
}
line() { line_receive "$@"; }

# receive [TENANT [QUEUE]] <MAIL: the same without a shell.
receive() { mail-deliver -t "${1:-ne-001}" "${2:-inbound}"; }

# work COMMAND [ARG]...: the working line on queue inbound.  QUEUE and
# DISPATCH (options, split at blanks) in the environment change it.
work() {
	# shellcheck disable=SC2086 # options, one word each
	mail-queue take -1 "${QUEUE:-inbound}" |
		mail-dispatch ${DISPATCH:-} -- "$@" | mail-queue settle
}

# work_once COMMAND [ARG]...: the full working line, with its locks.
work_once() {
	# shellcheck disable=SC2086 # options, one word each
	mail-queue take -1 "${QUEUE:-inbound}" | mail-lock acquire |
		mail-dispatch ${DISPATCH:-} -- "$@" |
		mail-lock settle | mail-queue settle
}

## Looking at what is there.

# states: "STATE COUNT" of all rows, one a line, sorted.
states() {
	mail-store list | jq -r .state | sort | uniq -c |
		awk '{print $2, $1}'
}

# count STATE: how many rows are in it.
count() {
	mail-store list | jq -r --arg s "$1" 'select(.state == $s) | .id' |
		wc -l
}

# ids [STATE]: the ids, oldest first.
ids() {
	mail-store list | jq -r --arg s "${1:-}" \
		'select($s == "" or .state == $s) | .id'
}

state_of() {
	mail-store list | jq -r --arg id "$1" 'select(.id == $id) | .state'
}

# same_bytes ID FILE: the stored message is the file, byte for byte.
same_bytes() { mail-store cat "$1" | cmp - "$2"; }

# Only programs that are linked dynamically can have something loaded into them.
preloadable() { export PATH=$MAILPIPE_PRELOADABLE:$PATH; }

# inject CALL NTH DO COMMAND...: run it with a fault (tests/fault/inject.c);
# more INJECT_* settings may stand in the environment.
inject() {
	local call=$1 nth=$2 action=$3
	shift 3
	PATH=$MAILPIPE_PRELOADABLE:$PATH \
		INJECT_CALL=$call INJECT_NTH=$nth INJECT_DO=$action \
		LD_PRELOAD=${MAILPIPE_INJECT:-$MAILPIPE_REPO/build/release/inject.so} \
		"$@"
}
