#!/usr/bin/env bats
# mail-queue: put, take, settle, stats, list.

setup() {
	load helpers
	mailpipe_setup
}

# records N [QUEUE]: N small records without a message, queued.
records() {
	local i
	for ((i = 1; i <= $1; i++)); do
		printf '{"id":"m%d","tenant":"ne-001"}\n' "$i"
	done | mail-queue put "${2:-inbound}"
}

# Give each record a result of this status, as an acting program would.
with_result() {
	jq --unbuffered -c --arg s "$1" \
		'.result = {status: $s, stage: "test", reason: "so"}'
}

@test "put: silent on success, and the rows are ready" {
	run -0 --separate-stderr records 3
	[ -z "$output" ] && [ -z "$stderr" ]
	[ "$(mail-queue stats inbound | jq .ready)" = 3 ]
	[ "$(ids ready | tr '\n' ' ')" = "m1 m2 m3 " ]
}

@test "put: the same record again changes nothing, whatever became of it" {
	records 1
	mail-queue take inbound | with_result ok | mail-queue settle
	records 1
	[ "$(states)" = "succeeded 1" ]
	[ "$(mail-store show m1 | jq .attempts)" = 1 ]
}

@test "put -e: the records come back with result ok" {
	run -0 --separate-stderr mail-queue put -e inbound \
		<<<'{"id":"a","tenant":"t","extra":[1,2]}'
	[ "$(jq -c '[.id,.extra,.result.status]' <<<"$output")" = \
		'["a",[1,2],"ok"]' ]
}

@test "put -a: scheduled, and taken when its time has come" {
	mail-queue put -a +1h later <<<'{"id":"a","tenant":"t"}'
	[ "$(state_of a)" = scheduled ]
	run -0 mail-queue take -c 1 later
	[ -z "$output" ]
	export MAILPIPE_CLOCK=+61m
	run -0 mail-queue take -c 1 later
	[ "$(jq -r .id <<<"$output")" = a ]
}

@test "put: a record without an id gets one, the same for the same key" {
	printf '{"tenant":"t","key":"k1"}\n{"tenant":"t","key":"k1"}\n{"tenant":"t"}\n' |
		mail-queue put out
	[ "$(ids | wc -l)" = 2 ]
	run ! grep -v '^[0-9a-f]\{32\}$' <(ids)
}

@test "put: the gate refuses what shows that an earlier stage failed" {
	run -75 --separate-stderr mail-queue put q </dev/null
	[[ $stderr == *"no record came"* ]]
	run -75 --separate-stderr sh -c \
		'printf "{\"id\":\"a\",\"tenant\":\"t\"}" | mail-queue put q'
	[[ $stderr == *"cut off"* ]]
	run -75 --separate-stderr mail-queue put q \
		<<<'{"id":"b","tenant":"t","of":[1,2],"digest":"x"}'
	[[ $stderr == *"only 1 of 2 records"* ]]
	run -75 --separate-stderr mail-queue put q \
		<<<'{"id":"c","tenant":"t","result":{"status":"fail"}}'
	[[ $stderr == *"c: its result is not ok"* ]]
	run -75 --separate-stderr mail-queue put q \
		<<<'{"id":"d","tenant":"t","content":{"base64":"aGk="}}'
	[[ $stderr == *"mail-store put"* ]]
}

@test "put: a whole group of records passes the gate, also interleaved" {
	printf '{"id":"%s","tenant":"t","of":[%d,2],"digest":"%s"}\n' \
		a 1 x b 1 y c 2 y d 2 x >in
	run -0 mail-queue put q <in
	[ "$(ids | wc -l)" = 4 ]
}

@test "put -E: no record is fine" {
	run -0 --separate-stderr mail-queue put -E q </dev/null
	[ -z "$stderr" ]
}

@test "put: a bad line is named, its neighbours are queued" {
	printf '%s\n' '{"id":"a","tenant":"t"}' 'nonsense' '{"id":"b/","tenant":"t"}' \
		'{"id":"c","tenant":".t"}' '[1]' '{"id":"z","tenant":"t"}' >in
	run -75 --separate-stderr mail-queue put q <in
	[ "$(ids | tr '\n' ' ')" = "a z " ]
	for n in 2 3 4 5; do
		[[ $stderr == *"line $n: "* ]]
	done
	run -65 mail-queue put --strict q <in
}

@test "put: nothing comes and nothing ends: the deadline answers 75" {
	mkfifo hold
	sleep 60 >hold &
	run -75 --separate-stderr mail-queue put --deadline 1 q <hold
	[[ $stderr == *"nothing came for 1 seconds"* ]]
}

@test "take: each mail once, the oldest first, higher priority before" {
	printf '{"id":"%s","tenant":"t","priority":%d}\n' a 0 b 0 c 5 d -1 |
		mail-queue put q
	run -0 mail-queue take -c 9 q
	[ "$(jq -r .id <<<"$output" | tr '\n' ' ')" = "c a b d " ]
	run -0 mail-queue take -c 9 q
	[ -z "$output" ]
}

