#!/usr/bin/env bats
# mail-dispatch: records in and out, many at once, signals, leases.
# shellcheck disable=SC2016 # handlers and jq programs are single-quoted
# What a single handler may do: mail-dispatch.bats.

setup() {
	load helpers
	mailpipe_setup
	body=$(printf 'Subject: x\n\nbody\n' | base64 -w0)
}

# rec ID [MEMBERS]: a record with its message inline.
rec() {
	printf '{"id":"%s","tenant":"ne-001","content":{"base64":"%s"}%s}\n' \
		"$1" "$body" "${2:-}"
}

# recs N: records with the ids 1 to N.
recs() {
	for ((i = 1; i <= $1; i++)); do rec $i; done
}

# handler NAME LINE...: a shell script.
handler() {
	local name=$1
	shift
	printf '%s\n' '#!/bin/bash' "$@" >"$name"
	chmod 755 "$name"
}

# ends_with STATUS PID: wait for a background job; `run` could not.
ends_with() {
	local got=0
	wait "$2" || got=$?
	[ "$got" = "$1" ]
}

gone() { ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }

# files N PATTERN: are there so many?
files() { [ "$(compgen -G "$2" | wc -l)" = "$1" ]; }

lines_in() { [ -e "$2" ] && [ "$(wc -l <"$2")" = "$1" ]; }

# A queue with N mails.
queue_with() {
	for ((i = 1; i <= $1; i++)); do
		mail "number $i" | receive
	done
}

@test "mail-dispatch: -P handlers run at the same time" {
	handler meet 'touch here.$MAIL_ID; end=$((SECONDS + 30))
		until [ "$(ls here.* | wc -l)" = 4 ]; do
			[ $SECONDS -lt $end ] || exit 1; sleep 0.01; done'
	recs 4 | mail-dispatch -P 4 -- ./meet >out
	[ "$(jq -r .result.status out | sort | uniq -c | xargs)" = "4 ok" ]
}

@test "mail-dispatch: never more than -P at the same time" {
	handler count 'mkdir here.$MAIL_ID; ls -d here.* | wc -l >>counts
		sleep 0.02; rmdir here.$MAIL_ID'
	recs 30 | mail-dispatch -P 3 -- ./count >out
	[ "$(wc -l <counts)" = 30 ]
	[ "$(sort -n counts | tail -n 1)" -le 3 ]
	rm counts
	recs 5 | mail-dispatch -- ./count >out
	[ "$(sort -u counts)" = 1 ]
}

@test "mail-dispatch: a record goes out as soon as its handler is over" {
	mkfifo in go
	mail-dispatch -P 2 -- sh -c '[ $MAIL_ID = 2 ] || read x <go' <in >out &
	exec 5>in
	recs 2 >&5
	wait_for 20 lines_in 1 out
	[ "$(jq -r .id out)" = 2 ]
	echo >go
	wait_for 20 lines_in 2 out
	exec 5>&-
	wait $!
}

@test "mail-dispatch: reads no more than it can start" {
	handler hold 'touch here.$MAIL_ID; until [ -e go ]; do sleep 0.01; done'
	mkfifo in
	mail-dispatch -- ./hold <in >out &
	exec 5<>in
	rec 1 >&5
	wait_for 20 files 1 'here.*'
	rec 2 >&5
	# The second one is still in the pipe, for anybody to read.
	IFS= read -r -t 20 line <&5
	[ "$line" = "$(rec 2)" ]
	touch go
	kill -TERM $!
	wait $!
	lines_in 1 out
}

@test "mail-dispatch: a record with a result passes, byte for byte" {
	line='{"result" : {"status":"ok"}, "n":12345678901234567890, "id":"x" }'
	printf '%s\n' "$line" | mail-dispatch -- touch started >out
	printf '%s\n' "$line" | cmp - out
	[ ! -e started ]
}

@test "mail-dispatch: a record keeps its order, spelling and large numbers" {
	rec 1 ',"z":{"b":1.50,"a":"\u00e9\/"},"n":12345678901234567890 ' >in
	mail-dispatch -- true <in >out
	[ "$(sed 's/,"result":.*/}/' out)" = "$(sed 's/ }$/}/' in)" ]
	jq -e .result.status out
}

