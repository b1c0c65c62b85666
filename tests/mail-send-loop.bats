#!/usr/bin/env bats
# mail-send: over SMTP, many at once, leases, signals, rates, breakers.
# Records, other transports and signatures: mail-send.bats.

setup() {
	load helpers
	load smtp.d/helpers
	mailpipe_setup
	need python3 jq
}

teardown() { mailpipe_teardown; }

# recs N [MEMBERS]: records m1 to mN, each with a mail to one recipient.
recs() {
	jq -nc --argjson n "$1" --argjson more "${2:-{\}}" '
		range(1; $n + 1) | {id: "m\(.)", tenant: "t", mail: {
			from: "shop@example.com", to: "m\(.)@example.jp",
			subject: "mail \(.)", text: "text"}} + $more'
}

# config JSON: it is the configuration.
config() {
	printf '%s' "$1" >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

# statuses FILE: "STATUS CLASS COUNT", sorted.
statuses() {
	jq -r '"\(.result.status) \(.result.class)"' "$1" | sort | uniq -c |
		awk '{print $2, $3, $1}'
}

lines_in() { [ -e "$2" ] && [ "$(wc -l <"$2")" -ge "$1" ]; }

# events EVENT: how many of them the server has seen.
events() { jq -r --arg e "$1" 'select(.event == $e) | .event' srv/log | wc -l; }

has_event() { [ "$(events "$1")" -ge "$2" ]; }

# ends_with STATUS PID: wait for a background job.
ends_with() {
	local got=0
	wait "$2" || got=$?
	[ "$got" = "$1" ]
}

# outbound [OPTION]...: the sending line.
outbound() {
	mail-queue take -1 outbound | mail-lock acquire | mail-send "$@" |
		mail-lock settle | mail-queue settle
}

# again: what was snoozed or deferred may be taken now.
due() { sqlite3 state/mail.db "UPDATE mail SET due_at=0 WHERE state=2"; }

@test "smtp: all mails arrive, each once, and the server's name for it is kept" {
	serve -s '[{"stage":"end","match":"m3@","reply":"250 2.0.0 Ok: queued as 4Xy12345"}]'
	recs 20 | mail-send -x "smtp://127.0.0.1:$port" >out
	[ "$(statuses out)" = "ok null 20" ]
	[ "$(taken)" = "$(recs 20 | jq -r .mail.to | sort)" ]
	[ "$(jq -c 'select(.id == "m3") | .result |
		[.code, .provider_id, .detail.enhanced]' out)" = \
		'[250,"4Xy12345","2.0.0"]' ]
	server_is_fine
}

@test "smtp: a server at an IPv6 address" {
	grep -q '^0*1 ' /proc/net/if_inet6 || skip "no ::1 here"
	serve --host ::1
	recs 3 | mail-send -x "smtp://[::1]:$port" >out
	[ "$(statuses out)" = "ok null 3" ]
	[ "$(jq -r .result.detail.host out | sort -u)" = ::1 ]
	[ "$(taken)" = "$(recs 3 | jq -r .mail.to | sort)" ]
}

@test "smtp: connections are kept, and no more than -P are opened" {
	serve -s '[{"stage":"end","delay":0.05}]'
	recs 12 | mail-send -P 3 -x "smtp://127.0.0.1:$port" >out
	[ "$(statuses out)" = "ok null 12" ]
	[ "$(events connect)" -le 3 ]
	[ "$(events connect)" -ge 2 ]
	recs 5 | mail-send -P 1 -x "smtp://127.0.0.1:$port" >out
	[ "$(events connect)" -le 4 ]
}

@test "smtp: what the server says of one is that one's alone" {
	serve -s '[{"stage":"rcpt","match":"m2@","reply":"550 5.1.1 nobody here"},
		{"stage":"rcpt","match":"m3@","reply":"452 4.2.2 mailbox full"},
		{"stage":"end","match":"m4@","reply":"554 5.6.0 bad content"}]'
	recs 5 | mail-send -P 1 -x "smtp://127.0.0.1:$port" >out
	[ "$(jq -r '"\(.id) \(.result.status) \(.result.code)"' out | sort)" = \
		"m1 ok 250
m2 fail 550
m3 retry 452
m4 fail 554
m5 ok 250" ]
	[ "$(jq -r 'select(.id == "m2") | .result.reason' out)" = \
		"550 5.1.1 nobody here" ]
	[ "$(events connect)" = 1 ]
	[ "$(taken | xargs)" = "m1@example.jp m5@example.jp" ]
}

@test "smtp: broken before the end it is a retry, after it uncertain" {
	serve -s '[{"stage":"rcpt","match":"m1@","do":"close"},
		{"stage":"end","match":"m2@","do":"close"}]'
	recs 3 | mail-send -P 1 -x "smtp://127.0.0.1:$port" >out
	[ "$(jq -r '"\(.id) \(.result.status) \(.result.class)"' out | sort)" = \
		"m1 retry network
m2 uncertain network
m3 ok null" ]
	[ "$(taken)" = m3@example.jp ]
}

@test "smtp: a kept connection that the server has closed costs no mail a try" {
	serve -s '[{"stage":"mail","connection":1,"mail":2,"do":"close"}]'
	recs 3 | mail-send -P 1 -x "smtp://127.0.0.1:$port" >out
	[ "$(statuses out)" = "ok null 3" ]
	[ "$(events connect)" = 2 ]
	[ "$(taken | wc -l)" = 3 ]
}

@test "smtp: a server that is not there fails its mails, and holds up no other's" {
	serve
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:1"},
			"own":{"url":"smtp://127.0.0.1:'"$port"'"}},
		"tenants":{"t2":{"transport":"own"}}}'
	{
		recs 5
		recs 5 '{"tenant":"t2"}'
		recs 5
	} | mail-send >out
	[ "$(jq -c 'select(.tenant == "t2")' out >two; statuses two)" = "ok null 5" ]
	[ "$(jq -c 'select(.tenant == "t")' out >one; statuses one)" = \
		"retry network 10" ]
	jq -e '.result.route == "@default"' <(head -n 1 one)
}

