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
	# Only who says nothing is waited for.
	diff <(rows | grep -nE 'stall|freeze' | cut -d : -f 1) \
		<(jq 'select(.error | contains("time limit")) | .row' all)
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

# served OPTION... -- FILE...: with the server's options before it in "$@".
commands() { jq -r 'select(.event == "command") | .line' srv/log; }

@test "smtp: what was accepted arrives as it is, whatever its lines are" {
	"$MAILPIPE_REPO/tests/smtp.d/odd.py"
	serve --quiet
	drive -t 'r{n}@example.jp' -- odd*
	[ "$(jq -r '.outcome' answers | sort -u)" = accepted ]
	jq -c 'select(.event == "mail") | [.to[0], .digest, .bare]' srv/log |
		diff wants -
	# Files are read in windows; the head comes first.
	serve --keep
	drive -H $'X-Head: 1\r\n' -- large
	[ "$(cat <(printf 'X-Head: 1\r\n') <(sed 's/$/\r/' large) | b2sum)" = \
		"$(b2sum <srv/1.1)" ]
	server_is_fine
}

@test "smtp: nothing is said of a mail that cannot be sent there" {
	printf 'Subject: 8-bit\n\n\351\n' >latin
	printf 'Subject: \303\251\n\n' >utf8
	printf 'Subject: x\n\n\0' >nul
	serve --ext "PIPELINING,SIZE 10000"
	drive -- latin utf8 nul large small
	diff <(jq -r '"\(.outcome) \(.state) \(.error)"' answers) - <<-END
		impossible idle message: it has 8-bit text, and the server does not offer 8BITMIME
		impossible idle message: it has 8-bit text, and the server does not offer 8BITMIME
		impossible idle message: it has NUL bytes, which SMTP does not carry
		impossible idle message: $(($(wc -lc <large | tr -s ' ' +))) bytes; the server takes 10000
		accepted idle 
	END
	[ "$(commands | grep -c MAIL)" = 1 ]
	serve --ext "8BITMIME"
	drive -- latin utf8
	[ "$(jq -r .outcome answers | xargs)" = "accepted impossible" ]
	serve
	drive -t 'a@b> NOTIFY=NEVER' -- small
	drive -f $'a@b>\r\nRSET' -- small
	[ "$(commands | grep -vE '^(EHLO|QUIT)')" = "" ]
	drive -f "" -D 'x+1;FAILURE;HDRS' -- utf8
	commands | grep -xF 'MAIL FROM:<> SIZE=15 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2B1'
	commands | grep -xF 'RCPT TO:<b@example.jp> NOTIFY=FAILURE ORCPT=rfc822;b@example.jp'
	server_is_fine
}

@test "smtp: a refusal costs no connection, and what is said next begins anew" {
	local ext
	for ext in PIPELINING 8BITMIME; do
		serve -s '[{"stage":"mail","mail":1,"times":1,"reply":"450 later"},
			{"stage":"rcpt","match":"r2@","reply":"550 5.1.1 no"},
			{"stage":"data","mail":1,"times":1,"reply":"354 for nobody"},
			{"stage":"end","match":"r4@","reply":"554 spam"}]' \
			--ext "$ext"
		drive -n 5 -t 'r{n}@example.jp' -- small
		[ "$(outcomes | paste -sd ,)" = "refused mail 450,refused rcpt 550,accepted end 250,refused end 554,accepted end 250" ]
		[ "$(jq -r .connection answers | sort -u)" = 0 ]
		[ "$(jq -s 'map(select(.event == "connect")) | length' srv/log)" = 1 ]
		[ "$(taken | xargs)" = "r3@example.jp r5@example.jp" ]
		# Where DATA was taken for nobody, nothing was sent.
		[ "$(jq -c 'select(.event == "mail" and .to == []) | .size' \
			srv/log | xargs)" = "$([ $ext = PIPELINING ] && echo 0)" ]
		[ "$(commands | grep -c RSET)" = 3 ]
		server_is_fine
	done
}

