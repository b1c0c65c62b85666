#!/usr/bin/env bats
# mail-ingest: a message becomes records, whatever it looks like.

setup() {
	load helpers
	mailpipe_setup
	unset "${!LOCAL_PART@}" "${!CLIENT_@}" "${!SASL_@}"
}

# A reference message: fields on top, trace, header, body.
write_mail() {
	printf '%s\n' "From alice@example.com Sat Nov 21 23:06:00 2026" \
		"Return-Path: <alice@example.com>" \
		"X-Original-To: Info@example.jp" "Delivered-To: info@example.jp" \
		"Received: by mx.example.jp (Postfix) id 4F1" \
		"From: Alice <alice@example.com>" "To: info@example.jp" \
		"Subject: an order" "Date: Sat, 21 Nov 2026 23:05:59 +0900" \
		"Message-ID: <1@example.com>" "" "one" "" "two"
}

# get FILTER [ARG]... <MESSAGE: what jq makes of the record.
get() {
	local filter=$1
	shift
	mail-ingest -t ne-001 "$@" >record || return
	jq -r "$filter" record
}

# bytes RECORD: the message that its content holds.
bytes() {
	local path
	path=$(jq -r '.content.path // empty' <<<"$1")
	if [ -n "$path" ]; then
		cat "$MAILPIPE_STATE/$path"
	else
		jq -r .content.base64 <<<"$1" | base64 -d
	fi
}

spooled() { find "$MAILPIPE_STATE/spool" -type f 2>/dev/null | wc -l; }

