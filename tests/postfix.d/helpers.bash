# Loaded by tests/postfix.bats after helpers.bash: a private Postfix whose aliases
# lead to mailpipe, and what to ask of it.
# shellcheck shell=bash

# shellcheck source=scripts/postfix.sh
. "$MAILPIPE_REPO/scripts/postfix.sh"

# mta_setup: below $dir are bin/ (copies of the programs, to be broken; real/ has
# them whole), state/ and config.json, piped/ (what the witnesses kept),
# notes/ (of spoilt programs) and pf/.
# Postfix is set up, not started.
mta_setup() {
	need_root
	need postfix smtp-source setpriv jq
	open_tmpdir
	dir=$BATS_TEST_TMPDIR
	mkdir "$dir"/{bin,state,piped,notes}
	cp "$MAILPIPE_BIN"/mail-* "$dir/bin"
	cp -r "$dir/bin" "$dir/real"
	cp "$MAILPIPE_REPO"/tests/postfix.d/{witness,receive.php} "$dir"
	echo '{}' >"$dir/config.json"
	chmod -R a+rX "$dir"
	chown nobody "$dir"/{state,piped,notes}
	chmod 700 "$dir/state"
	export PATH=$dir/bin:$PATH
	export MAILPIPE_CONFIG=$dir/config.json
	local name exported="export_environment = TZ MAIL_CONFIG LANG"
	for name in STATE CONFIG TEST; do
		name=MAILPIPE_$name
		exported+=" $name=${!name}"
	done
	pf_write "$dir/pf" nobody "recipient_delimiter = +" "$exported"
	log=$pf_dir/log/maillog
	# In Postfix's queue; to be found in the state; lines of the log that
	# are about what was tried before.
	waiting=0 expected=0 logged=0
}

mta_teardown() {
	local mounted
	pf_stop
	mailpipe_teardown
	while read -r _ mounted _; do
		case $mounted in
		"$BATS_TEST_TMPDIR"/*) umount -l "$mounted" ;;
		esac
	done </proc/mounts
}

# The two lines, as they stand in the manual, with absolute names.
# the_line TENANT [DEADLINE]: without a deadline, as long as they please.
the_line() {
	local deadline=${2:+ --deadline $2}
	echo "$dir/bin/mail-ingest$deadline -t $1 |" \
		"$dir/bin/mail-store put$deadline |" \
		"$dir/bin/mail-queue put$deadline inbound || exit 75"
}

the_deliver() {
	echo "$dir/bin/mail-deliver${2:+ --deadline $2} -t $1 inbound"
}

# Both lines as they are, each with a witness beside it: it gets the mail in the
# same try of the same queue file, through a pipe of its own.
mta_aliases() {
	local witness="\"|$dir/witness $dir/piped\""
	pf_alias "line: \"|$(the_line line "${1-}")\", $witness" \
		"deliver: \"|$(the_deliver deliver "${1-}")\", $witness"
}

mta_start() {
	mta_aliases "$@"
	pf_start 3>&-
}

# Before the start.
pf_set() { postconf -c "$pf_dir/etc" -e "$1 = $2"; }

# Run as who owns the state.
worker() {
	setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
}

## Mail.

# send N ALIAS [SIZE]: over SMTP; each gets a Received line of its own.
send() {
	waiting=$((waiting + $1))
	smtp-source -s 2 -m "$1" -l "${3:-300}" -f alice@example.com \
		-t "$2@example.test" "127.0.0.1:$pf_port"
}

# send_as SENDER RECIPIENT [MAIL-PARAMETER]: the addresses as SMTP writes them.
send_as() {
	local socket say
	exec {socket}<>"/dev/tcp/127.0.0.1/$pf_port"
	for say in "" "EHLO client.example.com" "MAIL FROM:<$1>${3:+ $3}" \
		"RCPT TO:<$2>" DATA \
		$'From: alice@example.com\r\nSubject: odd\r\n\r\nhello\r\n.' \
		QUIT; do
		[ -z "$say" ] || printf '%s\r\n' "$say" >&"$socket"
		smtp_reply "$socket"
	done
	exec {socket}>&-
}

smtp_reply() {
	local line=000-
	while [ "${line:3:1}" = - ]; do
		read -r -t 10 line <&"$1"
	done
	[[ $line == [23]* ]] || {
		echo "SMTP: $line" >&2
		return 1
	}
}

deferrals() { grep -c 'postfix/local\[.* status=deferred ' "$log"; }
has_deferrals() { [ "$(deferrals)" -ge "$1" ]; }
no_deferral() { ! has_deferrals 1; }

has_sent() {
	[ "$(grep -c 'status=sent (delivered to command: .*/bin/mail-' "$log")" \
		-ge "$1" ]
}

has_deferred_files() {
	[ "$(find "$pf_dir/queue/deferred" -type f | wc -l)" = "$1" ] &&
		[ "$(pf_queued | wc -l)" = "$1" ]
}

# Which mails were tried since the log had so many lines, each once.
deferred_since() {
	tail -n +$(($1 + 1)) "$log" |
		sed -n 's/.*postfix\/local\[[0-9]*\]: \([0-9A-Za-z]*\): .* status=deferred .*/\1/p' |
		sort -u
}

# It shows them, too.
no_bounce() { ! grep -E 'status=(bounced|expired)|notification' "$log"; }

