#!/usr/bin/env bats
# mail-store expire and keep: what goes, and what nothing makes go.

load helpers

# ended STATUS COUNT [TENANT]: mails that have come to an end.
ended() {
	local n
	for n in $(seq "$2"); do
		mail "$1 $n $3" | receive "${3:-t0}" q
	done
	mail-queue take -c "$2" q |
		jq -c --arg s "$1" '.result = {status: $s}' | mail-queue settle
}

policy() {
	echo "$1" >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

blobs() { find state/blobs -type f | wc -l; }

# Each row has its blobs, each blob its row.
is_whole() {
	[ "$(blobs)" = "$(mail-store list | jq -s 'map(select(.blob)) | length')" ]
	mail-store verify
	mail-store doctor | jq -se 'any(.check == "ledger" and .status == "ok")'
}

@test "expire: without a word of the configuration, nothing goes" {
	need jq
	ended ok 2
	MAILPIPE_CLOCK=+7300d run -0 mail-store expire -v
	[[ $output == *" 0 mails expired"* ]]
	policy '{"tenants":{"other":{"retention":{"succeeded":0}}}}'
	MAILPIPE_CLOCK=+7300d run -0 mail-store expire
	[ "$(states)" = "succeeded 2" ]
	is_whole
}

@test "expire: by state and tenant, what is due and nothing else" {
	need jq
	ended ok 2 t0
	ended ok 1 t1
	ended fail 1 t0
	ended skip 1 t1
	mail ready | receive t0 q
	policy '{"retention":{"succeeded":"30d"},
		"tenants":{"t1":{"retention":{"succeeded":"60d","skipped":"1d"}}}}'
	MAILPIPE_CLOCK=+29d mail-store expire
	[ "$(states | xargs)" = "dead 1 ready 1 succeeded 3" ]
	MAILPIPE_CLOCK=+31d mail-store expire -n >would
	[ "$(wc -l <would)" = 2 ]
	MAILPIPE_CLOCK=+31d mail-store expire
	[ "$(states | xargs)" = "dead 1 ready 1 succeeded 1" ]
	[ "$(mail-store list -s succeeded | jq -r .tenant)" = t1 ]
	is_whole
	MAILPIPE_CLOCK=+90d mail-store expire -t t0
	[ "$(count succeeded)" = 1 ]
	MAILPIPE_CLOCK=+90d mail-store expire -s dead
	[ "$(count succeeded)" = 1 ]
	MAILPIPE_CLOCK=+90d mail-store expire
	[ "$(states | xargs)" = "dead 1 ready 1" ]
	is_whole
	run -64 mail-store expire -s ready
}

@test "expire: what was revived or touched since counts anew" {
	need jq
	ended fail 1
	policy '{"retention":{"dead":"10d"}}'
	id=$(ids)
	MAILPIPE_CLOCK=+9d mail-queue drop -i "$id" q
	MAILPIPE_CLOCK=+11d mail-store expire
	[ "$(state_of "$id")" = dropped ]
}

@test "expire: parts and history go with it" {
	need jq sqlite3
	printf '%s\n' 'Content-Type: multipart/mixed; boundary=b' '' \
		'--b' 'Content-Disposition: attachment; filename=a' '' \
		'attached' '--b--' >parts
	mail-ingest -a -t t <parts | mail-store put | mail-queue put q
	mail-queue take -c 1 q | jq -c '.result = {status: "ok"}' |
		mail-queue settle
	[ "$(blobs)" -ge 2 ]
	policy '{"retention":{"succeeded":0}}'
	MAILPIPE_CLOCK=+2d mail-store expire
	[ "$(blobs)" = 0 ]
	for table in mail history doomed; do
		[ "$(sqlite3 state/mail.db "SELECT count(*) FROM $table")" = 0 ]
	done
	is_whole
}

@test "keep: nothing expires past a legal hold, and it can be ended" {
	need jq
	ended ok 3
	policy '{"retention":{"succeeded":0}}'
	id=$(ids | head -n 1)
	mail-store keep --reason 'case 12' "$id"
	mail-store keep "$id" # again: no second event
	[ "$(mail-store list --kept | jq -r .id)" = "$id" ]
	mail-store list "$id" | jq -e .kept
	mail-store show -o json "$id" | jq -e '[.history[] |
		select(.event == "kept") | .entry.reason] == ["case 12"]'
	MAILPIPE_CLOCK=+2d mail-store expire
	[ "$(ids)" = "$id" ]
	is_whole
	mail-store keep --release --reason closed "$id"
	[ -z "$(mail-store list --kept)" ]
	mail-store show -o json "$id" | jq -e '.history[-1].event == "released"'
	MAILPIPE_CLOCK=+2d mail-store expire
	[ -z "$(ids)" ]
	run -65 --separate-stderr mail-store keep nosuch
	[ "$stderr" = "mail-store: nosuch: no such mail" ]
	run -64 mail-store keep
}

