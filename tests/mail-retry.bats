#!/usr/bin/env bats
# mail-retry: when failed mail is tried again, when it dies, and how somebody
# brings it back.  Time is fast here: `at SECONDS` sets the clock.

load helpers

setup() {
	mailpipe_setup
	need jq
	at 0
}

# at SECONDS: since the test began.
at() { export MAILPIPE_CLOCK=@$((1795000000 + $1)); }

config() {
	echo "$1" >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

# mails N [TENANT]: records on queue inbound, ids TENANT-N.
mails() {
	seq -f "{\"id\":\"${2:-t}-%g\",\"tenant\":\"${2:-t}\"}" "$1" |
		jq -c '.content = {base64: "aGVsbG8="}' |
		mail-store put | mail-queue put inbound
}

# results PROGRAM: take all, and settle with what jq PROGRAM makes of each.
results() {
	mail-queue take -c 1000000 -n 100000 -l 600 inbound |
		jq -c ".result = ({stage: \"mail-dispatch\"} + $1)" |
		mail-queue settle
}

failed() { results "{status: \"retry\", class: \"${1:-handler}\", reason: \"${2:-no}\"}"; }

due() { mail-retry due "$@" inbound; }

# sum OPTIONS: "READY DEAD WAITING" of a run.
sum() {
	due -o json "$@" | tail -n 1 |
		jq -r '"\(.ready) \(.dead) \(.waiting)"'
}

states_are() {
	[ "$(states | xargs)" = "$1" ] || {
		states
		return 1
	}
}

# events ID: of its history, one a word.
events() { mail-store show -o json "$1" | jq -r '.history[].event' | xargs; }

# waited ID SCHEDULE: the seconds after which it was ready, looked at each
# second of the longest step.
ready_at() {
	local s
	for ((s = $1; s <= $2; s++)); do
		at $s
		[ "$(sum -s "$3")" = "0 0 1" ] || break
	done
	echo $s
}

@test "due: an hour of failure: each step of the schedule, with its jitter" {
	local now=0 step waited schedule='10s, 20s*2, 60s*'
	mails 1
	for step in 10 20 20 60 60 60; do
		failed
		waited=$(($(ready_at $now $((now + step + 2)) "$schedule") - now))
		echo "step $step: $waited s"
		# A second is the grain of this clock.
		[ $waited -ge $((step * 8 / 10)) ]
		[ $waited -le $step ]
		now=$((now + waited))
		at $now
		states_are "ready 1"
	done
	results '{status: "ok"}'
	states_are "succeeded 1"
	[ "$(events t-1 | tr ' ' '\n' | grep -c retry)" = 6 ]
	mail-store show -o json t-1 | jq -e '[.history[] |
		select(.event == "retry") | .entry.reason] ==
		["try 2", "try 3", "try 4", "try 5", "try 6", "try 7"]'
}

@test "due: two looks agree, and many mails do not come all at once" {
	mails 200
	failed
	at 45
	due -n -s 60s | jq -r .id | sort >first
	[ "$(wc -l <first)" = 0 ]
	at 54
	due -n -s 60s | jq -r .id | sort >first
	due -n -s 60s | jq -r .id | sort >second
	cmp first second
	[ "$(wc -l <first)" -gt 50 ] && [ "$(wc -l <first)" -lt 150 ]
	due -s 60s -e | jq -r .id | sort | cmp first -
	at 60
	[ "$(sum -s 60s)" = "$((200 - $(wc -l <first))) 0 0" ]
}