@test "mail-ingest: a message becomes one line with all that is known of it" {
	write_mail >mail
	export MAILPIPE_CLOCK=@1795302360
	run -0 --separate-stderr mail-ingest -t ne-001 mail
	[ -z "$stderr" ]
	[ "${#lines[@]}" = 1 ]
	diff - <(jq -S 'del(.id, .digest, .fingerprint, .content) |
		.message.parts[0].digest = "DIGEST"' <<<"$output") <<-EOF
		$(jq -S . <<-'JSON'
			{"v":1,"kind":"message","tenant":"ne-001",
			"received_at":"2026-11-21T23:06:00.000Z","size":332,
			"message":{"message_id":"<1@example.com>",
			"date":"2026-11-21T23:05:59+09:00","subject":"an order",
			"from":[{"name":"Alice","address":"alice@example.com"}],
			"to":[{"address":"info@example.jp"}],
			"headers":[
			{"name":"Return-Path","value":"<alice@example.com>"},
			{"name":"X-Original-To","value":"Info@example.jp"},
			{"name":"Delivered-To","value":"info@example.jp"},
			{"name":"Received",
			"value":"by mx.example.jp (Postfix) id 4F1"},
			{"name":"From","value":"Alice <alice@example.com>"},
			{"name":"To","value":"info@example.jp"},
			{"name":"Subject","value":"an order"},
			{"name":"Date","value":"Sat, 21 Nov 2026 23:05:59 +0900"},
			{"name":"Message-ID","value":"<1@example.com>"}],
			"parts":[{"part":"1","type":"text/plain",
			"sniffed":"text/plain","size":9,"digest":"DIGEST"}]},
			"envelope":{"from":"alice@example.com",
			"to":"info@example.jp","original_to":"Info@example.jp",
			"source":{"from":"header:Return-Path",
			"to":"header:Delivered-To",
			"original_to":"header:X-Original-To"}}}
		JSON
		)
	EOF
}

@test "mail-ingest: size and digest are those of the bytes that came" {
	write_mail >mail
	run -0 get '"\(.size) \(.digest)"' <mail
	[ "$output" = "$(stat -c %s mail) b2:$(b2sum -l 256 mail | cut -c1-64)" ]
	[[ $(jq -r .fingerprint record) =~ ^f1:[0-9a-f]{64}$ ]]
	[[ $(jq -r .id record) =~ ^[0-9a-f]{32}$ ]]
}

@test "mail-ingest: real and broken mails keep every byte" {
	need_shared
	find "$MAILPIPE_SHARED"/corpora/mime-* -name '*.eml' | sort >files
	[ "$(wc -l <files)" -gt 200 ]
	mapfile -t files <files
	mail-ingest -t ne-001 -r r@x "${files[@]}" >records 2>err
	[ ! -s err ]
	[ "$(wc -l <records)" = "${#files[@]}" ]
	jq -r '.content | "\(.path // "-") \(.base64 // "")"' records >contents
	while read -r path base64; do
		if [ "$path" = - ]; then
			base64 -d <<<"$base64" | cmp - "${files[0]}"
		else
			cmp "$MAILPIPE_STATE/$path" "${files[0]}"
		fi
		files=("${files[@]:1}")
	done <contents
}

@test "mail-ingest: no mail is too malformed, and its defects have names" {
	while IFS='|' read -r text want; do
		# shellcheck disable=SC2059 # the escapes are meant
		printf "$text" >mail
		run -0 --separate-stderr mail-ingest -t ne-001 -r r@x mail
		[ -z "$stderr" ]
		bytes "$output" | cmp - mail
		[ "$(jq -r '.message.defects // [] | join(" ")' \
			<<<"$output")" = "$want" ]
	done <<'EOF'
|empty no-header no-identity
\n|no-header no-identity
\r\n\r\n|no-header no-identity
no header at all|no-header no-identity
Date: 1 Nov 2026 00:00 Z|
Date: 1 Nov 2026 00:00 Z\n\n|
Date: 1 Nov 2026 00:00 Z\nno blank line\n|no-blank-line
 stray\nDate: 1 Nov 2026 00:00 Z\n\n|stray-continuation
Date: 1 Nov 2026 00:00 Z\nan odd name: y\n\n|bad-field-name
Date: 1 Nov 2026 00:00 Z\nSubject: \xe9t\xe9\n\n\xff|header-not-utf8
Date: 1 Nov 2026 00:00 Z\n\nSubject: \xc3\xa9\n\n\xff|
Date: 1 Nov 2026 00:00 Z\n\nnul \0 inside\n|nul
Subject: x\0y\nDate: 1 Nov 2026 00:00 Z\n\n|nul
Subject: x\n\nbody\n|no-identity
\0\0\0\0|no-header nul no-identity
EOF
}

@test "mail-ingest: more than 2,000 fields are a defect" {
	{
		echo "Message-ID: <1@x>"
		yes 'X: y' | head -n 1999
	} >mail
	run -0 get '.message.defects' -r r@x <mail
	[ "$output" = null ]
	echo "X: y" >>mail
	run -0 get '.message.defects[]' -r r@x <mail
	[ "$output" = too-many-fields ]
}

@test "mail-ingest: a Message-ID is kept as it is, if that is possible" {
	run -0 get .message.message_id < <(printf 'Message-Id:\r\n <a@b> \r\n\r\n')
	[ "$output" = "<a@b>" ]
	run -0 get .message.message_id < <(printf 'Message-ID: <\xe9@b>\n\n')
	[ "$output" = '<\xe9@b>' ]
	run -0 get '.message | has("message_id")' <<<"Message-ID:"
	[ "$output" = false ]
	run -0 get '.message | has("message_id"), .defects[0]' -r r@x \
		<<<"Message-ID: $(printf 'x%.0s' {1..999})"
	[ "$output" = "false"$'\n'"bad-message-id" ]
}

@test "mail-ingest: how the bytes arrive makes no difference" {
	write_mail >mail
	export MAILPIPE_CLOCK=@1795302360
	run -0 get . -r r@x <mail
	whole=$output
	run -0 get . -r r@x < <(
		while IFS= read -r -N 1 c; do printf %s "$c"; done <mail
	)
	[ "$output" = "$whole" ]
}

## Identity.

@test "mail-ingest: an MTA's second try has the same id and fingerprint" {
	write_mail >mail
	sed '1s/23:06:00/23:11:07/' mail >again
	run -1 cmp -s mail again
	run -0 get '.id, .fingerprint' <mail
	first=$output
	run -0 get '.id, .fingerprint' <again
	[ "$output" = "$first" ]
	run -0 get '.id, .fingerprint' < <(sed 1d mail)
	[ "$output" = "$first" ]
}

@test "mail-ingest: another delivery, recipient or tenant has another id" {
	write_mail >mail
	{
		get .id <mail
		get .id < <(sed s/4F1/4F2/ mail)
		get .id -r other@example.jp <mail
		get .id -r INFO@example.jp <mail
		mail-ingest -t ne-002 mail | jq -r .id
	} >ids
	[ "$(sort -u ids | wc -l)" = 5 ]
	# One recipient is the same whoever says so.
	[ "$(get .id -r info@example.jp <mail)" = "$(head -n 1 ids)" ]
}

@test "mail-ingest: the fingerprint overlooks what delivery changes" {
	write_mail >mail
	want=$(get .fingerprint <mail)
	{
		get .fingerprint < <(sed 's/4F1/4F2/' mail)
		get .fingerprint < <(sed 1,5d mail) -r INFO@example.jp
		get .fingerprint < <(sed 's/$/\r/' mail) -r info@example.jp
		get .fingerprint < <(cat mail && printf '\n\n\r\n')
		get .fingerprint < <(head -c -1 mail)
		get .fingerprint < <(sed 's/^Subject: /SUBJECT:\n\t /' mail)
	} >got
	[ "$(sort -u got)" = "$want" ]
	[ "$(wc -l <got)" = 6 ]
}

@test "mail-ingest: the fingerprint sees what makes another mail" {
	write_mail >mail
	{
		get .fingerprint <mail
		get .fingerprint < <(sed 's/^two/2/' mail)
		get .fingerprint < <(sed '/^one/{n;d}' mail)
		get .fingerprint < <(sed 's/an order/an offer/' mail)
		get .fingerprint < <(sed 's/23:05:59/23:05:58/' mail)
		get .fingerprint < <(sed 's/<1@/<2@/' mail)
		get .fingerprint < <(sed 's/^To: /Cc: /' mail)
		get .fingerprint < <(sed 's/^From: .*/From: bob@x/' mail)
		get .fingerprint -r other@example.jp <mail
		mail-ingest -t ne-002 mail | jq -r .fingerprint
	} >got
	[ "$(sort -u got | wc -l)" = 10 ]
}

@test "mail-ingest: two equal notices without Date and Message-ID stay two" {
	write_mail | sed '/^Date/d; /^Message-ID/d' >mail
	run -0 get '.fingerprint, .message.defects[]' <mail
	[ "${lines[1]}" = no-identity ]
	first=${lines[0]}
	# The same queue file again is the same; another delivery is not.
	[ "$(get .fingerprint < <(sed 1d mail))" = "$first" ]
	[ "$(get .fingerprint < <(sed s/4F1/4F2/ mail))" != "$first" ]
}

## The envelope.

@test "mail-ingest: an option names the sender, else SENDER, else the header" {
	write_mail >mail
	filter='"\(.envelope.from) \(.envelope.source.from)"'
	[ "$(SENDER=e@x get "$filter" -f o@x <mail)" = "o@x option" ]
	[ "$(get "$filter" -f '' <mail)" = " option" ]
	[ "$(SENDER=e@x get "$filter" <mail)" = "e@x env:SENDER" ]
	[ "$(SENDER='' get "$filter" <mail)" = " env:SENDER" ]
	[ "$(get "$filter" <mail)" = "alice@example.com header:Return-Path" ]
	[ "$(get "$filter" < <(sed 's/^\(Return-Path:\).*/\1 <>/' mail))" = \
		" header:Return-Path" ]
	sed -i '/^Return-Path/d' mail
	[ "$(get "$filter" <mail)" = "alice@example.com from-line" ]
	sed -i 1d mail
	[ "$(get '.envelope | has("from")' <mail)" = false ]
}

@test "mail-ingest: an option names the recipient, else the MTA, else nobody" {
	write_mail >mail
	filter='"\(.envelope.to) \(.envelope.source.to)"'
	[ "$(RECIPIENT=e@x get "$filter" -r o@x <mail)" = "o@x option" ]
	[ "$(RECIPIENT=e@x get "$filter" <mail)" = "e@x env:RECIPIENT" ]
	[ "$(SENDER='' LOCAL_PART=e LOCAL_PART_SUFFIX=+s DOMAIN=x \
		get "$filter" <mail)" = "e+s@x env:LOCAL_PART" ]
	[ "$(get "$filter" <mail)" = "info@example.jp header:Delivered-To" ]
	sed -i '/^Delivered-To/d' mail
	[ "$(get "$filter" <mail)" = "Info@example.jp header:X-Original-To" ]
	sed -i '/^X-Original-To/d' mail
	run -0 get '.envelope.to, .message.defects[]' <mail
	[ "$output" = "null"$'\n'"no-recipient" ]
}

@test "mail-ingest: fields below the MTA's own are not believed" {
	run -0 get '.envelope, .message.defects[0]' <<-'EOF'
		Received: by mx.example.jp
		Return-Path: <liar@example.com>
		Delivered-To: victim@example.jp
		X-Original-To: victim@example.jp
		Date: now
	EOF
	[ "$output" = "{}"$'\n'"no-recipient" ]
	run -0 get .envelope.to < <(write_mail |
		sed 's/^Received: .*/&\nDelivered-To: victim@example.jp/')
	[ "$output" = info@example.jp ]
}

@test "mail-ingest: what Postfix sanitised is taken from the header instead" {
	write_mail | sed "s/<alice@/<o'brien@/; s/^\(Delivered-To:\).*/\1 a\\&b@x/" \
		>mail
	export SENDER=o_brien@example.com RECIPIENT=a_b@x
	run -0 get '.envelope | .from, .to, (.source | .from, .to), .env.SENDER' \
		<mail
	[ "${lines[*]}" = "o'brien@example.com a&b@x header:Return-Path \
header:Delivered-To o_brien@example.com" ]
	# Another address that only looks like it is not.
	run -0 get '.envelope.from' < <(sed "s/o'brien/oobrien/" mail)
	[ "$output" = o_brien@example.com ]
}

@test "mail-ingest: the environment counts only if an MTA made it" {
	write_mail >mail
	export USER=me CLIENT_ADDRESS=192.0.2.1 CLIENT_HELO=helo SHELL=/bin/sh \
		CLIENT_HOSTNAME=name CLIENT_PROTOCOL=ESMTP ENVID=$'a\n\xff'
	run -0 get '.envelope | has("env"), has("client")' <mail
	[ "$output" = "false"$'\n'"false" ]
	export RECIPIENT=r@x
	run -0 get '.envelope.client | .address, .helo, .name, .protocol' <mail
	[ "${lines[*]}" = "192.0.2.1 helo name ESMTP" ]
	run -0 jq -r '.envelope.env | keys | join(" ")' record
	[ "$output" = "CLIENT_ADDRESS CLIENT_HELO CLIENT_HOSTNAME \
CLIENT_PROTOCOL ENVID HOME RECIPIENT SHELL USER" ]
	run -0 jq -c '[.envelope.env.ENVID, .message.defects[]]' record
	[ "$output" = '["a\n\\xff","envelope-not-utf8"]' ]
}

@test "mail-ingest: control characters never get into an address" {
	run -64 --separate-stderr mail-ingest -t ne-001 -f $'a\nb@x' </dev/null
	[ -z "$output" ]
	run -64 mail-ingest -t ne-001 -r $'a\rb@x' </dev/null
	run -64 mail-ingest -t ne-001 -r a@x -r '' </dev/null
	run -0 get '.envelope, .message.defects[]' < <(
		printf 'Return-Path: <a\001@x>\nDelivered-To: a\0b@x\nDate: 1 Nov 2026 00:00 Z\n')
	[ "${lines[*]}" = "{} nul no-recipient bad-envelope" ]
	RECIPIENT=$'a\nb' run -0 get '.envelope.to' <<<"Delivered-To: b@x"
	[ "$output" = b@x ]
}

## Several records.

@test "mail-ingest: each -r is a record of its own, numbered" {
	write_mail >mail
	run -0 --separate-stderr mail-ingest -t ne-001 -r a@x -r '<b@x>' -r c@x mail
	[ "$(jq -c '[.envelope.to, .of]' <<<"$output" | tr '\n' ' ')" = \
		'["a@x",[1,3]] ["b@x",[2,3]] ["c@x",[3,3]] ' ]
	[ "$(jq -r .id <<<"$output" | sort -u | wc -l)" = 3 ]
	[ "$(jq -r .content.base64 <<<"$output" | sort -u | wc -l)" = 1 ]
	run -0 get 'has("of")' -r a@x <mail
	[ "$output" = false ]
}

@test "mail-ingest: each FILE is done, also after one that is missing" {
	write_mail >a
	write_mail | sed s/4F1/4F2/ >b
	mkdir dir
	run -75 --separate-stderr mail-ingest -t ne-001 a missing dir b
	[ "${#lines[@]}" = 2 ]
	bytes "${lines[0]}" | cmp - a
	bytes "${lines[1]}" | cmp - b
	[[ $stderr == *"mail-ingest: missing: open: No such file"* ]]
	[[ $stderr == *"mail-ingest: dir: read: Is a directory"* ]]
}

## Large messages.

@test "mail-ingest: above 64 KiB the content is a file in the spool" {
	mail big 65000 >mail
	truncate -s 65536 mail
	run -0 get '.content | has("base64")' <mail
	[ "$output" = true ]
	[ ! -e "$MAILPIPE_STATE" ] # nothing was opened for it
	truncate -s 65537 mail
	run -0 get '.content | .size, .temporary' <mail
	[ "${lines[*]}" = "65537 true" ]
	bytes "$(cat record)" | cmp - mail
	[ "$(stat -c '%a %h' "$MAILPIPE_STATE"/spool/*)" = "600 1" ]
	run -0 get .id <mail
	[ "$output" = "$(mail-ingest -t ne-001 -d "$PWD/other" mail | jq -r .id)" ]
	[ -d other/spool ]
}

@test "mail-ingest: each record of a large message has a file to consume" {
	mail big 100000 >mail
	run -0 --separate-stderr mail-ingest -t ne-001 -r a@x -r b@x mail
	[ "$(spooled)" = 2 ]
	bytes "${lines[0]}" | cmp - mail
	rm "$MAILPIPE_STATE/$(jq -r .content.path <<<"${lines[0]}")"
	bytes "${lines[1]}" | cmp - mail
}

@test "mail-ingest: what fails leaves nothing in the spool" {
	mail big 100000 >mail
	run -75 sh -c 'mail-ingest -t ne-001 -r a@x -r b@x mail >/dev/full'
	[ -d "$MAILPIPE_STATE/spool" ]
	[ "$(spooled)" = 0 ]
	run -75 --separate-stderr mail-ingest -t ne-001 --deadline 1 < <(
		cat mail
		exec sleep 3
	)
	[ -z "$output" ]
	[ "$(spooled)" = 0 ]
}

@test "mail-ingest: a full disk is 75, and leaves nothing in the spool" {
	mail big 200000 >mail
	export INJECT_HIT=$PWD/hit
	for call in write close linkat openat; do
		for nth in $(seq 20); do
			rm -rf "$MAILPIPE_STATE" hit
			inject "$call" "$nth" ENOSPC mail-ingest -t ne-001 \
				-r a@x -r b@x mail >out 2>err && status=0 ||
				status=$?
			[ -e hit ] || break
			[ "$status" = 0 ] && [ "$call" = close ] && continue
			[ "$status" = 75 ]
			[ ! -s out ]
			grep -q "No space left on device" err
			[ "$(spooled)" = 0 ]
		done
		[ "$nth" -gt 1 ]
	done
}

@test "mail-ingest: -i puts large content into the line, too" {
	mail big 300000 >mail
	run -0 get '.content | has("base64")' -i <mail
	[ "$output" = true ]
	jq -r .content.base64 record | base64 -d | cmp - mail
	[ ! -e "$MAILPIPE_STATE" ]
	# A line has 8 MiB; what is longer is said, and the next one done.
	truncate -s 6291400 mail
	truncate -s 6400000 huge
	run -65 --separate-stderr mail-ingest -t ne-001 -i mail huge /dev/null
	[ "${#lines[@]}" = 1 ]
	[[ $stderr == *"leave out -i"*"huge: "*"leave out -i"* ]]
	truncate -s 6290000 mail
	mail-ingest -t ne-001 -i mail >out
	[ "$(stat -c %s out)" -le $((8 * 1024 * 1024)) ]
}

@test "mail-ingest: memory stays flat, however long header or line" {
	need_release
	{
		echo "Date: 1 Nov 2026 00:00 Z"
		yes "X-Field: $(printf 'y%.0s' {1..60})" | head -c 10000000
	} >header
	head -c 100000000 /dev/zero | tr '\0' x >line
	while read -r file size defects; do
		run -0 --separate-stderr sh -c 'ulimit -v 40000; \
			exec mail-ingest -t ne-001 -r r@x' <"$file"
		[ "$(jq -r .size <<<"$output")" = "$size" ]
		[ "$(jq -r '.message.defects | join(" ")' <<<"$output")" = \
			"$defects" ]
		bytes "$output" | cmp - "$file"
	done <<-'EOF'
		header 10000025 too-many-fields header-too-long
		line 100000000 no-header no-identity
	EOF
}

## Trouble.

@test "mail-ingest: an output that cannot be written is 75" {
	write_mail >mail
	run -75 sh -c 'mail-ingest -t ne-001 mail >/dev/full'
	run -75 sh -c 'mail-ingest -t ne-001 mail >&-'
	run -75 sh -c '{ sleep 0.2; mail-ingest -t ne-001 mail mail mail;
		echo $? >status; } | :; exit $(cat status)'
}

