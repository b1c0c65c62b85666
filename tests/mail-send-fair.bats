#!/usr/bin/env bats
# mail-send: servers that hold up their own mail hold up no other's, and what is
# urgent goes first.

setup() {
	load helpers
	load smtp.d/helpers
	load send.d/helpers
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

# two SCRIPT [LIMITS]: tenant t's server does as the script says, that of t2 is
# fine.
two() {
	serve -s "$1"
	slow=$port
	mv srv slow
	serve
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$slow"'",
			"time_limits":'"${2:-{\}}"'},
			"own":{"url":"smtp://127.0.0.1:'"$port"'"}},
		"tenants":{"t2":{"transport":"own"}}}'
}

lines_in() { [ -e "$2" ] && [ "$(wc -l <"$2")" -ge "$1" ]; }

# of TENANT FILE: "STATUS CLASS COUNT", sorted.
of() {
	jq -r --arg t "$1" 'select(.tenant == $t) |
		"\(.result.status) \(.result.class)"' "$2" | sort | uniq -c |
		awk '{print $2, $3, $1}'
}

@test "a server that answers late keeps no place from others" {
	two '[{"stage":"end","do":"freeze"}]'
	mkfifo in
	mail-send -P 2 <in >out &
	exec 5>in
	recs 8 >&5
	wait_for 10 grep -q '"line": "DATA' slow/log
	recs 5 '{"tenant":"t2"}' >&5
	wait_for 8 lines_in 5 out
	[ "$(of t2 out)" = "ok null 5" ]
	# It has no more connections than it may have, for that.
	[ "$(grep -c '"event": "connect"' slow/log)" -le 2 ]
	kill -KILL $!
	exec 5>&-
}

@test "what waits behind a server that answers late leaves the window" {
	two '[{"stage":"end","do":"freeze"}]'
	recs 12 | mail-queue put outbound
	mail-queue take -c 12 outbound | mail-send -P 2 >out &
	wait_for 16 lines_in 9 out
	[ "$(of t out)" = "snooze network 9" ]
	[ "$(jq -r .result.holds out | sort -u)" = null ]
	kill -KILL $!
}

# order: to whom the mails went that were taken, in their order.
order() { jq -r 'select(.event == "mail" and .accepted) | .to[]' srv/log; }

@test "what is urgent overtakes mail in hand that waits for its rate" {
	serve
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'"}},
		"tenants":{"t":{"limits":{"per_s":3}}}}'
	mkfifo in
	mail-send <in >out &
	exec 5>in
	recs 25 >&5
	wait_for 5 lines_in 4 out
	recs 1 '{"priority":9}' | jq -c '.id = "otp" | .mail.to = "otp@example.jp"' >&5
	wait_for 2 grep -q '"id":"otp"' out
	[ "$(wc -l <out)" -lt 14 ]
	exec 5>&-
	ends_with 0 $!
	[ "$(of t out)" = "ok null 26" ]
	[ "$(order | grep -n otp | cut -d: -f1)" -lt 12 ]
}

@test "what is urgent goes before what waits for a connection" {
	serve -s '[{"stage":"end","delay":0.3}]'
	mkfifo in
	mail-send -P 1 -x "smtp://127.0.0.1:$port" <in >out &
	exec 5>in
	recs 20 >&5
	wait_for 5 lines_in 2 out
	recs 1 '{"priority":9}' | jq -c '.id = "otp" | .mail.to = "otp@example.jp"' >&5
	exec 5>&-
	ends_with 0 $!
	[ "$(of t out)" = "ok null 21" ]
	[ "$(order | grep -n otp | cut -d: -f1)" -lt 8 ]
}

# ends_with STATUS PID: wait for a background job.
ends_with() {
	local got=0
	wait "$2" || got=$?
	[ "$got" = "$1" ]
}

# shared RULES: both tenants send by one server, which does as they say.
shared() {
	serve -s "$1"
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'"}}}'
}

# run_line: the sending line; the results are in out.
run_line() {
	mail-queue take -1 outbound | mail-send | tee out | mail-queue settle
}

@test "an address that a server does not let one tenant use holds no other" {
	shared '[{"stage":"end","match":"m.@","reply":"554 Message rejected: Email address is not verified."}]'
	recs 9 | mail-queue put outbound
	recs 3 | jq -c '.id = "n1\(.id)"' | mail-queue put outbound
	run -0 --separate-stderr run_line
	[ -z "$stderr" ]
	[ "$(of t out)" = "snooze configuration 12" ]
	recs 5 '{"tenant":"t2"}' | jq -c '.id += "x" | .mail.to = "other@example.jp"' |
		mail-queue put outbound
	run_line
	[ "$(of t2 out)" = "ok null 5" ]
	[ "$(mail-store list -s scheduled | jq .attempts | sort -u)" = 0 ]
}