@test "due: what is spent is dead at the first look: list, max, age" {
	mails 3
	failed
	[ "$(sum -s 1s)" = "0 0 3" ]
	at 1
	[ "$(sum -s 1s)" = "3 0 0" ]
	failed
	[ "$(sum -n -s 1s)" = "0 3 0" ]
	[ "$(sum -n -s '1s*' -m 2)" = "0 3 0" ]
	[ "$(sum -n -s '1s*' -m 3)" = "0 0 3" ]
	# The next try would come after its age; one that comes before is tried.
	[ "$(sum -n -s '1h*' -g 30m)" = "0 3 0" ]
	[ "$(sum -n -s '10m*' -g 30m)" = "0 0 3" ]
	states_are "deferred 3"
	[ "$(sum -s 1s)" = "0 3 0" ]
	states_are "dead 3"
	mail-store show -o json t-2 | jq -e '.history[-1] | .event == "dead" and
		.entry.status == "fail" and
		.entry.reason == "2 tries: the schedule has no more"'
	# Its last result is that of the handler.
	mail-queue list -s dead inbound | jq -se 'all(.last.reason == "no")'
}

@test "due: five days without a word of anybody's, and it ends by itself" {
	local s
	mails 1
	for ((s = 0; s < 6 * 86400; s += 1200)); do
		at $s
		case $(mail-retry due -e inbound | jq -r .state) in
		dead) break ;;
		esac
		failed
	done
	[ $s -gt $((4 * 86400)) ] && [ $s -le $((5 * 86400)) ]
	states_are "dead 1"
	mail-store show -o json t-1 |
		jq -e '.history[-1].entry.reason | test("would come after 5d")'
}

@test "due: classes and tenants have rules of their own, at retry time" {
	mails 1 a
	mails 1 b
	failed network
	mails 1 c
	failed time-out
	at 50
	[ "$(due -n | jq -r .id | sort | xargs)" = "" ]
	config '{"retry":{"schedule":"10m","classes":{"network":{"schedule":"40s"}}},
		"tenants":{"b":{"retry":{"schedule":"1h"}},
			"c":{"retry":{"classes":{"time-out":{"max":1}}}}}}'
	[ "$(due -n | jq -r '.id + " " + .to' | sort | xargs)" = \
		"a-1 ready c-1 dead" ]
	[ "$(due -n -s 1s | jq -r .id | sort | xargs)" = "a-1 b-1 c-1" ]
	due -o json | jq -e '.classes == {
		network: {ready: 1, dead: 0, waiting: 1},
		"time-out": {ready: 0, dead: 1, waiting: 0}}'
}

@test "due: a result's after_s is waited for" {
	mails 1
	results '{status: "retry", after_s: 500}'
	at 499
	[ "$(sum -s '1s*')" = "0 0 1" ]
	at 500
	[ "$(sum -s '1s*')" = "1 0 0" ]
}

@test "due: a snooze is no attempt, and no try" {
	mails 1
	for i in 1 2 3 4 5; do
		at $((i * 100))
		results '{status: "snooze", after_s: 60}'
		due -s 1s -m 2
		states_are "scheduled 1"
	done
	at 600
	failed
	at 700
	[ "$(sum -s 1s -m 2)" = "1 0 0" ]
	[ "$(mail-store list | jq .attempts)" = 1 ]
}

@test "due --now: a repaired handler needs one command" {
	mails 3 a
	mails 2 b
	failed
	mails 1 c
	failed network
	[ "$(sum --now -n --class network)" = "1 0 0" ]
	[ "$(sum --now -n -t a)" = "3 0 0" ]
	[ "$(sum --now -n -j '.id == "b-2"')" = "1 0 5" ]
	[ "$(sum --now -n --matching nonsense)" = "0 0 6" ]
	# Spent or not.
	[ "$(sum --now -m 1)" = "6 0 0" ]
	states_are "ready 6"
}

@test "due: what jq fails on is named, the others are decided" {
	mails 3
	failed
	run -65 --separate-stderr due --now -j 'if .id == "t-2" then error("x")
		else true end'
	[[ $stderr == "mail-retry: t-2: -j: "* ]]
	states_are "deferred 1 ready 2"
	run -64 --separate-stderr due -j '.['
	[[ $stderr == "mail-retry: -j: "* ]]
}

