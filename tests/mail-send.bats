#!/usr/bin/env bats
# mail-send: records, transports, the guard, signatures, keys.
# Over SMTP, many at once, signals and leases: mail-send-loop.bats.
# shellcheck disable=SC2016 # jq programs are single-quoted

setup() {
	load helpers
	mailpipe_setup
}

# rec ID [MEMBERS [MAIL]]: a record with a mail to one recipient.
rec() {
	jq -nc --arg id "$1" --argjson more "${2:-{\}}" --argjson mail "${3:-{\}}" \
		'{id: $id, tenant: "ne-001", mail: ({from: "shop@example.com",
			to: "\($id)@example.jp", subject: "受注 \($id)",
			text: "text of \($id)\n"} + $mail)} + $more'
}

# config JSON: it is the configuration.
config() {
	printf '%s' "$1" >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

# results FILE: "ID STATUS CLASS" of each record.
results() { jq -r '"\(.id) \(.result.status) \(.result.class)"' "$1"; }

# reason FILE ID
reason() { jq -r --arg id "$2" 'select(.id == $id) | .result.reason' "$1"; }

mails_in() { find "$1/new" -type f | sort; }

# command NAME LINE...: a program that is called as sendmail(1) is.
command_named() {
	local name=$1
	shift
	printf '%s\n' '#!/bin/bash' "$@" >"$name"
	chmod 755 "$name"
}

@test "maildir: what is reported as sent is there, with its envelope" {
	rec m1 '{"envelope":{"from":"bounce@example.com","to":"other@example.jp"}}' |
		mail-send -x maildir:out >out.json
	[ "$(jq -c '.result | [.status, .stage, .route, .detail.transport]' \
		out.json)" = '["ok","mail-send","-","maildir:out"]' ]
	jq -e '.mail.to == "m1@example.jp" and .result.detail.size > 0' out.json
	[ "$(mails_in out | wc -l)" = 1 ]
	[ -z "$(find out/tmp -type f)" ]
	[ -d out/cur ]
	file=$(mails_in out)
	[ "$(head -n 2 "$file")" = 'Return-Path: <bounce@example.com>
Delivered-To: other@example.jp' ]
	grep -q '^To: m1@example.jp$' "$file"
	grep -q '^text of m1$' "$file"
	run ! grep -q $'\r' "$file"
	[ "$(stat -c %a "$file" out out/new | xargs)" = "600 700 700" ]
}

@test "maildir: it is written in tmp, synced, renamed, and the directory synced" {
	need_release # no leak check under strace
	need strace
	strace -e trace=none true 2>/dev/null || skip "no ptrace here"
	rec m1 | strace -f -e trace=openat,fsync,renameat2,rename,renameat -o trace \
		mail-send -x maildir:out >out.json
	awk '/openat.*P[0-9]+Q1/ {created = 1}
		created && /fsync/ && !renamed {synced = 1}
		synced && /rename/ {renamed = 1}
		renamed && /fsync/ {done = 1}
		END {exit !done}' trace
}

@test "maildir: one that cannot be made holds the transport, and its mail waits" {
	touch out
	rec m1 | mail-send -x maildir:out >out.json
	[ "$(results out.json)" = "m1 snooze configuration" ]
	jq -e '.result.holds and .result.after_s > 0' out.json
}

@test "a stored message goes out as it is, without a mailbox's From line" {
	mail one 2000 >one
	{
		echo "From alice@example.com Sat Nov 21 23:06:00 2026"
		cat one
	} | receive
	mail-store list | mail-send -x maildir:out >out.json
	[ "$(jq -r .result.status out.json)" = fail ]
	mail-store list | jq -c '.envelope = {from: "", to: "carol@example.org"}' |
		mail-send -x maildir:out >out.json
	[ "$(jq -r .result.status out.json)" = ok ]
	head -n 1 "$(mails_in out)" | grep -qxF 'Return-Path: <>'
	tail -n +3 "$(mails_in out)" | cmp - one
}

@test "a message in the record goes out, too" {
	mail one >one
	jq -nc --rawfile m one '{id:"m1",tenant:"t",content:{base64:($m|@base64)},
		envelope:{from:"a@example.com",to:"b@example.jp"}}' |
		mail-send -x maildir:out >out.json
	tail -n +3 "$(mails_in out)" | cmp - one
}

@test "a message without an author, or with two, fails" {
	for from in '' 'From: a@x.example\nFrom: b@x.example\n' 'From: nobody\n'; do
		printf '%bSubject: x\n\nbody\n' "$from" | base64 -w0 >m
		jq -nc --rawfile m m '{id:"m1",tenant:"t",content:{base64:$m},
			envelope:{from:"a@example.com",to:"b@example.jp"}}' |
			mail-send -x maildir:out >out.json
		[ "$(results out.json)" = "m1 fail content" ]
		[[ $(reason out.json m1) == *From* ]]
	done
	[ ! -e out/new ] || [ -z "$(mails_in out)" ]
}

