#!/usr/bin/env bats
# cron and systemd: what `make install` installs is right and works, and a new
# release can be installed and started while the old one runs.

setup() {
	load helpers
	mailpipe_setup
	need jq
	opt=$PWD/opt
	cat >config.json <<-END
		{"handlers":{"default":{"argv":["$PWD/handler","{id}","{attempt}"]}}}
	END
	export MAILPIPE_CONFIG=$PWD/config.json
	handler
}

# handler [SECONDS]: keeps the ids of what it began and ended.
handler() {
	cat >handler.new <<-END
		#!/bin/sh
		cat >/dev/null
		echo "\$1" >>$PWD/began
		sleep ${1:-0}
		echo "\$1" >>$PWD/ended
	END
	chmod 755 handler.new
	mv handler.new handler
}

install_here() {
	need_release
	make -s -C "$MAILPIPE_REPO" install PREFIX="$opt"
}

# The line as it stands there; without what this release does not have.
as_far_as_there() {
	if [ -x "$opt/bin/mail-lock" ]; then
		cat
	else
		sed 's/ | mail-lock [a-z]*//g'
	fi
}

# directive UNIT NAME INSTANCE: its value, as systemd would run it with a shell.
directive() {
	sed -n "s/^$2=//p" "$opt/lib/systemd/system/$1" | as_far_as_there |
		sed "s/%i/$3/g; s/%%/%/g; s/\\\$\\\$/\$/g"
}

# start_unit UNIT INSTANCE: its main process is then $main.
start_unit() {
	local path
	path=$(sed -n 's/^Environment=PATH=//p' "$opt/lib/systemd/system/$1")
	directive "$1" ExecStart "$2" >"start.$2"
	PATH=$path sh -c "exec $(cat "start.$2")" 3>&- &
	main=$!
}

# stop_unit UNIT INSTANCE PID: it has ended, and its status is ours.
stop_unit() {
	MAINPID=$3 sh -c "$(directive "$1" ExecStop "$2")" 3>&-
	wait "$3"
}

is_done() { [ "$(count succeeded)" = "$1" ]; }
has_begun() { [ -e began ] && [ "$(wc -l <began)" -ge "$1" ]; }

# receive_some N [FROM]
receive_some() {
	local i
	for ((i = 0; i < $1; i++)); do
		mail "mail ${2:-}$i" | "$opt/bin/mail-deliver" -t ne-001 inbound
	done
}

# Each mail was run once, and ended.
each_once() {
	[ "$(states)" = "succeeded $1" ]
	ids | sort >all
	diff all <(sort began)
	diff all <(sort ended)
}

@test "services: the units are right, as systemd reads them" {
	need systemd-analyze
	install_here
	cd "$opt/lib/systemd/system"
	ls >"$BATS_TEST_TMPDIR/units"
	diff <(cd "$MAILPIPE_REPO/scripts/systemd" && ls) \
		"$BATS_TEST_TMPDIR/units"
	run -1 grep -r /usr/local/bin/mail .
	while read -r unit; do
		# Programs and verbs of theirs that are not there yet.
		case $unit in
		*retry*) [ -x "$opt/bin/mail-retry" ] || continue ;;
		*expire*) mail-store expire -h >/dev/null 2>&1 || continue ;;
		esac
		echo "$PWD/${unit/@./@inbound.}"
		case $unit in
		*.timer)
			[ -e "${unit%.timer}.service" ]
			systemd-analyze calendar "$(sed -n \
				's/^OnCalendar=//p' "$unit")" >/dev/null
			;;
		esac
	done <"$BATS_TEST_TMPDIR/units" >"$BATS_TEST_TMPDIR/verified"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/verified")" -ge 3 ]
	SYSTEMD_LOG_LEVEL=warning xargs systemd-analyze verify --man=no \
		<"$BATS_TEST_TMPDIR/verified" >"$BATS_TEST_TMPDIR/said" 2>&1
	# Of this machine's own units it may say more.
	run -1 grep mailpipe "$BATS_TEST_TMPDIR/said"
}

@test "services: the unit of a queue works it, and stops with nothing undone" {
	need pkill
	install_here
	start_unit mailpipe-work@.service inbound
	receive_some 5
	wait_for 30 is_done 5
	# Four run, the others wait.
	handler 1
	receive_some 10 more
	wait_for 30 has_begun 7
	stop_unit mailpipe-work@.service inbound $main
	[ "$(count leased)" = 0 ]
	[ "$(count succeeded)" = "$(wc -l <ended)" ]
	[ "$(count ready)" -ge 1 ]
	diff <(sort began) <(sort ended)
	mail-queue list -s ready inbound | jq -se 'all(.attempts == 0)'
	# And goes on from there.
	handler
	start_unit mailpipe-work@.service inbound
	wait_for 30 is_done 15
	stop_unit mailpipe-work@.service inbound $main
	each_once 15
}

