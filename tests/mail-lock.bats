#!/usr/bin/env bats
# mail-lock: who may have an effect once, and whether it was had.

setup() {
	load helpers
	mailpipe_setup
	need jq
}

# inbound ID [FINGERPRINT [TO]]: a record of mail that came.
inbound() {
	jq -cn --arg id "$1" --arg f "${2:-f1:1}" --arg to "${3:-b@example.jp}" \
		'{id: $id, tenant: "ne-001", fingerprint: $f, envelope: {to: $to}}'
}

# outbound ID KEY [TEXT]: one of mail that is to be sent.
outbound() {
	jq -cn --arg id "$1" --arg key "$2" --arg text "${3:-hello}" \
		'{id: $id, tenant: "ne-001", key: $key, envelope: {to: "a@x"},
		mail: {subject: "s", text: $text}}'
}

acquire() { mail-lock acquire "$@"; }

# results STATUS: as an acting program would, where there is no result yet.
results() {
	jq -c --arg s "$1" 'if .result then . else
		.result = {status: $s, stage: "mail-send", code: 7} end'
}

# lock_of KEY_OR_ID: "STATE ID" of its lock, "free" without one.
lock_of() {
	mail-lock list | jq -r --arg k "$1" 'select(.key == $k or .id == $k) |
		.state + " " + .id' | grep . || echo free
}

key1=ne-001:in:b@example.jp:f1:1

@test "mail-lock: acquire claims, and says so in the record; the rest stays" {
	inbound a | jq -c '.note = 1 | .lock = {"old": 1}' >in
	run -0 --separate-stderr acquire <in
	[ -z "$stderr" ]
	[ "$(jq -c .lock <<<"$output")" = \
		"{\"key\":\"$key1\",\"state\":\"claimed\"}" ]
	[ "$(jq -c 'del(.lock)' <<<"$output")" = "$(jq -c 'del(.lock)' in)" ]
	[ "$(lock_of a)" = "claimed a" ]
}

@test "mail-lock: the recipient's spelling does not make two of one mail" {
	inbound a f1:1 B@Example.JP | acquire >/dev/null
	[ "$(inbound b | acquire | jq -r .result.status)" = snooze ]
}

@test "mail-lock: behind another's claim a record waits, without an attempt" {
	inbound a | acquire >a
	inbound b | MAILPIPE_CLOCK=+10s acquire >b
	jq -e '.lock == null and .result.status == "snooze" and
		.result.after_s == 60 and .result.stage == "mail-lock" and
		.result.detail.claimed_by == "a"' b
	# As long as the claim is old, up to an hour.
	inbound b | MAILPIPE_CLOCK=+20m acquire |
		jq -e '.result.after_s >= 1200 and .result.after_s < 1300'
	inbound b | MAILPIPE_CLOCK=+5h acquire | jq -e '.result.after_s == 3600'
}

@test "mail-lock: the same record comes again to its own claim" {
	inbound a | acquire >/dev/null
	inbound a | acquire | jq -e '.result == null and .lock.state == "claimed"'
}

@test "mail-lock: a claim of a day ago is taken over, and marked" {
	inbound a | acquire >/dev/null
	inbound b | MAILPIPE_CLOCK=+23h acquire | jq -e '.result.status == "snooze"'
	export MAILPIPE_CLOCK=+25h
	run -0 --separate-stderr acquire < <(inbound b)
	jq -e '.lock.taken_from == "a" and .result == null' <<<"$output"
	[[ $stderr == "mail-lock: b: $key1: the claim of a, since "*": taken" ]]
	mail-lock list | jq -e '.taken_from == "a" and .id == "b"'
	# The one that was taken from brings nothing any more.
	inbound a | jq -c --arg k $key1 '.lock = {key: $k, state: "claimed"}' |
		results ok >late
	run -0 --separate-stderr mail-lock settle <late
	[ "$output" = "$(cat late)" ]
	[[ $stderr == "mail-lock: a: $key1: another holds the lock by now"* ]]
	[ "$(lock_of $key1)" = "claimed b" ]
}

@test "mail-lock: -l says when others may take a claim over" {
	inbound a | acquire -l 5m >/dev/null
	inbound b | MAILPIPE_CLOCK=+4m acquire | jq -e .result
	inbound b | MAILPIPE_CLOCK=+6m acquire 2>/dev/null |
		jq -e '.lock.taken_from == "a"'
}