@test "smtp: a server that takes the recipient of what it refused gets no empty mail" {
	serve -s '[{"stage":"mail","mail":1,"times":1,"reply":"550 5.7.1 not this"},
		{"stage":"rcpt","times":1,"reply":"250 2.1.5 all the same"}]'
	drive -- small small
	[ "$(outcomes | paste -sd ,)" = "refused mail 550,accepted end 250" ]
	[ "$(jq -c 'select(.event == "mail") | .size > 0' srv/log)" = true ]
	server_is_fine
}

@test "smtp: PIPELINING is one write" {
	need_release # no leak checker under strace
	need strace
	serve
	strace -f -s 200 -o trace -e trace=sendto "$drive" localhost "$port" small small
	[ "$(grep -c 'sendto(.*"MAIL' trace)" = 2 ]
	grep -q 'sendto(.*"MAIL FROM:.*RCPT TO:.*DATA' trace
	# Each mail its commands and its bytes; QUIT.
	[ "$(sed -n '/MAIL/,$p' trace | grep -c '"')" = 5 ]
}

@test "smtp: it notices when the server leaves while nothing is to be sent" {
	serve -s '[{"stage":"idle","mail":2,"delay":0.1,"do":"close",
		"reply":"421 4.4.2 too idle"}]'
	drive -i 20000 -- small
	[ "$(outcomes | paste -sd ,)" = "accepted end 250,closed connect 421" ]
	serve -s '[{"stage":"idle","mail":2,"delay":0.1,"do":"close"}]'
	drive -i 20000 -- small
	[ "$(outcomes | paste -sd ,)" = "accepted end 250,closed connect 0" ]
	serve -s '[{"stage":"idle","mail":2,"delay":0.1,"reply":"250 what"}]'
	drive -i 20000 -- small
	[ "$(outcomes | paste -sd ,)" = "accepted end 250,closed connect 250" ]
}

@test "smtp: an end waits for nobody" {
	certificates
	local start options rules='[{"stage":"quit","do":"freeze"}]'
	for options in "" "-T required -C ca.pem"; do
		serve -s "$rules" --cert good.pem
		start=${EPOCHREALTIME/./}
		# shellcheck disable=SC2086 # options, one word each
		drive $options -- small
		[ "$(outcomes)" = "accepted end 250" ]
		wait_for 10 grep -q '"QUIT"' srv/log
		[ $((${EPOCHREALTIME/./} - start)) -lt 5000000 ]
	done
}

## Many.

@test "smtp: every mail is accounted for, whatever happens at random" {
	serve -s '[
		{"stage":"mail","chance":0.02,"reply":"451 4.3.0 later"},
		{"stage":"mail","chance":0.02,"do":"close"},
		{"stage":"rcpt","chance":0.03,"reply":"550 5.1.1 no"},
		{"stage":"rcpt","chance":0.02,"reply":"421 4.7.0 slow","do":"close"},
		{"stage":"data","chance":0.02,"do":"half"},
		{"stage":"data","chance":0.02,"reply":"554 no"},
		{"stage":"body","chance":0.02,"after":300,"do":"reset"},
		{"stage":"end","chance":0.03,"do":"close","accept":true},
		{"stage":"end","chance":0.03,"do":"reset"},
		{"stage":"end","chance":0.03,"reply":"451 later"},
		{"stage":"end","chance":0.03,"reply":"250 fine","do":"close"},
		{"stage":"idle","chance":0.02,"reply":"421 idle","do":"close"}]' \
		--quiet
	drive -P 10 -r 1000 -n 3000 -t 'r{n}@example.jp' -- small
	server_is_fine
	jq -r 'select(.n) | "\(.n) \(.outcome)"' answers | sort -n >fates
	[ "$(cut -d ' ' -f 1 fates | uniq | wc -l)" = 3000 ]
	[ "$(wc -l <fates)" = 3000 ]
	[ "$(cut -d ' ' -f 2 fates | sort -u | xargs)" = \
		"accepted broken refused unknown" ]
	taken | uniq -d >twice
	[ ! -s twice ]
	taken | tr -cd '0-9\n' | sort >taken
	grep ' accepted' fates | cut -d ' ' -f 1 | sort >accepted
	grep ' unknown' fates | cut -d ' ' -f 1 | sort >unknown
	[ -z "$(comm -23 accepted taken)" ]
	[ -z "$(comm -13 accepted taken | comm -23 - unknown)" ]
	# Some of those were taken, some not.
	[ -n "$(comm -12 unknown taken)" ]
	[ -n "$(comm -23 unknown taken)" ]
}