@test "a relay that denies all is asked ten times, then held" {
	shared '[{"stage":"rcpt","reply":"554 5.7.1 Relay access denied"}]'
	recs 9 | mail-queue put outbound
	run -0 --separate-stderr run_line
	[ -z "$stderr" ]
	recs 9 '{"tenant":"t2"}' | jq -c '.id += "x"' | mail-queue put outbound
	run -0 --separate-stderr run_line
	[[ $stderr == *"route @default is held: "*"trouble with configuration"* ]]
	[ "$(mail-store list | jq .attempts | sort -u)" = 0 ]
}

@test "a server that turns us away at its greeting costs no mail an attempt" {
	shared '[{"stage":"greeting","reply":"421 4.3.2 not now","do":"close"}]'
	recs 12 | mail-queue put outbound
	run -0 --separate-stderr run_line
	[[ $stderr == *"route @default is held: "*"trouble with network"* ]]
	[ "$(of t out)" = "snooze network 12" ]
	[ "$(mail-store list | jq .attempts | sort -u)" = 0 ]
	[ "$(grep -c '"event": "connect"' srv/log)" = 1 ]
}

@test "a rate limit that never ends is a retry one day, and dies of its age" {
	shared '[{"stage":"rcpt","match":"m1@","reply":"550 rate limit exceeded"}]'
	recs 1 | mail-queue put outbound
	run_line
	[ "$(mail-store list | jq -c '[.state, .attempts]')" = '["scheduled",0]' ]
	sqlite3 state/mail.db "UPDATE mail SET since=since-432000001, due_at=1"
	sqlite3 state/lock.db "DELETE FROM rate"
	sqlite3 state/mail.db "DELETE FROM pace; UPDATE lane SET is_held=0"
	run_line
	[ "$(mail-store list | jq -c '[.state, .attempts, .last.class]')" = \
		'["deferred",1,"throttle"]' ]
	run -0 mail-retry due outbound
	[ "$(mail-store list | jq -r .state)" = dead ]
}

@test "a server without a login for us holds the transport, and costs no attempt" {
	serve
	echo right >secret
	chmod 600 secret
	config '{"transports":{"default":{"url":"smtp://127.0.0.1:'"$port"'",
		"user":"shop","password":{"file":"'"$PWD"'/secret"}}}}'
	recs 5 | mail-send >out
	[ "$(of t out)" = "snooze credentials 5" ]
	[ "$(jq -r .result.holds out | sort -u)" = true ]
	grep -q 'offers no AUTH' out
}

@test "a transport that cannot be set up here costs no attempt" {
	config '{"transports":{"default":{"url":"smtps://localhost:1",
		"ca_file":"'"$PWD"'/nosuch"}}}'
	recs 3 | mail-send >out
	[ "$(of t out)" = "snooze configuration 3" ]
}

@test "a low limit of descriptors is raised where it may be" {
	serve -s '[{"stage":"end","delay":0.3}]'
	recs 120 >in
	(ulimit -Sn 64 && mail-send -P 100 -x "smtp://127.0.0.1:$port" <in >out)
	[ "$(of t out)" = "ok null 120" ]
}

# no_names COMMAND...: where nobody answers the questions of the resolver.
no_names() {
	need_root
	need unshare ip
	unshare -mn true 2>/dev/null || skip "no namespaces here"
	printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >resolv
	cat >silent.py <<-'EOF'
		import socket, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("127.0.0.1", 53))
		open("silent", "w").write("1")
		time.sleep(60)
	EOF
	unshare -mn bash -c 'ip link set lo up
		mount --bind resolv /etc/resolv.conf
		python3 silent.py 3>&- &
		silent=$!
		until [ -s silent ]; do :; done
		"$@"
		kill $silent' - "$@"
}

@test "a name that the resolver is silent about keeps no mail from others" {
	config '{"transports":{
			"default":{"url":"smtp://mx.silent.example"},
			"own":{"url":"maildir:'"$PWD"'/own"}},
		"tenants":{"t2":{"transport":"own"}}}'
	{
		recs 4
		recs 4 '{"tenant":"t2"}'
	} >in
	no_names mail-send <in >out
	[ "$(of t2 out)" = "ok null 4" ]
	[ "$(of t out)" = "retry network 4" ]
	[ "$(head -n 4 out | jq -r .tenant | sort -u)" = t2 ]
	jq -e 'select(.tenant == "t") | .result.reason |
		contains("mx.silent.example")' out
}
