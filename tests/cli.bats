#!/usr/bin/env bats
# What every program and every verb promises on its command line.  They are
# found by asking: nothing here lists them.
#
# A command is "PROGRAM" or "PROGRAM VERB", hence split into words:
# shellcheck disable=SC2086

setup() {
	load helpers
	mailpipe_setup
}

programs() { (cd "$MAILPIPE_BIN" && ls -d mail-*); }

verbs() {
	"$1" -h | awk '/^usage: .* VERB / {has = 1} has && /^  [a-z]/ {print $1}'
}

# All commands, one a line.
commands() {
	local program verb_list
	for program in $(programs); do
		verb_list=$(verbs "$program")
		if [ -z "$verb_list" ]; then
			echo "$program"
		else
			printf "$program %s\n" $verb_list
		fi
	done
}

# Does it hold a mail for an MTA?  Then it has --strict.
is_receiving() { $1 -h | grep -q -e '\[--strict\]'; }

# Failures are collected, so that one does not hide the others.
fail() { echo "$*" >>failures; }
none_failed() {
	[ ! -s failures ] || {
		cat failures
		return 1
	}
}

# expect STATUS COMMAND...: its output goes to out and err.
expect() {
	local want=$1 got=0
	shift
	"$@" >out 2>err </dev/null || got=$?
	[ "$got" = "$want" ] ||
		fail "$*: exit status $got, not $want: $(cat err)"
}

@test "cli: there are programs, and each says how it is used" {
	[ -n "$(programs)" ]
	while read -r command; do
		expect 0 $command -h
		grep -q "^usage: $command" out || fail "$command: no usage"
		[ ! -s err ] || fail "$command: -h says something on stderr"
		expect 0 $command --help
		expect 0 $command -V
		grep -qE "^${command%% *} [0-9]+\.[0-9]+\.[0-9]+$" out ||
			fail "$command: odd version"
	done < <(programs; commands)
	none_failed
}

@test "cli: an unknown option or verb is 64, 75 where an MTA would bounce" {
	while read -r command; do
		want=64
		if is_receiving "$command"; then
			want=75
			expect 64 $command --strict --no-such-option
		fi
		expect $want $command --no-such-option
		expect $want $command -%
		[ "$(wc -l <err)" = 1 ] || fail "$command: not one line on stderr"
		grep -q "^${command%% *}: .*-%" err || fail "$command: names nothing"
	done < <(commands)
	for program in $(programs); do
		[ -z "$(verbs "$program")" ] && continue
		expect 64 "$program"
		expect 64 "$program" no-such-verb
	done
	none_failed
}

@test "cli: the receiving verbs are those that an alias line ends in" {
	commands | while read -r command; do
		! is_receiving "$command" || echo "$command"
	done >receiving
	printf '%s\n' mail-deliver "mail-queue put" | diff - receiving
}

@test "cli: help and version that nobody can read exit 75" {
	while read -r command; do
		for option in -h -V; do
			expect 75 sh -c "exec $command $option >&-"
			expect 75 sh -c "exec $command $option >/dev/full"
			grep -q "^${command%% *}: stdout: " err ||
				fail "$command $option: names no stdout"
		done
	done < <(programs; commands)
	none_failed
}

@test "cli: every program has a manual with all its sections" {
	need mandoc
	for program in $(programs); do
		page=$MAILPIPE_REPO/man/$program.1
		for section in NAME SYNOPSIS DESCRIPTION ENVIRONMENT FILES \
			"EXIT STATUS" EXAMPLES DIAGNOSTICS "SEE ALSO"; do
			grep -qx "\.Sh $section" "$page" ||
				fail "$page: no section $section"
		done
	done
	[ -e "$MAILPIPE_REPO/man/mail-record.5" ]
	[ -e "$MAILPIPE_REPO/man/mailpipe.7" ]
	none_failed
}

@test "cli: manuals are clean and their SYNOPSIS is that of -h" {
	need mandoc
	run -0 "$MAILPIPE_REPO/scripts/lint" man synopsis
}

@test "cli: only what talks to servers loads libcurl or OpenSSL, and none GLib" {
	for program in $(programs | grep -vx mail-send); do
		ldd "$MAILPIPE_BIN/$program" || [ $? = 1 ] # a static one has none
	done >libraries 2>&1
	grep libc.so libraries
	run -1 grep -E 'libcurl|libglib|libssl|libcrypto' libraries
	run -1 grep libglib <(ldd "$MAILPIPE_BIN/mail-send")
}

# sample COMMAND: its operands and its input for a run that does something.
sample() {
	input=/dev/null operands=
	unset MAILPIPE_CONFIG
	case $1 in
	mail-ingest) input=message operands="-t ne-001" ;;
	mail-deliver) input=message operands="-t ne-001 inbound" ;;
	mail-dispatch) input=stored operands="-- true" ;;
	mail-send) input=stored operands="-x maildir:out" ;;
	"mail-store put") input=record ;;
	"mail-queue put") input=stored operands=inbound ;;
	"mail-store get") input=stored ;;
	"mail-store keygen") operands="--secret secret2" ;;
	"mail-store rekey") export MAILPIPE_CONFIG=$PWD/keys.json ;;
	"mail-queue take") operands="-c 1 inbound" ;;
	"mail-queue list" | "mail-queue resume" | "mail-retry due" | "mail-retry stranded")
		operands=inbound
		;;
	"mail-retry revive") operands="--all" ;;
	"mail-queue drop") operands="--all inbound" ;;
	"mail-queue settle") input=settled ;;
	"mail-lock acquire") input=stored ;;
	"mail-lock settle") input=unlocked ;;
	"mail-lock release") operands=nightly ;;
	"mail-lock run") operands="nightly -- true" ;;
	"mail-alias import" | "mail-alias check") operands=aliases ;;
	"mail-store show" | "mail-store cat" | "mail-store keep") operands=$id ;;
	"mail-store export") operands=exported ;;
	"mail-store import") operands=imported ;;
	"mail-store backup") operands=saved ;;
	"mail-store restore") operands=restorable ;;
	esac
}