# Each of the waiting mails was tried since then, and is back; or one bounced.
all_deferred_since() {
	{
		[ "$(deferred_since "$1" | wc -l)" -ge "$waiting" ] &&
			has_deferred_files "$waiting"
	} || ! no_bounce >/dev/null
}

# tried_in_vain: Postfix has tried each of its mails once more, and has them all
# still.
tried_in_vain() {
	local flushes=0
	# A flush misses a mail that Postfix has in hand, and the trigger for a
	# new one may be lost: then it would wait for minutes.
	until (wait_for 15 all_deferred_since "$logged") 2>/dev/null; do
		[ $((++flushes)) -lt 8 ] || {
			echo "not all tried: $(pf_queued | xargs)" >&2
			tail -n +$((logged + 1)) "$log" >&2
			return 1
		}
		pf_flush
	done
	no_bounce
	logged=$(wc -l <"$log")
}

tried_again() {
	logged=$(wc -l <"$log")
	pf_flush
	tried_in_vain
}

# send_three ALIAS...: to each; one of them is too large for a line.
send_three() {
	local alias
	for alias; do
		send 2 "$alias"
		send 1 "$alias" 100000
	done
}

# stays_deferred ALIAS...: of three mails to each none arrives in two tries.
stays_deferred() {
	send_three "$@"
	tried_in_vain
	tried_again
}

# may_arrive ALIAS...: three mails to each are tried; where nothing was lost, some
# may have arrived.
may_arrive() {
	send_three "$@"
	wait_for 60 is_idle
	no_bounce
	logged=$(wc -l <"$log")
}

is_idle() { ! pf_queued | grep -qv "^$pf_dir/queue/deferred/"; }

# arrives_once: the next try brings each mail, however often it was tried.
arrives_once() {
	pf_flush
	pf_wait_empty 60
	no_bounce
	logged=$(wc -l <"$log")
	expected=$((expected + waiting)) waiting=0
	each_once $expected
}

## What is there.

# in_one_place N: so many mails, each in one row and one blob, and no more; what
# the row says of the bytes is true.
in_one_place() {
	worker mail-store list >rows
	[ "$(jq -r .id rows | sort -u | wc -l)" = "$1" ]
	[ "$(jq -r .state rows | sort | uniq -c | xargs)" = "$1 ready" ]
	jq -r .id rows | worker xargs mail-store show >shown
	[ "$(jq -c '[.history[].event]' shown | sort | uniq -c | xargs)" = \
		"$1 [stored,queued]" ]
	diff <(jq -r '.blob | "\(.digest[3:])  \(.ref[5:])"' rows | sort) \
		<(cd "$dir/state/blobs" && find . -type f -printf '%P\n' |
			xargs b2sum -l 256 | sort)
	jq -c 'select(.digest != .blob.digest or .size != .blob.size) |
		[.digest, .size, .blob]' rows | diff /dev/null -
}

# each_once N: and they are what Postfix piped, all but the From line, which has
# the time of the try.
each_once() {
	in_one_place "$1"
	blob_files | xargs head -qn 1 >from
	run ! grep -v '^From alice@example.com ' from
	diff <(piped_files | bodies | sort -u) <(blob_files | bodies | sort)
}

blob_files() { find "$dir/state/blobs" -type f; }
piped_files() { find "$dir/piped" -type f; }

# The hash of each file without its first line.
bodies() {
	local file
	while read -r file; do
		tail -n +2 "$file" | sha256sum
	done
}

# The files, byte for byte.
hashes() { xargs sha256sum | cut -d ' ' -f 1 | sort; }

## Trouble.

# spoil TOOL COMMANDS: each time it is started, these come first (sh).
spoil() {
	cp -p "$dir/real/$1" "$dir/bin/$1.real"
	cat >"$dir/spoilt" <<-END
		#!/bin/sh
		$2
		exec $dir/bin/$1.real "\$@"
	END
	chmod 755 "$dir/spoilt"
	mv "$dir/spoilt" "$dir/bin/$1"
}

# All of them as they were.
repair() {
	local tool
	for tool in "$dir"/real/*; do
		cp -p "$tool" "$dir/repaired"
		mv "$dir/repaired" "$dir/bin/${tool##*/}"
	done
}

# injected CALL DO [NTH]: commands for spoil, see tests/fault/inject.c.
injected() {
	echo "export LD_PRELOAD=$dir/inject.so INJECT_CALL=$1 INJECT_DO=$2" \
		"INJECT_NTH=${3:-1} INJECT_FD_MIN=1"
}

need_inject() {
	local built=${MAILPIPE_INJECT:-$MAILPIPE_REPO/build/release/inject.so}
	need_release
	[ -e "$built" ] || skip "no $built; make inject"
	cp "$MAILPIPE_PRELOADABLE"/mail-* "$dir/real"
	repair
	cp "$built" "$dir/inject.so"
	chmod 644 "$dir/inject.so"
}

# mount_state OPTIONS: the state directory is a small file system of its own.
mount_state() {
	mount -t tmpfs -o "mode=700,uid=nobody,size=$1" none "$dir/state" ||
		skip "nothing can be mounted here"
}

# fill_disk KIB: so much is left.
fill_disk() {
	local left
	left=$(df --output=avail "$dir/state" | tail -n 1)
	worker fallocate -l $(((left - $1) * 1024)) "$dir/state/filler"
	[ "$(df --output=avail "$dir/state" | tail -n 1)" -le "$1" ]
}