@test "due: a mail whose bytes are gone dies, its neighbours do not" {
	mails 3
	jq -cn '{id: "p", tenant: "t", content: {base64: "eA=="},
		message: {parts: [{}, {content: {base64: "eA=="}}]}}' |
		mail-store put | mail-queue put inbound
	failed
	rm state/blobs/*/*/*/t-2.0 state/blobs/*/*/*/p.2
	[ "$(sum --now)" = "2 2 0" ]
	[ "$(ids dead | sort | xargs)" = "p t-2" ]
	mail-store show -o json t-2 | jq -e '.history[-1].entry.reason |
		test("t-2.0: .*No such file")'
}

@test "due: blobs that cannot be looked at leave a mail deferred, 75" {
	need_root
	mails 2
	failed
	mkdir -p away
	mv state/blobs/*/*/*/t-1.0 away
	ln -s loop "$(echo state/blobs/*/*/*)/t-1.0"
	run -75 --separate-stderr due --now
	[[ $stderr == "mail-retry: t-1: stays deferred: "* ]]
	states_are "deferred 1 ready 1"
}

@test "due: silent by itself; a table, JSON or a line when asked" {
	mails 2
	failed
	run -0 --separate-stderr due -s 1s
	[ -z "$output$stderr" ]
	mail-store doctor | grep -q '2 are deferred; mail-retry due: 0s ago'
	run -0 --separate-stderr due -v -s 1h
	[ "$stderr" = "mail-retry: 0 ready, 0 dead" ]
	[ -z "$output" ]
	COLUMNS=60 due -s 1h -o table >got
	cat <<-'END' | diff - got
		CLASS                       READY     DEAD  WAITING
		handler                         0        0        2
		all                             0        0        2
	END
	run -0 mail-retry due -o json nosuch
	jq -e '.ready == 0 and .classes == {}' <<<"$output"
}

@test "due: one run at a time; the second does nothing" {
	mails 3
	failed
	mkfifo held
	mkdir -p state/retry
	flock state/retry/inbound sh -c 'cat >got <held' &
	exec 9>held
	wait_for 10 sh -c '! flock -n state/retry/inbound true'
	run -0 --separate-stderr due -v --now
	[ "$stderr" = "mail-retry: another run is at work on inbound" ]
	states_are "deferred 3"
	exec 9>&-
	wait
	[ "$(sum --now)" = "3 0 0" ]
}

@test "due: two at once, and take and settle between them, decide each mail once" {
	mails 400
	failed
	for i in 1 2 3 4; do
		due --now -e >out.$i &
	done
	failed
	wait
	due --now -e >out.5
	[ "$(cat out.* | jq -r .id | sort -u | wc -l)" = 400 ]
	mail-store list | jq -r '.id' | while read -r id; do
		mail-store show -o json "$id" | jq -c '[.history[].event] |
			[(map(select(. == "retry")) | length),
			 (map(select(. == "result")) | length)]'
	done | sort | uniq -c >counts
	cat counts
	# As often ready as it had failed.
	run -1 grep -vE '\[1,1\]|\[2,2\]' counts
}

@test "due --rate: holds over the run; --budget: ends in time" {
	mails 60
	failed
	start=$(date +%s%N)
	MAILPIPE_CLOCK=+7d due --now --rate 40/s
	took=$((($(date +%s%N) - start) / 1000000))
	echo "$took ms"
	[ $took -ge 1350 ]
	states_are "ready 60"
	failed
	run -0 due --now --rate 1/h --budget 1s -o json
	jq -e '.is_over and .ready == 1 and .waiting == 59' <<<"$output"
	states_are "deferred 59 ready 1"
	run -64 due --rate fast
}

@test "due: a late retry of a stale worker does not undo succeeded" {
	mails 1
	mail-queue take -c 1 -l 60 inbound |
		jq -c '.result = {status: "retry", stage: "mail-dispatch"}' >late
	at 61
	mail-queue take -c 1 inbound |
		jq -c '.result = {status: "ok", stage: "mail-dispatch"}' |
		mail-queue settle
	mail-queue settle <late
	due --now
	mail-retry revive --all
	states_are "succeeded 1"
}

