#!/usr/bin/env bats
# Mails made to hurt a parser: each becomes a record, byte for byte, in little
# memory and in a time that grows with its size only.

setup() {
	load helpers
	mailpipe_setup
	need python3
}

# attack GROUP...: see there; what it measured is shown when it fails.
attack() { "$MAILPIPE_REPO/tests/hostile.d/attack.py" "$@"; }

@test "hostile: 100,000 nested parts and other structures" {
	attack structure
}

@test "hostile: 200,000 fields, lines without end, raw bytes in headers" {
	attack headers
}

@test "hostile: address lists of groups, comments, quotes, brackets" {
	attack addresses
}

@test "hostile: encoded words and parameters in pieces" {
	attack words
}

@test "hostile: 50 MB attachments, 100 MB lines, encodings that are none" {
	attack encodings
}

@test "hostile: charsets with their escapes cut" {
	attack charsets
}

@test "hostile: an mbox of nearly separators" {
	attack mbox
}

@test "hostile: every beginning of fifty mails" {
	need_shared
	mails=50 cuts=200
	! is_sanitized || cuts=20
	"$MAILPIPE_REPO/tests/hostile.d/cuts.py" "$MAILPIPE_SHARED/corpora" \
		$mails $cuts
}

@test "hostile: a thousand attachments, each a file of its own" {
	{
		printf 'Content-Type: multipart/mixed; boundary=b\n\n'
		for i in $(seq 999); do
			printf -- '--b\nContent-Type: x/y; name=%d\n\n%070000d\n' \
				"$i" "$i"
		done
		printf -- '--b--\n'
	} >mail
	mail-ingest -t t -r r@x -a mail >record
	[ "$(jq '[.message.parts[] | select(.content.path)] | length' record)" = \
		999 ]
	jq -r '.message.parts[] | .content | select(. != null) | .path' record |
		(cd state && xargs cat) >got
	cmp got <(printf '%070000d' {1..999})
}

@test "hostile: an attachment that is too large for a line harms no other mail" {
	{
		printf 'Content-Type: multipart/mixed; boundary=b\n\n--b\n'
		printf 'Content-Type: x/y; name=x\n'
		printf 'Content-Transfer-Encoding: base64\n\n'
		head -c 6000000 /dev/zero | base64
	} >large
	head -c 6200000 large >both # fits, but not twice
	mail >small
	run -65 --separate-stderr mail-ingest -t t -r r@x -i -a \
		small large both small
	[ "${#lines[@]}" = 2 ]
	[ "${#stderr_lines[@]}" = 2 ]
	[[ ${stderr_lines[0]} == *"large: "*"leave out -i" ]]
	[[ ${stderr_lines[1]} == *"both: "*"leave out -i" ]]
	[ "$(jq -c .message <<<"${lines[1]}")" = \
		"$(jq -c .message <<<"${lines[0]}")" ]
}