@test "mail-dispatch: bad lines are 65 and named, their neighbours untouched" {
	{
		rec 1
		echo '{"id":'
		printf '{"id":"a\377","tenant":"t"}\n'
		printf '{"id":"a","tenant":"t"}\0\n'
		echo '[]'
		echo '{"tenant":"ne-001"}'
		echo '{"id":"-x","tenant":"ne-001"}'
		echo '{"id":"a","tenant":"../x"}'
		rec 2 ',"lease":{"handle":7}'
		echo
		rec 3
	} >in
	run -65 --separate-stderr mail-dispatch -- true <in
	[ "$(jq -r .id <<<"$output" | xargs)" = "1 3" ]
	for n in 2 3 4 5 6 7 8 9; do
		grep "^mail-dispatch: line $n: " <<<"$stderr"
	done
	[ "$(wc -l <<<"$stderr")" = 8 ]
}

@test "mail-dispatch: a newer record, a cut line, an endless line" {
	rec 1 ',"v":2' >in
	run -75 --separate-stderr mail-dispatch -- true <in
	[ -z "$output" ]
	{
		rec 1
		rec 2 | tr -d '\n'
	} >in
	run -75 --separate-stderr mail-dispatch -- true <in
	[ "$(jq -r .id <<<"$output")" = 1 ]
	[[ $stderr == *"line 2: cut off"* ]]
	{
		head -c 9000000 /dev/zero | tr '\0' x
		echo
		rec 2
	} >in
	run -65 mail-dispatch -- true <in
	[ "$(grep -c '"result"' <<<"$output")" = 1 ]
}

@test "mail-dispatch: a line of 1 MB, no line at all, no line end after none" {
	rec 1 ",\"x\":\"$(head -c 1000000 /dev/zero | tr '\0' y)\"" >in
	mail-dispatch -- true <in >out
	[ "$(jq -r '.result.status, (.x | length)' out | xargs)" = "ok 1000000" ]
	run -0 --separate-stderr mail-dispatch -- true </dev/null
	[ -z "$output$stderr" ]
}

@test "mail-dispatch: stdout that cannot be written is 75" {
	recs 3 >in
	run -75 bash -c 'mail-dispatch -- sh -c "echo >>ran" <in >/dev/full'
	[ "$(wc -l <ran)" = 1 ]
	run -75 bash -c 'mail-dispatch -- touch started <in >&-'
	[ ! -e started ]
	run -75 bash -c 'mail-dispatch -- touch started <&-'
}

@test "mail-dispatch: when the reader is gone nothing more is started" {
	handler hold 'echo >>ran; until [ -e go ]; do sleep 0.01; done; echo >>ended'
	mkfifo out
	recs 3 >in
	mail-dispatch -- ./hold <in >out 2>err &
	exec 5<out
	wait_for 20 lines_in 1 ran
	exec 5<&-
	wait_for 20 grep -q "nobody reads it" err
	touch go
	ends_with 75 $!
	[ "$(wc -l <ran)" = 1 ]
	[ "$(wc -l <ended)" = 1 ]
}

@test "mail-dispatch: a slow reader does not stop the time limits" {
	mkfifo out
	rec 1 >in
	pad=$(head -c 30000 /dev/zero | tr '\0' x)
	for ((i = 0; i < 20; i++)); do
		rec 2 ",\"result\":{\"status\":\"ok\",\"x\":\"$pad\"}"
	done >>in
	mail-dispatch -T 1 -P 2 -- sh -c 'echo $$ >pid; exec sleep 1000' \
		<in >out &
	exec 5<out
	wait_for 20 lines_in 1 pid
	wait_for 20 gone "$(cat pid)"
	cat <&5 >got
	wait $!
	[ "$(wc -l <got)" = 21 ]
	grep -c time-out got | grep -x 1
}

@test "mail-dispatch: TERM: what runs is finished, the rest goes back" {
	handler hold 'touch here.$MAIL_ID; until [ -e go ]; do sleep 0.01; done'
	for signal in TERM HUP INT; do
		recs 8 >in
		rm -f go here.*
		env --default-signal=INT \
			mail-dispatch -P 4 -- ./hold <in >out 2>err &
		wait_for 20 files 4 'here.*'
		kill -"$signal" $!
		# What was not started goes out at once, as it came.
		wait_for 20 lines_in 4 out
		tail -n 4 in | diff - out
		touch go
		wait $!
		[ "$(grep -c '"status":"ok"' out)" = 4 ]
		[ "$(jq -r .id out | sort | xargs)" = "1 2 3 4 5 6 7 8" ]
		files 4 'here.*'
		[ ! -s err ]
	done
}