@test "due, revive: what was dropped stays dropped" {
	mails 2
	failed
	mail-queue drop -i t-1 inbound
	due --now
	states_are "dropped 1 ready 1"
	run -65 --separate-stderr mail-retry revive t-1
	[ "$stderr" = "mail-retry: t-1: is dropped, not dead: left as it is" ]
	mail-retry uncertain --again --all
	mail-retry stranded --older 1 inbound
	states_are "dropped 1 ready 1"
}

@test "revive: tries and age begin again, and the history goes on" {
	mails 1
	failed
	due -s 1s -m 1
	states_are "dead 1"
	at 900000
	run -0 --separate-stderr mail-retry revive -n t-1
	[ -z "$stderr" ]
	jq -e '. == {id: "t-1", tenant: "t", from: "dead", to: "ready"}' \
		<<<"$output"
	states_are "dead 1"
	run -0 mail-retry revive -e --reason "handler mended" t-1
	jq -e '.state == "ready" and .attempts == 1 and .last.reason == "no"' \
		<<<"$output"
	failed
	[ "$(sum -s 1s -m 2)" = "0 0 1" ]
	at 900001
	[ "$(sum -s 1s -m 2)" = "1 0 0" ]
	[ "$(events t-1)" = \
		"stored queued result dead revived result retry" ]
	mail-store show -o json t-1 |
		jq -e '.history[4].entry.reason == "handler mended"'
}

@test "revive: filters" {
	mails 2 a
	results '{status: "fail", class: "handler", reason: "disk full"}'
	at 7200
	mails 2 b
	results '{status: "fail", class: "network", reason: "no route"}'
	named() { mail-retry revive -n "$@" | jq -r .id | sort | xargs; }
	[ "$(named --all)" = "a-1 a-2 b-1 b-2" ]
	[ "$(named -t a)" = "a-1 a-2" ]
	[ "$(named -q inbound -c 3)" = "a-1 a-2 b-1" ]
	[ "$(named -q other)" = "" ]
	[ "$(named --class network)" = "b-1 b-2" ]
	[ "$(named --matching 'disk')" = "a-1 a-2" ]
	[ "$(named --older 1h)" = "a-1 a-2" ]
	[ "$(named --newer 1h)" = "b-1 b-2" ]
	[ "$(named -j '.last.reason == "no route" and .id != "b-1"')" = "b-2" ]
	[ "$(named a-2 b-1)" = "a-2 b-1" ]
	[ "$(named -t a a-2)" = "a-2" ]
	run -64 --separate-stderr mail-retry revive
	[[ $stderr == "mail-retry: which mails? "* ]]
	run -65 --separate-stderr mail-retry revive nosuch a-1
	[[ $stderr == "mail-retry: nosuch: no such mail"* ]]
	states_are "dead 3 ready 1"
	run -64 mail-retry revive 'no id'
}

@test "revive --rate: holds over the run" {
	mails 60
	results '{status: "fail"}'
	start=$(date +%s%N)
	mail-retry revive --all --rate 40/s
	[ $((($(date +%s%N) - start) / 1000000)) -ge 1350 ]
	states_are "ready 60"
}

@test "revive --edited: a mended record, with its bytes and its history" {
	printf 'Subject: order\n\nhello\n' | receive
	id=$(ids)
	results '{status: "fail", class: "handler", reason: "no such customer"}'
	mail-queue list -s dead inbound |
		jq -c '.customer = "c-7" | .blob.ref = "file:2026/01/01/other.0" |
			.digest = "b2:0" | .message.subject = "mended"' >edited
	run -0 --separate-stderr mail-retry revive --edited -n <edited
	[ -z "$stderr" ]
	jq -e '.to == "ready"' <<<"$output"
	mail-retry revive --edited --reason "customer was missing" <edited
	[ "$(events "$id")" = "stored queued result revived" ]
	mail-store show -o json "$id" | jq -e '.history[-1].entry ==
		{reason: "customer was missing", edited: true}'
	mail-queue take -c 1 inbound >taken
	jq -e '.customer == "c-7" and .message.subject == "mended" and
		(.blob.ref | test("other") | not) and (.digest | length) > 10 and
		(has("state") or has("attempts") | not)' taken
	mail-store cat "$id" | grep -x hello
}

