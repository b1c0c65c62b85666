#!/usr/bin/env bats
# mail-dispatch: what handlers leave running, and the record as a file.
# shellcheck disable=SC2016 # handlers and jq programs are single-quoted

setup() {
	load helpers
	mailpipe_setup
}

rec() {
	printf '{"id":"%s","tenant":"t","content":{"base64":"eA=="}%s}\n' \
		"$1" "${2:-}"
}

gone() { ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }
all_gone() {
	local file
	for file in "$@"; do gone "$(cat "$file")" || return 1; done
}
lives() { ! gone "$1"; }
lines_in() { [ -e "$2" ] && [ "$(wc -l <"$2")" = "$1" ]; }

# zombies PID N: has it so many children that nobody has reaped?
zombies() {
	[ "$(ps -o stat= --ppid "$1" | awk '/^Z/' | wc -l)" = "$2" ]
}

# follow [OPTION]... COMMAND...: in the background, stdin is fd 5, stdout out.
follow() {
	mkfifo in
	env --default-signal=INT mail-dispatch "$@" <in >out 2>err &
	dispatch=$!
	exec 5>in
}

# Ways to leave something behind; each writes its pid to the file named.
daemons='
child() { sleep 1000 & echo $! >"$1"; }
group() { bash -mc "sleep 1000 & echo \$! >$1; disown"; }
session() { setsid sh -c "echo \$\$ >$1; exec sleep 1000" & }
twice() { (setsid sh -c "sh -c \"echo \\\$\\\$ >$1; exec sleep 1000\" &" &); }
silent() { (setsid sh -c "(sh -c \"echo \\\$\\\$ >$1; exec sleep 1000\") <&- >&- 2>&- 3<&- &" &); }
all() {
	for kind in child group session twice silent; do
		$kind "$PWD/$kind.$1"
	done
	for kind in child group session twice silent; do
		until [ -s "$PWD/$kind.$1" ]; do sleep 0.01; done
	done
}
'

@test "family: daemons of a handler that ended are left alone" {
	follow -- bash -c "$daemons"'all 1'
	rec 1 >&5
	wait_for 20 lines_in 1 out
	[ "$(jq -r .result.status out)" = ok ]
	for file in *.1; do lives "$(cat "$file")"; done
	exec 5>&-
	wait $dispatch
	# Not even our own end is theirs.
	for file in *.1; do
		lives "$(cat "$file")"
		kill -KILL "$(cat "$file")"
	done
}

@test "family: the same when it failed or was killed" {
	rec 1 | mail-dispatch -- bash -c "$daemons"'all 1; kill -9 $$' >out
	[ "$(jq -r .result.detail.signal out)" = 9 ]
	for file in *.1; do
		lives "$(cat "$file")"
		kill -KILL "$(cat "$file")"
	done
}

