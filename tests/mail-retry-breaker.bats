#!/usr/bin/env bats
# Breakers: a route whose troubles are those of no single mail is held, tried
# now and then, and let go; and on_dead, on_hold: somebody is told, once a cause.

load helpers

setup() {
	mailpipe_setup
	need jq
	at 0
}

at() { export MAILPIPE_CLOCK=@$((1795000000 + $1)); }

config() {
	echo "$1" >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

mails() {
	seq -f "{\"id\":\"$2-%g\",\"tenant\":\"$2\"}" "$1" |
		jq -c '.content = {base64: "aGVsbG8="}' |
		mail-store put | mail-queue put inbound
}

stat() { mail-queue stats inbound | jq -c "$1"; }

# line COMMAND...: work the queue once; what is said goes to said.
line() {
	mail-queue take -1 inbound | mail-dispatch "$@" |
		mail-queue settle 2>>said
}

# A program that notes what it is told; it fails while ./broken is there.
teller() {
	cat >teller <<-'EOF'
		#!/bin/sh
		[ ! -e broken ] || exit 3
		cat >>told
	EOF
	chmod +x teller
}

@test "breaker: ten troubles in a row hold a route, said in one line" {
	mails 30 t
	line -- sh -c 'exit 78'
	grep -c '' said
	[ "$(wc -l <said)" = 1 ]
	grep -q "^mail-queue: inbound: route - is held: [0-9]* results in a row were trouble with configuration (exit status 78)" said
	[ "$(stat '[.deferred, .held_routes]')" = "[30,1]" ]
	mail-queue pause | jq -e '.queue == "inbound" and .route == "-" and
		(has("tenant") | not) and (.reason | test("configuration")) and
		.until > .at'
	mail-store doctor | grep -q 'route - is held by its breaker'
	# What is ready waits, and costs no attempt.
	mail-retry due --now inbound
	line -- true
	[ "$(stat '[.ready, .succeeded]')" = "[30,0]" ]
	mail-store list | jq -se 'all(.attempts == 1)'
}

@test "breaker: one mail is tried after a while; failing, the next waits as long" {
	config '{"breaker":{"results":3,"probe":"100s"}}'
	mails 5 t
	line -- sh -c 'exit 69'
	mail-retry due --now inbound
	for s in 0 99; do
		at $s
		line -- sh -c 'exit 69'
		[ "$(stat .ready)" = 5 ]
	done
	at 100
	line -- sh -c 'exit 69'
	[ "$(stat '[.ready, .deferred, .held_routes]')" = "[4,1,1]" ]
	at 199
	line -- true
	[ "$(stat .ready)" = 4 ]
	at 200
	line -- true
	# The one that works lets the others go, maybe already to this take.
	[ "$(stat .held_routes)" = 0 ]
	[ "$(stat .succeeded)" -ge 1 ]
	line -- true
	[ "$(stat '[.ready, .succeeded]')" = "[0,4]" ]
	tail -n 1 said |
		grep -x "mail-queue: inbound: route - works again, it is not held any more"
	run -0 mail-queue pause
	[ -z "$output" ]
}

@test "breaker: a take that waits is woken to try one" {
	config '{"breaker":{"results":3,"probe":"1s"}}'
	unset MAILPIPE_CLOCK
	mails 4 t
	line -- sh -c 'exit 78'
	mail-retry due --now inbound
	mail-queue take -w 20 -c 4 -n 4 inbound |
		mail-dispatch -- true | mail-queue settle 2>>said
	[ "$(stat '[.ready, .succeeded, .held_routes]')" = "[0,4,0]" ]
}

@test "breaker: only the tenants of its route are held" {
	config '{"breaker":{"results":3},
		"tenants":{"a":{"handler":"bad"},"b":{"handler":"good"}},
		"handlers":{"bad":{"argv":["sh","-c","exit 78"]},
			"good":{"argv":["true"]},"default":{"argv":["true"]}}}'
	mails 5 a
	line
	[ "$(mail-queue pause | jq -r .route)" = bad ]
	mail-retry due --now inbound
	mails 5 b
	mails 5 other
	line
	[ "$(stat '[.ready, .succeeded]')" = "[5,10]" ]
	# A tenant that comes later is of that route as well.
	config "$(jq -c '.tenants.late = {handler: "bad"}' config.json)"
	mails 2 late
	line
	[ "$(stat '[.ready, .succeeded]')" = "[7,10]" ]
	mail-queue resume --route bad inbound
	[ "$(stat .held_routes)" = 0 ]
	config "$(jq -c '.handlers.bad.argv = ["true"]' config.json)"
	line
	[ "$(stat .succeeded)" = 17 ]
	run -0 --separate-stderr mail-queue resume --route bad inbound
	[ "$stderr" = "mail-queue: inbound: route bad was not held" ]
	run -64 mail-queue resume --route bad -t a inbound
}

@test "breaker: a handler that is not there is a configuration" {
	config '{"breaker":{"results":3},"handlers":{"default":{"argv":["/nosuch"]}}}'
	mails 3 t
	line
	mail-queue list inbound | jq -se 'all(.last.class == "configuration" and
		.last.route == "default")'
	[ "$(stat .held_routes)" = 1 ]
}

