#!/usr/bin/env bats
# mail-dispatch: a handler for each record, and what its end means.
# shellcheck disable=SC2016 # handlers and jq programs are single-quoted
# The loop itself: mail-dispatch-loop.bats.

setup() {
	load helpers
	mailpipe_setup
}

# rec [ID [JQ]]: a record with its message inline, changed by a jq filter.
rec() {
	jq -cn --arg id "${1:-r1}" --arg c "$(message | base64 -w0)" \
		'{id: $id, tenant: "ne-001", envelope: {from: "a@example.com",
		to: "b+x@example.jp", original_to: "c@example.jp"},
		content: {base64: $c}}'" | ${2:-.}"
}

message() { printf 'Subject: x\r\n\r\nbody\r\n'; }

# recs N: records with the ids 0 to N-1.
recs() {
	rec ID >template
	for ((i = 0; i < $1; i++)); do sed "s/ID/$i/" template; done
}

# result FILTER: of all records in out.
result() { jq -c ".result | $1" out; }

# works [OPTION]... COMMAND...: one record through it, exit status 0.
works() { rec | mail-dispatch "$@" >out; }

gone() { ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }

@test "mail-dispatch: the handler has the message on stdin, the record goes on" {
	works -- sh -c 'cat >got'
	message | cmp - got
	[ "$(jq -c 'del(.result)' out)" = "$(rec)" ]
	[ "$(result '[.status, .stage, .code, has("class", "reason")]')" = \
		'["ok","mail-dispatch",0,false,false]' ]
	result '.at, .detail.duration_ms' | grep -c . | grep -x 2
}

@test "mail-dispatch: every exit status has its meaning" {
	recs 256 | mail-dispatch -P 4 -- sh -c 'exit "$1"' - '{id}' >out
	jq -r '"\(.id) \(.result.code) \(.result.status)"' out | sort -n >got
	for ((i = 0; i < 256; i++)); do
		case $i in
		0) echo "$i $i ok" ;;
		65 | 67 | 77 | 100) echo "$i $i fail" ;;
		*) echo "$i $i retry" ;;
		esac
	done | diff - got
}