@test "revive --edited: from mail-store get as well" {
	printf 'Subject: order\n\nhello\n' | receive
	id=$(ids)
	results '{status: "fail"}'
	mail-queue list -s dead inbound | mail-store get |
		jq -c '.x = 1' | mail-retry revive --edited
	states_are "ready 1"
	mail-store cat "$id" | grep -x hello
	[ "$(mail-store list | jq .x)" = 1 ]
}

@test "revive --edited: what cannot be is named, its neighbours are revived" {
	mails 4
	results '{status: "fail"}'
	mail-retry revive t-4
	{
		echo '{"id":"t-1","tenant":"other"}'
		echo '{"id":"nosuch","tenant":"t"}'
		echo '{"id":"t-4","tenant":"t"}'
		echo 'no json'
		echo '{"id":"t-3","tenant":"t","message":{"parts":[{"content":{}}]}}'
		echo '{"id":"t-2","tenant":"t","a":1}'
	} >in
	run -65 --separate-stderr mail-retry revive --edited <in
	echo "$stderr"
	[ "$(grep -c '^mail-retry: line [1-5]: ' <<<"$stderr")" = 5 ]
	[ "$(ids dead | xargs)" = "t-1 t-3" ]
	[ "$(mail-store list | jq -c 'select(.id == "t-2") | [.a, .blob.size]')" = \
		"[1,5]" ]
	run -64 mail-retry revive --edited t-1 </dev/null
}

@test "uncertain: parked mails are listed, and somebody decides" {
	mails 4
	results '{status: "uncertain", reason: "lost connection"}'
	run -0 mail-retry uncertain
	[ "$(jq -r '.id + " " + .state' <<<"$output" | head -n 1)" = \
		"t-1 parked" ]
	[ "${#lines[@]}" = 4 ]
	[ "$(mail-retry uncertain -t nosuch)" = "" ]
	[ "$(mail-retry uncertain -j '.id == "t-2"' | jq -r .id)" = t-2 ]
	[ "$(mail-retry uncertain --matching lost | wc -l)" = 4 ]
	[ "$(mail-retry uncertain --matching found | wc -l)" = 0 ]
	[ "$(mail-retry uncertain --class network | wc -l)" = 0 ]
	# What is for a decision wants one.
	for option in -n -e '--rate 1' '--reason x' --all; do
		# shellcheck disable=SC2086 # words
		run -64 mail-retry uncertain $option
	done
	mail-retry uncertain --again t-1
	mail-retry uncertain --done --reason "seen at the shop" t-2
	mail-retry uncertain --fail t-3
	states_are "dead 1 parked 1 ready 1 succeeded 1"
	mail-queue take -c 1 inbound | jq -e '.id == "t-1" and .lease.interrupted'
	mail-store show -o json t-2 | jq -e '.last == (.last + {status: "ok",
		stage: "mail-retry", reason: "seen at the shop"}) and
		.history[-1].event == "resolved"'
	run -64 --separate-stderr mail-retry uncertain t-4
	[ "$stderr" = "mail-retry: what became of them? --again, --done or --fail" ]
	run -64 mail-retry uncertain --done --again t-4
	run -64 mail-retry uncertain --done
	mail-retry uncertain --done --all
	[ "$(count succeeded)" = 2 ]
}

@test "stranded: stored but never queued for two hours is queued" {
	mail one | mail-ingest -t t | mail-store put >stored
	id=$(jq -r .id stored)
	at 7100
	mail two | mail-ingest -t t | mail-store put >/dev/null
	mail-retry stranded inbound
	states_are "stored 2"
	at 7300
	run -0 mail-retry stranded -e inbound
	jq -e --arg id "$id" '.id == $id and .state == "ready"' <<<"$output"
	states_are "ready 1 stored 1"
	[ "$(events "$id")" = "stored queued stranded" ]
	[ "$(mail-queue take -c 9 inbound | jq -r .id)" = "$id" ]
	mail-retry stranded inbound "$(ids stored)"
	states_are "leased 1 ready 1"
	# Once more put, it is on its queue already.
	mail-queue put other <stored
	[ "$(mail-queue stats other | jq .ready)" = 0 ]
}