@test "mail-ingest: an input that cannot be read is 75" {
	run -75 --separate-stderr sh -c 'mail-ingest -t ne-001 <&-'
	[ -z "$output" ]
	[[ $stderr == "mail-ingest: stdin: read: Bad file descriptor" ]]
	run -75 --separate-stderr mail-ingest -t ne-001 </
	[ -z "$output" ]
	run -75 --separate-stderr inject read 1 EIO mail-ingest -t ne-001 /dev/null
	[ -z "$output" ]
	[[ $stderr == *"/dev/null: read: Input/output error" ]]
}

@test "mail-ingest: a sender that falls silent is given up after --deadline" {
	run -75 --separate-stderr mail-ingest -t ne-001 --deadline 1 < <(
		write_mail
		exec sleep 5
	)
	[ -z "$output" ]
	[[ $stderr == *"nothing came for 1 seconds"* ]]
	# A slow one is not.
	run -0 --separate-stderr mail-ingest -t ne-001 --deadline 1 < <(
		for i in 1 2 3 4; do
			echo "X-$i: y"
			sleep 0.4
		done
	)
}

@test "mail-ingest: killed before the end, it has said nothing" {
	write_mail >mail
	mkfifo pipe
	mail-ingest -t ne-001 <pipe >out &
	exec 9>pipe
	head -c 100 mail >&9
	kill -KILL $!
	run wait $!
	exec 9>&-
	[ ! -s out ]
	run -0 get .size <mail
	[ "$output" = "$(stat -c %s mail)" ]
}