@test "mail-lock: what is done is skipped by others, and replayed for its own" {
	inbound a | acquire | results ok | mail-lock settle >settled
	jq -e '.result.status == "ok"' settled
	[ "$(lock_of a)" = "done a" ]
	inbound b | acquire | jq -e '.result.status == "skip" and
		.result.class == "duplicate" and
		.result.detail.duplicate_of == "a" and .lock == null'
	# The row of a did not get its outcome: it comes again.
	inbound a | acquire >again
	jq -e '.result.status == "ok" and .result.stage == "mail-send" and
		.result.code == 7 and .result.detail.replayed' again
	# What passes by has a result, and is untouched.
	acquire <again | cmp - again
	mail-lock settle <again | cmp - again
	[ "$(lock_of a)" = "done a" ]
}

@test "mail-lock: what failed, was put off or was skipped frees the lock" {
	for status in retry snooze fail skip; do
		inbound a | acquire | results $status | mail-lock settle >/dev/null
		[ "$(lock_of $key1)" = free ]
		inbound b | acquire | results $status | mail-lock settle |
			jq -e --arg s $status '.lock and .result.status == $s'
	done
}

@test "mail-lock: without a result, or with an odd one, the claim stays" {
	inbound a | acquire | mail-lock settle | jq -e '.result == null'
	[ "$(lock_of a)" = "claimed a" ]
	inbound a | acquire | results nonsense | mail-lock settle |
		jq -e '.result.status == "nonsense"'
	[ "$(lock_of a)" = "claimed a" ]
}

@test "mail-lock: what holds no lock frees none" {
	inbound a | acquire >/dev/null
	# Skipped or put off by acquire, or never there.
	inbound b | acquire | mail-lock settle >/dev/null
	inbound b | results ok | mail-lock settle >/dev/null
	inbound b | jq -c --arg k $key1 '.lock = {key: $k, state: "claimed"}' |
		results retry | mail-lock settle >/dev/null 2>&1
	[ "$(lock_of $key1)" = "claimed a" ]
}

@test "mail-lock: an older lease of the same record frees nothing" {
	inbound a | jq -c '.lease = {deliveries: 1}' >old
	inbound a | jq -c '.lease = {deliveries: 2}' >new
	acquire <old >old.got
	acquire <new >new.got
	results retry <old.got | mail-lock settle >/dev/null 2>said
	grep -q 'another holds the lock' said
	[ "$(lock_of a)" = "claimed a" ]
	# But what it has done is done.
	results ok <old.got | mail-lock settle >/dev/null
	[ "$(lock_of a)" = "done a" ]
	results retry <new.got | mail-lock settle >/dev/null
	[ "$(lock_of a)" = "done a" ]
}

@test "mail-lock: uncertain stays, for all, until somebody says what it is" {
	inbound a | acquire | results uncertain | mail-lock settle >/dev/null
	[ "$(lock_of a)" = "uncertain a" ]
	export MAILPIPE_CLOCK=+400d
	inbound b | acquire | jq -e '.result.status == "snooze" and
		.result.detail.claimed_by == "a"'
	inbound a | acquire | jq -e '.result.status == "uncertain" and
		.result.detail.replayed'
	[ "$(lock_of a)" = "uncertain a" ]
	mail-lock release --done --id a
	inbound a | acquire | jq -e '.result.status == "ok" and
		.result.reason == "marked as done by hand"'
	inbound b | acquire | jq -e '.result.detail.duplicate_of == "a"'
	mail-lock release $key1
	inbound b | acquire | jq -e '.result == null'
}

@test "mail-lock: one key, two mails: the second fails, with both digests" {
	outbound a order-1 | acquire >a
	jq -e '.lock.key == "ne-001:out:order-1:a@x"' a
	outbound b order-1 other | acquire >b
	jq -e '.result.status == "fail" and .result.class == "conflict" and
		.result.detail.conflict_with == "a" and
		(.result.detail | .content != .other_content)' b
	for digest in content other_content; do
		d=$(jq -r ".result.detail.$digest" b)
		[[ $d == b2:* ]]
		[[ $(jq -r .result.reason b) == *$d* ]]
	done
	# Also when the first is done, and for its own id.
	results ok <a | mail-lock settle >/dev/null
	outbound b order-1 other | acquire | jq -e '.result.status == "fail"'
	outbound a order-1 other | acquire | jq -e '.result.status == "fail"'
	outbound b order-1 | acquire | jq -e '.result.status == "skip"'
	outbound b order-2 other | acquire | jq -e '.result == null'
}

@test "mail-lock: an order of members, an id and a date make no other mail" {
	outbound a order-1 | jq -c '.mail += {id: "1", date: "x",
		headers: [{name: "Date", value: "y"}]}' | acquire >/dev/null
	outbound b order-1 | jq -c '.mail = {text: .mail.text, id: "2",
		headers: [{name: "message-id", value: "z"}],
		subject: .mail.subject}' | acquire |
		jq -e '.result.status == "snooze"'
}