@test "mail-dispatch: a second signal kills the handlers and all they started" {
	handler hold 'trap "" TERM INT HUP; sleep 1000 & echo $! >child.$MAIL_ID
		echo $$ >here.$MAIL_ID; while :; do sleep 0.1; done'
	recs 8 >in
	mail-dispatch -P 8 -- ./hold <in >out 2>err &
	wait_for 20 files 8 'here.*'
	kill -TERM $!
	kill -HUP $!
	ends_with 75 $!
	grep "8 handlers killed" err
	for file in here.* child.*; do
		wait_for 20 gone "$(cat "$file")"
	done
}

@test "mail-dispatch: a handler does not outlive a kill -9" {
	recs 1 >in
	mail-dispatch -- sh -c 'echo $$ >pid; exec sleep 1000' <in >out &
	wait_for 20 lines_in 1 pid
	kill -KILL $!
	wait_for 20 gone "$(cat pid)"
}

@test "mail-dispatch: nohup is respected" {
	handler hold 'touch here.$MAIL_ID; until [ -e go ]; do sleep 0.01; done'
	recs 2 >in
	(trap '' HUP && exec mail-dispatch -- ./hold <in >out) &
	wait_for 20 files 1 'here.*'
	kill -HUP $!
	touch go
	wait $!
	lines_in 2 out
}

@test "mail-dispatch: a lease is started, the attempt counted and told" {
	queue_with 2
	work sh -c 'echo $MAIL_ATTEMPT >>attempts; exit 1'
	[ "$(states)" = "deferred 2" ]
	[ "$(xargs <attempts)" = "1 1" ]
	[ "$(mail-store list | jq .attempts | xargs)" = "1 1" ]
	mail-queue stats inbound | jq -e '.deferred == 2'
}

@test "mail-dispatch: many at once share the write that starts their leases" {
	need strace
	need_release
	queue_with 8
	mail-queue take -c 8 inbound >in
	strace -f -o trace -e trace=fdatasync,fsync \
		mail-dispatch -P 8 -- true <in >out
	[ "$(jq -r .lease.attempt out | sort | uniq -c | xargs)" = "8 1" ]
	[ "$(grep -c sync trace)" -le 2 ]
}

@test "mail-dispatch: a lost lease: nothing is started, nothing goes out, 75" {
	queue_with 1
	mail-queue take -c 1 inbound >in
	MAILPIPE_CLOCK=+1d mail-queue take -c 1 inbound >later
	[ -s later ]
	run -75 --separate-stderr mail-dispatch -- touch started <in
	[ -z "$output" ]
	[ ! -e started ]
	[[ $stderr == *"$(jq -r .id in): not started: "* ]]
}

@test "mail-dispatch: the lease outlives the time limit" {
	queue_with 1
	MAILPIPE_CLOCK=@2000000000 mail-queue take -c 1 inbound >in
	MAILPIPE_CLOCK=@2000000000 mail-dispatch -T 2h -- true <in >out
	# Just before its end nobody else gets it, and after it somebody does.
	MAILPIPE_CLOCK=@2000007229 mail-queue take -c 1 inbound >later
	[ ! -s later ]
	MAILPIPE_CLOCK=@2000007231 mail-queue take -c 1 inbound >later
	jq -e '.lease.interrupted and .lease.attempt == 2' later
	MAILPIPE_CLOCK=@2000007231 mail-dispatch -- true <later |
		jq -e '.lease.interrupted and .result.status == "ok"'
}

@test "mail-dispatch: when leases cannot be started nothing runs, 75" {
	queue_with 2
	mail-queue take -c 2 inbound >in
	mv state/mail.db away
	mkdir state/mail.db
	run -75 --separate-stderr mail-dispatch -- touch started <in
	[ -z "$output" ]
	[ ! -e started ]
	[ "$(wc -l <<<"$stderr")" = 2 ]
}

@test "mail-dispatch: a mail whose message is lost is dead, the others work" {
	queue_with 2
	mail-queue take -c 2 inbound >in
	rm -rf state/blobs
	mail-dispatch -- true <in | mail-queue settle
	[ "$(states)" = "dead 2" ]
	[ "$(mail-store list | jq -r .last.class | sort -u)" = storage ]
}

@test "mail-dispatch: a rehearsal with stored records changes nothing" {
	queue_with 2
	mail-store list >before
	mail-dispatch -- sh -c 'cat >>got; exit 1' <before >out
	[ "$(jq -r .result.status out | xargs)" = "retry retry" ]
	[ "$(grep -c ^Subject: got)" = 2 ]
	mail-store list | diff before -
}
