#!/usr/bin/env bats
# mail-retry where somebody or something is against it: mails that stand in the
# way of others, clocks that jump, marks that must not be lost.

load helpers

setup() {
	mailpipe_setup
	need jq
	at 0
}

teardown() { mailpipe_teardown; }

# at SECONDS: since the test began.
at() { export MAILPIPE_CLOCK=@$((1795000000 + $1)); }

config() {
	echo "$1" >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

# mails N TENANT: records on queue inbound, ids TENANT-N.
mails() {
	seq -f "{\"id\":\"$2-%g\",\"tenant\":\"$2\"}" "$1" |
		jq -c '.content = {base64: "aGVsbG8="}' |
		mail-store put | mail-queue put inbound
}

# results PROGRAM: take all, and settle with what jq PROGRAM makes of each.
results() {
	mail-queue take -c 1000 -n 1000 -l 600 inbound |
		jq -c ".result = ({stage: \"mail-dispatch\"} + $1)" |
		mail-queue settle
}

states_are() {
	[ "$(states | xargs)" = "$1" ] || {
		states
		return 1
	}
}

@test "due -n: what is old and due is said once, as it would be done" {
	mails 3 t
	results '{status: "retry"}'
	at $((8 * 86400))
	for schedule in '1m*' '7d*'; do
		mail-retry due -n -s "$schedule" -o json inbound >dry
		[ "$(head -n -1 dry | jq -r .id | xargs)" = "t-1 t-2 t-3" ]
		tail -n 1 dry | jq -e '.ready + .dead == 3 and .waiting == 0'
	done
	mail-retry due -s '7d*' -o json inbound | jq -e '.dead == 3'
	states_are "dead 3"
}

# interrupted: take one mail, and die when its handler is about to run.
interrupted() {
	mail-queue take -c 1 -l 60 inbound | inject pidfd 1 kill \
		mail-dispatch -T 60 -- true 2>/dev/null || true
}

@test "revive: a mail whose handler may have run comes out marked all the same" {
	mails 1 t
	for i in 0 1 2; do
		at $((i * 7200))
		interrupted
	done
	at 90000
	mail-queue take -c 1 inbound
	mail-retry due -m 1 inbound
	states_are "dead 1"
	mail-retry revive t-1
	mail-queue take -c 1 inbound >taken
	jq -e '.lease.interrupted' taken
	# Who has worked it has seen the mark.
	mail-dispatch -- false <taken | mail-queue settle
	mail-retry due --now inbound
	mail-queue take -c 1 inbound | jq -e '.lease.interrupted | not'
}

@test "settle: a snooze before the start does not take the mark away" {
	mails 1 t
	interrupted
	for s in 7200 7300; do
		at $s
		mail-queue take -c 1 -l 60 inbound >taken
		jq -e '.lease.interrupted' taken
		jq -c '.result = {status: "snooze", stage: "mail-lock",
			after_s: 5}' taken | mail-queue settle
	done
	at 7400
	mail-queue take -c 1 inbound | mail-dispatch -- false |
		mail-queue settle
	mail-retry due --now inbound
	mail-queue take -c 1 inbound | jq -e '.lease.interrupted | not'
}

# unreadable ID...: their blobs are there, and cannot be opened.
unreadable() {
	local id f
	for id; do
		f=$(echo state/blobs/*/*/*/"$id".0)
		rm "$f"
		ln -s loop "$f"
	done
}

@test "due: many mails that cannot be looked at keep no other up" {
	mails 30 a
	mails 2 b
	results '{status: "retry"}'
	# shellcheck disable=SC2046 # words
	unreadable $(seq -f 'a-%g' 30)
	run -75 --separate-stderr mail-retry due --now -o json inbound
	jq -e '.ready == 2 and .waiting == 30' <<<"$output"
	states_are "deferred 30 ready 2"
	[ "$(grep -c 'stays deferred: ' <<<"$stderr")" = 20 ]
	[[ $stderr == *"10 more stay deferred"* ]]
}

@test "revive: a mail that cannot be looked at keeps no other up" {
	mails 3 t
	results '{status: "fail"}'
	unreadable t-2
	run -75 --separate-stderr mail-retry revive --all
	[[ $stderr == "mail-retry: t-2: left as it is: "* ]]
	states_are "dead 1 ready 2"
}

# tell OBJECT-PROGRAM: on_dead and on_hold write what jq makes of their object.
tell() {
	printf '#!/bin/sh\nexec jq -c %s >>told\n' "'$1'" >teller
	chmod +x teller
	config "{\"on_dead\":[\"$PWD/teller\"],\"on_hold\":[\"$PWD/teller\"],
		\"breaker\":{\"results\":3,\"probe\":\"100s\"}}"
}

@test "on_dead: more causes than one run tells are told by the next" {
	tell '[.code, .mails]'
	mails 120 t
	results '{status: "fail", code: (.id | ltrimstr("t-") | tonumber)}'
	mail-retry due inbound
	[ "$(wc -l <told)" = 100 ]
	at 60
	mail-retry due inbound
	[ "$(sort -u told | wc -l)" = 120 ]
	at 120
	mail-retry due inbound
	[ "$(wc -l <told)" = 120 ]
}