@test "malformed records fail with a reason, and their neighbours go out" {
	{
		rec ok1
		rec none '{}' '{"to":[]}'
		rec twofrom '{}' '{"from":["a@example.com","b@example.com"]}'
		rec newline '{}' '{"headers":{"X-A":"b\nBcc: x@example.com"}}'
		rec subject '{}' '{"subject":"a\r\nBcc: x@example.com"}'
		rec missing '{}' '{"attachments":[{"name":"a","blob":{"ref":"file:2026/11/21/x.0"}}]}'
		rec outside '{}' '{"attachments":[{"name":"a","content":{"path":"spool/../layout"}}]}'
		rec charset '{}' '{"charset":"x-nosuch"}'
		rec several '{}' '{"to":["a@example.com","b@example.com"]}'
		rec badto '{"envelope":{"from":"a@example.com","to":"b@example.jp> NOTIFY=NEVER"}}'
		rec badfrom '{"envelope":{"from":"a b@example.com","to":"b@example.jp"}}'
		rec nulto '{"envelope":{"from":"a@example.com","to":"b\u0000@example.jp"}}'
		echo '{"id":"empty","tenant":"ne-001"}'
		echo '{"id":"nomail","tenant":"ne-001","envelope":{"from":"","to":"b@example.jp"}}'
		rec ok2
	} >in
	mail-send -x maildir:out <in >out.json
	[ "$(wc -l <out.json)" = 15 ]
	[ "$(results out.json | sort)" = "badfrom fail content
badto fail content
charset fail content
empty fail content
missing fail content
newline fail content
nomail fail storage
none fail content
nulto fail content
ok1 ok null
ok2 ok null
outside fail content
several fail recipient
subject fail content
twofrom fail content" ]
	[[ $(reason out.json missing) == "mail.attachments[0]: "* ]]
	[[ $(reason out.json several) == *"mail-store put"* ]]
	[ "$(jq -r 'select(.result.status == "fail") | .result.reason | length > 0' \
		out.json | sort -u)" = true ]
	[ "$(mails_in out | wc -l)" = 2 ]
	run ! grep -rqi '^Bcc' out
}

@test "lines that are no records are 65, by their numbers; all others go out" {
	{
		rec m1
		echo 'no record'
		echo '[]'
		echo '{"id":"x"}'
		echo '{"id":"a b","tenant":"t"}'
		echo
		printf '{"id":"\xff","tenant":"t"}\n'
		rec m2
	} >in
	run -65 --separate-stderr mail-send -x maildir:out <in
	[ "$(jq -r .id <<<"$output" | xargs)" = "m1 m2" ]
	for n in 2 3 4 5 7; do
		grep -q "^mail-send: line $n: " <<<"$stderr"
	done
	[ "$(wc -l <<<"$stderr")" = 5 ]
}

@test "a record that has a result passes as it is, one of a newer version is 75" {
	echo '{"id":"m1","tenant":"t", "result":{"status":"skip"}}' >in
	mail-send -x maildir:out <in >out.json
	cmp in out.json
	run -75 mail-send -x maildir:out <<<'{"v":2,"id":"m1","tenant":"t"}'
	[ ! -e out ]
}

@test "no input is fine, a cut line is 75" {
	run -0 --separate-stderr mail-send -x maildir:out </dev/null
	[ -z "$output$stderr" ]
	run -75 mail-send -x maildir:out < <(rec m1 | tr -d '\n')
}

@test "stdout that cannot be written is 75, and more is not sent" {
	for i in {1..5}; do rec "m$i"; done >in
	run -75 --separate-stderr bash -c 'mail-send -x maildir:out <in >/dev/full'
	[[ $stderr == "mail-send: stdout: "* ]]
	run -75 bash -c 'mail-send -x maildir:out <in >&-'
	run -75 bash -c 'mail-send -x maildir:out <in 1</dev/null'
	# Nobody reads it any more.
	rec m | jq -c '.pad = "0" * 2000 | .id = "m\(range(400))"' >in
	run -75 bash -c 'set -o pipefail; mail-send -x maildir:two <in | head -n 1'
	[ "$(mails_in two | wc -l)" -lt 400 ]
}

@test "-x: a name of the configuration, or a URL; all else is misuse" {
	config '{"transports":{"relay":{"url":"maildir:'"$PWD"'/relay"},
		"later":{"url":"ses:eu-west-1"}}}'
	rec m1 | mail-send -x relay >out.json
	[ "$(jq -r '.result | .status + .route' out.json)" = "ok-" ]
	[ "$(mails_in relay | wc -l)" = 1 ]
	for word in nosuch ftp://mx.example smtp: smtp://h:0 'sendmail: ' \
		'smtp://h?tls=never&x' smtps://h?tls=never; do
		run -64 --separate-stderr mail-send -x "$word" </dev/null
		[ "$(wc -l <<<"$stderr")" = 1 ]
		[[ $stderr == "mail-send: -x"* ]]
	done
	run -75 --separate-stderr mail-send -x ses:eu-west-1 </dev/null
	[[ $stderr == *"is not built yet" ]]
	run -75 mail-send -x later </dev/null
}