@test "mail-dispatch: a handler that is killed is tried again" {
	for signal in 1 2 3 6 9 11 13 15 31; do
		rec $signal
	done | mail-dispatch -- sh -c 'ulimit -c 0; kill -"$1" $$' - '{id}' >out
	[ "$(jq 'select(.result.detail.signal == (.id | tonumber)) |
		select(.result.status == "retry") |
		select(.result | has("code") | not) | .id' out | wc -l)" = 9 ]
	jq -r 'select(.id == "9").result.reason' out |
		grep -x 'killed by signal 9 (KILL)'
}

@test "mail-dispatch: head and tail of stdout and stderr are in the result" {
	works -- sh -c 'echo; echo " oops: 注文"; echo more >&2; exit 255'
	[ "$(result .reason)" = '"exit status 255: oops: 注文"' ]
	[ "$(result .class)" = '"handler"' ]
	[ "$(result .detail.output)" = '"\n oops: 注文\nmore\n"' ]
	[ "$(result '[.detail.output_bytes, .detail.output_cut]')" = '[20,null]' ]
}

@test "mail-dispatch: output that is no text is kept readable" {
	works -- sh -c 'printf "a\377\0b\n"; exit 1'
	[ "$(result .detail.output)" = '"a\\xff\u0000b\n"' ]
	works -- sh -c 'head -c 300 /dev/zero | tr "\0" x; exit 1'
	[ "$(result '.reason | length')" = 215 ]
}

@test "mail-dispatch: a handler that writes 50 MB is no trouble" {
	works -- sh -c 'echo first; head -c 50000000 /dev/zero; echo; echo last'
	[ "$(result .status)" = '"ok"' ]
	[ "$(result .detail.output_bytes)" = 50000012 ]
	[ "$(result .detail.output_cut)" = true ]
	[ "$(wc -c <out)" -lt 40000 ]
	jq -r .result.detail.output out | head -n 1 | grep -x first
	jq -r .result.detail.output out | tail -n 2 | grep -x last
}

@test "mail-dispatch: stdin is the file itself, read-only, at its start" {
	mkdir -p state/spool
	message >state/spool/message
	rec r1 '.content = {path: "spool/message"}' >in
	mail-dispatch -- sh -c 'stat -Lc "%F %i" /dev/stdin
		cat /proc/self/fdinfo/0' <in >out
	jq -r .result.detail.output out >text
	grep -x "regular file $(stat -c %i state/spool/message)" text
	grep -xE 'pos:.0' text
	grep -xE 'flags:.[0-7]*0' text
}

@test "mail-dispatch: a message of 5 MB that nobody reads is fine" {
	mkdir -p state/spool
	head -c 5000000 /dev/zero >state/spool/large
	rec r1 '.content = {path: "spool/large", size: 5000000}' >in
	for form in raw lf postfix; do
		run -0 timeout 60 mail-dispatch -m $form -- true <in
		[ "$(jq -r .result.status <<<"$output")" = ok ]
	done
	mail-dispatch -m lf -- wc -c <in >out
	[ "$(result .detail.output)" = '"5000000\n"' ]
}

@test "mail-dispatch: the handler gets plain signals and descriptors 0 to 3" {
	exec 7</dev/null
	(
		trap '' HUP INT QUIT TERM PIPE CHLD
		works -- sh -c 'ls -x /proc/$$/fd
			grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status'
	)
	jq -r .result.detail.output out >text
	grep -xE '0 +1 +2 +3( +10)?' text
	# 32 and 33 are libc's own: make passes them on as it got them.
	[ "$(grep -cE 'Sig(Blk|Ign):.0{7}[018]{2}0{7}$' text)" = 2 ]
}

@test "mail-dispatch: the handler has a session of its own" {
	works -- sh -c 'echo $$; cut -d " " -f 5,6 /proc/$$/stat'
	jq -r .result.detail.output out | tr ' ' '\n' | sort -u | grep -c . |
		grep -x 1
}

@test "mail-dispatch: a handler that leaves a daemon is over when it ends" {
	timeout 60 mail-dispatch -- sh -c 'sleep 1000 & echo $! >pid; echo x' \
		<<<"$(rec)" >out
	[ "$(result '[.status, .detail.output]')" = '["ok","x\n"]' ]
	kill -0 "$(cat pid)"
	kill -KILL "$(cat pid)"
}

@test "mail-dispatch: what cannot be executed is tried again, and named" {
	printf 'exit 0\n' >plain
	cp plain noshebang
	chmod 755 noshebang
	for command in ./missing nosuchcommand ./plain ./noshebang / ''; do
		works -- "$command"
		[ "$(result '[.status, .class]')" = '["retry","configuration"]' ]
		jq -r .result.reason out | grep -F "$command: exec: "
	done
}

@test "mail-dispatch: a command is looked up in PATH, an operand may follow --" {
	mkdir dir
	printf '#!/bin/sh\necho found "$@"\n' >dir/handler
	chmod 755 dir/handler
	PATH=/nowhere::$PWD/dir:$PATH works handler -x -- y
	[ "$(result .detail.output)" = '"found -x -- y\n"' ]
}

@test "mail-dispatch: -C is where the handler runs" {
	mkdir dir
	works -C dir -- pwd
	[ "$(result .detail.output)" = "\"$PWD/dir\\n\"" ]
	run -75 --separate-stderr mail-dispatch -C missing -- \
		touch "$PWD/started" <<<"$(rec)"
	[ -z "$output" ]
	[ ! -e started ]
}

@test "mail-dispatch: placeholders are replaced in arguments, once" {
	works -- printf '%s|' '{tenant}' 'x{id}y' '{sender}' '{recipient}' \
		'{attempt}' '{other}' '{{id}}' '$HOME'
	[ "$(result .detail.output)" = \
		'"ne-001|xr1y|a@example.com|b+x@example.jp|0|{other}|{r1}|$HOME|"' ]
}

@test "mail-dispatch: a value that would be an option is a failure" {
	rec r1 '.envelope.from = "-oQ/tmp@x"' >in
	mail-dispatch -- touch started '{sender}' <in >out
	[ "$(result '[.status, .class]')" = '["fail","handler"]' ]
	result .reason | grep "begins with '-'"
	[ ! -e started ]
	mail-dispatch -- echo 'from={sender}' <in >out
	[ "$(result .detail.output)" = '"from=-oQ/tmp@x\n"' ]
}

@test "mail-dispatch: the environment is local(8)'s, from the envelope" {
	export SECRET=x
	works -- env
	jq -r .result.detail.output out >text
	for var in SENDER=a@example.com RECIPIENT=b+x@example.jp LOCAL=b+x \
		DOMAIN=example.jp EXTENSION=x ORIGINAL_RECIPIENT=c@example.jp \
		"USER=$(id -un)" "LOGNAME=$(id -un)" "PATH=$PATH" TZ=UTC \
		MAIL_ID=r1 MAIL_TENANT=ne-001 MAIL_ATTEMPT=0; do
		grep -xF "$var" text
	done
	run ! grep -E 'SECRET|MAILPIPE|LC_ALL' text
}

@test "mail-dispatch: the MTA's own variables verbatim, but nothing else's" {
	rec r1 '.envelope.env = {SENDER: "a'\''b@x", EXT2: "e", HOME: "/h",
		LD_PRELOAD: "/x", PATH: "/x", MAIL_ID: "/x", BASH_ENV: "/x",
		"A=B": "/x", DOMAIN: 1, LOCAL: "a\u0000b"}' >in
	mail-dispatch -- env <in >out
	jq -r .result.detail.output out >text
	grep -xF "SENDER=a'b@x" text
	grep -x EXT2=e text
	grep -x HOME=/h text
	grep -x MAIL_ID=r1 text
	run ! grep -E '/x$|^DOMAIN|^LOCAL|^RECIPIENT' text
}

