#!/usr/bin/env bats
# Encryption at rest: what is on the disk, who can read it, and what a damaged
# blob or a killed program leaves behind.
#
# All mails have alice in their header and 72 of "x" in a line: these, and what
# base64 makes of the latter, stand for everything that must not be there.

load helpers
load faults.d/steps

setup() {
	mailpipe_setup
	need jq python3
	mail small 3000 >small
	mail large 300000 >large
	mail-store keygen --secret "$PWD/secret" --public "$PWD/public" >made
	configure receive public
	configure both public secret
	use both
}

teardown() { mailpipe_teardown; }

# configure NAME PUBLIC [SECRET]
configure() {
	jq -n --arg p "$PWD/$2" --arg s "${3:+$PWD/${3:-}}" '{keys:
		({public: $p} + if $s == "" then {} else {secret_file: $s} end)}' \
		>"$1.json"
}

use() { export MAILPIPE_CONFIG=$BATS_TEST_TMPDIR/$1.json; }

# Is nothing of a mail anywhere in the state directory?
nothing_plain() {
	! grep -raoE 'alice|xxxxxxxx|eHh4eHh4' "${1:-state}"
}

# The file of a mail's message.
blob_of() { echo state/blobs/*/*/*/"$1".0; }

# flip FILE OFFSET
flip() {
	python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    b = f.read(1)
    f.seek(-1, 1)
    f.write(bytes([b[0] ^ 1]))' "$1" "$2"
}

# refused TEXT: the record in rec runs no handler, and its failure says TEXT.
refused() {
	mail-dispatch -- sh -c 'echo x >>ran; cat >>ran' <rec >result 2>err ||
		fail "$what: exit status $?: $(cat err)"
	[ ! -e ran ] || fail "$what: the handler was started"
	jq -e --arg text "$1" '.result | .status == "fail" and
		.class == "storage" and (.reason | contains($text))' result \
		>/dev/null || fail "$what: $(jq -c .result result)"
}

fail() { echo "$*" >>"$BATS_TEST_TMPDIR/failures"; }

@test "seal: keygen makes a pair, the secret one for its owner alone" {
	[ "$(stat -c %a secret)" = 600 ]
	[ "$(cat public)" = "$(jq -r .public made)" ]
	grep -qE '^mailpipe-public-1:[0-9a-f]{64}$' public
	grep -qE '^mailpipe-secret-1:[0-9a-f]{64}$' secret
	[ ! -e state ]
	cp secret was
	run -75 --separate-stderr mail-store keygen --secret "$PWD/secret"
	[[ $stderr == *"is there already"* ]]
	cmp secret was
	run -75 mail-store keygen --secret "$PWD/new" --public "$PWD/public"
	[ ! -e new ]
	run -64 mail-store keygen
	run -75 mail-store keygen --secret "$PWD/no/such"
}

@test "seal: the whole line leaves nothing in the clear, and works" {
	for f in small large; do
		line_receive <$f
		receive ne-002 <$f
		nothing_plain
	done
	work sh -c 'cat >got.$$; mv got.$$ "got.$MAIL_ID"; grep -c alice "$MAIL_RECORD"'
	[ "$(states)" = "succeeded 4" ]
	[ "$(mail-store list | jq -r .message.subject | sort | uniq -c |
		tr -s ' \n' ' ')" = " 2 large 2 small " ]
	for id in $(ids); do
		f=$(mail-store list "$id" | jq -r .message.subject)
		cmp "$f" "got.$id"
		same_bytes "$id" "$f"
		mail-store show "$id" | jq -e --arg f "$f" \
			'.message.subject == $f and .last.detail.output == "1\n"'
	done
	nothing_plain
	[ -z "$(ls state/spool)" ]
}

@test "seal: the public key alone receives, and shows what is clear" {
	use receive
	line_receive <small
	receive ne-002 <large
	nothing_plain
	mail-store list >list
	jq -se 'length == 2 and all(.[]; .state == "ready" and
		(.sealed | type) == "string" and .message == null and
		.envelope != null and .size > 0 and .fingerprint != null)' list
	mail-store show "$(ids | head -n 1)" | jq -e '.history | length == 2'
	mail-store list -o table | grep -q ready
	# shellcheck disable=SC2086 # words
	for command in "mail-store get" "mail-dispatch -- touch ran"; do
		run -75 --separate-stderr $command <list
		[ -z "$output" ]
		[[ $stderr == *"the secret key is missing"* ]]
	done
	run -75 --separate-stderr mail-store cat "$(ids | head -n 1)"
	[ -z "$output" ]
	[[ $stderr == *"the secret key is missing"* ]]
	run -75 --separate-stderr mail-queue take -c 1 inbound
	[ -z "$output" ]
	[[ $stderr == *"the secret key is missing"* ]]
	run -75 --separate-stderr mail-store reparse
	[[ $stderr == *"the secret key is missing"* ]]
	[ "$(states)" = "ready 2" ] && [ ! -e ran ]
	use both
	mail-queue take -c 2 inbound | jq -e '.lease.deliveries == 1'
}