@test "mail-lock: -k makes the key, within the tenant" {
	program='.order | if . == "none" then null elif . == "nothing" then empty else . end'
	for order in '"7:a"' '"none"' '"nothing"' '""' '8' '["x"]'; do
		inbound a | jq -c ".order = $order"
	done >in
	acquire -k "$program" <in >out
	[ "$(jq -r '.lock.key // .result.status' out | head -n 4)" = \
		"$(printf '%s\n' ne-001:key:7%3Aa $key1 $key1 $key1)" ]
	jq -se '.[4:] | length == 2 and all(.result.status == "retry" and
		.result.class == "configuration")' out
	inbound b f1:2 | jq -c '.order = "7:a"' | acquire -k .order |
		jq -e '.result.status == "snooze"'
	inbound b f1:2 | jq -c '.order = "7:a" | .tenant = "ne-002"' |
		acquire -k .order | jq -e '.lock.key == "ne-002:key:7%3Aa"'
	inbound b | run -64 acquire -k '.['
}

@test "mail-lock: what is done is known for its time, then forgotten" {
	echo '{"limits": {"lock_ttl_s": "2h"}}' >config.json
	MAILPIPE_CONFIG=$PWD/config.json
	inbound a | acquire | results ok |
		MAILPIPE_CONFIG=$PWD/config.json mail-lock settle >/dev/null
	inbound b | MAILPIPE_CLOCK=+119m acquire | jq -e '.result.status == "skip"'
	inbound b | MAILPIPE_CLOCK=+121m acquire | jq -e '.lock'
	inbound c f1:3 | acquire | results ok | mail-lock settle --ttl 1h >/dev/null
	inbound d f1:3 | MAILPIPE_CLOCK=+61m acquire | jq -e '.lock'
	inbound e f1:5 | acquire | results ok | mail-lock settle >/dev/null
	inbound f f1:5 | MAILPIPE_CLOCK=+13d acquire | jq -e '.result.status == "skip"'
	inbound f f1:5 | MAILPIPE_CLOCK=+15d acquire | jq -e '.lock'
}

@test "mail-lock: old locks go by the way" {
	for i in $(seq 300); do inbound "a$i" "f1:$i"; done | acquire |
		results ok | mail-lock settle >/dev/null
	[ "$(mail-lock list | wc -l)" = 300 ]
	export MAILPIPE_CLOCK=+15d
	for i in $(seq 100); do inbound "b$i" "f2:$i"; done | acquire >/dev/null
	for i in $(seq 100); do inbound "b$i" "f2:$i"; done | acquire >/dev/null
	[ "$(mail-lock list | jq -r .state | sort | uniq -c | tr -s ' ')" = \
		" 100 claimed" ]
}

@test "mail-lock: list shows what fits" {
	{ inbound a f1:1; inbound b f1:2; } | acquire | results ok |
		mail-lock settle >/dev/null
	inbound c f1:3 | jq -c '.tenant = "ne-002"' | acquire >/dev/null
	all() { mail-lock list "$@" | jq -r .id | tr -d '\n'; }
	[ "$(all)" = abc ]
	[ "$(all -s "done")" = ab ]
	[ "$(all -s claimed)" = c ]
	[ "$(all -s uncertain)" = "" ]
	[ "$(all -c 2)" = ab ]
	[ "$(all -t ne-002)" = c ]
	[ "$(all --prefix ne-001:in:)" = ab ]
	[ "$(all --newer 1h)" = abc ]
	[ "$(all --older 1h)" = "" ]
	[ "$(MAILPIPE_CLOCK=+2h mail-lock list --older 1h | wc -l)" = 3 ]
	mail-lock list -s "done" -c 1 | jq -e '.state == "done" and
		.result.status == "ok" and .at and .until and
		.tenant == "ne-001" and .key'
	run -64 mail-lock list -s free
	COLUMNS=100 run -0 mail-lock list -o table
	[ "${#lines[@]}" = 4 ]
	[[ ${lines[0]} == "STATE "*" AGE "*" TENANT "*" KEY "*" ID" ]]
	[[ ${lines[3]} == "claimed "*" ne-002"*" c" ]]
}

@test "mail-lock: release frees what it is told to, and says what is not there" {
	{ inbound a f1:1; inbound a f1:2; inbound b f1:3; inbound c f1:4; } |
		acquire >/dev/null
	run -64 mail-lock release
	run -0 --separate-stderr mail-lock release "${key1%1}3" none
	[ "$stderr" = "mail-lock: none: no such lock" ]
	run -65 mail-lock release --done --id none
	[ "$(mail-lock list | jq -r .id | tr -d '\n')" = aac ]
	mail-lock release --id a --id c
	[ "$(mail-lock list | wc -l)" = 0 ]
}