@test "poison: a handler that dies of one mail each time, a hundred behind it" {
	mails 1 poison
	mails 100 good
	mail-queue take -1 inbound |
		mail-dispatch -- sh -c 'case $MAIL_ID in poison*) kill -9 $$ ;; esac' |
		mail-queue settle
	states_are "deferred 1 succeeded 100"
	for ((s = 0; s < 20; s++)); do
		at $((s * 3600 * 4))
		due -m 5
		mail-queue take -1 inbound |
			mail-dispatch -- sh -c 'kill -9 $$' | mail-queue settle
	done
	states_are "dead 1 succeeded 100"
	[ "$(mail-store show -o json poison-1 | jq .attempts)" = 5 ]
}

@test "poison: one that kills our own program, a hundred behind it" {
	need_release
	mails 1 a-poison
	mails 100 good
	# Killed when it has started the poison's handler, whoever comes behind.
	line() {
		mail-queue take -1 -n 1 inbound 2>/dev/null |
			inject pidfd 1 kill mail-dispatch -T 60 -- true |
			mail-queue settle
	}
	line || true
	states_are "leased 1 ready 100"
	work true
	states_are "leased 1 succeeded 100"
	for ((s = 1; s < 40; s++)); do
		at $((s * 3600 * 2))
		due
		line || true
	done
	states_are "dead 1 succeeded 100"
	mail-store show -o json a-poison-1 | jq -e '
		[.history[].event] | (map(select(. == "start")) | length) ==
			(map(select(. == "interrupted")) | length) and
		.[-1] == "dead"'
	[ "$(mail-store list | jq -s 'map(.attempts) | max')" -le 8 ]
}

@test "upgrade: what was deferred and dead in layout 2 is found, with its class" {
	need sqlite3
	mkdir -p state/spool
	sqlite3 state/mail.db <"$MAILPIPE_REPO/tests/mail-store.d/layout2.sql"
	sqlite3 state/mail.db "UPDATE mail SET state=7, attempts=2, owner=NULL,
		due_at=0, last='{\"status\":\"retry\",\"class\":\"network\"}',
		record='{\"id\":\"'||id||'\",\"tenant\":\"'||tenant||'\"}'
		WHERE id IN ('m2','m3'); UPDATE mail SET last='no json' WHERE id='m4'"
	echo 2 >state/layout
	mail-store upgrade 2>/dev/null
	at 90000
	mail-retry due -n -s '1s*' -o json q >got
	[ "$(head -n 2 got | jq -r '.id + " " + .reason' | sort | xargs)" = \
		"m2 try 3 m3 try 3" ]
	tail -n 1 got | jq -e '.classes.network.ready == 2'
	# Its bytes are not here.
	run -65 --separate-stderr mail-retry revive --all
	[[ $stderr == "mail-retry: m1: left as it is: "* ]]
}

@test "locks: a mail whose effect was had is settled, not run again" {
	mails 2
	mail-queue take -c 9 inbound | mail-lock acquire -k .id >claimed
	[ "$(wc -l <claimed)" = 2 ]
	jq -c '.result = {status: "retry", stage: "mail-dispatch"}' claimed |
		mail-queue settle
	# Another run of the first had its effect, and died before its settle.
	jq -c 'select(.id == "t-1") | .result = {status: "ok",
		stage: "mail-dispatch", reason: "had"}' claimed |
		mail-lock settle >/dev/null
	at 100
	due
	states_are "ready 1 succeeded 1"
	mail-store show -o json t-1 | jq -e '.last.reason == "had" and
		.history[-1].event == "resolved" and
		.history[-1].entry.reason == "its lock is done"'
}

