#!/usr/bin/env bats
# Rehearsal: stored mail through a new handler, and nothing else changes.

load helpers

# All that is in the state directory, as text.
everything() {
	sqlite3 state/mail.db .dump
	find state/blobs state/intake -type f -exec md5sum {} + | sort
	ls state/spool
}

# One mail in each of several states, and a lease.
several() {
	local n
	for n in 1 2 3 4 5; do
		mail "mail $n" $((n * 100)) | receive t inbound
	done
	mail-queue take -c 3 inbound | jq -c '.result = {
		"mail 1": {status: "ok"},
		"mail 2": {status: "fail", reason: "exit 65", class: "handler"},
		"mail 3": {status: "retry", reason: "exit 75", class: "handler"}
		}[.message.subject]' | mail-queue settle
	mail-queue take -c 1 inbound >leased
}

@test "rehearsal: list into dispatch, and nothing of the state changes" {
	need jq sqlite3
	several
	everything >before
	# A handler that takes the bytes, fails at one, and has side effects.
	cat >handler <<-'END'
		#!/bin/sh
		cat >"seen.$MAIL_ID"
		grep -q '^Subject: mail 4' "seen.$MAIL_ID" && exit 75
		exit 0
	END
	chmod +x handler
	mail-store list | mail-dispatch -- ./handler >out
	everything | diff before -
	[ "$(find . -name 'seen.*' | wc -l)" = 5 ]
	for id in $(ids); do same_bytes "$id" "seen.$id"; done
	[ "$(jq -r .result.status out | sort | uniq -c | xargs)" = "4 ok 1 retry" ]
	# The leased one has no lease here: who has it still can settle it.
	[ "$(jq -s 'map(has("lease")) | any' out)" = false ]
	jq -c '.result = {status: "ok"}' leased | mail-queue settle
	[ "$(count succeeded)" = 2 ]
}

@test "rehearsal: its results beside those of before" {
	need jq
	several
	mail-store list -j .last | mail-dispatch -- true |
		jq -c 'select(.result.status != .last.status) |
			[.message.subject, .last.status, .result.status]' |
		sort >differ
	diff differ - <<-'END'
		["mail 2","fail","ok"]
		["mail 3","retry","ok"]
	END
}

@test "rehearsal: by filters, through jq, and what comes out is not settled" {
	need jq sqlite3
	several
	everything >before
	[ "$(mail-store list -s dead --class handler | jq -c '.tenant = "u"' |
		mail-dispatch -- sh -c 'echo $MAIL_TENANT' |
		jq -r .result.status)" = ok ]
	# A settle at its end is refused by itself: there is no lease.
	run -65 sh -c 'mail-store list -s dead | mail-dispatch -- true |
		mail-queue settle'
	everything | diff before -
}

@test "rehearsal: a shadow line beside the old one costs the old one nothing" {
	need jq
	# The second line of the manual, as the MTA's shell runs it.
	line=$(sed -n 's/^shadow-ne-001: "|\(.*\)"$/\1/p' \
		"$MAILPIPE_REPO/man/mailpipe.7" | sed "s,/usr/local/bin/,,")
	[ -n "$line" ]
	mail one >one
	run -0 sh -c "$line" <one
	[ "$(mail-store list -q shadow | wc -l)" = 1 ]
	same_bytes "$(ids)" one
	# A full disk, a broken configuration: the MTA does not try again.
	echo '{' >broken.json
	MAILPIPE_CONFIG=$PWD/broken.json run -0 sh -c "$line" <one
	# Nobody works it, and the new program may see it again and again.
	for _ in 1 2; do
		mail-store list -q shadow | mail-dispatch -- wc -l |
			jq -e '.result.status == "ok"'
	done
	[ "$(states)" = "ready 1" ]
}