@test "seal: a blob cut or changed anywhere is refused before a handler" {
	for f in small large; do
		receive "ne-$f" <$f
		mail-store list -t "ne-$f" >rec
		blob=$(blob_of "$(jq -r .id rec)")
		cp "$blob" whole
		n=$(stat -c %s whole)
		for ((at = 0; at < n; at += 1000)); do
			cp whole "$blob"
			what="$f cut at $at"
			truncate -s $at "$blob"
			refused damaged
			[ $((at % 9000)) = 0 ] || continue
			cp whole "$blob"
			what="$f changed at $at"
			flip "$blob" $at
			refused damaged
		done
		# Each kind of thing in the header.
		for at in 5 15 104 130 160 $((n - 1)); do
			cp whole "$blob"
			what="$f changed at $at"
			flip "$blob" $at
			[ $at = 15 ] || refused damaged
		done
		cp whole "$blob"
		for at in 15 20 40; do
			flip "$blob" $at
			run -0 sh -c 'mail-dispatch -- touch ran <rec >result ||
				[ $? = 75 ]'
			flip "$blob" $at
		done
		[ ! -e ran ]
		run -65 --separate-stderr sh -c \
			"truncate -s 100 $blob; mail-store get <rec"
		[ -z "$output" ]
		cp whole "$blob"
		mail-dispatch -- cat <rec >result
		jq -e '.result.status == "ok"' result
	done
	none_failed_here
}

@test "seal: a blob in the place of another is refused" {
	mail other 3000 >other
	receive <small
	receive <other
	mapfile -t all < <(ids)
	cp "$(blob_of "${all[0]}")" a
	cp "$(blob_of "${all[1]}")" b
	cp a "$(blob_of "${all[1]}")"
	cp b "$(blob_of "${all[0]}")"
	for id in "${all[@]}"; do
		what="swapped $id"
		mail-store list "$id" >rec
		refused "another mail's"
	done
	# Also a plain one, as before there was a key.
	cp other "$(blob_of "${all[0]}")"
	what="plain of another size"
	head -c 100 other >"$(blob_of "${all[0]}")"
	mail-store list "${all[0]}" >rec
	refused "another mail's"
	none_failed_here
}

none_failed_here() {
	[ ! -s failures ] || {
		cat failures
		return 1
	}
}

@test "seal: what was there before there was a key works beside it" {
	unset MAILPIPE_CONFIG
	receive ne-001 <small
	mail-store list >plain # drawn
	receive ne-002 <large
	receive ne-003 <small # in the intake, in the clear
	use both
	receive ne-004 <small
	receive ne-005 <large
	[ "$(mail-store list | jq -r .message.message_id | wc -l)" = 5 ]
	# What was drawn with a key is sealed.
	id=$(mail-store list -t ne-003 | jq -r .id)
	nothing_plain "$(blob_of "$id")"
	grep -q alice "$(blob_of "$(jq -r .id plain)")"
	work sh -c 'cat >"got.$MAIL_TENANT"'
	[ "$(states)" = "succeeded 5" ]
	cmp small got.ne-001 && cmp large got.ne-002 && cmp small got.ne-003
	cmp small got.ne-004 && cmp large got.ne-005
	# Without any key the plain ones go on.
	unset MAILPIPE_CONFIG
	same_bytes "$(jq -r .id plain)" small
	run -75 mail-store cat "$id"
}

@test "seal: programs of a line that disagree lose nothing" {
	receive_with() {
		MAILPIPE_CONFIG=$1 mail-ingest -t "$4" large |
			MAILPIPE_CONFIG=$2 mail-store put |
			MAILPIPE_CONFIG=$3 mail-queue put inbound
	}
	echo '{}' >none.json
	receive_with none.json both.json both.json ne-001
	nothing_plain
	receive_with both.json none.json both.json ne-002
	for id in $(ids); do same_bytes "$id" large; done
	[ -z "$(ls state/spool)" ]
}