@test "locks: what somebody decides of an uncertain mail, its lock hears" {
	mails 3
	mail-queue take -c 9 inbound | mail-lock acquire -k .id |
		jq -c '.result = {status: "uncertain", stage: "mail-dispatch"}' |
		mail-lock settle | mail-queue settle
	[ "$(mail-lock list | jq -r .state | sort | uniq -c | xargs)" = \
		"3 uncertain" ]
	mail-retry uncertain -n --done t-1 >/dev/null
	[ "$(mail-lock list | jq -r .state | sort -u)" = uncertain ]
	mail-retry uncertain --done t-1
	mail-retry uncertain --again t-2
	mail-retry uncertain --fail t-3
	states_are "dead 1 ready 1 succeeded 1"
	[ "$(mail-lock list | jq -r '.id + " " + .state')" = "t-1 done" ]
	mail-queue take -c 1 inbound | mail-lock acquire -k .id |
		jq -e '.lock.state == "claimed" and (has("result") | not)'
}

# parked_with_claims N: mails whose sender was killed, so that their rows are
# parked and their locks claimed.
parked_with_claims() {
	mails "$1"
	mail-queue take -c 9 -l 60 inbound | mail-lock acquire -k .id >got
	sqlite3 state/mail.db "UPDATE mail SET stage='mail-send' WHERE state=3"
	MAILPIPE_CLOCK=+1h mail-queue take -c 1 inbound
	states_are "parked $1"
}

@test "locks: what somebody decides of a mail that never came to an end, too" {
	parked_with_claims 3
	mail-retry uncertain --done t-1
	mail-retry uncertain --again t-2
	mail-retry uncertain --fail t-3
	states_are "dead 1 ready 1 succeeded 1"
	[ "$(mail-lock list | jq -r '.id + " " + .state' | sort)" = \
		$'t-1 done\nt-2 claimed' ]
	mail-queue take -c 1 inbound | mail-lock acquire -k .id |
		jq -e '.id == "t-2" and .lock.state == "claimed"'
}

@test "locks: a parked mail whose lock is done has succeeded, whoever decides" {
	parked_with_claims 4
	jq -c 'select(.id != "t-4") |
		.result = {status: "ok", stage: "mail-send", reason: "had"}' got |
		mail-lock settle >settled
	run -0 --separate-stderr mail-retry uncertain --fail t-1
	[[ $stderr == *"t-1: its lock is done: it has succeeded"* ]]
	mail-retry uncertain --again t-2
	states_are "parked 2 succeeded 2"
	mail-retry due inbound
	states_are "parked 1 succeeded 3"
	[ "$(ids parked)" = t-4 ]
	for id in t-1 t-2 t-3; do
		mail-store show -o json $id | jq -e '.last.reason == "had" and
			any(.history[]; .event == "resolved")'
	done
	[ "$(mail-lock list | jq -r .state | sort | uniq -c | xargs)" = \
		"1 claimed 3 done" ]
}

@test "on_uncertain: deferred and marked, and the lock lets it come again" {
	mails 2
	echo '{"tenants":{"t":{"on_uncertain":"retry"}}}' >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
	work_uncertain() {
		mail-queue take -c "$1" inbound | mail-lock acquire -k '"one"' |
			tee "$2" | jq -c 'if .result then . else
				.result = {status: "uncertain", stage: "mail-send",
					class: "network"} end' |
			mail-lock settle | mail-queue settle
	}
	work_uncertain 1 first
	states_are "deferred 1 ready 1"
	[ "$(mail-lock list | jq -r '.id + " " + .state')" = "t-1 uncertain" ]
	# A duplicate waits behind it.
	work_uncertain 1 second
	states_are "deferred 1 scheduled 1"
	mail-retry due --now inbound
	work_uncertain 1 third
	jq -e '.id == "t-1" and .lease.interrupted and .lease.attempt == 2 and
		.lock.state == "claimed" and (has("result") | not)' third
	[ "$(mail-lock list | jq -r '.id + " " + .state')" = "t-1 uncertain" ]
	# Another policy by now: it is parked with what is known.
	mail-retry due --now inbound
	unset MAILPIPE_CONFIG
	work_uncertain 1 fourth
	jq -e '.result.status == "uncertain" and .result.detail.replayed' fourth
	states_are "parked 1 scheduled 1"
}
