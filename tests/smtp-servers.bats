#!/usr/bin/env bats
# The SMTP and LMTP client with the servers of others.

# Before teardown, which is ours then.
load helpers
load smtp.d/helpers

setup() {
	# shellcheck source=scripts/postfix.sh
	. "$MAILPIPE_REPO/scripts/postfix.sh"
	smtp_setup
}

teardown() {
	pf_stop
	[ -z "${dovecot:-}" ] || doveadm -c dc/conf stop || true
	mailpipe_teardown
}

# The body of a mail, from the first line of ours on: servers put theirs before.
ours() { sed -n '/^From: Alice/,$p' "$1" | tr -d '\r'; }

@test "smtp-sink: many mails over kept connections" {
	need smtp-sink
	port=$(free_port)
	smtp-sink -u nobody -c "127.0.0.1:$port" 100 >counted 2>&1 3>&- &
	wait_for 20 listens "$port"
	drive -q -P 10 -n 1000 -- small dots
	[ "$(jq -c '[.accepted, .connections]' answers)" = "[2000,10]" ]
}

@test "smtp-sink: it refuses, or closes, at each stage" {
	need smtp-sink
	local row
	for row in "-f connect|unopened connect 500" "-r mail|refused mail 450" \
		"-f rcpt|refused rcpt 500" "-r data|refused data 450" \
		"-f .|refused end 500" "-r rcpt|refused rcpt 450" \
		"-Q mail|refused mail 421" "-Q .|refused end 421" \
		"-q mail|broken mail 0" "-q data|broken data 0" \
		"-q .|unknown end 0"; do
		port=$(free_port)
		# shellcheck disable=SC2086 # options, one word each
		smtp-sink -u nobody ${row%|*} "127.0.0.1:$port" 100 3>&- &
		wait_for 20 listens "$port"
		drive -- small
		[ "$(outcomes)" = "${row#*|}" ] || {
			echo "$row: $(outcomes)" >&2
			return 1
		}
		kill $!
	done
}

@test "postfix: TLS and AUTH, what it takes and what it refuses" {
	need postfix
	dovecot_start
	certificates
	chmod 755 .
	pf_write "$PWD/pf" nobody \
		"smtpd_tls_cert_file = $PWD/good.crt" \
		"smtpd_tls_key_file = $PWD/good.key" \
		"smtpd_tls_security_level = encrypt" \
		"smtpd_sasl_auth_enable = yes" "smtpd_sasl_type = dovecot" \
		"smtpd_sasl_path = $PWD/dc/auth" \
		"smtpd_relay_restrictions = permit_sasl_authenticated, reject" \
		"message_size_limit = 100000" "smtputf8_enable = yes" \
		"mailbox_size_limit = 0" "virtual_alias_maps =" \
		"smtpd_forbid_bare_newline = yes"
	pf_alias "bob: $PWD/pf/box/" "root: bob"
	mkdir pf/box
	chown nobody pf/box
	pf_start 3>&-
	port=$pf_port
	cat <(printf 'Subject: caf\303\251\n') small >utf8

	drive -T required -C ca.pem -U user -W secret -t bob@example.test -n 10 \
		-- small dots
	[ "$(outcomes | sort | uniq -c | xargs)" = "20 accepted end 250" ]
	[ "$(jq -r .connection answers | sort -u)" = 0 ]
	pf_wait_empty 30
	[ "$(find pf/box/new -type f | wc -l)" = 20 ]
	[ "$(find pf/box/new -type f | while read -r f; do ours "$f" | b2sum; done |
		sort -u)" = "$(for f in small dots; do b2sum <$f; done | sort -u)" ]

	drive -T required -C ca.pem -U user -W secret -t bob@example.test -- large
	grep -q "server takes 100000" answers
	drive -T required -C ca.pem -U user -W secret -t b@elsewhere.test.. -- \
		small
	[[ "$(outcomes)" = "refused rcpt "* ]]
	drive -T required -C ca.pem -U user -W wrong -- small
	[ "$(outcomes)" = "unopened auth 535" ]
	drive -T required -C ca.pem -t bob@example.test -- small
	[ "$(outcomes)" = "refused rcpt 554" ]
	drive -t bob@example.test -- small
	[ "$(outcomes)" = "refused mail 530" ]
	drive -T required -C ca.pem -U user -W secret -t "bob@example.test" \
		-D 'order-1;NEVER;HDRS' -- utf8
	[ "$(outcomes)" = "accepted end 250" ]
}

@test "dovecot: LMTP over TCP and over a UNIX socket" {
	dovecot_start
	local way
	for way in "" "-u $PWD/dc/lmtp"; do
		rm -rf dc/mail/*
		# shellcheck disable=SC2086 # options, one word each
		drive -l $way -n 5 -t 'r{n}@example.jp' -- small dots
		[ "$(outcomes | sort | uniq -c | xargs)" = \
			"10 accepted end 250" ]
		[ "$(jq -r .connection answers | sort -u)" = 0 ]
		[ "$(find dc/mail -path '*/new/*' -type f | wc -l)" = 10 ]
		[ "$(ours dc/mail/r2@example.jp/new/* | b2sum)" = \
			"$(b2sum <dots)" ]
	done
	# Who is refused, and the next one.
	drive -l -t 'no@example..jp' -- small
	[[ "$(outcomes)" = "refused rcpt "* ]]
	drive -l -u "$PWD/dc/none" -- small
	[ "$(outcomes)" = "unopened connect 0" ]
}

@test "aiosmtpd: messages are what they were" {
	/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || skip "no aiosmtpd here"
	"$MAILPIPE_REPO/tests/smtp.d/aio.py" port took 3>&- &
	wait_for 20 test -s port
	port=$(cat port)
	"$MAILPIPE_REPO/tests/smtp.d/odd.py"
	# It has limits of its own: no line over 1000 bytes, no other line ends
	# inside.
	drive -t 'r{n}@example.jp' -- odd000? odd01?? small dots
	[ "$(jq -r .outcome answers | sort -u)" = accepted ]
	[ "$(wc -l <took)" = "$(wc -l <answers)" ]
	[ "$(jq -r .digest took | tail -n 2)" = "$(for f in small dots; do
		echo "b2:$(sed 's/$/\r/' $f | b2sum -l 256 | cut -d ' ' -f 1)"
	done)" ]
}