@test "smtp: 300 connections at once" {
	serve --quiet
	drive -P 300 -n 3000 -q -- small
	[ "$(jq -c '[.accepted, .connections]' answers)" = "[3000,300]" ]
	server_is_fine
}

@test "smtp: a large message takes no more memory than a small one" {
	local small
	yes "$(mail line 60 | tail -n 1)" | head -c 100000000 >huge
	serve --quiet --ext PIPELINING
	drive -q -- small
	small=$(jq .rss_kb answers)
	drive -q -- huge
	[ "$(jq .accepted answers)" = 1 ]
	[ "$(jq .rss_kb answers)" -lt $((small + 2000)) ]
}

## Opening.

# What comes of it, what is in the error, options of ours, of the server, a rule;
# "-" is nothing.
opened_rows() {
	cat <<-'END'
		accepted end 250	-	-T required -C ca.pem	--cert good.pem	{}
		accepted end 250	-	-T implicit -C ca.pem	--cert good.pem --implicit	{}
		accepted end 250	-	-T opportunistic	--cert other.pem	{}
		accepted end 250	-	-T opportunistic	-	{}
		accepted end 250	-	-T required -C ca.pem -U user -W secret	--cert good.pem --auth PLAIN	{}
		accepted end 250	-	-U user -W secret -A login	--auth PLAIN,LOGIN	{}
		accepted end 250	-	-U user -W secret	--auth LOGIN	{}
		accepted end 250	-	-U user -W secret -A xoauth2	--auth PLAIN,XOAUTH2	{}
		accepted end 250	-	-	-	{"stage":"ehlo","match":"EHLO","reply":"500 what?"}
		unopened connect 0	unable to get local issuer certificate	-T required	--cert good.pem	{}
		unopened connect 0	unable to get local issuer certificate	-T implicit	--cert good.pem --implicit	{}
		unopened connect 0	no alternative certificate	-T required -C ca.pem	--cert other.pem	{}
		unopened connect 0	certificate has expired	-T required -C ca.pem	--cert old.pem	{}
		unopened connect 0	STARTTLS not supported	-T required	-	{}
		unopened connect 454	STARTTLS denied	-T required -C ca.pem	--cert good.pem	{"stage":"starttls","reply":"454 4.7.0 not now"}
		accepted end 250	-	-T opportunistic	--cert good.pem	{"stage":"starttls","reply":"454 4.7.0 not now"}
		unopened connect 0	Weird server reply	-T required -C ca.pem	--cert good.pem	{"stage":"starttls","reply":"220 go on\n250-mx\n250 DSN"}
		unopened connect 0	time limit	-T required -C ca.pem	--cert good.pem	{"stage":"tls","do":"freeze"}
		unopened connect 0	STARTTLS not supported	-T opportunistic -U user -W secret	--auth PLAIN	{}
		unopened auth 535	Login denied	-U user -W SeCrEt	--auth PLAIN	{}
		unopened auth 535	Login denied	-U user -W SeCrEt	--auth PLAIN	{"stage":"auth","reply":"535 not SeCrEt"}
		unopened auth 535	Login denied	-U user -W SeCrEt	--auth PLAIN	{"stage":"auth","reply":"535 not U2VDckV0"}
		unopened auth 535	Login denied	-U user -W SeCrEt	--auth PLAIN	{"stage":"auth","reply":"535 not AHVzZXIAU2VDckV0"}
		unopened auth 535	Login denied	-U us -W SeCrEt	--auth PLAIN	{"stage":"auth","reply":"535 not AHVzAFNlQ3JFdA=="}
		refused mail 530	-	-U user -W secret	--auth PLAIN	{"stage":"mail","reply":"530 not for secret"}
		unopened auth 454	Login denied	-U user -W secret	--auth PLAIN	{"stage":"auth","reply":"454 4.7.0 later"}
		unopened auth 0	Login denied	-U user -W secret -A plain	--auth LOGIN	{}
		unopened auth 0	offers no AUTH	-U user -W secret	-	{}
		unopened connect 554	554	-	-	{"stage":"greeting","reply":"554 5.3.2 closed"}
		unopened connect 421	421	-	-	{"stage":"greeting","reply":"421 4.3.2 busy","do":"close"}
		unopened connect 0	time limit	-	-	{"stage":"greeting","do":"freeze"}
		unopened connect 0	time limit	-	-	{"stage":"ehlo","do":"stall"}
		unopened connect 0	localhost	-	-	{"stage":"greeting","do":"close"}
		unopened connect 0	localhost	-	-	{"stage":"greeting","do":"half"}
		unopened connect 0	localhost	-	-	{"stage":"ehlo","do":"reset"}
		unopened connect 0	not SMTP	-	-	{"stage":"greeting","reply":"HTTP/1.1 400 Bad Request"}
		unopened connect 0	not SMTP	-	-	{"stage":"greeting","reply":"220-hello\n220 there","repeat":100000}
		unopened connect 0	localhost	-	-	{"stage":"greeting","reply":"220 LONG"}
		unopened connect 0	localhost	-	-	{"stage":"ehlo","reply":"250-LONG\n250 DSN"}
	END
}

