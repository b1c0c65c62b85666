#!/usr/bin/env bats
# The SMTP and LMTP client (src/net), driven by tests/driver/smtp.c, with a
# scripted server and with real ones.

setup() {
	load helpers
	load smtp.d/helpers
	smtp_setup
}
teardown() { mailpipe_teardown; }

## What becomes of a mail when the server does this or that.

# Each row: what is the outcome, of which message, by which rule.  Those that
# stand first need PIPELINING or no TLS, or something else, to be like that.
rows() {
	cat <<-'END'
		accepted end 250	small	{"stage":"none"}
		refused mail 451	small	{"stage":"mail","reply":"451 4.3.0 later"}
		refused mail 421	small	{"stage":"mail","reply":"421 4.7.0 slow down","do":"close"}
		broken mail 0	small	{"stage":"mail","do":"close"}
		broken mail 0	small	{"stage":"mail","do":"reset"}
		broken mail 0	small	{"stage":"mail","do":"half"}
		broken mail 0	small	{"stage":"mail","do":"stall"}
		broken mail 0	small	{"stage":"mail","reply":"Hello there"}
		broken mail 0	small	{"stage":"mail","reply":"354 go on"}
		broken rcpt 0	small	{"stage":"mail","reply":"250 fine","do":"close"}
		refused rcpt 550	small	{"stage":"rcpt","reply":"550 5.1.1 nobody"}
		refused rcpt 550	small	{"stage":"rcpt","reply":"550 5.1.1 nobody","do":"close"}
		refused rcpt 450	small	{"stage":"rcpt","reply":"450-4.2.0 grey\n450 4.2.0 list"}
		refused rcpt 421	small	{"stage":"rcpt","reply":"421 4.7.0 slow down","do":"close"}
		broken rcpt 0	small	{"stage":"rcpt","do":"close"}
		broken rcpt 0	small	{"stage":"rcpt","do":"half"}
		broken rcpt 0	small	{"stage":"rcpt","do":"stall"}
		broken rcpt 0	small	{"stage":"rcpt","reply":"999 no code"}
		broken rcpt 0	small	{"stage":"rcpt","reply":"250-one\n550 other"}
		broken data 0	small	{"stage":"rcpt","reply":"250 fine","do":"close"}
		refused data 554	small	{"stage":"data","reply":"554 5.7.1 no"}
		refused data 421	small	{"stage":"data","reply":"421 4.7.0 slow down"}
		broken data 0	small	{"stage":"data","do":"close"}
		broken data 0	small	{"stage":"data","do":"half"}
		broken data 0	small	{"stage":"data","do":"stall"}
		broken data 0	small	{"stage":"data","reply":"250 fine"}
		broken end 0	huge	{"stage":"body","after":5000,"do":"close"}
		broken end 0	huge	{"stage":"body","after":5000,"do":"reset"}
		broken end 0	huge	{"stage":"body","after":5000,"do":"freeze"}
		broken end 0	huge	{"stage":"body","after":5000,"reply":"250 thank you"}
		refused end 552	huge	{"stage":"body","after":5000,"reply":"552 5.3.4 too much"}
		refused end 421	huge	{"stage":"body","after":5000,"reply":"421 4.3.2 down","do":"close"}
		broken end 0	small	{"stage":"data","reply":"354 go on\n250 thank you"}
		refused end 451	small	{"stage":"end","reply":"451 4.3.0 disk full"}
		refused end 554	small	{"stage":"end","reply":"554 5.7.1 spam"}
		refused end 421	small	{"stage":"end","reply":"421 4.3.2 down","do":"close"}
		unknown end 0	small	{"stage":"end","do":"close","accept":true}
		unknown end 0	small	{"stage":"end","do":"reset"}
		unknown end 0	small	{"stage":"end","do":"half"}
		unknown end 0	small	{"stage":"end","reply":"250-first","do":"close","accept":true}
		unknown end 0	small	{"stage":"end","do":"stall"}
		unknown end 0	small	{"stage":"end","reply":"whatever"}
		unknown end 0	small	{"stage":"end","reply":"354 more"}
		unknown end 0	large	{"stage":"end","do":"close"}
		accepted end 250	small	{"stage":"end","reply":"250 2.0.0 ok","do":"close"}
		accepted end 250	large	{"stage":"end","reply":"250-2.0.0 ok\n250 2.0.0 queued"}
	END
}

# One connection a row.  try_rows [SERVER-OPTION]... [-- OPTION]...
try_rows() {
	local expected file rule n=0 server_options=() options=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		server_options+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	yes 'a line like many others, and it goes on and on and on' |
		head -c 20000000 >huge
	for n in command data block end; do options+=(-L "$n=700"); done
	serve -s "$(rows | cut -f 3 | jq -cs 'to_entries |
		map(.key as $n | .value | .connection = $n + 1)')" \
		"${server_options[@]}"
	n=0
	while IFS=$'\t' read -r expected file rule; do
		n=$((n + 1))
		drive "${options[@]}" "$@" -t "r$n@example.jp" -- "$file"
		sed "s/^{/{\"row\":$n,/" answers >>all
	done < <(rows)
	server_is_fine
	rows | awk -F '\t' '{print NR, $1}' >expected
	jq -r 'select(.outcome != "closed") |
		"\(.row) \(.outcome) \(.stage) \(.code)"' all >got
	diff expected got
	# What was accepted has been taken, and nothing else but what may have.
	jq -r 'select(.outcome == "accepted") | "r\(.row)@example.jp"' all |
		sort >accepted
	jq -r 'select(.outcome == "unknown") | "r\(.row)@example.jp"' all |
		sort >unknown
	taken >taken
	[ -z "$(comm -23 accepted taken)" ]
	[ -z "$(comm -13 accepted taken | comm -23 - unknown)" ]
}

@test "smtp: each cut and answer has its outcome" { try_rows; }

@test "smtp: the same without PIPELINING" {
	try_rows --ext 8BITMIME,SMTPUTF8
}

@test "smtp: the same through TLS" {
	certificates
	try_rows --cert good.pem -- -T required -C ca.pem
}

@test "smtp: the same over LMTP" {
	try_rows --lmtp -- -l
}
