#!/usr/bin/env bats
# Composing (src/mail/compose.h), as others see what it makes: its tables are in
# tests/unit/compose.c; here tests/unit/compose_lines.c prints messages.

setup() {
	load helpers
	mailpipe_setup
	case $MAILPIPE_BIN in
	*/san/*) program=$MAILPIPE_REPO/build/san/unit/compose_lines ;;
	*) program=$MAILPIPE_REPO/build/release/unit/compose_lines ;;
	esac
	[ -x "$program" ] || skip "not built: make units"
}

# compose MEMBERS: the message of a mail from a@x.jp to b@y.jp with these.
compose() {
	jq -cn "{id: \"r1\", at_ms: 1795302360000, mail:
		({from: \"a@x.jp\", to: \"b@y.jp\"} + $1)}" |
		"$program" >answer
	jq -re '.message // error(.error)' answer | base64 -d
}

@test "compose: what went in comes out, say Python's email and GMime" {
	local flags gmime=
	need python3
	if flags=$(pkg-config --cflags --libs gmime-3.0 2>/dev/null); then
		gmime=./gmime
		# shellcheck disable=SC2086 # flags, one word each
		cc -O1 -o "$gmime" "$MAILPIPE_REPO/tests/corpora/gmime.c" \
			$flags -ljq
	fi
	run -0 python3 "$MAILPIPE_REPO/tests/compose.d/eyes.py" "$program" $gmime
	echo "$output"
	[[ "$output" =~ ^[1-9][0-9]{2,}\ mails,\ 0\ failures$ ]]
	# And our own parser has nothing to say against them.
	find eyes -type f -exec mail-ingest -t ne-001 -r b@example.jp {} + >records
	[ "$(wc -l <records)" = "${output%% *}" ]
	run -0 jq -c 'select(.message.defects) | .message.defects' records
	[ -z "$output" ]
}

@test "compose: the same mail is the same bytes, in another process too" {
	local mail='{subject: "受注", text: "本文\n", html: "<p>é",
		attachments: [{name: "表.txt", base64: "AAEC"},
			{name: "画.png", cid: "i", base64: "iVBORw0KGgo="}]}'
	compose "$mail" >one
	TZ=Asia/Tokyo LC_ALL=C compose "$mail" >two
	cmp one two
	# Another subject, another boundary.
	compose "$mail + {subject: \"x\"}" >three
	[ "$(grep -c boundary= one)" = 3 ]
	[ -z "$(grep -h boundary= one three | sort | uniq -d)" ]
}

@test "compose: a message of ours can be attached to one of the same kind" {
	compose '{text: "x", html: "y"}' >inner
	compose '{text: "x", html: "y", attachments:
		[{type: "message/rfc822", path: "inner"}]}' >outer
	run -0 python3 - <<-'PY'
	import email, email.policy
	m = email.message_from_binary_file(open("outer", "rb"),
	    policy=email.policy.default)
	print(*(p.get_content_type() for p in m.walk()))
	inner = m.get_payload()[1].get_payload()[0]
	print(inner["from"], inner.get_body().get_content().strip())
	PY
	[ "${lines[0]}" = "multipart/mixed multipart/alternative text/plain \
text/html message/rfc822 multipart/alternative text/plain text/html" ]
	[ "${lines[1]}" = "a@x.jp y" ]
}

@test "compose: the type of a file is what its bytes say" {
	printf '%%PDF-1.4\n' >a
	python3 -m zipfile -c b a
	printf '名前,住所\n' | iconv -t CP932 >c
	compose '{attachments: [{path: "a"}, {path: "b"}, {path: "c"}]}' >m
	grep -q '^Content-Type: application/pdf' m
	grep -q '^Content-Type: application/zip' m
	grep -qF 'charset="shift_jis"' m
}

@test "compose: 50 MB in flat memory, and beyond the limit a reason" {
	need_release
	head -c 50000000 /dev/urandom >big
	local mail='{text: "x", attachments: [{name: "a", type: "a/b",
		path: "big"}]}'
	jq -cn "{id: \"r1\", mail: ({from: \"a@x.jp\", to: \"b@y.jp\"} + $mail)}" \
		>line
	"$program" 2 m <line 2>used
	read -r _ _ kib _ <used
	[ "$kib" -lt 20000 ]
	python3 -c 'import email, sys
m = email.message_from_binary_file(open("m", "rb"))
sys.stdout.buffer.write(m.get_payload()[1].get_payload(decode=True))' | cmp - big
	truncate -s 100M big
	run -0 "$program" <line
	[ "$(jq -r '.class + " " + .error' <<<"$output")" = \
		"data mail: is over 75497472 bytes (72 MiB) when encoded" ]
}

@test "compose: an attachment that is gone is named" {
	run compose '{text: "x", attachments: [{path: "gone"}]}'
	[ "$(jq -r '.class + " " + .error' answer)" = \
		"data mail.attachments[0]: gone: No such file or directory" ]
}