@test "smtp: one that says nothing keeps no other's mail, whatever -P is" {
	serve -s '[{"stage":"greeting","do":"freeze"}]'
	stalled=$port
	mv srv stalled
	serve
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$stalled"'",
				"time_limits":{"connect":8,"command":8}},
			"own":{"url":"smtp://127.0.0.1:'"$port"'"}},
		"tenants":{"t2":{"transport":"own"}}}'
	{
		recs 5
		recs 5 '{"tenant":"t2"}'
	} | mail-send -P 1 >out &
	wait_for 7 lines_in 5 out
	[ "$(statuses out)" = "ok null 5" ]
	ends_with 0 $!
	[ "$(statuses out)" = "ok null 5
retry network 5" ]
}

@test "smtp: behind one that says nothing only one mail waits, others come again" {
	serve -s '[{"stage":"greeting","do":"freeze"}]'
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
		"time_limits":{"connect":14,"command":14}}}}'
	recs 5 | mail-queue put outbound
	mail-queue take -c 5 outbound | mail-send >out &
	wait_for 13 lines_in 4 out
	[ "$(statuses out)" = "snooze network 4" ]
	[ "$(jq -r '.result.holds' out | sort -u)" = null ]
	ends_with 0 $!
	[ "$(statuses out)" = "retry network 1
snooze network 4" ]
}

