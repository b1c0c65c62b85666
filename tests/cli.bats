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

# expect STATUS COMMAND...: its output in out and err; bad is set on any other.
expect() {
	local want=$1 got=0
	shift
	"$@" >out 2>err </dev/null || got=$?
	[ "$got" = "$want" ] || {
		echo "$*: exit status $got, not $want"
		cat err
		bad=1
	}
}

@test "cli: there are programs, and each says how it is used" {
	[ -n "$(programs)" ]
	bad=
	while read -r command; do
		expect 0 $command -h
		grep -q "^usage: $command" out || bad="$command: no usage"
		[ ! -s err ] || bad="$command: -h says something on stderr"
		expect 0 $command --help
		expect 0 $command -V
		grep -qE "^${command%% *} [0-9]+\.[0-9]+\.[0-9]+$" out ||
			bad="$command: odd version"
	done < <(programs; commands)
	echo "$bad"
	[ -z "$bad" ]
}

@test "cli: an unknown option or verb is 64, 75 where an MTA would bounce" {
	bad=
	while read -r command; do
		want=64
		if is_receiving "$command"; then
			want=75
			expect 64 $command --strict --no-such-option
		fi
		expect $want $command --no-such-option
		expect $want $command -%
		[ "$(wc -l <err)" = 1 ] || bad="$command: not one line on stderr"
		grep -q "^${command%% *}: .*-%" err || bad="$command: names nothing"
	done < <(commands)
	for program in $(programs); do
		[ -z "$(verbs "$program")" ] && continue
		expect 64 "$program"
		expect 64 "$program" no-such-verb
	done
	[ -z "$bad" ]
}

@test "cli: the receiving verbs are those that an alias line ends in" {
	commands | while read -r command; do
		! is_receiving "$command" || echo "$command"
	done >receiving
	printf '%s\n' mail-deliver "mail-queue put" | diff - receiving
}

@test "cli: help and version that nobody can read exit 75" {
	bad=
	while read -r command; do
		for option in -h -V; do
			expect 75 sh -c "exec $command $option >&-"
			expect 75 sh -c "exec $command $option >/dev/full"
			grep -q "^${command%% *}: stdout: " err ||
				bad="$command $option: names no stdout"
		done
	done < <(programs; commands)
	[ -z "$bad" ]
}

@test "cli: every program has a manual with all its sections" {
	need mandoc
	bad=
	for program in $(programs); do
		page=$MAILPIPE_REPO/man/$program.1
		for section in NAME SYNOPSIS DESCRIPTION ENVIRONMENT FILES \
			"EXIT STATUS" EXAMPLES DIAGNOSTICS "SEE ALSO"; do
			grep -qx "\.Sh $section" "$page" || {
				echo "$page: no section $section"
				bad=1
			}
		done
	done
	[ -e "$MAILPIPE_REPO/man/mail-record.5" ]
	[ -e "$MAILPIPE_REPO/man/mailpipe.7" ]
	[ -z "$bad" ]
}

@test "cli: manuals are clean and their SYNOPSIS is that of -h" {
	need mandoc
	run -0 "$MAILPIPE_REPO/scripts/lint" man synopsis
}

@test "cli: no program loads libcurl, GLib or OpenSSL" {
	for program in $(programs); do
		ldd "$MAILPIPE_BIN/$program"
	done >libraries
	run -1 grep -E 'libcurl|libglib|libssl|libcrypto' libraries
}

# sample COMMAND: its operands and its input for a run that does something.
sample() {
	input=/dev/null operands=
	case $1 in
	mail-ingest) input=message operands="-t ne-001" ;;
	mail-deliver) input=message operands="-t ne-001 inbound" ;;
	mail-dispatch) input=stored operands="-- true" ;;
	"mail-store put") input=record ;;
	"mail-queue put") input=stored operands=inbound ;;
	"mail-store get") input=stored ;;
	"mail-queue take") operands="-c 1 inbound" ;;
	"mail-queue settle") input=settled ;;
	"mail-store show" | "mail-store cat") operands=$id ;;
	esac
}

@test "cli: out of memory is 75, never another status" {
	need_release
	need jq
	mail out-of-memory 5000 >message
	receive <message
	id=$(ids)
	mail-ingest -t ne-002 message >record
	mail-store put <record >stored
	mail-queue take -c 1 inbound |
		jq -c '.result = {status: "retry"}' >settled
	bad=
	while read -r command; do
		sample "$command"
		for ((kb = 16384; kb <= 65536; kb += 4096)); do
			got=0
			sh -c "ulimit -v $kb; exec $command $operands" \
				<$input >out 2>err || got=$?
			case $got in
			0 | 75) continue ;;
			esac
			echo "$command in $kb KiB: exit status $got"
			cat err
			bad=1
		done
	done < <(commands)
	[ -z "$bad" ]
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
	done
	[ -s root/opt/mailpipe/share/man/man7/mailpipe.7 ]
	root/opt/mailpipe/bin/mail-ingest -V
	install_at uninstall
	run -0 find root ! -type d
	[ -z "$output" ]
}