@test "each tenant has its transport, who names none that called default" {
	config '{"transports":{"default":{"url":"maildir:'"$PWD"'/def"},
			"own":{"url":"maildir:'"$PWD"'/own"}},
		"tenants":{"t2":{"transport":"own"}}}'
	{
		rec m1
		rec m2 '{"tenant":"t2"}'
	} | mail-send >out.json
	[ "$(jq -r '.id + " " + .result.route' out.json | sort | xargs)" = \
		"m1 @default m2 @own" ]
	grep -q m1@ "$(mails_in def)"
	grep -q m2@ "$(mails_in own)"
}

@test "a tenant without a transport is snoozed, and told what to do" {
	config '{"transports":{"own":{"url":"maildir:'"$PWD"'/own"}},
		"tenants":{"t2":{"transport":"own"}}}'
	{
		rec m1
		rec m2 '{"tenant":"t2"}'
	} | mail-send >out.json
	[ "$(results out.json | sort)" = "m1 snooze configuration
m2 ok null" ]
	[[ $(reason out.json m1) == "tenant ne-001 has no transport: add "* ]]
}

@test "sendmail: arguments, message and outcome by exit status" {
	command_named sm 'printf "%s\n" "$@" >args.$$; cat >message.$$
		echo "said: $EXIT" >&2; exit ${EXIT:-0}'
	rec m1 '{"envelope":{"from":"-bounce@example.com","to":"-oX@example.jp"}}' |
		mail-send -x "sendmail:$PWD/sm -C  x" >out.json
	[ "$(jq -c '.result | [.status, .code]' out.json)" = '["ok",0]' ]
	[ "$(cat args.*)" = "-C
x
-i
-f
-bounce@example.com
--
-oX@example.jp" ]
	grep -q '^text of m1$' message.*
	run ! grep -q $'\r' message.*
	rec m1 '{"envelope":{"from":"","to":"b@example.jp"}}' |
		mail-send -x "sendmail:$PWD/sm" >out.json
	grep -qxF '<>' args.*
	while read -r status want; do
		EXIT=$status bash -c 'mail-send -x "sendmail:$PWD/sm"' \
			< <(rec m1) >out.json
		[ "$(jq -r '.result | "\(.status) \(.class) \(.holds)"' out.json)" = "$want" ] || {
			echo "$status: $(cat out.json)"
			return 1
		}
		jq -e --arg s "$status" '.result.code == ($s | tonumber) and
			(.result.reason | endswith("said: " + $s))' out.json
	done <<-'END'
		64 snooze configuration true
		65 fail content null
		67 fail recipient null
		68 fail recipient null
		69 retry network null
		71 retry server null
		75 retry server null
		77 snooze credentials true
		78 snooze configuration true
		1 retry server null
	END
}

@test "sendmail: killed or over its limit it is uncertain, if it may have taken it" {
	command_named unread 'kill -KILL $$'
	command_named read 'cat >/dev/null; kill -KILL $$'
	command_named slow 'cat >/dev/null; sleep 100 & echo $! >child; wait'
	rec m1 | mail-send -x "sendmail:$PWD/unread" >out.json
	[ "$(results out.json)" = "m1 retry server" ]
	rec m1 | mail-send -x "sendmail:$PWD/read" >out.json
	[ "$(results out.json)" = "m1 uncertain server" ]
	config '{"transports":{"default":{"url":"sendmail:'"$PWD"'/slow",
		"time_limit_s":1}}}'
	rec m1 | mail-send >out.json
	[ "$(results out.json)" = "m1 uncertain server" ]
	[[ $(reason out.json m1) == *"time limit"* ]]
	run ! kill -0 "$(cat child)" 2>/dev/null
}

