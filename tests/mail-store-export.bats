#!/usr/bin/env bats
# mail-store export and import: mails as files, and back.

load helpers

# Mails in several states, with parts and without; raw bytes in one.
some() {
	local n
	for n in 1 2 3 4; do
		mail "mail $n" $((n * 1000)) | receive t$((n % 2)) q
	done
	printf 'From: a@example.com\r\nSubject: \377\r\n\r\n\0\r\nx' |
		receive t0 q
	printf '%s\n' 'Content-Type: multipart/mixed; boundary=b' '' \
		'--b' '' 'text' '--b' 'Content-Disposition: attachment; filename=a' \
		'' 'attached' '--b--' >parts
	mail-ingest -a -t t1 <parts | mail-store put | mail-queue put q
	echo '{"id":"bare","tenant":"t0"}' | mail-queue put q
	mail-queue take -c 3 q | jq -c '.result =
		{status: "retry", class: "handler", reason: "exit 75"}' |
		mail-queue settle
	mail-queue take -c 1 q | jq -c '.result = {status: "ok"}' |
		mail-queue settle
	echo '{"id":"kept-back","tenant":"t0"}' | mail-store put >/dev/null
}

# What import makes of each: waiting ones are parked.
expected() {
	jq -c '[.id, .tenant, (if .state | IN("ready", "scheduled", "deferred",
		"leased") then "parked" else .state end), .attempts, .last,
		.envelope, .message, .blob.digest]' | sort
}

import_is_whole() {
	local id
	mail-store list >listed
	expected <before >a
	expected <listed >b
	cmp a b
	for id in $(jq -r 'select(.blob) | .id' before); do
		same_bytes "$id" "bytes/$id"
	done
	mail-store doctor | jq -se 'any(.check == "ledger" and .status == "ok")'
}

# The state becomes one of before, and nothing but an empty one is left.
remember() {
	local id
	mail-store list >before
	mkdir bytes
	for id in $(jq -r 'select(.blob) | .id' before); do
		mail-store cat "$id" >"bytes/$id"
	done
}

@test "export: byte for byte, and import makes the same mails of it" {
	need jq
	some
	remember
	run -0 --separate-stderr mail-store export -v out
	[ -z "$output" ]
	[ "$stderr" = "mail-store: 8 exported, 0 were there already" ]
	for id in $(jq -r 'select(.blob) | .id' before); do
		cmp "out/$id.eml" "bytes/$id"
	done
	[ "$(find out -name '*.part' | wc -l)" -ge 1 ]
	[ "$(find out -name '*.json' | wc -l)" = 8 ]
	[ -z "$(find out -name '*.tmp')" ]
	id=$(jq -r 'select(.state == "deferred") | .id' before | head -n 1)
	mail-store show -o json "$id" | jq -c .history >history
	rm -rf state
	run -0 --separate-stderr mail-store import -v out
	[ "$stderr" = "mail-store: out: 8 imported, 0 were there already" ]
	import_is_whole
	# The history goes on.
	mail-store show -o json "$id" | jq -c '.history[:-1]' | cmp - history
	mail-store show -o json "$id" | jq -e '.history[-1] |
		.event == "imported" and .entry.state == "deferred"'
	# Parts too.
	mail-store list | mail-store get >got
	jq -se 'any(.message.parts[]?.content)' got
	# Once more is nothing new.
	run -0 --separate-stderr mail-store import -v out
	[ "$stderr" = "mail-store: out: 0 imported, 8 were there already" ]
}

@test "export: again is quick, and writes what has changed" {
	need jq
	some
	mail-store export out
	run -0 --separate-stderr mail-store export -v out
	[ "$stderr" = "mail-store: 0 exported, 8 were there already" ]
	id=$(mail-store list -s ready -c 1 | jq -r .id)
	mail-queue drop -i "$id" q
	run -0 --separate-stderr mail-store export -v out
	[ "$stderr" = "mail-store: 1 exported, 7 were there already" ]
	jq -e '.state == "dropped"' "out/$id.json"
}

@test "export: by filters and ids" {
	need jq
	some
	mail-store export -s deferred -t t1 out
	[ "$(find out -name '*.json' | wc -l)" = \
		"$(mail-store list -s deferred -t t1 | wc -l)" ]
	mail-store export two bare kept-back
	[ "$(cd two && echo *)" = "bare.json kept-back.json" ]
	run -65 --separate-stderr mail-store export two bare nosuch
	[[ $stderr == *"nosuch: no such mail"* ]]
	run -64 mail-store export
	run -64 mail-store export two ../x
}

