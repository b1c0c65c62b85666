#!/usr/bin/env bats
# mail-store verify: rows against blobs, blobs against rows.

load helpers

# Two sound mails, older than a day.
two() {
	mail one | receive t q
	mail two | receive t q
	mail-store list >/dev/null
	age
}

# Nothing in blobs/ is young any more.
age() { find state/blobs -type f -exec touch -d '2 days ago' {} +; }

# found FINDING STATUS OPTION...: the only finding, with this exit status.
found() {
	local finding=$1 want=$2
	shift 2
	run "-$want" --separate-stderr mail-store verify "$@"
	[ "$(jq -r .finding <<<"$output" | xargs)" = "$finding" ] || {
		echo "found $output"
		return 1
	}
}

@test "verify: what is sound says nothing" {
	need jq
	two
	run -0 mail-store verify
	[ -z "$output" ]
	run -0 mail-store verify -v
	[[ $output == *"2 mails and 2 files looked at, 0 bad, 0 removed"* ]]
}

@test "verify: a blob that is missing or damaged is 65, and named" {
	need jq
	two
	blob=$(find state/blobs -name '*.0' | sort | head -n 1)
	id=$(basename "$blob" .0)
	cp "$blob" good
	printf X | dd of="$blob" conv=notrunc status=none
	found damaged 65
	[ "$(jq -r .id <<<"$output")" = "$id" ]
	[ "$stderr" = "mail-store: 1 is missing or damaged" ]
	truncate -s 5 "$blob"
	found damaged 65
	rm "$blob"
	found missing 65
	jq -e '.status == "fail"' <<<"$output"
	found missing 65 --fix
	[ "$(mail-store list | wc -l)" = 2 ]
	# Only what is asked for.
	found missing 65 "$id"
	other=$(ids | grep -v "$id")
	run -0 mail-store verify "$other"
	run -65 --separate-stderr mail-store verify "$other" nosuch
	cp good "$blob"
	run -0 mail-store verify
}

@test "verify: a part's blob counts as well" {
	need jq
	printf '%s\n' 'Content-Type: multipart/mixed; boundary=b' '' \
		'--b' 'Content-Disposition: attachment; filename=a' '' \
		'attached' '--b--' | mail-ingest -a -t t | mail-store put |
		mail-queue put q
	run -0 mail-store verify
	rm "$(find state/blobs -type f -not -name '*.0' | head -n 1)"
	found missing 65
}

@test "verify: the bytes of an earlier try of the MTA are harmless" {
	need jq
	{ echo 'From a@example.com Sat Nov 21 10:00:00 2026'; mail one; } >first
	{ echo 'From a@example.com Sat Nov 21 10:05:00 2026'; mail one; } >again
	receive t q <first
	mail-store list >listed
	age
	# As if the row had been written by the second try.
	blob=$(find state/blobs -name '*.0')
	cp again "$blob"
	age
	found retry 0
	jq -e '.status == "ok"' <<<"$output"
	# Another mail is not.
	{ echo 'From a@example.com Sat Nov 21 10:05:00 2026'; mail two; } >"$blob"
	age
	found damaged 65
}

@test "verify: a file of another day's try is harmless, and --fix removes it" {
	need jq
	two
	blob=$(find state/blobs -name '*.0' | sort | head -n 1)
	mkdir -p state/blobs/2020/01/02
	cp "$blob" state/blobs/2020/01/02/
	found "" 0 # it is young
	age
	found left 0
	[ -e "state/blobs/2020/01/02/$(basename "$blob")" ]
	found left 0 --fix
	[ ! -e "state/blobs/2020/01/02/$(basename "$blob")" ]
	[ -e "$blob" ]
	run -0 mail-store verify
	[ -z "$output" ]
	# Where the row's own is damaged, it may be all that is left of the mail.
	mv "$blob" state/blobs/2020/01/02/
	echo x >"$blob"
	age
	run -65 --separate-stderr mail-store verify --fix
	[ "$(jq -r .finding <<<"$output" | xargs)" = "damaged orphan" ]
	[ -e "state/blobs/2020/01/02/$(basename "$blob")" ]
}

@test "verify: a file that no row has is named and stays; rests go with --fix" {
	need jq
	two
	mkdir -p state/blobs/2020/01/02
	echo x >state/blobs/2020/01/02/nobody.0
	echo x >state/blobs/2020/01/02/half.0.tmp
	age
	run -0 --separate-stderr mail-store verify
	[ "$(jq -r .finding <<<"$output" | xargs)" = "rest orphan" ]
	run -0 mail-store verify --fix
	[ -e state/blobs/2020/01/02/nobody.0 ]
	[ ! -e state/blobs/2020/01/02/half.0.tmp ]
	found orphan 0
	jq -e '.status == "warn" and .id == "nobody"' <<<"$output"
}

@test "verify: what is on its way is left alone" {
	need jq
	mail one | receive t q
	run -0 mail-store verify
	# Large content is stored before its row is.
	mail large 200000 >large
	mail-ingest -t t <large | mail-store put >stored
	run -0 mail-store verify --fix
	[ -z "$output" ]
	mail-queue put q <stored
	[ "$(states)" = "ready 2" ]
	same_bytes "$(ids | tail -n 1)" large
}

@test "verify: killed on its way, --resume goes on" {
	need jq
	{
		seq 1100 | jq -Rc '{id: "m\(.)", tenant: "t"}'
		echo '{"id":"last","tenant":"t","content":{"base64":"eA=="}}'
	} | mail-store put >/dev/null
	mail-store list >/dev/null
	rm "$(find state/blobs -name 'last.0')"
	run -137 inject renameat 1 kill-after mail-store verify
	read -r kind at <state/verify
	[ "$kind $at" = "rows m1000" ]
	run -65 --separate-stderr mail-store verify --resume -v --budget 1h
	[ "$(jq -r .id <<<"$output")" = last ]
	[[ $stderr == *"101 mails and 0 files looked at, 1 bad"* ]]
	[ ! -e state/verify ]
	# Without it, from the start.
	run -65 --separate-stderr mail-store verify -v
	[[ $stderr == *"1101 mails and"* ]]
}
