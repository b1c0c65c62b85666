#!/usr/bin/env bats
# A burst of mail against a server that lets so many a second through: none is
# refused for that, none uses up an attempt, and the rate is used.
#
#   MAILPIPE_SEND_LOAD=full   3,000 mails at 20 a second, 50,000 a day (150 s)

load helpers
load smtp.d/helpers
load send.d/helpers

setup() {
	mailpipe_setup
	need python3 jq
}

teardown() { mailpipe_teardown; }

# transport [LIMITS]: the configuration with the server, and what is more.
transport() {
	config "$(jq -nc --arg url "smtp://127.0.0.1:$port" \
		--argjson limits "${1:-null}" --argjson more "${2:-{\}}" '{
		transports: {default: ({url: $url} +
			if $limits then {limits: $limits} else {} end)}} + $more')"
}

# Was the machine too busy to tell?  Moments of 10 ms are not kept then.
is_held_up() { is_sanitized || grep -q '"event": "held"' srv/log; }

# nobody_paid N: they have succeeded, with one attempt each, each once, and none
# was refused.
nobody_paid() {
	local most=0
	! is_held_up || most=$(($1 / 50))
	echo "refused $(refused), held up $(grep -c '"held"' srv/log)"
	[ "$(states)" = "succeeded $1" ]
	[ "$(mail-store list | jq .attempts | sort -u)" = 1 ]
	[ "$(refused)" -le $most ]
	[ "$(jq -r 'select(.event == "mail") | .to' srv/log | sort | uniq -d)" = "" ]
}

# used N PER_S: at least 95 % of the rate were used.
used() {
	local ms percent=95
	! is_held_up || percent=40
	ms=$(took)
	echo "$1 mails at $2 a second: $ms ms, $(most) in a second," \
		"refused $(refused), held up $(grep -c '"held"' srv/log)" |
		tee -a "${MAILPIPE_SEND_REPORT:-/dev/null}"
	# The first one has taken no time.
	[ $((ms * percent)) -le $((($1 - 1) * 1000 * 100 / $2)) ]
}

@test "load: a burst goes out at the limit of the server, by one line" {
	n=1000 per_s=100
	[ "${MAILPIPE_SEND_LOAD:-}" != full ] || n=3000 per_s=20
	! is_sanitized || n=200
	serve_limited $per_s 50000
	transport '{"per_s":'$per_s',"per_day":50000}'
	queue t 1 $n
	SEND="-P 20" outbound -1
	nobody_paid $n
	used $n $per_s
}

@test "load: two lines share one limit" {
	serve_limited 100 50000
	transport '{"per_s":100}'
	queue t 1 600
	outbound &
	outbound
	wait $!
	nobody_paid 600
	used 600 100
}

@test "load: of five tenants the limited one keeps none of the others back" {
	serve_limited 0 50000
	transport null '{"tenants":{"slow":{"limits":{"per_s":10}}}}'
	queue slow 1 60
	for t in a b c d; do queue $t 1 100; done
	start=$(date +%s%N)
	outbound -1 &
	wait_for 20 sh -c '[ "$(grep -c "\"to\": \"[abcd]\." srv/log)" = 400 ]'
	# Meanwhile it has had what it may have.
	[ "$(sent '^slow')" -le $((10 + ($(date +%s%N) - start) / 90000000)) ]
	[ "$(sent '^slow')" -lt 50 ]
	wait $!
	nobody_paid 460
	is_held_up || [ "$(most '^slow')" -le 10 ]
}

@test "load: without a limit of ours that of the server is found, and it recovers" {
	serve_limited 50 50000
	transport
	queue t 1 300
	for ((i = 0; i < 40 && $(mail-queue stats outbound |
		jq '.ready + .scheduled') > 0; i++)); do
		MAILPIPE_CLOCK=+$((i * 2))s outbound -1 -w 1
	done
	[ "$(states)" = "succeeded 300" ]
	[ "$(mail-store list | jq .attempts | sort -u)" = 1 ]
	[ "$(sent)" = 300 ]
	# It was refused for rate, but not for each mail.
	[ "$(refused)" -ge 1 ]
	[ "$(refused)" -le 60 ]
	# An hour later it has forgotten, and is as fast as the server.
	echo 0 >srv/limit
	was=$(refused)
	queue t 1001 1200
	MAILPIPE_CLOCK=+2h outbound -1
	[ "$(states)" = "succeeded 500" ]
	[ "$(refused)" = "$was" ]
	is_held_up || [ "$(took '^t.1[0-9][0-9][0-9]@')" -lt 3000 ]
}