@test "sendmail: one that cannot be run holds the transport; others go on" {
	config '{"transports":{"default":{"url":"sendmail:/nonexistent/sendmail"},
			"own":{"url":"maildir:'"$PWD"'/own"}},
		"tenants":{"t2":{"transport":"own"}}}'
	{
		rec m1
		rec m2 '{"tenant":"t2"}'
		rec m3
		rec m4 '{"tenant":"t2"}'
	} | mail-send >out.json
	[ "$(results out.json | sort)" = "m1 snooze configuration
m2 ok null
m3 snooze configuration
m4 ok null" ]
}

@test "guard: only who is allowed gets mail, in any case of letters" {
	config '{"transports":{"default":{"url":"maildir:'"$PWD"'/out",
		"allow":["m1@example.jp","@Shop.example"]}}}'
	{
		rec M1
		rec m2
		rec m3 '{}' '{"to":"x@SHOP.example"}'
		rec m4 '{}' '{"to":"x@sub.shop.example"}'
		rec m5 '{}' '{"to":"x@notshop.example"}'
	} | mail-send >out.json
	[ "$(results out.json | sort)" = "M1 ok null
m2 skip guard
m3 ok null
m4 skip guard
m5 skip guard" ]
	[ "$(mails_in out | wc -l)" = 2 ]
}

@test "guard: all mail goes to one address, which is told whom it was for" {
	config '{"transports":{"default":{"url":"maildir:'"$PWD"'/out",
		"rewrite_to":"dev@example.org"}}}'
	rec m1 | mail-send >out.json
	[ "$(jq -r .result.detail.rewritten_to out.json)" = dev@example.org ]
	file=$(mails_in out)
	grep -qx 'Delivered-To: dev@example.org' "$file"
	grep -qx 'X-Original-To: m1@example.jp' "$file"
	grep -qx 'To: m1@example.jp' "$file"
}