@test "mail-lock: bad lines are named, their neighbours are done" {
	{
		inbound a f1:1
		echo nonsense
		echo '{"id":"x"}'
		echo '{"id":"../x","tenant":"t"}'
		inbound b f1:2
		printf '\xff\xfe\n'
		inbound c f1:3
	} >in
	for verb in acquire settle; do
		run -65 --separate-stderr mail-lock $verb <in
		[ "$(jq -r .id <<<"$output" | tr -d '\n')" = abc ]
		[ "${#stderr_lines[@]}" = 4 ]
		for i in 2 3 4 6; do
			grep -q "^mail-lock: line $i: " <<<"$stderr"
		done
	done
	printf '{"id":"a"' | run -75 mail-lock acquire
}

@test "mail-lock: hostile sections are no worse than none" {
	for lock in null 7 '"x"' '[]' '{}' '{"key":7,"state":"claimed"}' \
		'{"key":"k"}' '{"key":"\u0000","state":"claimed"}' \
		'{"key":"k","state":["claimed"]}'; do
		inbound a | jq -c --argjson l "$lock" '.lock = $l'
	done | results ok >in
	inbound a | results ok | jq -c '.lock = {key: ("k" * 1025),
		state: "claimed"}' >>in
	run -0 --separate-stderr mail-lock settle <in
	[ "$output" = "$(cat in)" ]
	[ "$(mail-lock list | wc -l)" = 0 ]
	jq -cn '{id: "a", tenant: "t", key: ("k" * 100000), mail: {},
		envelope: 7, lease: {deliveries: "x"}}' |
		acquire | jq -e '.lock.key | length < 200'
	jq -cn '{id: "b", tenant: "t", fingerprint: ("f" * 100000),
		envelope: {to: ("r" * 100000)}, lease: 7}' |
		acquire | jq -e '.lock.key | length < 300'
}

@test "mail-lock: a long result is kept without its detail" {
	inbound a | acquire | jq -c '.result = {status: "ok", stage: "x",
		detail: {output: ("y" * 100000)}}' | mail-lock settle >out
	jq -e '.result.detail.output | length == 100000' out
	inbound a | acquire | jq -e '.result | .status == "ok" and .stage == "x"
		and .detail == {replayed: true}'
	inbound b f1:2 | acquire | jq -c '.result = {status: "ok",
		reason: ("y" * 100000)}' | mail-lock settle >out
	inbound b f1:2 | acquire | jq -e '.result.status == "ok"'
}

@test "mail-lock: no input is fine, and nobody waits for the end" {
	for verb in acquire settle; do
		run -0 mail-lock $verb </dev/null
		[ -z "$output" ]
	done
	mkfifo in
	acquire <in >out 3>&- &
	exec 8>in
	inbound a >&8
	wait_for 20 test -s out
	exec 8>&-
	wait $!
}

@test "mail-lock: what cannot be written is withheld, 75" {
	inbound a >acquire.in
	acquire <acquire.in | results ok >settle.in
	for verb in acquire settle; do
		run -75 sh -c "mail-lock $verb <$verb.in >/dev/full"
		for spec in fail:0:sqlite: nothing: sqlite:x; do
			echo "{\"engines\": {\"locks\": \"$spec\"}}" >config.json
			MAILPIPE_CONFIG=$PWD/config.json run -75 \
				--separate-stderr mail-lock $verb <$verb.in
			[ -z "$output" ]
			[[ $stderr == "mail-lock: "* ]]
		done
	done
}

@test "mail-lock: settle ends at EOF, whatever signal comes" {
	mkfifo in
	# A background job of a script ignores SIGINT by itself.
	env --default-signal=INT mail-lock settle <in >out 3>&- &
	pid=$!
	exec 8>in
	inbound a | acquire | results ok >&8
	wait_for 20 test -s out
	for signal in TERM INT HUP; do kill -$signal $pid; done
	inbound b f1:2 | acquire | results ok >&8
	exec 8>&-
	wait $pid
	[ "$(lock_of b)" = "done b" ]
}

@test "mail-lock: of the engine mem: and round another engine" {
	inbound a >in
	for spec in mem: trace:sqlite:; do
		echo "{\"engines\": {\"locks\": \"$spec\"}}" >config.json
		MAILPIPE_CONFIG=$PWD/config.json run -0 --separate-stderr \
			mail-lock acquire <in
		jq -e .lock <<<"$output"
	done
	[ "$stderr" = "mail-lock: trace: lock acquire, 1" ]
	[ "$(mail-lock -n | jq -r 'select(.setting == "engines.locks").value')" = \
		sqlite: ]
}
