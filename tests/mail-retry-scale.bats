#!/usr/bin/env bats
# 100,000 deferred and 10,000 dead: what is not due is not read, what is due is
# decided in little memory, and nobody is held up meanwhile.

load helpers

setup() {
	mailpipe_setup
	need jq
	need sqlite3
	need_release
	at 0
}

at() { export MAILPIPE_CLOCK=@$((1795000000 + $1)); }

# fill DEFERRED DEAD: rows of a hundred tenants straight into the ledger, with
# 500 bytes of record each, without blobs; those dead first.
fill() {
	mail-store stats >/dev/null
	mail-queue list q >/dev/null
	sqlite3 state/mail.db >/dev/null <<-END
		WITH RECURSIVE n(i) AS
			(SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<99)
		INSERT INTO lane(number,queue,tenant,priority,ready,vtime,
			is_held,is_full) SELECT i+1,'q','t'||i,0,0,0,0,0 FROM n;
		WITH RECURSIVE n(i) AS
			(SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<$1+$2)
		INSERT INTO mail(id,tenant,queue,lane,state,attempts,deliveries,
			stored_at,queued_at,updated_at,record,last,class,since)
		SELECT 'm'||i,'t'||(i%100),'q',i%100+1,CASE WHEN i<=$2 THEN 6 ELSE 7 END,
			1+i%3,1+i%3,1795000000000,1795000000000,1795000000000,
			'{"id":"m'||i||'","tenant":"t'||(i%100)||'","x":"'||
				hex(zeroblob(250))||'"}',
			'{"status":"retry","class":"handler","reason":"no"}',
			'handler',1795000000000 FROM n;
	END
	mail-store upgrade 2>/dev/null
	mail-store doctor | grep -q '"ledger","status":"ok"'
}

# measured COMMAND...: "MILLISECONDS KIB" of it, in the file measured.
measured() {
	/usr/bin/time -f '%e %M' -o took "$@" || return
	awk '{printf "%d %d\n", $1 * 1000, $2}' took >measured
	cat measured
}

@test "scale: 100,000 deferred and 10,000 dead: seconds, and under 32 MB" {
	[ -x /usr/bin/time ] || skip "no /usr/bin/time here"
	fill 100000 10000
	at 30
	measured mail-retry due q
	read -r idle_ms idle_kb <measured
	[ "$(mail-queue stats q | jq -c '[.ready, .deferred]')" = "[0,100000]" ]
	# All of it is due or spent.
	at 86400
	measured mail-retry due -m 3 q
	read -r all_ms all_kb <measured
	mail-queue stats q | jq -e '.ready + .dead == 110000 and .ready > 60000'
	[ "$idle_kb" -lt 32768 ] && [ "$all_kb" -lt 32768 ]
	# A look that finds nothing due costs next to nothing beside.
	[ $((idle_ms * 10)) -lt "$all_ms" ] || [ "$idle_ms" -lt 200 ]
	measured mail-retry revive --all
	read -r _ kb <measured
	[ "$kb" -lt 32768 ]
	[ "$(mail-queue stats q | jq -c '[.ready, .dead]')" = "[110000,0]" ]
	mail-store doctor | grep -q '"ledger","status":"ok"'
}

@test "scale: ten times as many take ten times as long, not a hundred" {
	[ -x /usr/bin/time ] || skip "no /usr/bin/time here"
	fill 3000 300
	at 86400
	measured mail-retry due q
	read -r small_ms small_kb <measured
	rm -rf state
	at 0
	fill 30000 3000
	at 86400
	measured mail-retry due q
	read -r large_ms large_kb <measured
	[ "$large_ms" -lt $(((small_ms > 50 ? small_ms : 50) * 30)) ]
	[ "$large_kb" -lt $((small_kb + 4096)) ]
}

@test "scale: put, take and settle go on while due is at work" {
	fill 50000 0
	at 86400
	mail-retry due q &
	for i in 1 2 3 4 5; do
		echo "{\"id\":\"new-$i\",\"tenant\":\"other\"}" |
			mail-queue put other
		mail-queue take -c 1 other |
			jq -c '.result = {status: "ok", stage: "x"}' |
			mail-queue settle
		kill -0 $! 2>/dev/null && echo "while it ran: $i"
	done >during
	wait
	cat during
	[ "$(mail-queue stats other | jq .succeeded)" = 5 ]
	[ -s during ]
}