@test "login: one that is refused is tried once, and holds the transport" {
	serve --auth PLAIN --user shop --password right
	echo wrong >secret
	chmod 600 secret
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
			"user":"shop","password":{"file":"'"$PWD"'/secret"}},
			"own":{"url":"maildir:'"$PWD"'/own"}},
		"tenants":{"t2":{"transport":"own"}},
		"breaker":{"probe":1}}'
	recs 10 | mail-queue put outbound
	recs 5 '{"tenant":"t2"}' | jq -c '.id += "x"' | mail-queue put outbound
	run -0 --separate-stderr bash -c 'mail-queue take -1 outbound |
		mail-send -P 4 | tee out | mail-queue settle'
	[[ $stderr == *"route @default is held: "*"trouble with credentials"* ]]
	[ "$(events connect)" = 1 ]
	[ "$(states)" = "scheduled 10
succeeded 5" ]
	[ "$(jq -r 'select(.tenant == "t") | .result |
		"\(.status) \(.class) \(.holds)"' out | sort -u)" = \
		"snooze credentials true" ]
	run ! grep -E 'wrong|right' out config.json
	# No attempt was used up, and one mail is tried when it is time.
	[ "$(mail-store list -s scheduled | jq .attempts | sort -u)" = 0 ]
	due
	[ "$(mail-queue take -c 10 outbound | wc -l)" -le 1 ]
	# With the right password the first one ends it.
	echo right >secret
	sqlite3 state/mail.db "UPDATE mail SET state=1, due_at=0 WHERE state=3"
	mail-queue resume --route @default outbound
	outbound
	[ "$(states)" = "succeeded 15" ]
}

@test "login: a password that cannot be had holds the transport as well" {
	serve --auth PLAIN --user shop --password right
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
		"user":"shop","password":{"file":"'"$PWD"'/nosuch"}}}}'
	recs 3 | mail-send >out
	[ "$(statuses out)" = "snooze credentials 3" ]
	[ "$(jq -r .result.holds out | sort -u)" = true ]
}

@test "tls: required unless it is this host, and verified" {
	need openssl
	certificates
	serve --cert good.pem
	recs 1 | mail-send -x "smtp://localhost:$port?tls=required" >out
	[ "$(statuses out)" = "retry network 1" ]
	config '{"transports":{
		"good":{"url":"smtp://localhost:'"$port"'?tls=required",
			"ca_file":"'"$PWD"'/ca.pem"},
		"open":{"url":"smtp://localhost:'"$port"'?tls=opportunistic"}}}'
	for x in good open; do
		recs 1 | mail-send -x $x >out
		[ "$(statuses out)" = "ok null 1" ]
	done
	[ "$(jq -r 'select(.event == "mail") | .tls' srv/log | xargs)" = "true true" ]
}

@test "lmtp: by a port and by a socket" {
	serve --lmtp
	recs 2 | mail-send -x "lmtp://127.0.0.1:$port" >out
	[ "$(statuses out)" = "ok null 2" ]
	[ "$(taken | wc -l)" = 2 ]
	serve_end
	serve --lmtp --unix "$PWD/sock"
	recs 2 | mail-send -x "lmtp:$PWD/sock" >out
	[ "$(statuses out)" = "ok null 2" ]
}

@test "dsn: the server is asked when the transport says so" {
	serve
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
		"dsn":{"notify":"failure,delay","return":"headers"}}}}'
	recs 1 | mail-send >out
	jq -r 'select(.event == "command") | .line' srv/log >lines
	grep -q 'RET=HDRS.*ENVID=m1\|ENVID=m1.*RET=HDRS' lines
	grep -q 'NOTIFY=FAILURE,DELAY' lines
}