samples() {
	mail out-of-memory 5000 >message
	receive <message
	id=$(ids)
	mail-ingest -t ne-002 message >record
	echo 'ne-001: "|/bin/cat"' >aliases
	mail-store put <record >stored
	mkdir imported
	mail-store keygen --secret "$PWD/secret" | jq --arg d "$PWD" \
		'{keys: {public, secret_file: ($d + "/secret")}}' >keys.json
	mail-queue take -c 1 inbound |
		jq -c '.result = {status: "retry"}' >settled
	mail-lock acquire <record | jq -c '.result = {status: "ok"}' >unlocked
	mail-store backup restorable
}

# limited KIB COMMAND...: 0 or 75, whatever the memory.
limited() {
	local kb=$1 got=0
	shift
	sh -c "ulimit -v $kb; exec $*" <$input >out 2>err || got=$?
	case $got in
	0 | 75) return ;;
	esac
	fail "$* <$input in $kb KiB: exit status $got: $(cat err)"
}

# In so many KiB it runs.  Who talks to servers has OpenSSL and libcurl to load;
# it holds no mail for an MTA: what it has not begun stays in its queue.
roomy() {
	case $1 in
	mail-send) echo 32768 ;;
	*) echo 16384 ;;
	esac
}

# The least memory in which the dynamic linker can load it; below that it does
# not run, and says 127 or dies.
floor() {
	local kb=3000
	until (ulimit -v $kb && exec $1 -V) >/dev/null 2>&1; do
		kb=$((kb + 50))
		[ $kb -lt "$(roomy "$1")" ]
	done
	echo $kb
}

@test "cli: out of memory is 75, never another status" {
	need_release
	need jq
	samples
	while read -r command; do
		sample "$command"
		floor=$(floor "$command")
		for ((kb = floor + 100; kb < floor + 2000; kb += 50)); do
			limited "$kb" $command $operands
		done
		for ((kb = $(roomy "$command"); kb <= 65536; kb += 8192)); do
			limited "$kb" $command $operands
		done
	done < <(commands)
	none_failed
}

@test "cli: from 16 MB on every program runs, from 32 MB what talks to servers" {
	need_release
	need jq
	samples
	while read -r command; do
		sample "$command"
		[ "$command" != "mail-store restore" ] ||
			rm -rf "$MAILPIPE_STATE"
		sh -c "ulimit -v $(roomy "$command"); exec $command $operands" \
			<$input >out 2>err || fail "$command: exit status $?: $(cat err)"
	done < <(commands)
	none_failed
}

@test "cli: a line too large for the memory there is exits 75" {
	need_release
	need jq
	samples
	# 6 MB of text, and of small values.
	jq -c '.x = "y" * 6000000' stored >long
	jq -c '.x = [range(400000)]' stored >many
	jq -c '.result = {status: "retry"} | .x = "y" * 6000000' settled >settling
	for input in long many; do
		for kb in {8192..40960..2048}; do
			limited "$kb" mail-store put
			limited "$kb" mail-store get
			limited "$kb" mail-queue put inbound
			limited "$kb" mail-dispatch -- true
		done
	done
	input=settling
	for kb in {8192..40960..4096}; do
		limited "$kb" mail-queue settle
	done
	none_failed
}

@test "cli: a broken configuration or state directory is 75, and says which" {
	need jq
	samples
	echo '{"no such key": 1}' >broken.json
	mkdir newer
	echo 99 >newer/layout
	touch file
	while read -r command; do
		sample "$command"
		# These work without a state.
		case $command in
		mail-ingest | mail-dispatch | mail-alias* | "mail-store keygen")
			continue
			;;
		esac
		for setting in MAILPIPE_CONFIG=broken.json \
			MAILPIPE_CONFIG=missing.json MAILPIPE_STATE=newer \
			MAILPIPE_STATE=file MAILPIPE_STATE=/proc/none; do
			got=0
			env "$setting" $command $operands <$input >out 2>err ||
				got=$?
			case "$command $setting" in
			"mail-store upgrade MAILPIPE_STATE=newer") ;;
			# Without a configuration: no outcome is lost.
			"mail-queue settle MAILPIPE_CONFIG="* | \
				"mail-lock settle MAILPIPE_CONFIG="*)
				[ "$got" = 0 ] || fail "$setting $command: $got"
				;;
			*) [ "$got" = 75 ] || fail "$setting $command: $got" ;;
			esac
			grep -qF "${setting#*=}" err ||
				fail "$setting $command: $(cat err)"
		done
	done < <(commands)
	none_failed
}

@test "cli: install, then uninstall, leaves nothing" {
	need_release
	install_at() {
		make -s -C "$MAILPIPE_REPO" "$1" DESTDIR="$PWD/root" \
			PREFIX=/opt/mailpipe
	}
	install_at install
	for program in $(programs); do
		[ -x "root/opt/mailpipe/bin/$program" ]
		[ -s "root/opt/mailpipe/share/man/man1/$program.1" ]
		[ -s "root/opt/mailpipe/share/bash-completion/completions/$program" ]
		[ -s "root/opt/mailpipe/share/zsh/site-functions/_$program" ]
	done
	[ -s root/opt/mailpipe/share/man/man7/mailpipe.7 ]
	root/opt/mailpipe/bin/mail-ingest -V
	install_at uninstall
	run -0 find root ! -type d
	[ -z "$output" ]
}