@test "take: a record comes out with its lease and without another run's sections" {
	mail-queue put q \
		<<<'{"id":"a","tenant":"t","x":{"y":[1]},"lease":{"handle":"no"},"last":{}}'
	run -0 mail-queue take -c 1 q
	[ "$(jq -c '[.x.y,.queue,.last,.lease.attempt,.lease.deliveries,.lease.interrupted]' \
		<<<"$output")" = '[[1],"q",null,1,1,false]' ]
	[[ $(jq -r .lease.expires_at <<<"$output") == 20*Z ]]
}

@test "take -1: while one is running, another ends at once with 0" {
	records 1
	mkfifo out
	mail-queue take -1 -F inbound >out &
	exec 7<out
	read -r line <&7
	run -0 --separate-stderr mail-queue take -1 -v inbound
	[[ $stderr == *"another take"* && -z $output ]]
	kill %1
	exec 7<&-
}

@test "take -n: the window holds, and moves on as records are settled" {
	records 100
	mkfifo go out
	mail-queue take -n 10 inbound >out &
	exec 7<out
	head -n 10 <&7 >first
	[ "$(mail-queue stats inbound | jq -c '[.leased,.ready]')" = "[10,90]" ]
	{ cat first; cat <&7; } | with_result ok | mail-queue settle
	wait $!
	[ "$(states)" = "succeeded 100" ]
}

@test "take -w: mail that comes while it waits is taken" {
	mail-queue take -w 30 -c 1 inbound >got &
	wait_for 5 test -e state/mail.db
	records 1
	wait_for 5 test -s got
	[ "$(jq -r .id got)" = m1 ]
}

@test "take: SIGTERM gives back what was not started, no attempt counted" {
	records 5
	mail-queue take -F inbound >got &
	wait_for 5 test "$(wc -l <got 2>/dev/null)" = 5 || wait_for 5 grep -q m5 got
	kill -TERM %1
	wait_for 5 sh -c '! kill -0 '$!' 2>/dev/null'
	[ "$(states)" = "ready 5" ]
	[ "$(mail-queue list inbound | jq -s 'map(.attempts) | add')" = 0 ]
}

@test "take: its leases are renewed while it lives" {
	records 1
	mail-queue take -l 1 -F inbound >taken &
	wait_for 5 sh -c 'mail-store list | grep -q leased'
	first=$(sqlite3 state/mail.db 'SELECT due_at FROM mail')
	wait_for 5 sh -c "[ \$(sqlite3 state/mail.db 'SELECT due_at FROM mail') != $first ]"
}

@test "take: a lease that is over comes out again, no attempt counted" {
	records 1
	mail-queue take -c 1 -l 1 inbound >/dev/null
	wait_for 10 sh -c 'mail-queue take -c 1 inbound >again; [ -s again ]'
	[ "$(jq -c '[.lease.attempt,.lease.deliveries,.lease.interrupted]' again)" = \
		'[1,2,false]' ]
}

@test "take: the twentieth delivery that nobody settles makes a mail dead" {
	records 1
	for i in $(seq 20); do
		MAILPIPE_CLOCK=+$((i * 5))m mail-queue take -c 1 inbound >/dev/null
	done
	MAILPIPE_CLOCK=+200m mail-queue take -c 1 inbound >/dev/null
	[ "$(state_of m1)" = dead ]
	mail-store show m1 | jq -e '.history[] | select(.event == "dead") |
		.entry.reason == "never settled"'
}

@test "settle: each status has its state, and costs an attempt or not" {
	for s in ok retry snooze skip fail uncertain; do
		mail-queue put "$s" <<<'{"id":"'"$s"'","tenant":"t"}'
		mail-queue take -c 1 "$s" | with_result "$s" | mail-queue settle
	done
	mail-store list | jq -r '[.id,.state,.attempts] | join(" ")' >got
	printf '%s\n' "ok succeeded 1" "retry deferred 1" "snooze scheduled 0" \
		"skip skipped 0" "fail dead 1" "uncertain parked 1" | diff - got
}

@test "settle: snoozed mail is ready again by itself after after_s" {
	records 1
	mail-queue take -c 1 inbound |
		jq -c '.result = {status: "snooze", stage: "x", after_s: 100}' |
		mail-queue settle
	MAILPIPE_CLOCK=+90s run -0 mail-queue take -c 1 inbound
	[ -z "$output" ]
	MAILPIPE_CLOCK=+110s run -0 mail-queue take -c 1 inbound
	[ "$(jq -r .last.status <<<"$output")" = snooze ]
}

@test "settle: a record without a result goes back at once" {
	records 1
	mail-queue take -c 1 inbound | mail-queue settle
	[ "$(state_of m1)" = ready ]
	[ "$(mail-store show m1 | jq .attempts)" = 0 ]
}