@test "smtp: what opens, and why something does not" {
	certificates
	local expected error ours theirs rule n=0
	head -c 1000000 /dev/zero | tr '\0' x >long
	while IFS=$'\t' read -r expected error ours theirs rule; do
		n=$((n + 1))
		rule=$(jq -c --rawfile long long '.stage //= "none" |
			(.reply | strings) |= gsub("LONG"; $long)' <<<"$rule")
		[ "$ours" != - ] || ours=
		[ "$theirs" != - ] || theirs=
		# shellcheck disable=SC2086 # options, one word each
		serve -s "[$rule]" $theirs
		# shellcheck disable=SC2086
		drive -L command=700 $ours -- small
		serve_end
		run ! grep -iE 'secret|U2VDckV0|AFNlQ3JFdA' answers
		if [ "$(outcomes)" = "$expected" ]; then
			[ "$error" = - ] || grep -qF "$error" answers ||
				touch wrong
		else
			touch wrong
		fi
		[ ! -e wrong ] || {
			echo "row $n: not $expected, $error:" >&2
			cat answers srv/stderr >&2
			return 1
		}
		rm -r srv
	done < <(opened_rows)
}

@test "smtp: what was offered before TLS does not count" {
	certificates
	printf 'Subject: x\n\n\351\n' >latin
	serve --cert good.pem --clear PIPELINING,8BITMIME,DSN,SIZE --ext ""
	drive -T required -C ca.pem -D 'x;NEVER;HDRS' -- small latin
	[ "$(jq -r .outcome answers | xargs)" = "accepted impossible" ]
	commands | grep -xF 'MAIL FROM:<a@example.com>'
	serve --cert good.pem --clear "" --ext SIZE,8BITMIME
	drive -T required -C ca.pem -- latin
	commands | grep -xF 'MAIL FROM:<a@example.com> SIZE=17 BODY=8BITMIME'
}

@test "a server that is slow with each of its words is not opened for ever" {
	serve --delay 0.8 --auth PLAIN
	drive -L connect=300 -L command=1000 -U user -W secret -- small || true
	grep -q 'no answer within the time limit' answers
	[ -z "$(taken)" ]
	drive -L connect=300 -L command=3000 -U user -W secret -- small
	[ "$(jq -r .outcome answers)" = accepted ]
}