@test "from_domains: the author must be in one of them, of stored mail, too" {
	config '{"transports":{"default":{"url":"maildir:'"$PWD"'/out"}},
		"tenants":{"ne-001":{"from_domains":["example.com"]}}}'
	mail one >one
	{
		rec m1
		rec m2 '{}' '{"from":"Shop <shop@EXAMPLE.com>"}'
		rec m3 '{}' '{"from":"shop@sub.example.com"}'
		rec m4 '{"mail":null,"envelope":{"from":"","to":"b@example.jp"},
			"content":{"base64":"'"$(base64 -w0 one)"'"}}'
		sed -i 's/alice@example.com/alice@example.net/' one
		rec m5 '{"mail":null,"envelope":{"from":"","to":"b@example.jp"},
			"content":{"base64":"'"$(base64 -w0 one)"'"}}'
	} | mail-send >out.json
	[ "$(results out.json | sort)" = "m1 ok null
m2 ok null
m3 fail configuration
m4 ok null
m5 fail configuration" ]
}

# keys: an RSA and an Ed25519 key of example.com, and their DNS records.
keys() {
	mail-send --keygen rsa --domain example.com --selector r -o r.pem >dns
	mail-send --keygen ed25519 --domain example.com --selector e -o e.pem >>dns
} 2>/dev/null

@test "dkim: by tenant, else by domain, RSA first, each mail anew" {
	keys
	config '{"transports":{"default":{"url":"maildir:'"$PWD"'/out"}},
		"tenants":{"ne-001":{"dkim":[
			{"domain":"example.com","selector":"r","key":{"file":"'"$PWD"'/r.pem"}},
			{"domain":"example.com","selector":"e","key":{"file":"'"$PWD"'/e.pem"}}]}},
		"dkim":{"example.net":{"selector":"e","key":{"file":"'"$PWD"'/e.pem"}}}}'
	rec m1 | mail-send >out.json
	file=$(mails_in out)
	sed -n '3,/^Date:/p' "$file" | tr -d '\n' >fields
	[ "$(grep -o 'a=[a-z0-9-]*' fields | xargs)" = "a=rsa-sha256 a=ed25519-sha256" ]
	[ "$(grep -o 's=[a-z]' fields | xargs)" = "s=r s=e" ]
	rm -r out
	rec m2 '{"tenant":"t2"}' '{"from":"a@Example.NET"}' | mail-send >out.json
	grep -q 'd=example.net; s=e' <(tr -d '\n\t' <"$(mails_in out)") ||
		grep -q 'd=example.net' "$(mails_in out)"
	rm -r out
	rec m3 '{"tenant":"t2"}' | mail-send >out.json
	run ! grep -q DKIM "$(mails_in out)"
}

@test "dkim: dkimpy finds both signatures good" {
	/usr/bin/python3 -c 'import dkim' 2>/dev/null || skip "no dkimpy here"
	keys
	config '{"transports":{"default":{"url":"maildir:'"$PWD"'/out",
			"rewrite_to":"dev@example.org"}},
		"dkim":{"example.com":[
			{"selector":"r","key":{"file":"'"$PWD"'/r.pem"}},
			{"selector":"e","key":{"file":"'"$PWD"'/e.pem"}}]}}'
	rec m1 '{}' '{"html":"<p>受注</p>"}' | mail-send >out.json
	tail -n +3 "$(mails_in out)" | sed 's/$/\r/' >signed
	cat >verify.py <<-'END'
		import re, dkim
		def record(line):
		    return "".join(re.findall(r'"([^"]*)"', line)).encode()
		records = {l.split()[0].encode(): record(l) for l in open("dns")}
		message = open("signed", "rb").read()
		for i in range(2):
		    assert dkim.DKIM(message).verify(
		        i, dnsfunc=lambda n, timeout=5: records[n]), i
	END
	tr -d '\n' <dns | sed 's/) *\([a-z]\)/)\n\1/g' >d && mv d dns
	run -0 /usr/bin/python3 verify.py
}

