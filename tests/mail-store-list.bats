#!/usr/bin/env bats
# mail-store list: which mails.

load helpers

# Four mails in four states: m1 succeeded, m2 deferred, m3 dead, m4 ready.
four() {
	local n
	for n in 1 2 3 4; do
		printf '{"id":"m%d","tenant":"t%d","envelope":{"from":"%s","to":"%s"},"message":{"message_id":"<%d@x>"}}\n' \
			$n $((n % 2)) "Sender$n@example.com" \
			"r$n@example.jp" $n
	done | mail-queue put q
	mail-queue take -c 3 q | jq -c '.result = {
		m1: {status: "ok"},
		m2: {status: "retry", class: "network", reason: "no route to host"},
		m3: {status: "fail", class: "handler", reason: "exit 65"}}[.id]' |
		mail-queue settle
}

# list_is IDS OPTION...: the ids that it lists.
list_is() {
	local ids=$1
	shift
	run -0 --separate-stderr mail-store list "$@"
	[ -z "$stderr" ]
	[ "$(jq -r .id <<<"$output" | xargs)" = "$ids" ] || {
		echo "$* lists $(jq -r .id <<<"$output" | xargs), not $ids"
		return 1
	}
}

@test "list: by state, tenant, queue, and all together" {
	need jq
	four
	list_is "m1 m2 m3 m4"
	list_is m3 -s dead
	list_is "m1 m3" -t t1
	list_is m3 -t t1 -s dead
	list_is "" -t t0 -s dead
	list_is "m1 m2 m3 m4" -q q
	list_is "" -q other
	list_is "m1 m2" -c 2
	list_is "" --older 1h
	list_is "m1 m2 m3 m4" --newer 1h
	MAILPIPE_CLOCK=+2h list_is "m1 m2 m3 m4" --older 1h
	run -64 mail-store list -s nosuch
}

@test "list: by sender and recipient in any case, and by Message-ID" {
	need jq
	four
	list_is m2 -f sender2@EXAMPLE.com
	list_is "" -f sender9@example.com
	list_is m3 -r R3@example.jp
	list_is m4 --message-id '<4@x>'
	list_is m4 --message-id 4@x
	list_is "" --message-id '<4@X>'
	list_is m2 -f sender2@example.com -r r2@example.jp -s deferred
	list_is "" -f sender2@example.com -r r3@example.jp
	# What is queued anew, or parsed anew, is found as it is now.
	echo '{"id":"s","tenant":"t","envelope":{"from":"a@x"}}' |
		mail-store put >/dev/null
	list_is s -f a@x
	echo '{"id":"s","tenant":"t","envelope":{"from":"b@x"}}' |
		mail-queue put q
	list_is "" -f a@x
	list_is s -f b@x
}

@test "list: by class and reason of the last result, and by a jq program" {
	need jq
	four
	list_is m2 --class network
	list_is m3 --reason 'exit 6'
	list_is "" --class network --reason exit
	list_is "m2 m3" -j '.attempts > 0 and .state != "succeeded"'
	list_is m2 -c 1 -j '.last.status != "ok" and .last != null'
	run -64 --separate-stderr mail-store list -j '.['
	[ -z "$output" ]
	# One that fails on a record leaves that one out, and says so.
	run -65 --separate-stderr mail-store list -j '.last.reason | test("6")'
	[ "$(jq -r .id <<<"$output")" = m3 ]
	[[ $stderr == *"mail-store: m1: -j: "* ]]
}

@test "list: by ids, in their order; one that is nobody's is named" {
	need jq
	four
	list_is "m3 m1" m3 m1
	list_is m3 -s dead m1 m3
	run -65 --separate-stderr mail-store list m2 nosuch m1
	[ "$(jq -r .id <<<"$output" | xargs)" = "m2 m1" ]
	[ "$stderr" = "mail-store: nosuch: no such mail" ]
	run -64 mail-store list ../x
}

@test "list: among 20,000, no walk over all that is in the rows" {
	need jq sqlite3
	seq -f '%g' 20000 | jq -Rc '{id: "m\(.)", tenant: "t\(tonumber % 7)",
		envelope: {from: "s\(.)@x", to: "r\(.)@x"},
		message: {message_id: "<\(.)@x>"}, x: ("x" * 800)}' |
		mail-queue put q
	list_is m19999 -f s19999@x
	list_is m19998 -r r19998@x
	list_is m19997 --message-id 19997@x
	# A row has 800 bytes, of which a walk that misses reads none.
	size=$(stat -c %s state/mail.db)
	[ "$size" -gt 16000000 ]
	need_release
	need strace
	strace -f -qq -e trace=pread64 -o trace mail-store list -s dead -t t3 \
		-f s5@x
	read=$(awk '{ n += $NF } END { print n + 0 }' trace)
	[ "$read" -gt 0 ]
	[ "$read" -lt $((size / 4)) ]
}
