#!/usr/bin/env bats
# Records that can never be sent, each with good neighbours, through the whole
# sending line: a caller gets a reason, from mail-store put with the number of its
# line or as the result of the mail, and the neighbours go out.

load helpers
load smtp.d/helpers
load send.d/helpers

setup() {
	mailpipe_setup
	need python3 jq
	serve --ext "PIPELINING,8BITMIME,SIZE 30000000" --quiet
	config "$(jq -nc --arg url "smtp://127.0.0.1:$port" '{
		transports: {default: {url: $url}}}')"
}

teardown() { mailpipe_teardown; }

# rec KEY [MAIL [MORE]]
rec() {
	jq -nc --arg key "$1" --argjson mail "${2:-{\}}" --argjson more "${3:-{\}}" '
		{tenant: "t", key: $key, mail: ({from: "shop@example.com",
		to: "\($key)@example.jp", subject: "s", text: "t\n"} + $mail)} +
		$more'
}

# bad: "KEY|MAIL|WORDS", each with what its reason has.
bad() {
	cat <<-'EOF'
		none|{"to":[]}|recipient
		nobody|{"to":null}|mail.to
		noat|{"to":"nobody"}|mail.to
		twofrom|{"from":["a@example.com","b@example.com"]}|mail.from
		nofrom|{"from":null}|mail.from
		newline|{"headers":{"X-Order":"1\nBcc: x@example.com"}}|X-Order
		subject|{"subject":"1\r\nBcc: x@example.com"}|subject
		inname|{"from":{"name":"a\nb","address":"a@example.com"}}|mail.from
		notext|{"text":7}|mail.text
		charset|{"charset":"x-nosuch"}|charset
		missing|{"attachments":[{"name":"a","path":"nosuch"}]}|attachments[0]
		gone|{"attachments":[{"name":"a","blob":{"ref":"file:2026/11/29/x.0"}}]}|attachments[0]
		base64|{"attachments":[{"name":"a","content":{"base64":"%%%"}}]}|attachments[0]
		huge|{"attachments":[{"name":"a","path":"huge"}]}|
		smuggle|{"to":"a@example.jp> NOTIFY=NEVER"}|mail.to
	EOF
}

@test "malformed: each has a reason that names it, and its neighbours go out" {
	local n=0 key mail words line reason
	mkdir files
	truncate -s 100M files/huge
	rec good0 >in
	while IFS='|' read -r key mail words; do
		n=$((n + 1))
		rec "$key" "$mail" >>in
		rec "good$n" >>in
	done < <(bad)
	mail-store put --attach-from files <in 2>said | mail-queue put outbound
	[ "${PIPESTATUS[*]}" = "65 0" ]
	outbound -1
	mail-store list >after
	line=1
	while IFS='|' read -r key mail words; do
		line=$((line + 1))
		reason=$(jq -r --arg k "$key" 'select(.key == $k and
			.state == "dead") | .last.reason' after
			grep "^mail-store: line $line: " said || true)
		[[ -n $reason && $reason == *"$words"* && $reason != *$'\n'*$'\n'* ]] ||
			echo "$key: $reason" >>wrong
		line=$((line + 1))
	done < <(bad)
	cat said
	jq -r '"\(.key) \(.state) \(.last.reason)"' after
	[ ! -e wrong ] || { cat wrong; false; }
	# All good ones went out, and nothing else.
	[ "$(taken)" = "$(for ((i = 0; i <= n; i++)); do
		echo "good$i@example.jp"; done | sort)" ]
	[ "$(count succeeded)" = $((n + 1)) ]
	[ "$(mail-store list | jq -r 'select(.state != "succeeded") | .state' |
		sort -u)" = dead ]
}

@test "malformed: a body of 100 MB in the line is named, and no neighbour lost" {
	{
		rec good1
		printf '{"tenant":"t","key":"huge","mail":{"from":"a@example.com",'
		printf '"to":"huge@example.jp","subject":"s","text":"'
		head -c 100000000 /dev/zero | tr '\0' x
		echo '"}}'
		rec good2
	} | mail-store put 2>said | mail-queue put outbound
	[ "${PIPESTATUS[*]}" = "0 65 0" ]
	grep -q '^mail-store: line 2: longer than 8388608 bytes' said
	outbound -1
	[ "$(taken | xargs)" = "good1@example.jp good2@example.jp" ]
}
