#!/usr/bin/env bats
# The whole sending line with the servers of others: Postfix with TLS and AUTH,
# Dovecot's LMTP, aiosmtpd, smtp-sink; wrong passwords and certificates, a relay
# that does not relay.  The client alone: smtp-servers.bats.

load helpers
load smtp.d/helpers
load send.d/helpers
# shellcheck source=scripts/postfix.sh
. "$MAILPIPE_REPO/scripts/postfix.sh"

setup() {
	mailpipe_setup
	need jq python3
	mkdir secrets
	printf 'secret\n' >secrets/right
	printf 'wrong\n' >secrets/wrong
	chmod 600 secrets/*
}

teardown() {
	pf_stop
	[ -z "${dovecot:-}" ] || doveadm -c dc/conf stop || true
	mailpipe_teardown
}

# record TENANT N TO [MAIL]: a mail with all that makes one hard.
record() {
	jq -nc --arg t "$1" --arg n "$2" --arg to "$3" --argjson m "${4:-{\}}" '
		{tenant: $t, key: "mail-\($n)", mail: ({from: "店 <shop@example.com>",
		to: $to, subject: "ご注文 \($n)", text: ".\n..\n受注 \($n)\n",
		html: "<p>受注</p>",
		attachments: [{name: "注文書.txt", content: {base64: "44GC44KK44GM44Go"}}]}
		+ $m)}'
}

# enqueue: the records on stdin.
enqueue() { mail-store put | mail-queue put outbound; }

# ours FILE: from our first field on, for servers put theirs before.
ours() { sed -n '/^Date: /,$p' "$1" | tr -d '\r'; }

# composed N: what mail-send composes of mail N of the queue.
composed() {
	mail-store list | jq -c --arg k "mail-$1" 'select(.key == $k)' |
		mail-send --compose | tr -d '\r' | sed -n '/^Date: /,$p'
}

# lasts TENANT: "STATE ATTEMPTS STATUS CLASS" of its mails, each once.
lasts() {
	mail-store list -t "$1" |
		jq -r '"\(.state) \(.attempts) \(.last.status) \(.last.class)"' |
		sort -u
}

postfix_with_auth() {
	need_root
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
		"smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination" \
		"smtputf8_enable = yes" "mailbox_size_limit = 0" \
		"virtual_alias_maps =" "smtpd_forbid_bare_newline = yes"
	pf_alias "bob: $PWD/pf/box/" "root: bob"
	mkdir pf/box
	chown nobody pf/box
	pf_start 3>&-
	port=$pf_port
}

@test "postfix: TLS and AUTH; who has no right password or relay keeps nobody up" {
	postfix_with_auth
	config "$(jq -nc --arg url "smtp://localhost:$port?tls=required" \
		--arg ca "$PWD/ca.pem" --arg dir "$PWD/secrets" '
		{url: $url, ca_file: $ca} as $all | {
		transports: {default: ($all + {user: "user",
				password: {file: "\($dir)/right"}}),
			wrong: ($all + {user: "user",
				password: {file: "\($dir)/wrong"}}),
			none: $all},
		tenants: {locked: {transport: "wrong"}, alien: {transport: "none"}}}')"
	for i in {1..10}; do
		record t "$i" bob@example.test
		record locked "1$i" bob@example.test
		record alien "2$i" bob@elsewhere.example
	done | enqueue
	SEND="-P 6" outbound -1 2>said
	[ "$(lasts t)" = "succeeded 1 ok null" ]
	[ "$(lasts locked)" = "scheduled 0 snooze credentials" ]
	[ "$(lasts alien)" = "scheduled 0 snooze configuration" ]
	grep -q 'route @wrong is held: ' said
	grep -q 'route @none is held: ' said
	run ! grep -rE 'secret|wrong$' said
	# One login was tried; that it relays nothing for us was said ten times.
	[ "$(grep -c 'authentication failed' pf/log/maillog)" = 1 ]
	n=$(grep -c 'Relay access denied' pf/log/maillog)
	[ "$n" = 10 ]
	pf_wait_empty 30
	[ "$(find pf/box/new -type f | wc -l)" = 10 ]
	# What arrives is what was composed, in TLS, by who logged in.
	for f in pf/box/new/*; do
		n=$(ours "$f" | sed -n 's/^Subject: //p' >subject
			/usr/bin/python3 -c 'import email.header as h; print(str(
			h.make_header(h.decode_header(open("subject").read().strip()))
			).split()[1])')
		ours "$f" | sed -e '$ { /^$/ d }' >got
		composed "$n" | sed -e '$ { /^$/ d }' | cmp - got
	done
	# With the right password, and an account, the others go out as well.
	cp secrets/right secrets/wrong
	jq '.transports.none = .transports.default' config.json >new
	mv new config.json
	for route in wrong none; do
		mail-queue resume --route @$route outbound
	done
	export MAILPIPE_CLOCK=+2h
	record alien 99 bob@example.test | enqueue
	outbound -1
	[ "$(lasts locked)" = "succeeded 1 ok null" ]
	# This Postfix itself knows no way to anywhere else.
	[ "$(lasts alien)" = $'dead 1 fail recipient\nsucceeded 1 ok null' ]
}

@test "postfix: swaks, too, delivers what --compose prints" {
	need swaks
	postfix_with_auth
	record t 1 bob@example.test | mail-store put >rec
	mail-send --compose <rec >message
	run -0 swaks --server "127.0.0.1:$port" --tls --auth-user user \
		--auth-password secret --from shop@example.com \
		--to bob@example.test --helo mail.example.com --data - <message
	pf_wait_empty 30
	ours pf/box/new/* | sed -e '$ { /^$/ d }' >got
	tr -d '\r' <message | sed -n '/^Date: /,$p' | sed -e '$ { /^$/ d }' |
		cmp - got
}

@test "dovecot: LMTP, and who it refuses" {
	dovecot_start
	config "$(jq -nc --arg tcp "lmtp://127.0.0.1:$port" \
		--arg unix "lmtp:$PWD/dc/lmtp" '{
		transports: {default: {url: $tcp}, socket: {url: $unix}},
		tenants: {two: {transport: "socket"}}}')"
	for i in {1..5}; do
		record t "$i" "r$i@example.jp"
		record two "1$i" "s$i@example.jp"
	done | enqueue
	outbound -1
	[ "$(states)" = "succeeded 10" ]
	for i in {1..5}; do
		[ "$(ours dc/mail/r"$i"@example.jp/new/* | b2sum)" = \
			"$(composed "$i" | b2sum)" ]
		[ "$(ours dc/mail/s"$i"@example.jp/new/* | b2sum)" = \
			"$(composed "1$i" | b2sum)" ]
	done
}

@test "aiosmtpd and smtp-sink: all arrives, once" {
	/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || skip "no aiosmtpd here"
	need smtp-sink
	"$MAILPIPE_REPO/tests/smtp.d/aio.py" port took 3>&- &
	wait_for 20 test -s port
	sink=$(free_port)
	smtp-sink -u nobody -c "127.0.0.1:$sink" 100 >counted 2>&1 3>&- &
	wait_for 20 listens "$sink"
	config "$(jq -nc --arg aio "smtp://127.0.0.1:$(cat port)" \
		--arg sink "smtp://127.0.0.1:$sink" '{
		transports: {default: {url: $aio}, sink: {url: $sink}},
		tenants: {s: {transport: "sink"}}}')"
	for i in {1..50}; do
		record t "$i" "r$i@example.jp"
		record s "1$i" "s$i@example.jp"
	done | enqueue
	outbound -1
	[ "$(states)" = "succeeded 100" ]
	[ "$(jq -r '.to[]' took | sort)" = \
		"$(for i in {1..50}; do echo "r$i@example.jp"; done | sort)" ]
	[ "$(jq -r 'select(.to == ["r7@example.jp"]) | .digest' took)" = "b2:$(
		mail-store list | jq -c 'select(.key == "mail-7")' |
			mail-send --compose | b2sum -l 256 | cut -d ' ' -f 1)" ]
}

@test "certificates: one that is over, or another's, gets no mail" {
	need openssl
	certificates
	for kind in old other good; do
		serve --cert $kind.pem
		mv srv $kind
		echo "$port" >$kind.port
	done
	config "$(jq -nc --arg ca "$PWD/ca.pem" --arg old "$(cat old.port)" \
		--arg other "$(cat other.port)" --arg good "$(cat good.port)" '
		def to($port): {url: "smtp://localhost:\($port)?tls=required",
			ca_file: $ca};
		{transports: {default: to($good), old: to($old), other: to($other),
			untrusted: (to($good) | del(.ca_file))},
		tenants: {a: {transport: "old"}, b: {transport: "other"},
			c: {transport: "untrusted"}}}')"
	for t in t a b c; do
		record $t 1 "$t@example.jp"
	done | enqueue
	outbound -1
	[ "$(lasts t)" = "succeeded 1 ok null" ]
	for t in a b c; do
		[[ "$(mail-store list -t $t | jq -r .last.reason)" == *certificate* ]] ||
			mail-store list -t $t | jq -c .last
		[[ "$(lasts $t)" == @(deferred|scheduled)\ * ]]
	done
	for kind in old other good; do
		[ "$(jq -c 'select(.event == "mail")' $kind/log | wc -l)" = \
			"$([ $kind = good ] && echo 1 || echo 0)" ]
	done
}