@test "on_dead, on_hold: a clock that was ahead once does not silence them" {
	tell '[.event, .code]'
	at 31536000
	mails 3 a
	results '{status: "fail", code: 1, class: "network", route: "r"}'
	mail-retry due inbound
	[ "$(sort told | xargs)" = "[dead,1] [hold,null]" ]
	mail-queue resume --route r inbound
	at 0
	mails 3 b
	results '{status: "fail", code: 1, class: "network", route: "r"}'
	mail-retry due inbound
	[ "$(sort told | xargs)" = \
		"[dead,1] [dead,1] [hold,null] [hold,null]" ]
	at 60
	mail-retry due inbound
	[ "$(wc -l <told)" = 4 ]
}

# keys: config receive (public key only), both, and an order that has failed.
sealed_dead() {
	unset MAILPIPE_CLOCK
	mail-store keygen --secret "$PWD/secret" --public "$PWD/public" >/dev/null
	jq -n --arg p "$PWD/public" '{keys: {public: $p}}' >receive.json
	jq --arg s "$PWD/secret" '.keys.secret_file = $s' receive.json >both.json
	export MAILPIPE_CONFIG=$PWD/both.json
	mail order 300 | receive
	mail other 300 | receive
	results '{status: "fail", class: "handler", reason: "x"}'
}

@test "revive --edited: where there is no secret key, nothing lands in the clear" {
	sealed_dead
	export MAILPIPE_CONFIG=$PWD/receive.json
	mail-queue list -s dead inbound >dead
	for edit in '.customer = "geheim"' '.message.subject = "geheim"' \
		'.mail.text = "geheim"' '.sealed = "1.geheim"' 'del(.sealed) |
		.x = "geheim"' '.sealed |= sub("=*$"; "AAAA")'; do
		head -n 1 dead | jq -c "$edit" >edited
		run -65 --separate-stderr mail-retry revive --edited <edited
		[[ $stderr == "mail-retry: line 1: "*sealed* ]]
		run -1 grep -rao geheim state
	done
	states_are "dead 2"
	# As it was it goes; and its neighbour with it.
	(head -n 1 dead && tail -n 1 dead | jq -c '.x = 1') >edited
	run -65 mail-retry revive --edited <edited
	states_are "dead 1 ready 1"
	export MAILPIPE_CONFIG=$PWD/both.json
	mail-queue take -c 1 inbound | jq -e '.message.subject == "order"'
	# Nor does a sealed record take the place of one that can be read.
	run -65 --separate-stderr sh -c 'tail -n 1 dead |
		mail-retry revive --edited'
	[[ $stderr == *"list it where the secret key is"* ]]
	mail-queue list -s dead inbound | jq -c '.customer = "geheim"' |
		mail-retry revive --edited
	mail-queue take -c 1 inbound | jq -e '.customer == "geheim"'
	run -1 grep -rao geheim state
}

@test "revive -j: what it cannot look into it does not choose" {
	sealed_dead
	export MAILPIPE_CONFIG=$PWD/receive.json
	run -75 --separate-stderr mail-retry revive -j '.message.subject != "order"'
	[ "$(grep -c 'the secret key is missing' <<<"$stderr")" = 2 ]
	states_are "dead 2"
	mail-retry revive --class handler -n | jq -se 'length == 2'
	export MAILPIPE_CONFIG=$PWD/both.json
	mail-retry revive -j '.message.subject != "order"'
	states_are "dead 1 ready 1"
}

@test "revive --matching: a result that is damaged keeps no other up" {
	need sqlite3
	mails 3 t
	results '{status: "fail", reason: "disk full"}'
	sqlite3 state/mail.db "UPDATE mail SET last = '{\"reason\":\"disk'
		WHERE id = 't-2'"
	run -65 --separate-stderr mail-retry revive --matching disk
	[[ $stderr == "mail-retry: t-2: its last result: "* ]]
	mail-queue stats inbound | jq -e '.dead == 1 and .ready == 2'
}

@test "--rate: one that never comes to an end is none" {
	mails 3 t
	results '{status: "fail"}'
	for rate in 1e-300 0.000001/h 1e400 nan inf 0x; do
		run -64 --separate-stderr timeout 10 mail-retry revive --all \
			--rate $rate
		[[ $stderr == *"is not a rate"* ]]
	done
	states_are "dead 3"
}

@test "durations: what is longer than time is none" {
	mail one | mail-ingest -t t | mail-store put >/dev/null
	for verb in "stranded --older" "due --budget" "due -g"; do
		for length in 999999999999d 20000000d 1000000000001; do
			# shellcheck disable=SC2086 # words
			run -64 --separate-stderr mail-retry $verb $length inbound
			[[ $stderr == *"is not a duration"* ]]
		done
		# shellcheck disable=SC2086 # words
		run -0 mail-retry $verb 10000000d inbound
	done
	states_are "stored 1"
}