@test "mail-dispatch: no envelope, and the null sender" {
	rec r1 'del(.envelope)' | mail-dispatch -- env >out
	jq -r .result.detail.output out >text
	grep -x SENDER= text
	run ! grep -E '^(RECIPIENT|LOCAL|DOMAIN)=' text
	rec r1 '.envelope.from = ""' |
		mail-dispatch -m postfix -- head -n 2 >out
	jq -r .result.detail.output out >text
	grep -E '^From MAILER-DAEMON  [A-Z]' text
	grep -x 'Return-Path: <>' text
}

@test "mail-dispatch: -m gives the message the form that is asked for" {
	export MAILPIPE_CLOCK=@1795302360
	works -m lf -- sh -c 'cat >got'
	message | tr -d '\r' | cmp - got
	works -m postfix -- sh -c 'cat >got'
	{
		echo 'From a@example.com  Sat Nov 21 23:06:00 2026'
		echo 'Return-Path: <a@example.com>'
		echo 'X-Original-To: c@example.jp'
		echo 'Delivered-To: b+x@example.jp'
		message | tr -d '\r'
	} | diff - got
	works -m raw -- sh -c 'cat >got'
	message | cmp - got
}

@test "mail-dispatch: -m postfix adds nothing to what came through Postfix" {
	printf 'From a@x  Sat Nov 21 2026\nSubject: y\n\n' >mail
	rec r1 ".content.base64 = \"$(base64 -w0 mail)\"" |
		mail-dispatch -m postfix -- sh -c 'cat >got' >out
	cmp mail got
}

@test "mail-dispatch: an address with a line end fails, it makes no field" {
	rec r1 '.envelope.from = "a@x\nBcc: y"' >in
	mail-dispatch -m postfix -- touch started <in >out
	[ "$(result .status)" = '"fail"' ]
	[ ! -e started ]
}

@test "mail-dispatch: a message that is gone fails for good" {
	{
		rec r1 '.content = {path: "spool/gone"}'
		rec r2 'del(.content)'
		rec r3 '.content = {path: "../layout"}'
		rec r4 '.content = {path: "/etc/passwd"}'
	} | mail-dispatch -- touch started >out
	[ "$(result '[.status, .class]' | sort -u)" = '["fail","storage"]' ]
	[ "$(wc -l <out)" = 4 ]
	[ ! -e started ]
}

@test "mail-dispatch: a time-out ends the whole group, also what ignores TERM" {
	printf '%s\n' '#!/bin/sh' 'trap "" TERM' 'echo begin' \
		'sleep 1000 & echo $! >child' 'echo $$ >parent' \
		'while :; do sleep 0.1; done' >handler
	chmod 755 handler
	works -T 1 -- ./handler
	[ "$(result '[.status, .class]')" = '["retry","time-out"]' ]
	[ "$(result .reason)" = '"time limit of 1 s: begin"' ]
	[ "$(result .detail.signal)" = 9 ]
	[ "$(result '.detail.duration_ms >= 6000')" = true ]
	wait_for 10 gone "$(cat parent)"
	wait_for 10 gone "$(cat child)"
}

@test "mail-dispatch: at its limit a handler can still tidy up" {
	printf '%s\n' '#!/bin/bash' 'trap "touch tidied; exit 0" TERM' \
		'sleep 1000 & wait' >handler
	chmod 755 handler
	works -T 1 -- ./handler
	[ "$(result '[.status, .class, .code]')" = '["retry","time-out",null]' ]
	[ "$(result '.detail.duration_ms < 5000')" = true ]
	[ -e tidied ]
}

@test "mail-dispatch: what a handler started has the same time to tidy up" {
	printf '%s\n' '#!/bin/bash' '(trap "sleep 1; touch tidied; exit" TERM
		touch ready; while :; do sleep 0.1; done) &' \
		'until [ -e ready ]; do sleep 0.01; done; sleep 1000' >handler
	chmod 755 handler
	works -T 1 -- ./handler
	[ -e tidied ]
	[ "$(result .detail.signal)" = 15 ]
}

@test "mail-dispatch: a stopped handler is ended at its limit" {
	works -T 1 -- sh -c 'kill -STOP $$'
	[ "$(result '[.class, .detail.signal]')" = '["time-out",9]' ]
}

@test "mail-dispatch: wrong options are 64" {
	run -64 mail-dispatch
	run -64 mail-dispatch --
	for args in "-x nosuch" "-m mbox" "-P 0" "-P 1000" "-T 0" "-T x" -Z; do
		# shellcheck disable=SC2086 # words
		run -64 mail-dispatch $args -- touch started <<<"$(rec)"
	done
	[ ! -e started ]
}