@test "export: a Maildir, that a mail reader has been at, comes back" {
	need jq
	some
	remember
	mail-store export --maildir box
	[ "$(cd box && echo *)" = "cur mailpipe new tmp" ]
	[ "$(find box/new -type f | wc -l)" = 6 ]
	seen=$(cd box/new && printf '%s\n' * | head -n 1)
	mv "box/new/$seen" "box/cur/$seen:2,S"
	run -0 --separate-stderr mail-store export -v --maildir box
	[ "$stderr" = "mail-store: 0 exported, 8 were there already" ]
	[ ! -e "box/new/$seen" ]
	rm -rf state
	mail-store import box
	import_is_whole
	# Our own programs, as others, read it as a Maildir: what is new there.
	[ "$(mail-ingest -t t maildir:box | wc -l)" = 5 ]
}

@test "export: killed at any call, the next run ends it" {
	need jq
	some
	remember
	for call in openat write renameat fsync io_submit; do
		nth=1
		while rm -rf out hit && {
			INJECT_HIT=$PWD/hit inject $call $nth kill \
				mail-store export out || true
		} 2>/dev/null && [ -s hit ]; do
			# A row that is there has its bytes.
			for row in out/*.json; do
				[ -e "$row" ] || continue
				jq -e . "$row" >/dev/null
				id=$(basename "$row" .json)
				[ ! -e "bytes/$id" ] ||
					cmp "out/$id.eml" "bytes/$id"
			done
			mail-store export out
			[ "$(find out -name '*.json' | wc -l)" = 8 ]
			[ -z "$(find out -name '*.tmp')" ]
			nth=$((nth + 3))
		done
		echo "$call $nth"
	done >tried
	[ "$(awk '$2 > 1' tried | wc -l)" -ge 4 ]
	rm -rf state
	mail-store import out
	import_is_whole
}

@test "import: killed at any call, the next run ends it" {
	need jq
	some
	remember
	mail-store export out
	for call in openat write renameat2 fsync io_submit pwrite64; do
		nth=1
		while rm -rf state hit && mail-store stats >/dev/null && {
			INJECT_HIT=$PWD/hit inject $call $nth kill \
				mail-store import out || true
		} 2>/dev/null && [ -s hit ]; do
			# A mail that is there is whole.
			for id in $(ids); do
				[ ! -e "bytes/$id" ] ||
					same_bytes "$id" "bytes/$id"
			done
			mail-store import out
			import_is_whole
			nth=$((nth + 7))
		done
		echo "$call $nth"
	done >tried
	[ "$(awk '$2 > 1' tried | wc -l)" -ge 4 ]
}

@test "import: what is broken is named and left, the others are done" {
	need jq
	some
	mail-store export out
	mapfile -t ids < <(cd out && printf '%s\n' *.eml | sed 's/\.eml$//')
	set -- "${ids[@]}"
	pushd out
	echo x >>"$1.eml"
	rm "$2.eml"
	printf '{"id":"%s"' "$3" >"$3.json"
	jq -c '.state = "nosuch"' "$4.json" >new && mv new "$4.json"
	jq -c '.id = "other"' "$5.json" >new && mv new "$5.json"
	echo '{"id":"plain","tenant":"t"}' >plain.json
	ln -s /etc/passwd evil.eml
	jq -cn '{id: "evil", tenant: "t", state: "ready", exported: {v: 1},
		blob: {ref: "file:2026/11/21/evil.0"}}' >evil.json
	jq -cn '{id: "theirs", tenant: "t", state: "dead", exported: {v: 1},
		blob: {ref: "file:../../../x/theirs.0"}}' >theirs.json
	: >theirs.eml
	popd
	rm -rf state
	run -65 --separate-stderr mail-store import out
	for id in "$@" plain evil theirs; do
		[ "$id" = "${6:-}" ] || [[ $stderr == *"mail-store: $id: "* ]]
	done
	[ "$(mail-store list | wc -l)" = $((8 - 5)) ]
	[ -z "$(ls state/spool)" ]
}

@test "import: messages without a row are left, and said" {
	mkdir out
	mail one >out/a.eml
	run -0 --separate-stderr mail-store import -v out
	[[ $stderr == *"1 messages have no row beside them"*"mail-ingest"* ]]
	[ "$(mail-store list | wc -l)" = 0 ]
	run -75 mail-store import nosuch
	run -64 mail-store import
}

@test "export: a mail whose bytes are damaged is named, the others are done" {
	need jq
	some
	blob=$(find state/blobs -name '*.0' | head -n 1)
	id=$(basename "$blob" .0)
	chmod u+w "$blob"
	printf X | dd of="$blob" conv=notrunc status=none
	run -75 --separate-stderr mail-store export out
	[[ $stderr == *"mail-store: $id: "*"not those that were stored"* ]]
	[ ! -e "out/$id.json" ]
	[ ! -e "out/$id.eml" ]
	[ "$(find out -name '*.json' | wc -l)" = 7 ]
}

@test "export, verify: a blob that is no file hinders nobody else" {
	need jq
	for n in 1 2 3; do
		mail "mail $n" | receive t q
	done
	mail-store list >/dev/null
	blob=$(find state/blobs -name '*.0' | sort | head -n 1)
	id=$(basename "$blob" .0)
	make() {
		rm -rf "$blob"
		"$@" "$blob"
	}
	for kind in mkfifo mkdir "ln -s /etc/passwd"; do
		# shellcheck disable=SC2086 # words
		make $kind
		run -75 --separate-stderr timeout 20 mail-store verify
		[ "$(jq -r '.finding, .id' <<<"$output" | xargs)" = "unread $id" ]
		[ "$stderr" = "mail-store: 1 cannot be read, 0 are missing or damaged" ]
		run -75 --separate-stderr timeout 20 mail-store export out
		[[ $stderr == "mail-store: $id: "*"verify says more" ]]
		[ "$(find out -name '*.json' | wc -l)" = 2 ]
	done
}

@test "import: what is no file, or too large, hinders nobody else" {
	need jq
	for n in 1 2 3; do
		mail "mail $n" | receive t q
	done
	mail-store export out
	first=$(ids | sort | head -n 1)
	truncate -s 70M large
	cp -r out whole
	for row in json eml; do
		for kind in mkfifo mkdir "ln -s $PWD/whole/$first.$row" \
			"ln large"; do
			[ "$row" = json ] || [ "$kind" != "ln large" ] || continue
			rm -rf state out
			cp -r whole out
			rm "out/$first.$row"
			# shellcheck disable=SC2086 # words
			$kind "out/$first.$row"
			run -65 --separate-stderr timeout 20 mail-store import out
			[[ $stderr == "mail-store: $first: $first.$row: "* ]]
			[ "${stderr_lines[1]:-}" = "" ]
			[ "$(ids | wc -l)" = 2 ]
		done
	done
}

@test "import: rows of a few MiB each are not held all at once" {
	need jq
	need_release
	mkdir out
	for n in $(seq 32); do
		{
			printf '{"id":"m%s","tenant":"t","state":"dead","exported":{"v":1},"history":[' "$n"
			for e in 1 2 3; do
				printf '{"at":"2026-11-21T23:06:00.000Z","event":"x","entry":{"s":"'
				head -c 2000000 /dev/zero | tr '\0' x
				printf '"}}%s' "$([ $e = 3 ] || echo ,)"
			done
			printf ']}\n'
		} >"out/m$n.json"
	done
	(
		ulimit -v 120000
		mail-store import out
	)
	[ "$(ids | wc -l)" = 32 ]
}

@test "import: of a Maildir that was read, with ids that begin alike" {
	need jq
	for id in order-1 order-10 order-1-2; do
		jq -cn --arg id "$id" '{id: $id, tenant: "t",
			content: {base64: "eA=="}}'
	done | mail-store put >/dev/null
	mail-store export --maildir out
	for id in order-1 order-10 order-1-2; do
		mv "out/new/$id" "out/cur/$id:2,S"
	done
	rm -rf state
	mail-store import out
	[ "$(ids | wc -l)" = 3 ]
}

@test "export: two at once into one directory do not mix their bytes" {
	need jq
	mail large 200000 | receive t q
	mail-store list >/dev/null
	INJECT_HIT=$PWD/hit inject renameat 1 stop setsid mail-store export out &
	wait_for 20 test -s hit
	read -r _ pid _ <hit
	run -75 mail-store export out
	[ "$output" = "mail-store: out: another export is being written there: try again" ]
	kill -CONT "$pid"
	wait $!
	same_bytes "$(ids)" "out/$(ids).eml"
	run -75 mail-store export state
	[[ $output == *"it is a state directory"* ]]
}

@test "export, backup: what a killed run has named is synced by the next" {
	mail one | receive t q
	mail-store list >/dev/null
	for what in export backup; do
		call=renameat # the row, the last
		nth=2
		[ $what = export ] || call=linkat nth=1
		run -137 inject $call $nth kill-after mail-store $what out-$what
		run -137 inject fsync 1 kill mail-store $what out-$what
		mail-store $what out-$what
	done
	run -137 inject fsync 1 kill mail-store export out-export
}