@test "settle: an older lease undoes nothing, but its ok wins" {
	records 1
	mail-queue take -c 1 inbound >first
	MAILPIPE_CLOCK=+10m mail-queue take -c 1 inbound >second
	with_result fail <first >late
	run -0 --separate-stderr mail-queue settle <late
	[[ $stderr == *"m1: its lease was over"* ]]
	[ "$(state_of m1)" = leased ]
	with_result retry <second | mail-queue settle
	[ "$(state_of m1)" = deferred ]
	MAILPIPE_CLOCK=+11m mail-queue settle < <(jq -c '.result.stage = "b" | .result.status = "ok"' late)
	[ "$(state_of m1)" = succeeded ]
	[ "$(mail-store show m1 | jq '.history | length')" = 5 ]
}

@test "settle: the same outcome again is fine and silent" {
	records 1
	mail-queue take -c 1 inbound | with_result ok >settled
	mail-queue settle <settled
	run -0 --separate-stderr mail-queue settle <settled
	[ -z "$stderr" ]
	[ "$(mail-store show m1 | jq .attempts)" = 1 ]
}

@test "settle: no lease, an unknown mail and an unknown status are named, 65" {
	records 1
	mail-queue take -c 1 inbound >taken
	{
		mail-queue list inbound | with_result ok
		with_result ok <taken | sed 's/"id":"m1"/"id":"m9"/'
		with_result maybe <taken
		with_result ok <taken
	} >in
	run -65 --separate-stderr mail-queue settle <in
	[[ $stderr == *"line 1: m1: no lease"* ]]
	[[ $stderr == *"m9: no such mail"* ]]
	[[ $stderr == *"line 3: m1: result.status"* ]]
	[ "$(state_of m1)" = succeeded ]
}

@test "settle: no input is a quiet queue" {
	run -0 --separate-stderr mail-queue settle </dev/null
	[ -z "$output$stderr" ]
}

@test "stats: counts by state; the age of the oldest ready one" {
	records 3
	mail-queue take -c 1 inbound | with_result fail | mail-queue settle
	run -0 mail-queue stats
	[ "$(jq -c '[.queue,.ready,.dead]' <<<"$output")" = '["inbound",2,1]' ]
	MAILPIPE_CLOCK=+90s run -0 mail-queue stats inbound
	[ "$(jq .oldest_ready_s <<<"$output")" -ge 89 ]
	run -0 mail-queue stats empty
	[ "$(jq -c '[.queue,.ready]' <<<"$output")" = '["empty",0]' ]
}

@test "list: filters by state, tenant, count and age" {
	printf '{"id":"%s","tenant":"%s"}\n' a t1 b t2 c t1 | mail-queue put q
	[ "$(mail-queue list -t t1 q | jq -r .id | tr '\n' ' ')" = "a c " ]
	[ "$(mail-queue list -c 1 q | jq -r .id)" = a ]
	[ -z "$(mail-queue list -s dead q)" ]
	[ -z "$(mail-queue list --older 1h q)" ]
	[ "$(MAILPIPE_CLOCK=+2h mail-queue list --older 1h q | wc -l)" = 3 ]
	[ "$(mail-queue list --newer 1h q | wc -l)" = 3 ]
	run -64 --separate-stderr mail-queue list -s waiting q
	[[ $stderr == *"not a state"* ]]
}

@test "queue names are checked" {
	run -64 mail-queue take ../x
	run -75 mail-queue put ../x
	run -64 mail-queue put --strict ../x
	run -64 mail-queue list "$(printf 'a%.0s' {1..65})"
}

@test "take: a window of more bytes than a pipe holds is worked to the end" {
	need jq
	jq -nc 'range(3000) | {id: "m\(.)", tenant: "t", x: ("x" * 900)}' |
		mail-queue put q
	mail-queue stats q # draws
	mail-queue take -n 1000 q |
		sed 's/}$/,"result":{"status":"ok","stage":"x"}}/' |
		mail-queue settle
	[ "$(mail-queue stats q | jq .succeeded)" = 3000 ]
}

@test "the WAL begins anew, although each process writes once" {
	local i=0
	for ((; i < 8; i++)); do
		awk -v first=$((i * 1000)) 'BEGIN {
			for (i = 0; i < 500; i++) x = x "xy"
			for (i = first; i < first + 1000; i++)
				printf "{\"id\":\"m%d\",\"tenant\":\"t\",\"x\":\"%s\"}\n",
					i, x
		}' | mail-queue put inbound
		mail-queue stats >/dev/null # draws them
	done
	[ "$(mail-queue stats inbound | jq .ready)" = 8000 ]
	# A thousand pages, and what one transaction writes beyond them.
	[ "$(stat -c %s state/mail.db-wal)" -lt 8000000 ]
}