@test "seal: attachments, and content that comes back" {
	cat >multi <<-'EOF'
		From: alice@example.com
		Subject: multi
		Date: Sat, 21 Nov 2026 23:06:00 +0900
		Message-ID: <multi@example.com>
		MIME-Version: 1.0
		Content-Type: multipart/mixed; boundary=b

		--b
		Content-Type: text/plain

		hello alice
		--b
		Content-Type: application/octet-stream
		Content-Disposition: attachment; filename=a.bin

	EOF
	head -c 200000 /dev/zero | tr '\0' x | fold -w 72 >>multi
	printf '\n--b--\n' >>multi
	mail-ingest -a -t ne-001 multi | mail-store put | mail-queue put inbound
	nothing_plain
	[ "$(find state/blobs -type f | wc -l)" -ge 2 ]
	use receive
	mail-store list | jq -e '[.message.parts[] | .blob | select(. != null)]
		| length >= 1' # who removes mail has to know
	use both
	mail-store list | jq -e '.message.parts[-1] |
		.name == "a.bin" and .blob.size > 200000'
	mail-store list | mail-store get >got
	nothing_plain # the files of get are sealed too
	mail-store list | mail-store get -i | jq -r .content.base64 |
		base64 -d | cmp - multi
	mail-store get -i <<<"$(mail-store list)" |
		jq -r '.message.parts[-1].content.base64' | base64 -d >part
	mail-store cat "$(ids)" "$(mail-store list |
		jq -r '.message.parts[-1].part')" | cmp - part
	# And in again, under another id.
	jq -c '.id = "again" | del(.message.parts[].blob)' got | mail-store put |
		mail-queue put inbound
	same_bytes again multi
}

@test "seal: rows are found, and read again, as without" {
	SENDER=alice@example.com RECIPIENT=bob@example.jp line_receive <small
	SENDER=carol@example.com RECIPIENT=bob@example.jp line_receive <large
	for config in receive both; do
		use $config
		[ "$(mail-store list -f carol@example.com | wc -l)" = 1 ]
		[ "$(mail-store list -r BOB@example.jp | wc -l)" = 2 ]
		[ "$(mail-store list --message-id '<small.3000@example.com>' |
			jq -r .size)" = "$(stat -c %s small)" ]
		[ -z "$(mail-store list --message-id nobody@example.com)" ]
	done
	[ "$(mail-store list -j '.message.subject == "large"' | wc -l)" = 1 ]
	mail-ingest -t ne-009 small | jq -c '.message.subject = "once"' |
		mail-store put | mail-queue put inbound
	mail-store reparse
	mail-store list -t ne-009 | jq -e '.message.subject == "small"'
	use receive
	mail-store list -t ne-009 | jq -e '.message == null'
}

@test "seal: a listed record may be put as it is, and nothing added" {
	use receive
	mail-ingest -t ne-001 small | mail-store put >/dev/null
	mail-store list >rec
	run -75 --separate-stderr sh -c \
		'jq -c ".note = 1" rec | mail-queue put inbound'
	[[ $stderr == *"something was added"* ]]
	mail-queue put inbound <rec
	use both
	mail-store list | jq -e '.message.subject == "small" and
		.state == "ready" and .sealed == null and .note == null'
}

@test "seal: content that looks like a seal is kept byte for byte" {
	for n in 1 8 15 16 17 3000 100000; do
		for content in 0 1; do
			{
				printf '\x89mailpipe seal\n%s' $content
				head -c 100000 /dev/zero
			} | head -c $n >odd
			for config in none both; do
				echo '{}' >none.json
				use $config
				receive "t-$n-$content-$config" <odd
				id=$(mail-store list -t "t-$n-$content-$config" |
					jq -r .id)
				same_bytes "$id" odd
			done
		done
	done
}

@test "seal: another try of the MTA, drawn in another order, is the same mail" {
	preloadable
	from() { printf 'From a@b  Sat Nov 21 10:00:0%s 2026\n' "$1" && cat small; }
	# The intake's last segment is next.
	for i in 1 2 3; do
		receive "ne-00$i" <small
		mail-store list >/dev/null
	done
	from 1 | receive ne-009
	INJECT_PROG=mail-store inject renameat2 1 kill-after mail-store stats ||
		[ $? = 137 ]
	from 2 | receive ne-009
	id=$(mail-store list -t ne-009 | jq -r .id)
	mail-store cat "$id" | tail -n +2 | cmp - small
}