@test "breaker: words of a handler: credentials, network, throttle" {
	for class in 4.7.8=credentials 4.4.1=network 4.4.2=network \
		4.3.5=configuration 4.4.5=throttle 4.2.2=handler; do
		mails 1 "t${class//[^0-9]/-}"
		mail-queue take -c 1 inbound | mail-dispatch -x postfix -- \
			sh -c "echo '${class%=*} no'; exit 75" |
			jq -r '.result.class' >got
		[ "$(cat got)" = "${class#*=}" ] || {
			echo "$class: $(cat got)"
			return 1
		}
	done
}

@test "breaker: what a mail can have, or what comes between, holds nothing" {
	config '{"breaker":{"results":3}}'
	mails 20 t
	line -- sh -c 'exit 1'
	[ "$(stat .held_routes)" = 0 ]
	mail-retry due --now inbound
	# Every third one works.
	line -- sh -c 'case $MAIL_ID in *[369]) ;; *) exit 78 ;; esac'
	[ "$(stat .held_routes)" = 1 ] || [ "$(stat .held_routes)" = 0 ]
	mail-queue resume --route - inbound 2>/dev/null
	mail-retry due --now inbound
	rm -f said
	mail-queue take -1 -n 2 inbound | mail-dispatch -- sh -c 'exit 78' |
		jq -c --unbuffered 'if input_line_number % 2 == 0
			then .result = {status: "retry", stage: "mail-dispatch",
				class: "handler", route: "-"} else . end' |
		mail-queue settle 2>>said
	[ "$(stat .held_routes)" = 0 ]
	config '{"breaker":{"results":0}}'
	mail-retry due --now inbound
	line -- sh -c 'exit 78'
	[ "$(stat .held_routes)" = 0 ]
}

@test "on_hold: told once for each time a route is held" {
	teller
	config '{"breaker":{"results":3,"probe":"1h"},"on_hold":["./teller"]}'
	mails 4 t
	line -- sh -c 'exit 78'
	mail-retry due inbound
	mail-retry due inbound
	[ "$(jq -c '[.event, .queue, .route]' told)" = \
		'["hold","inbound","-"]' ]
	jq -e '(.reason | test("configuration")) and .since < .until' told
	mail-queue resume --route - inbound
	at 10000
	line -- sh -c 'exit 78'
	mail-retry due --now inbound
	line -- sh -c 'exit 78'
	mail-retry due inbound
	[ "$(wc -l <told)" = 2 ]
}

@test "on_dead: told once a cause, not once a mail" {
	teller
	config '{"on_dead":["./teller"]}'
	mails 30 a
	mails 30 b
	line -- sh -c 'case $MAIL_TENANT in a) exit 65 ;; *) exit 67 ;; esac'
	mail-retry due inbound
	[ "$(jq -c '[.code, .mails, .tenants, (.ids | length)]' told | sort |
		xargs -d '\n')" = '[65,30,["a"],10] [67,30,["b"],10]' ]
	# The same cause again is no news, another is; and after a day it is.
	at 1000
	mails 3 c
	line -- sh -c 'exit 65'
	mail-retry due inbound
	[ "$(wc -l <told)" = 2 ]
	mails 1 d
	line -- sh -c 'exit 1'
	mail-retry due -m 1 inbound
	[ "$(tail -n 1 told | jq -c '[.code, .mails, .tenants]')" = \
		'[1,1,["d"]]' ]
	at 5000
	mail-retry due inbound
	at 90000
	mails 1 e
	line -- sh -c 'exit 65'
	mail-retry due inbound
	[ "$(tail -n 1 told | jq -c '[.code, .tenants]')" = '[65,["e"]]' ]
	[ "$(wc -l <told)" = 4 ]
}

@test "on_dead, on_hold: one that fails, hangs or is not there loses nothing" {
	teller
	touch broken
	config '{"on_dead":["./teller"],"on_hold":["/nosuch"],
		"breaker":{"results":2}}'
	mails 3 t
	line -- sh -c 'exit 65'
	run -75 --separate-stderr mail-retry due -o json inbound
	[ "$stderr" = "mail-retry: on_dead: ./teller: exit status 3" ]
	jq -e .queue <<<"$output"
	mails 3 u
	line -- sh -c 'exit 78'
	run -75 --separate-stderr mail-retry due --now inbound
	[[ $stderr == *"mail-retry: on_hold: /nosuch: "* ]]
	[ "$(stat '[.ready, .dead]')" = "[3,3]" ]
	rm broken
	config '{"on_dead":["./teller"],"on_hold":["./teller"]}'
	run -0 mail-retry due inbound
	[ "$(jq -r .event told | xargs)" = "dead hold" ]
}

@test "on_dead: what it leaves running is ended, what it reads is one line" {
	config '{"on_dead":["sh","-c","cat >got; sleep 1000 & echo $! >pid"]}'
	mails 1 t
	line -- sh -c 'exit 65'
	mail-retry due inbound
	[ "$(wc -l <got)" = 1 ]
	wait_for 10 sh -c '! kill -0 "$(cat pid)" 2>/dev/null'
}

@test "breaker: a clock that is set back makes no hold longer" {
	mails 12 t
	line -- sh -c 'exit 78'
	[ "$(stat .held_routes)" = 1 ]
	mails 3 u
	at -86400
	[ "$(mail-queue take -c 3 inbound | wc -l)" = 1 ]
}