@test "mail-ingest: a wrong command line is 64, a missing tenant 75" {
	run -64 --separate-stderr mail-ingest --nonsense </dev/null
	run -64 --separate-stderr mail-ingest -t ../etc </dev/null
	run -64 --separate-stderr mail-ingest -t '' </dev/null
	run -64 --separate-stderr mail-ingest -t ne-001 --deadline soon </dev/null
	run -75 --separate-stderr mail-ingest </dev/null
	[ -z "$output" ]
	[[ $stderr == *"give -t"* ]]
	MAILPIPE_CONFIG=/nonexistent run -0 --separate-stderr mail-ingest \
		-t ne-001 </dev/null
	mail big 100000 >mail
	MAILPIPE_CONFIG=/nonexistent run -75 mail-ingest -t ne-001 mail
}

@test "mail-ingest: -v says which id a message got, never its text" {
	write_mail >mail
	run -0 --separate-stderr mail-ingest -v -t ne-001 mail
	[ "$stderr" = "mail-ingest: $(jq -r .id <<<"$output"): mail: 332 bytes" ]
}

@test "mail-ingest: what is odd about a part does not change a fingerprint" {
	{
		printf '%s\n' 'Date: 1 Nov 2026 00:00 Z' \
			'Content-Type: multipart/mixed; boundary=b' '' --b
		yes 'X: y' | head -n 2001
		printf '\n--b--\n'
	} >mail
	for by in a b; do
		run -0 get .fingerprint -r r@x < <(
			echo "Received: by $by"
			cat mail)
		[ "$(jq -c .message.defects record)" = '["too-many-fields"]' ]
		echo "$output" >>fingerprints
	done
	[ "$(sort -u fingerprints | wc -l)" = 1 ]
}