@test "leases: each attempt is counted, and settled" {
	serve -s '[{"stage":"rcpt","match":"m2@","reply":"450 4.2.1 later"}]'
	recs 3 | mail-queue put outbound
	outbound -x "smtp://127.0.0.1:$port"
	[ "$(states)" = "deferred 1
succeeded 2" ]
	[ "$(mail-store list | jq -r .attempts | xargs)" = "1 1 1" ]
	mail-store show m1 | grep -q mail-send
}

@test "leases: one that is lost is not sent, and its record withheld" {
	serve
	recs 2 | mail-queue put outbound
	mail-queue take -c 2 outbound >taken.json
	sqlite3 state/mail.db "UPDATE mail SET owner='other' WHERE id='m1'"
	run -75 --separate-stderr mail-send -x "smtp://127.0.0.1:$port" <taken.json
	[ "$(jq -r .id <<<"$output")" = m2 ]
	[[ $stderr == *"m1: not started: its lease is over"* ]]
	[ "$(taken)" = m2@example.jp ]
}

@test "leases: nothing is started while no connection is to be had" {
	serve -s '[{"stage":"greeting","delay":2}]'
	recs 3 | mail-queue put outbound
	mail-queue take -c 3 outbound >taken.json
	mail-send -x "smtp://127.0.0.1:$port" <taken.json >out &
	wait_for 10 has_event connect 1
	[ "$(sqlite3 state/mail.db "SELECT count(*) FROM mail WHERE stage<>''")" = 0 ]
	ends_with 0 $!
	[ "$(statuses out)" = "ok null 3" ]
}

@test "leases: a kill in the middle parks what was on its way, and nothing else" {
	serve -s '[{"stage":"end","match":"m1@","do":"stall"}]'
	recs 3 | mail-queue put outbound
	mail-queue take -c 3 outbound >taken.json
	mail-send -P 1 -x "smtp://127.0.0.1:$port" <taken.json >out &
	wait_for 10 grep -q '"line": "DATA' srv/log
	kill -KILL $!
	ends_with 137 $!
	[ ! -s out ]
	sqlite3 state/mail.db "UPDATE mail SET due_at=1 WHERE state=3"
	mail-queue take -c 3 outbound | jq -r .id | xargs >again
	[ "$(cat again)" = "m2 m3" ]
	[ "$(state_of m1)" = parked ]
}

@test "without a lease nothing is started or settled" {
	serve
	recs 2 | mail-queue put outbound
	mail-store list | mail-send -x "smtp://127.0.0.1:$port" >out
	[ "$(statuses out)" = "ok null 2" ]
	[ "$(states)" = "ready 2" ]
	[ "$(mail-store list | jq .attempts | sort -u)" = 0 ]
}

@test "signals: what is on its way is finished, what waits goes back" {
	serve -s '[{"stage":"end","match":"m1@","delay":1}]'
	mkfifo in
	mail-send -P 1 -x "smtp://127.0.0.1:$port" <in >out &
	pid=$!
	exec 5>in
	recs 5 >&5
	wait_for 10 grep -q '"line": "DATA' srv/log
	kill -TERM $pid
	ends_with 0 $pid
	exec 5>&-
	[ "$(jq -r '"\(.id) \(.result.status)"' out | sort)" = "m1 ok
m2 null
m3 null
m4 null
m5 null" ]
	[ "$(taken)" = m1@example.jp ]
}

@test "signals: a second one ends at once" {
	serve -s '[{"stage":"end","do":"stall"}]'
	mkfifo in
	mail-send -x "smtp://127.0.0.1:$port" <in >out 2>err &
	pid=$!
	exec 5>in
	recs 1 >&5
	wait_for 10 grep -q '"line": "DATA' srv/log
	kill -TERM $pid
	kill -TERM $pid
	wait_for 5 gone $pid || kill -TERM $pid
	ends_with 75 $pid
	exec 5>&-
	[ ! -s out ]
	grep -q 'signal 15 again: 1 mail' err
}

gone() { ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; }

@test "a record goes out as soon as its fate is known" {
	serve -s '[{"stage":"end","match":"m1@","delay":3}]'
	mkfifo in
	mail-send -P 2 -x "smtp://127.0.0.1:$port" <in >out &
	exec 5>in
	recs 3 >&5
	wait_for 2 lines_in 2 out
	[ "$(jq -r .id out | sort | xargs)" = "m2 m3" ]
	exec 5>&-
	ends_with 0 $!
	[ "$(statuses out)" = "ok null 3" ]
}

@test "a reader that is slow stops what is new, and loses nothing" {
	serve
	recs 300 "$(jq -nc '{pad: ("0" * 3000)}')" |
		mail-send -x "smtp://127.0.0.1:$port" | {
		sleep 1 # of the reader, who is slow
		cat
	} >out
	[ "$(statuses out)" = "ok null 300" ]
	[ "$(taken | sort -u | wc -l)" = 300 ]
}

@test "rates: moments are kept, in all processes together" {
	serve
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
		"limits":{"per_s":20}}}}'
	start=$(date +%s%N)
	recs 20 | mail-send >out &
	recs 20 | jq -c '.id += "x"' | mail-send >out2
	wait $!
	ms=$((($(date +%s%N) - start) / 1000000))
	[ "$(statuses out)" = "ok null 20" ]
	[ "$(statuses out2)" = "ok null 20" ]
	[ "$ms" -ge 1800 ]
}