# kill_all VERB CALL: at each call of that kind, before and after it.
kill_all() {
	local nth=1 action
	while :; do
		for action in kill kill-after; do
			what="$1 $action at $2 $nth"
			rm -rf try hit
			cp -r ready try
			(
				cd try || exit
				INJECT_HIT=../hit INJECT_PROG=$(program_of "$1") \
					inject "$2" $nth $action verb "$1" \
					<in >out 2>err
			) || true
			nothing_plain try/state || fail "$what: in the clear"
			[ -s hit ] || break 2
		done
		nth=$((nth + 1))
		(
			cd try || exit
			export MAILPIPE_STATE=state
			line_receive <"../$(mail_of "$1")" && mail-store list >list
		) || fail "$what: the retry"
		nothing_plain try/state || fail "$what: in the clear, then"
		id=$(jq -r .id try/list | tail -n 1)
		MAILPIPE_STATE=try/state same_bytes "$id" "$(mail_of "$1")" ||
			fail "$what: other bytes"
	done
	[ $nth -gt 1 ] || echo "$1 never calls $2" >>never
}

# As prepare of steps.bash, but with what is in pipes outside of the state.
prepare_sealed() {
	rm -rf ready
	mkdir ready
	cd ready || return
	export MAILPIPE_STATE=state INJECT_FD_MIN=1
	receive ne-010 <../small
	mail-store list >/dev/null
	case $1 in
	mail-ingest) cp ../large in ;;
	mail-store*) mail-ingest -t ne-001 "../$(mail_of "$1")" >in ;;
	mail-queue-put) mail-ingest -t ne-001 ../small | mail-store put >in ;;
	*) receive <../small && : >in ;;
	esac
	cd ..
}

@test "seal: kill -9 at each call of receiving leaves nothing in the clear" {
	need_release # sanitizers have no say in what is killed
	preloadable
	for verb in mail-ingest mail-store mail-store-large mail-queue-put draw; do
		prepare_sealed $verb
		for call in write pwrite fdatasync fsync renameat2 linkat \
			ftruncate openat close; do
			kill_all $verb $call
		done
	done
	none_failed_here
	# Each verb has met most of them.
	[ "$(wc -l <never)" -lt 25 ]
}

@test "seal: keys are changed, and rekey may be killed anywhere" {
	preloadable
	for i in 1 2 3; do
		receive "ne-00$i" <small
		receive "ne-00$i" <large
	done
	mail-store list >/dev/null
	mail-store keygen --secret "$PWD/secret2" --public "$PWD/public2" >made2
	(cat secret secret2) >ring && chmod 600 ring
	configure ringed public2 ring
	configure new public2 secret2
	use ringed
	receive ne-004 <small
	[ "$(mail-store list | jq -r .message.subject | wc -l)" = 7 ]
	use new
	run -75 --separate-stderr mail-store rekey
	[[ $stderr == *"the secret key is missing"* ]]
	use ringed
	cp -r state was
	for call in pwrite fdatasync openat; do
		nth=1
		while :; do
			rm -rf state hit
			cp -r was state
			INJECT_HIT=$PWD/hit inject $call $nth kill \
				mail-store rekey 2>err || true
			[ -s hit ] || break
			nth=$((nth + 3))
			for id in $(ids); do
				f=$(mail-store list "$id" | jq -r .message.subject)
				same_bytes "$id" "$f" || fail "$call $nth: $id"
			done
		done
		[ $nth -gt 1 ] || fail "rekey never calls $call"
	done
	run -0 --separate-stderr mail-store rekey
	[[ $stderr == *"0 records and 0 blobs sealed anew"* ]]
	rm -rf state
	cp -r was state
	run -0 --separate-stderr mail-store rekey
	[[ $stderr == *"6 records and 6 blobs sealed anew"* ]]
	use new
	for id in $(ids); do
		same_bytes "$id" "$(mail-store list "$id" | jq -r .message.subject)"
	done
	[ "$(work true; states)" = "succeeded 7" ]
	use both
	run -75 mail-store cat "$(ids | head -n 1)"
	none_failed_here
}

@test "seal: rekey names what it cannot open, and does the others" {
	receive ne-001 <small
	receive ne-002 <small
	mail-store list >/dev/null
	mail-store keygen --secret "$PWD/secret2" --public "$PWD/public2" >made2
	(cat secret secret2) >ring && chmod 600 ring
	configure ringed public2 ring
	id=$(ids | head -n 1)
	flip "$(blob_of "$id")" 60 # in its key
	use ringed
	run -75 --separate-stderr mail-store rekey
	[[ $stderr == *"$id: not sealed anew: "*damaged* ]]
	[[ $stderr == *"1 records and 1 blobs sealed anew"* ]]
}