@test "family: at a time-out all of it dies, wherever it went" {
	rec 1 | mail-dispatch -T 1 -- bash -c "$daemons"'all 1; sleep 1000' >out
	[ "$(jq -r .result.class out)" = time-out ]
	[ "$(compgen -G '*.1' | wc -l)" = 5 ]
	wait_for 20 all_gone ./*.1
}

@test "family: a time-out does not touch what others left or run" {
	follow -P 2 -T 2 -- bash -c "$daemons"'all $MAIL_ID
		[ $MAIL_ID = ok ] || sleep 1000'
	rec ok >&5
	wait_for 20 lines_in 1 out
	rec late >&5
	wait_for 20 lines_in 2 out
	wait_for 20 all_gone ./*.late
	for file in *.ok; do lives "$(cat "$file")"; done
	exec 5>&-
	wait $dispatch
	for file in *.ok; do kill -KILL "$(cat "$file")"; done
}

@test "family: a second signal ends all that belongs to what runs" {
	follow -P 2 -- bash -c "$daemons"'all $MAIL_ID
		[ $MAIL_ID = ok ] || { echo >&9; sleep 1000; }' 9>ready
	rec ok >&5
	wait_for 20 lines_in 1 out
	rec runs >&5
	wait_for 20 test -s silent.runs
	kill -TERM $dispatch
	kill -INT $dispatch
	got=0
	wait $dispatch || got=$?
	[ $got = 75 ]
	wait_for 20 all_gone ./*.runs
	for file in *.ok; do
		lives "$(cat "$file")"
		kill -KILL "$(cat "$file")"
	done
}

@test "family: what is left behind is reaped when it ends" {
	follow -P 4 -- bash -c 'for i in 1 2 3; do
		(setsid sleep 0.2 >/dev/null 2>&1 &); sleep 0.1 >/dev/null & done'
	for ((i = 0; i < 50; i++)); do rec $i; done >&5
	wait_for 60 lines_in 50 out
	# It has nothing to do, and reaps all the same.
	no_children() { [ -z "$(ps -o pid= --ppid $dispatch)" ]; }
	wait_for 20 no_children
	exec 5>&-
	wait $dispatch
}

@test "family: also behind a handler that has ended and is not over" {
	# Its process is a zombie while its child takes 5 s to die.
	follow -P 2 -T 1 -- bash -c 'if [ $MAIL_ID = slow ]; then
			(trap "" TERM; while :; do sleep 0.2; done) & sleep 1000
		fi; (setsid sleep 0.1 >/dev/null 2>&1 &)'
	rec slow >&5
	wait_for 20 zombies $dispatch 1
	rec quick >&5
	wait_for 20 lines_in 1 out
	[ "$(jq -r .id out)" = quick ]
	# The slow one, its child, and not what the quick one left.
	only_two() { [ "$(ps -o pid= --ppid $dispatch | wc -l)" = 2 ]; }
	wait_for 3 only_two
	zombies $dispatch 1
	wait_for 20 lines_in 2 out
	exec 5>&-
	wait $dispatch
}

@test "record: MAIL_RECORD is the record, as often as it is opened" {
	rec r1 ',"message":{"subject":"注文"},"n":1.50' >in
	mail-dispatch -- sh -c 'cat "$MAIL_RECORD" "$MAIL_RECORD"; cat' <in >out
	jq -j .result.detail.output out | diff - <(cat in in; printf x)
	# In a child of a child, and with nothing else open.
	mail-dispatch -- sh -c 'exec 0<&-; sh -c "cat \$MAIL_RECORD; true"' \
		<in >out
	jq -j .result.detail.output out | diff - in
}

@test "record: MAIL_RECORD has the lease, with the attempt" {
	mail | receive
	mail-queue take -c 1 inbound >in
	mail-dispatch -- sh -c 'cat "$MAIL_RECORD"' <in |
		jq -j .result.detail.output | jq -e '.lease.attempt == 1'
}

@test "record: a jq script is a handler" {
	rec r1 ',"message":{"subject":"order 7"}' >in
	handler='.message.subject | test("^order")'
	mail-dispatch -- sh -c 'jq -e "$1" "$MAIL_RECORD"' - "$handler" <in |
		jq -e '.result.status == "ok"'
	rec r1 ',"message":{"subject":"other"}' |
		mail-dispatch -e . -- sh -c 'jq "$1" "$MAIL_RECORD"' - "$handler" |
		jq -e '.result.status == "retry"'
}

@test "record: nobody can write into it, and it is nobody else's" {
	rec r1 >in
	rec r2 >>in
	mail-dispatch -P 2 -- sh -c '(echo x >>"$MAIL_RECORD") 2>/dev/null
		(: >"$MAIL_RECORD") 2>/dev/null; cat "$MAIL_RECORD"' <in >out
	jq -j '.result.detail.output' out | sort | diff - in
}

@test "record: a record of 1 MB" {
	rec r1 ",\"x\":\"$(head -c 1000000 /dev/zero | tr '\0' y)\"" >in
	mail-dispatch -- sh -c 'wc -c <"$MAIL_RECORD"' <in |
		jq -j .result.detail.output | grep -x "$(wc -c <in)"
}

@test "record: what was not read of the message is told" {
	body=$(head -c 100000 /dev/zero | base64 -w0 | head -c 80000)
	rec r1 | jq -c --arg b "$body" '.content.base64 = $b' >in
	unread() {
		mail-dispatch -- sh -c "$1" <in | jq -r \
			'"\(.result.status) \(.result.detail.unread_bytes)"'
	}
	[ "$(unread true)" = "ok 60000" ]
	[ "$(unread 'cat >/dev/null')" = "ok null" ]
	[ "$(unread 'dd bs=1000 count=1 2>&1 >/dev/null')" = "ok 59000" ]
	[ "$(unread 'exec <&-')" = "ok 60000" ]
}