@test "mail-ingest: many attachments fit into a line and few descriptors" {
	need_release
	awk 'BEGIN {
		print "Date: 1 Nov 2026 00:00 Z"
		print "Content-Type: multipart/mixed; boundary=b\n"
		for (i = 0; i < 300; i++) {
			print "--b\nContent-Type: application/x-a\n"
			for (n = 0; n < 900; n++)
				printf "%070d\n", i
		}
		print "--b--"
	}' >mail
	run -0 bash -c 'ulimit -n 24
		exec mail-ingest -t ne-001 -r r@x -a mail' 2>err
	[ ! -s err ]
	echo "$output" >record
	[ "$(jq '[.message.parts[].content | select(. != null)] | length' \
		record)" = 300 ]
	jq -r '.message.parts[1, 300] | .digest, (.content.path // "-")' record |
		{
			read -r first
			read -r path
			[ "$path" = - ]
			[ "$first" = "b2:$(jq -r \
				'.message.parts[1].content.base64' record |
				base64 -d | b2sum -l 256 | cut -c1-64)" ]
			read -r last
			read -r path
			[ "$last" = "b2:$(b2sum -l 256 \
				"$MAILPIPE_STATE/$path" | cut -c1-64)" ]
		}
	mail-store put <record | mail-queue put inbound
	[ "$(find "$MAILPIPE_STATE/spool" -type f | wc -l)" = 0 ]
}