# A transport that sends into the Maildir "sent".
sending() {
	jq --arg d "$PWD" '.transports.default.url = "maildir:\($d)/sent"' \
		config.json >new.json
	mv new.json config.json
}

# send_some N [FROM]
send_some() {
	jq -cn --argjson n "$1" --arg from "${2:-}" 'range($n) | {tenant: "t",
		key: "\($from)\(.)", mail: {from: "shop@example.com",
		to: "r\($from)\(.)@example.jp", text: "hello"}}' |
		"$opt/bin/mail-store" put | "$opt/bin/mail-queue" put outbound
}

# Each of N mails went to its recipient, once.
each_sent_once() {
	[ "$(states)" = "succeeded $1" ]
	grep -h ^Delivered-To: sent/new/* | sort >recipients
	[ "$(wc -l <recipients)" = "$1" ]
	[ "$(uniq <recipients | wc -l)" = "$1" ]
}

@test "services: the unit that sends a queue sends it, and stops with nothing undone" {
	need pkill
	install_here
	sending
	start_unit mailpipe-send@.service outbound
	send_some 40
	wait_for 30 is_done 40
	send_some 200 more
	stop_unit mailpipe-send@.service outbound $main
	[ "$(count leased)" = 0 ]
	start_unit mailpipe-send@.service outbound:2
	wait_for 30 is_done 240
	stop_unit mailpipe-send@.service outbound:2 $main
	each_sent_once 240
}

@test "services: cron's lines send, and try again" {
	install_here
	path=$(sed -n 's/^PATH=//p' "$opt/share/mailpipe/cron/mailpipe")
	minute() {
		while IFS= read -r line; do
			PATH=$path sh -c "$line" >>said 2>&1 3>&-
		done < <(cron_lines '\* \* \* \* \*')
	}
	jq '.transports.default.url = "sendmail:/bin/false" |
		.retry.schedule = "1s*"' config.json >new.json
	mv new.json config.json
	send_some 3
	minute
	[ "$(states)" = "deferred 3" ]
	sending
	send_some 3 more
	minute_later() {
		minute
		is_done 6
	}
	wait_for 20 minute_later
	cat said
	[ ! -s said ]
	each_sent_once 6
}

@test "services: doctor's unit runs, and fails when something is wrong" {
	install_here
	receive_some 1
	run -0 sh -c "$(directive mailpipe-doctor.service ExecStart '')"
	echo 99 >state/layout
	run -75 sh -c "$(directive mailpipe-doctor.service ExecStart '')"
}

# cron_lines PATTERN: the commands of the crontab's lines whose times match.
cron_lines() {
	grep -E "^$1 mailpipe " "$opt/share/mailpipe/cron/mailpipe" |
		as_far_as_there | sed 's/.* mailpipe //' |
		while IFS= read -r line; do
			program=$(grep -oE 'mail-[a-z]+( [a-z]+)?' <<<"$line" |
				head -n 1)
			# shellcheck disable=SC2086 # program and verb
			"$opt/bin/"$program -h >/dev/null 2>&1 || continue
			echo "$line"
		done
}

@test "services: cron's lines, each minute, do what they say" {
	install_here
	# As cron does: sh, and the file's PATH.
	path=$(sed -n 's/^PATH=//p' "$opt/share/mailpipe/cron/mailpipe")
	[ "$path" = "$opt/bin:/usr/bin:/bin" ]
	run -0 cron_lines '[0-9*]+ [0-9*]+ \* \* \*'
	[[ $output == *"take -1 inbound"* ]]
	for minute in 1 2 3; do
		receive_some 4 "$minute-"
		while IFS= read -r line; do
			PATH=$path sh -c "$line" >>said 2>&1 3>&- &
		done < <(cron_lines '\* \* \* \* \*')
		# The next minute may come too soon.
		[ $minute = 2 ] || wait
	done
	wait
	cat said
	[ ! -s said ]
	each_once 12
	# What is not done each minute.
	while IFS= read -r line; do
		PATH=$path sh -c "$line" >>said 2>&1
	done < <(cron_lines '[0-9]+ [0-9*]+ \* \* \*')
	[ ! -s said ]
	echo 99 >state/layout
	PATH=$path sh -c "$(cron_lines '7 \* \* \* \*')" >said 2>&1
	grep -q layout said
}

# In the background, until there is a file "enough": each is taken, always.
keep_receiving() {
	local n=0
	until [ -e enough ]; do
		mail "during $n" | "$opt/bin/mail-deliver" -t ne-001 inbound ||
			echo "mail $n: exit status $?" >>refused
		sh -c "$opt/bin/mail-ingest -t ne-002 | $opt/bin/mail-store put |
			$opt/bin/mail-queue put inbound || exit 75" \
			< <(mail "line $n") || echo "line $n: $?" >>refused
		echo $((++n)) >received
	done
}

has_received() { [ "$(cat received 2>/dev/null || echo 0)" -ge "$1" ]; }

@test "services: a new release is installed and started while the old one runs" {
	need pkill
	install_here
	handler 0.05
	start_unit mailpipe-work@.service inbound
	old=$main
	keep_receiving 3>&- &
	feeder=$!
	wait_for 30 has_begun 5
	for i in 1 2 3 4 5; do
		install_here
	done
	# The old ones go on as they were.
	take=$(pgrep -P $old -x mail-queue | head -n 1)
	[[ $(readlink "/proc/$take/exe") == *" (deleted)" ]]
	begun=$(wc -l <began)
	wait_for 30 has_begun $((begun + 5))
	start_unit mailpipe-work@.service inbound:2
	new=$main
	grep -q 'queue=inbound:2;' start.inbound:2
	wait_for 30 pgrep -P $new -x mail-dispatch >/dev/null
	stop_unit mailpipe-work@.service inbound $old
	begun=$(wc -l <began)
	wait_for 30 has_begun $((begun + 5))
	wait_for 30 has_received 10
	touch enough
	wait $feeder
	[ ! -e refused ]
	n=$(($(cat received) * 2))
	wait_for 60 is_done $n
	stop_unit mailpipe-work@.service inbound:2 $new
	each_once $n
	ids | while read -r id; do mail-store show -o json "$id"; done |
		jq -se 'all(.attempts == 1)'
}

@test "services: a state is not upgraded under programs that work in it" {
	receive_with() { mail "$1" | mail-deliver -t ne-001 inbound; }
	receive_with one
	now=$(cat state/layout)
	mail-queue take -F inbound >taken 3>&- &
	take=$!
	wait_for 10 test -s taken
	# A release later.
	echo $((now - 1)) >state/layout
	run -75 --separate-stderr mail-store upgrade
	[[ $stderr == "mail-store: "*"/state: process $take (mail-queue) works in \
it: stop it, then try again" ]]
	[ "$(cat state/layout)" = $((now - 1)) ]
	[ -d /proc/$take ]
	kill $take
	wait $take
	run -0 --separate-stderr mail-store upgrade
	[[ $stderr == *"layout $((now - 1)) has become $now"* ]]
	[ "$(states)" = "ready 1" ]
}

@test "services: nor under those of a release that knew no lock" {
	mail one | mail-deliver -t ne-001 inbound
	mail-store stats >/dev/null
	now=$(cat state/layout)
	echo $((now - 1)) >state/layout
	sleep 60 9<state/mail.lock 3>&- &
	run -75 --separate-stderr mail-store upgrade
	[[ $stderr == *"process $! (sleep) works in it"* ]]
	kill $!
	wait $! || true
	mail-store upgrade
}

# hold s|x: have the directory locked, as programs do that work in it (s) or
# upgrade it (x), until `let_go`.
hold() {
	[ -p go ] || mkfifo go
	rm -f held
	flock -"$1" state sh -c ': >held; read -r _ <go' 3>&- &
	holder=$!
	wait_for 10 test -e held
}
let_go() {
	echo >go
	wait $holder
}

@test "services: an upgrade holds up those who come, and they try again" {
	mail one | mail-deliver -t ne-001 inbound
	mail two >two
	hold x
	for command in "mail-store list" "mail-queue take inbound" \
		"mail-queue settle" "mail-store doctor" "mail-dispatch true" \
		"mail-deliver -t ne-001 inbound"; do
		run -75 --separate-stderr sh -c "$command <two"
		[[ $stderr == *"/state: is being upgraded, try again"* ]]
	done
	# Another upgrade waits for its end.
	mail-store upgrade 2>said 3>&- &
	upgrade=$!
	wait_for 10 grep -q -- "-> FLOCK.* $upgrade " /proc/locks
	let_go
	wait $upgrade
	mail-deliver -t ne-001 inbound <two
	[ "$(states)" = "ready 2" ]
}

@test "services: an upgrade waits for those who go" {
	mail one | mail-deliver -t ne-001 inbound
	mail-store stats >/dev/null
	now=$(cat state/layout)
	echo $((now - 1)) >state/layout
	hold s
	mail-store upgrade 2>said 3>&- &
	upgrade=$!
	wait_for 10 grep -q -- "-> FLOCK.* $upgrade " /proc/locks
	let_go
	wait $upgrade
	grep -q "has become $now" said
}