@test "rates: what is too far away is snoozed, costs nothing, and no other waits" {
	serve
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'"}},
		"tenants":{"t":{"limits":{"per_day":3}}}}'
	{
		recs 10
		recs 5 '{"tenant":"t2"}' | jq -c '.id += "x"'
	} >all
	mail-queue put outbound <all
	outbound
	[ "$(count succeeded)" = 8 ]
	[ "$(count scheduled)" -ge 1 ]
	[ "$(count dead)$(count deferred)$(count parked)" = 000 ]
	[ "$(mail-store list | jq 'select(.tenant == "t" and .state != "succeeded") |
		.attempts' | sort -u)" = 0 ]
	mail-send <all >out
	jq -e 'select(.id == "m9") | .result | .status == "snooze" and
		.class == "throttle" and .after_s > 600 and
		(.reason | startswith("tenant:t: its 3 in 24 hours"))' \
		<(grep '"m9"' out)
}

@test "rates: each domain has its own, and one that is named the one it names" {
	serve
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
		"domains":{"one.example":{"limits":{"per_day":1}},
			"*":{"limits":{"per_day":2}}}}}}'
	for domain in one two three; do
		recs 4 | jq -c --arg d $domain '.id += $d |
			.mail.to = "\(.id)@\($d | ascii_upcase).example"'
	done | mail-send >out
	[ "$(jq -r 'select(.result.status == "ok") | .mail.to' out |
		sed 's/.*@//' | sort | uniq -c | awk '{print $2, $1}')" = \
		"ONE.example 1
THREE.example 2
TWO.example 2" ]
	[ "$(jq -r .result.detail.limit out | sort -u)" = "domain:default:one.example
domain:default:three.example
domain:default:two.example
null" ]
}

@test "rates: a server that says slow down is heard, and no attempt used" {
	serve -s '[{"stage":"mail","match":"","mail":3,"times":1,
		"reply":"421 4.7.0 too many messages, slow down"}]'
	recs 6 | mail-queue put outbound
	outbound -P 1 -x "smtp://127.0.0.1:$port"
	# It, and those behind it: nothing is asked for the next minute.
	[ "$(count succeeded)" = 2 ]
	[ "$(mail-store list -s scheduled | jq -r '"\(.attempts) \(.last.class)"' |
		sort -u)" = "0 throttle" ]
	[ "$(events mail)" = 2 ]
}

@test "connections: a transport's limit holds for all processes" {
	serve -s '[{"stage":"end","delay":0.1}]'
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
		"limits":{"connections":1}}}}'
	recs 5 | mail-send >out &
	recs 5 | jq -c '.id += "x"' | mail-send >out2
	wait $!
	[ "$(statuses out)" = "ok null 5" ]
	[ "$(statuses out2)" = "ok null 5" ]
	# Never two at a time: each is closed before the next is opened.
	[ "$(jq -r 'select(.event == "connect" or .event == "close") | .event' \
		srv/log | uniq -d)" = "" ]
}

@test "memory does not grow with the number of mails, nor with their size" {
	need_release
	need /usr/bin/time
	serve --quiet
	peak() {
		/usr/bin/time -f %M -o peak mail-send -x "smtp://127.0.0.1:$port" >out
		cat peak
	}
	few=$(recs 50 | peak)
	many=$(recs 3000 | peak)
	[ "$(statuses out)" = "ok null 3000" ]
	[ "$many" -lt $((few + 8000)) ]
	mail large 30000000 | receive
	large=$(mail-store list |
		jq -c '.envelope = {from: "", to: "b@example.jp"}' | peak)
	[ "$(statuses out)" = "ok null 1" ]
	[ "$large" -lt $((few + 8000)) ]
}