@test "dkim: a key that cannot be had costs no attempt, and no other's mail" {
	config '{"transports":{"default":{"url":"maildir:'"$PWD"'/out"}},
		"tenants":{"ne-001":{"dkim":{"domain":"example.com","selector":"r",
			"key":{"file":"'"$PWD"'/nosuch.pem"}}}}}'
	{
		rec m1
		rec m2 '{"tenant":"t2"}'
	} | mail-send >out.json
	[ "$(results out.json | sort)" = "m1 snooze configuration
m2 ok null" ]
	[[ $(reason out.json m1) == *".tenants.ne-001.dkim"*nosuch.pem* ]]
}

@test "--keygen: a private key for its owner, and a record for the DNS" {
	for a in rsa ed25519; do
		run -0 --separate-stderr mail-send --keygen $a \
			--domain shop.example --selector 2026-$a
		[[ $output == "2026-$a._domainkey.shop.example. IN TXT "*"v=DKIM1"* ]]
		file=2026-$a.shop.example.pem
		[ "$(stat -c %a "$file")" = 600 ]
		grep -q 'PRIVATE KEY' "$file"
		run ! grep -q PRIVATE <<<"$output$stderr"
		sum=$(sha256sum "$file")
		run -64 mail-send --keygen $a --domain shop.example --selector 2026-$a
		[ "$(sha256sum "$file")" = "$sum" ]
	done
	run -0 mail-send --keygen rsa --domain a.example --selector s -o my.pem
	[ -e my.pem ]
	[ ! -e state ]
}

@test "--keygen: what is missing or wrong is misuse" {
	run -64 mail-send --keygen rsa --domain a.example
	run -64 mail-send --keygen rsa --selector s
	run -64 mail-send --keygen dsa --domain a.example --selector s
	run -64 mail-send --keygen rsa --domain ../a --selector s
	run -64 mail-send --keygen rsa --domain a.example --selector ../s
	run -64 mail-send --keygen rsa --domain a.example --selector s --compose
	run -64 mail-send --domain a.example
	run -64 mail-send -o x
	run -75 mail-send --keygen rsa --domain a.example --selector s -o no/such
	run -75 bash -c 'mail-send --keygen rsa --domain a.example --selector s >/dev/full'
	run -64 mail-send --compose -x maildir:out
	run -64 mail-send -P 0
	run -64 mail-send -P 201
	run -64 mail-send operand
}

@test "--compose: the message alone, without state" {
	rec m1 | mail-send --compose >message
	grep -q $'^To: m1@example.jp\r$' message
	grep -q $'^text of m1\r$' message
	[ ! -e state ]
	# The same record, the same bytes.
	rec m1 '{"received_at":"2026-11-21T23:06:00Z"}' >in
	mail-send --compose <in >a
	mail-send --compose <in >b
	cmp a b
	run -65 --separate-stderr mail-send --compose < <(rec m1; rec m2)
	[[ $stderr == *"line 2: only the message of the first record"* ]]
	run -65 --separate-stderr mail-send --compose < <(rec m1 '{}' '{"from":"x"}')
	[[ $stderr == *"line 1: mail.from: "* ]]
	mail one >one
	receive <one
	mail-store list | mail-send --compose | cmp - one
}

@test "an attachment that was never stored says what is missing in the line" {
	for bytes in '{"content": "aGk="}' '{"base64": "aGk="}' '{"path": "f"}'; do
		rec m1 | jq -c --argjson a "$bytes" '.mail.attachments = [$a]' >in
		run -65 --separate-stderr mail-send --compose <in
		[[ $stderr == *"mail.attachments[0]: it is not stored: put mail-store put"* ]]
	done
}

@test "a sealed record waits for the secret key" {
	mail-store keygen --secret "$PWD/secret" --public "$PWD/public" >made
	config "$(jq -nc --arg dir "$PWD" '{keys: {public: "\($dir)/public"},
		transports: {default: {url: "maildir:\($dir)/out"}}}')"
	mail one | receive
	mail-store list | jq -c '.envelope = {from: "", to: "c@example.org"}' >in
	run -75 --separate-stderr mail-send <in
	[ -z "$output" ]
	[[ $stderr == *"secret key"* ]]
	[ ! -e out/new ] || [ -z "$(mails_in out)" ]
}