@test "keep: a hold that comes while it expires is in time" {
	need jq
	ended ok 2
	policy '{"retention":{"succeeded":0}}'
	id=$(ids | tail -n 1)
	MAILPIPE_CLOCK=+2d mail-store expire --rate 1 &
	wait_for 10 eval '[ "$(mail-store list | wc -l)" = 1 ]'
	# The second is on its list, or gone.
	mail-store keep "$id" || true
	wait $!
	[ "$(mail-store list | wc -l)" = "$(mail-store list --kept | wc -l)" ]
	is_whole
}

@test "expire: at most N, at a rate, in a budget" {
	need jq
	ended ok 8
	policy '{"retention":{"succeeded":0}}'
	export MAILPIPE_CLOCK=+2d
	[ "$(mail-store expire -n -c 3 | wc -l)" = 3 ]
	mail-store expire -c 2
	[ "$(count succeeded)" = 6 ]
	start=$(date +%s%N)
	mail-store expire --rate 2 -c 4
	[ $(($(date +%s%N) - start)) -ge 1500000000 ]
	[ "$(count succeeded)" = 2 ]
	run -0 mail-store expire --rate 1 --budget 1 -v
	unset MAILPIPE_CLOCK
	is_whole
}

@test "expire: killed at any call, no row is without its blob and nothing leaks" {
	need jq
	ended ok 3
	mail-store list >/dev/null
	cp -r state before
	policy '{"retention":{"succeeded":0}}'
	for call in pwrite64 fdatasync unlinkat fsync ftruncate flock; do
		nth=1
		while rm -rf state hit && cp -r before state && {
			MAILPIPE_CLOCK=+1d INJECT_HIT=$PWD/hit \
				inject $call $nth kill mail-store expire || true
		} 2>/dev/null && [ -s hit ]; do
			for id in $(ids); do
				mail-store cat "$id" >/dev/null
			done
			MAILPIPE_CLOCK=+2d mail-store expire
			[ -z "$(ids)" ]
			[ "$(blobs)" = 0 ]
			is_whole
			nth=$((nth + 1))
		done
		echo "$call $nth"
	done >tried
	[ "$(awk '$2 > 1' tried | wc -l)" -ge 3 ]
}

@test "expire: while mail comes and is worked on" {
	need jq
	policy '{"retention":{"succeeded":0}}'
	for n in $(seq 20); do
		mail "busy $n" | receive t q
	done &
	for _ in $(seq 5); do
		QUEUE=q work true
		MAILPIPE_CLOCK=+2d mail-store expire
	done
	wait $!
	QUEUE=q work true
	MAILPIPE_CLOCK=+2d mail-store expire
	[ -z "$(ids)" ]
	is_whole
}

# killed_expire: between the end of the rows and that of their blobs.
killed_expire() {
	policy '{"retention":{"succeeded":0}}'
	MAILPIPE_CLOCK=+2d run -137 inject unlinkat 1 kill mail-store expire
	[ -z "$(ids)" ]
	[ "$(blobs)" = "$1" ]
}

@test "expire: mail that has come back has its bytes, though they were to go" {
	need jq
	ended ok 3
	mail-store export saved
	killed_expire 3
	mail "ok 1 " | receive t0 q
	MAILPIPE_CLOCK=+2d mail-store expire
	is_whole
	[ "$(ids | wc -l)" = 1 ]
	rm -rf state
	mail-store import saved
	killed_expire 3
	mail-store import saved
	unset MAILPIPE_CONFIG
	MAILPIPE_CLOCK=+2d mail-store expire
	is_whole
	[ "$(ids | wc -l)" = 3 ]
}

@test "expire: bytes of today stay, for the mail may just be coming again" {
	need jq
	ended ok 2
	policy '{"retention":{"succeeded":0}}'
	MAILPIPE_CLOCK=+1s mail-store expire
	[ -z "$(ids)" ]
	[ "$(blobs)" = 2 ]
	mail "ok 1 " | receive t0 q
	unset MAILPIPE_CONFIG
	MAILPIPE_CLOCK=+2d mail-store expire
	[ "$(ids | wc -l)" = 1 ]
	same_bytes "$(ids)" <(mail "ok 1 ")
	is_whole
}

@test "expire: a row that is damaged keeps no other from going" {
	need jq sqlite3
	ended ok 3
	first=$(ids | head -n 1)
	mail-store list >/dev/null
	sqlite3 state/mail.db "UPDATE mail SET record='{' WHERE id='$first'"
	policy '{"retention":{"succeeded":0}}'
	MAILPIPE_CLOCK=+2d run -75 mail-store expire
	[ "$output" = "mail-store: $first: its record is damaged, so it stays: mail-store verify says more" ]
	[ "$(mail-store stats | jq .succeeded)" = 1 ]
	[ "$(blobs)" = 1 ]
}