@test "seal: keys that are none, or that others can read, are refused" {
	receive <small
	id=$(ids)
	chmod 640 secret
	run -75 --separate-stderr mail-store cat "$id"
	[[ $stderr == *"others can read"* ]]
	chmod 600 secret
	cp secret kept
	echo 'mailpipe-secret-1:12' >>secret
	run -75 --separate-stderr mail-store cat "$id"
	[[ $stderr == *"line 2 is not a key"* ]]
	[[ $stderr != *":12"* ]]
	{ echo "# the ring"; echo; cat kept; } >secret
	same_bytes "$id" small
	rm secret
	run -75 --separate-stderr mail-store cat "$id"
	[[ $stderr == *"the secret key is missing"* ]]
	for key in "mailpipe-public-1:12" "$(cat kept)" "$PWD/none" "$PWD/kept"; do
		jq -n --arg k "$key" '{keys: {public: $k}}' >bad.json
		use bad
		for f in small large; do
			run -75 --separate-stderr line_receive ne-002 <$f
			[[ $stderr == *keys.public* ]]
			[[ $stderr != *mailpipe-secret-1:[0-9a-f]* ]]
		done
	done
	use both
	[ "$(mail-store list | wc -l)" = 1 ]
	[ -z "$(ls state/spool)" ]
}

@test "seal: a damaged record is said, and runs no handler" {
	need sqlite3
	receive <small
	receive ne-002 <small
	id=$(ids | head -n 1)
	sqlite3 state/mail.db "UPDATE mail SET record =
		replace(record, substr(record, 300, 4), 'AAAA') WHERE id = '$id'"
	run -65 --separate-stderr mail-store list
	[[ $stderr == *"$id: its record: damaged"* ]]
	[ "${#lines[@]}" = 2 ]
	work sh -c 'cat >>ran'
	cmp ran small # of the other
	[ "$(states)" = "dead 1
succeeded 1" ]
}

@test "seal: export, import, verify and retry work with it" {
	receive <small
	receive ne-002 <large
	mail-store export exported
	grep -rq alice exported # it is for other machines: in the clear
	mail-store import -d other exported
	nothing_plain other
	for id in $(ids); do
		MAILPIPE_STATE=other same_bytes "$id" \
			"$(mail-store list "$id" | jq -r .message.subject)"
	done
	mail-store verify -d other
	mail-store verify
	jq -cn '{tenant: "ne-003", id: "out", mail: {
		from: "shop@example.com", to: "c@example.jp", subject: "alice"}}' |
		mail-store put | mail-queue put outbound
	nothing_plain
	use receive
	mail-store list out | jq -e '.mail == {}' # what it is, not what it says
	use both
	mail-store list out | jq -e '.mail.subject == "alice"'
	work false
	[ "$(count deferred)" = 2 ]
	use receive # policy needs no secret key
	run -75 --separate-stderr mail-store export nothing
	[[ $stderr == *"the secret key is missing"* ]]
	MAILPIPE_CLOCK=+2h mail-retry due inbound
	[ "$(count ready)" = 3 ]
	use both
	id=$(ids ready | head -n 1)
	flip "$(blob_of "$id")" 500
	run -65 --separate-stderr mail-store verify
	[[ $output == *'"damaged"'*"$id"* ]]
}

@test "seal: a large mail takes no more memory than a small one" {
	need_release
	[ -x /usr/bin/time ] || skip "no time(1) here"
	mail huge 10000000 >huge
	peak() { /usr/bin/time -f %M -o "kb.$1" "${@:2}"; }
	for f in small huge; do
		peak ingest mail-ingest -t "ne-$f" $f >a
		peak store mail-store put <a >b
		peak queue mail-queue put inbound <b
		mail-store list -t "ne-$f" >rec
		peak dispatch mail-dispatch -- sh -c 'cat >got' <rec >result
		cmp got $f
		peak cat mail-store cat "$(jq -r .id rec)" >got
		cmp got $f
		cat kb.ingest kb.store kb.queue kb.dispatch kb.cat >kb.$f.all
	done
	paste kb.small.all kb.huge.all
	paste kb.small.all kb.huge.all | awk '$2 > $1 + 3000 {exit 1}'
}
