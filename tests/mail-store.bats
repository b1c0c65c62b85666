#!/usr/bin/env bats
# mail-store: put, get, show, cat, stats, doctor.  The other verbs have files of
# their own.

setup() {
	load helpers
	mailpipe_setup
}

# record ID BASE64: a record with inline content.
record() { printf '{"id":"%s","tenant":"t","content":{"base64":"%s"}}\n' "$1" "$2"; }

# ingested FILE: its record.
ingested() { mail-ingest -t ne-001 <"$1"; }

# parts_mail SIZE: text, and SIZE bytes of "attached" as 1.2.
parts_mail() {
	{ printf 'not random' && cat /dev/urandom; } 2>/dev/null |
		head -c "$1" >attached
	printf '%s\n' "Subject: x" "Content-Type: multipart/mixed; boundary=b" \
		"" --b "" hi --b "Content-Type: application/pdf" \
		"Content-Disposition: attachment; filename=a.pdf" \
		"Content-Transfer-Encoding: base64" ""
	base64 attached
	printf '%s\n' --b--
}

# blobs: how many there are.
blobs() { find state/blobs -type f | wc -l; }

# part_blobs: "ID.K ..." of the records on stdin.
part_blobs() {
	jq -r '.message.parts[]? | objects | .blob.ref // empty | sub(".*/"; "")' |
		tr '\n' ' '
}

@test "put: content becomes a blob, and cat gives back every byte" {
	head -c 5000 /dev/urandom >mail
	ingested mail | mail-store put >out
	[ "$(jq -c 'has("content")' out)" = false ]
	[[ $(jq -r .blob.ref out) == file:20??/??/??/*.0 ]]
	[ "$(jq .blob.size out)" = 5000 ]
	[ "$(jq -r .blob.digest out)" = "$(jq -r .digest out)" ]
	same_bytes "$(jq -r .id out)" mail
}

@test "put: a large mail goes through the spool, which is empty afterwards" {
	head -c 3000000 /dev/urandom >mail
	ingested mail >rec
	[ -f "state/$(jq -r .content.path rec)" ]
	mail-store put <rec >out
	same_bytes "$(jq -r .id out)" mail
	[ -z "$(ls state/spool)" ]
	mail-store put <rec >again
	cmp out again
}

@test "put: a spool file that its owner wants to keep is copied" {
	head -c 100000 /dev/urandom >mail
	ingested mail | jq -c 'del(.content.temporary)' >rec
	mail-store put <rec >out
	cmp "state/$(jq -r .content.path rec)" mail
	same_bytes "$(jq -r .id out)" mail
}

@test "put: twice is once" {
	record a aGVsbG8= >rec
	mail-store put <rec >one
	mail-store put <rec >two
	cmp one two
	[ "$(mail-store stats | jq -c '[.mails,.stored]')" = "[1,1]" ]
	[ "$(find state/blobs -type f | wc -l)" = 1 ]
}

@test "put: on another day the first blob stays the mail's only one" {
	record a aGVsbG8= >rec
	mail-store put <rec >/dev/null
	[ "$(mail-store list | wc -l)" = 1 ]
	MAILPIPE_CLOCK=+2d mail-store put <rec | mail-queue put q
	[ "$(mail-store cat a)" = hello ]
	[ "$(find state/blobs -type f | wc -l)" = 1 ]
	[ "$(state_of a)" = ready ]
}

@test "put: what cannot be stored is withheld and named, the others pass" {
	{
		record a aGVsbG8=
		record b 'not base64!'
		echo '{"id":"c","tenant":"t","content":{}}'
		echo '{"id":"d","tenant":"t","content":{"path":"/etc/passwd"}}'
		echo '{"id":"e","tenant":"t","content":{"path":"spool/../layout"}}'
		echo '{"tenant":"t"}'
		record z aGVsbG8=
	} >in
	run -65 --separate-stderr mail-store put <in
	[ "$(jq -r .id <<<"$output" | tr '\n' ' ')" = "a z " ]
	for n in 2 3 4 5 6; do
		[[ $stderr == *"line $n: "* ]]
	done
}

@test "put: links and devices in the spool are not followed" {
	mail-store stats >/dev/null
	ln -s /etc/passwd state/spool/link
	mkfifo state/spool/fifo
	for name in link fifo none; do
		run -65 mail-store put \
			<<<'{"id":"a","tenant":"t","content":{"path":"spool/'$name'"}}'
		[ -z "$output" ] || [[ $output == mail-store:* ]]
	done
}

@test "put: refuses below the reserve of free space" {
	echo '{"limits":{"reserve_bytes":1000000000000000}}' >config
	MAILPIPE_CONFIG=config run -75 --separate-stderr mail-store put < <(record a aGk=)
	[[ $stderr == *"below the reserve"* && -z $output ]]
}

@test "put: a record of a later version is left alone, 75" {
	run -75 --separate-stderr mail-store put \
		<<<'{"v":2,"id":"a","tenant":"t","content":{"base64":"aGk="}}'
	[[ $stderr == *"version 2"* && -z $output ]]
}

@test "put: the content of parts becomes blobs, small and large" {
	for n in 0 1 5000 65536 65537 3000000; do
		parts_mail $n | mail-ingest -a -t t >rec
		id=$(jq -r .id rec)
		mail-store put <rec >out
		[ "$(jq '[.. | has("content")?] | any' out)" = false ]
		[ -z "$(ls state/spool)" ]
		[ $n != 0 ] || continue # it has no content
		jq -e --arg id "$id" '.message.parts[2] | .blob.size == .size
			and .blob.digest == .digest
			and (.blob.ref | endswith("/\($id).3"))' out
		ref=$(jq -r '.message.parts[2].blob.ref' out)
		cmp "state/blobs/${ref#file:}" attached
		[ "$(mail-store list | jq -c .message.parts | tail -1)" = \
			"$(jq -c .message.parts out)" ]
	done
}

@test "put: parts twice is once, also on another day, and after a failure" {
	parts_mail 100000 | mail-ingest -a -t t >rec
	inject fdatasync 1 ENOSPC run -75 mail-store put <rec
	mail-store put <rec >one
	mail-store put <rec >two
	cmp one two
	[ "$(mail-store list | wc -l)" = 1 ]
	[ "$(blobs)" = 2 ]
	# The MTA tries again: other times, other files.
	jq -c '.received_at = "2031-01-01T00:00:00.000Z"' one |
		mail-store get >again
	mail-store put <again >three
	[[ $(jq -r '.message.parts[2].blob.ref' three) == file:2031/01/01/* ]]
	mail-queue put q <three
	[ "$(mail-store list | jq -c '[.blob, .message.parts]')" = \
		"$(jq -c '[.blob, .message.parts]' one)" ]
	[ "$(blobs)" = 2 ]
	[ -z "$(ls state/spool)" ]
	mail-store list | mail-store get >got
	cmp "state/$(jq -r '.message.parts[2].content.path' got)" attached
}

# shellcheck disable=SC2089,SC2090 # its quotes are JSON's
@test "put: a bad part takes its own record only" {
	b='{"base64":"aGVsbG8="}'
	{
		echo '{"id":"a","tenant":"t","content":'$b',"message":{"parts":[1,{"content":'$b'}]}}'
		echo '{"id":"b","tenant":"t","content":'$b',"message":{"parts":[{"content":'$b'},{"content":{"base64":"!"}}]}}'
		echo '{"id":"c","tenant":"t","content":'$b',"message":{"parts":[{"content":5}]}}'
		echo '{"id":"d","tenant":"t","content":'$b',"message":{"parts":[{"content":{"path":"/etc/passwd"}}]}}'
		echo '{"id":"e","tenant":"t","content":'$b',"message":{"parts":[{"content":{"path":"spool/../layout"}}]}}'
		jq -nc --argjson b $b '{id:"f", tenant:"t", content:$b, message:{parts:[range(1001) | {content:$b}]}}'
		echo '{"id":"z","tenant":"t","message":{"parts":[{"content":'$b'},{},{"content":'$b'}]}}'
	} >in
	run -65 --separate-stderr mail-store put <in
	[ "$(part_blobs <<<"$output")" = "a.2 z.1 z.3 " ]
	for n in "2: b: message.parts[1]: content.base64" \
		"3: c: message.parts[0]: \"content\"" \
		"4: d: message.parts[0]: content.path" \
		"5: e: message.parts[0]: spool" "6: f: more than 1000 parts"; do
		[[ $stderr == *"line $n"* ]]
	done
	mail-store list >listed
	[ "$(jq -r .id listed | tr '\n' ' ')" = "a z " ]
	[ "$(blobs)" = 4 ]
	[ -z "$(ls state/spool)" ]
	[ "$(mail-store list | mail-store get | jq -r '.message.parts[-1].content.base64')" = \
		$'aGVsbG8=\naGVsbG8=' ]
}

@test "put: who names another mail's blob in a part does not remove it" {
	record victim aGk= | mail-store put >out
	parts_mail 9 | mail-ingest -a -t t | mail-store put >own
	mail-store list >/dev/null
	[ "$(blobs)" = 3 ]
	other=$(jq -r '.message.parts[2].blob.ref' own)
	for ref in "$(jq -r .blob.ref out)" "$other" file:x/a.9 a.9 /a.9 ../../a.9; do
		jq -nc --arg ref "$ref" '{id:"a", tenant:"t", content:{base64:"aGk="},
			message:{parts:[{blob:{ref:$ref}}]}}'
	done >in
	mail-store put <in >/dev/null
	mail-store list >/dev/null
	MAILPIPE_CLOCK=+2d mail-store put <in >/dev/null
	[ "$(mail-store list | wc -l)" = 3 ]
	[ "$(blobs)" = 4 ]
	[ "$(mail-store cat victim)" = hi ]
}

@test "put: killed at any step, parts are stored once by the next try" {
	need_release
	make -s -C "$MAILPIPE_REPO" inject || skip "no injector"
	parts_mail 70000 | mail-ingest -a -t t >rec
	cp -r state before
	for call in fsync renameat2 write fdatasync; do
		for nth in 1 2 3 4; do
			rm -rf state
			cp -r before state
			inject $call $nth kill mail-store put <rec >/dev/null || true
			mail-store put <rec >out
			[ "$(mail-store list | part_blobs)" = "$(part_blobs <out)" ]
			[ "$(blobs)" = 2 ]
			mail-store get <out >got
			cmp "state/$(jq -r '.message.parts[2].content.path' got)" attached
		done
	done
}

@test "get: parts inline while the line has room, then files" {
	jq -nc '{id:"a", tenant:"t", message:{parts:[range(80) |
		{content:{base64:("QUFB" * 20000)}}]}}' >in
	mail-store put <in | jq -c '.message.parts += .message.parts[:60]' >out
	mail-store get <out >got
	[ "$(wc -c <got)" -lt 8388608 ]
	jq -e '[.message.parts[].content | has("path")] | any and (all | not)' got
	mail-store put <got >again
	[ "$(jq -c '[.message.parts[].blob.digest]' out)" = \
		"$(jq -c '[.message.parts[].blob.digest]' again)" ]
	run -65 --separate-stderr mail-store get -i <out
	[[ $stderr == *"message.parts["*"do not fit"* ]]
	find state/blobs -name a.7 -delete
	run -65 --separate-stderr mail-store get <out
	[[ $stderr == *"a: message.parts[6]: "*"No such file"* && -z $output ]]
	[ -z "$(ls state/spool)" ]
}

@test "mail-queue put without mail-store put: a part whose content is not stored" {
	parts_mail 9 | mail-ingest -a -t t | jq -c 'del(.content)' >rec
	run -75 --separate-stderr mail-queue put q <rec
	[[ $stderr == *"its content is not stored"* ]]
}

@test "get: the reverse of put, small and large" {
	for n in 100 65536 65537 1000000; do
		head -c $n /dev/urandom >mail
		ingested mail | mail-store put | mail-store get >out
		if [ $n -le 65536 ]; then
			jq -r .content.base64 out | base64 -d | cmp - mail
		else
			cmp "state/$(jq -r .content.path out)" mail
		fi
		[ "$(jq 'has("blob")' out)" = false ]
	done
	mail-store list -c 3 | mail-store get -i | jq -e '.content.base64' >/dev/null
}

@test "list: what is printed can be put and dispatched again" {
	record a aGVsbG8= | mail-store put | mail-queue put q
	mail-store list >listed
	[ "$(jq -c '[.state,.attempts,.queue]' listed)" = '["ready",0,"q"]' ]
	mail-queue put q <listed
	mail-dispatch -- cat <listed >out
	[ "$(jq -r .result.detail.output out)" = hello ]
	[ "$(state_of a)" = ready ]
}

@test "list: by queue, state, tenant; unknown states are refused" {
	record a aGk= | mail-store put >/dev/null
	mail-queue put q <<<'{"id":"b","tenant":"u"}'
	[ "$(mail-store list -s stored | jq -r .id)" = a ]
	[ "$(mail-store list -q q | jq -r .id)" = b ]
	[ "$(mail-store list -t u | jq -r .id)" = b ]
	run -64 mail-store list -s nowhere
}

@test "show: the record with its whole history" {
	record a aGVsbG8= | mail-store put | mail-queue put inbound
	work sh -c 'exit 1'
	run -0 mail-store show a
	[ "$(jq -c '[.history[].event]' <<<"$output")" = \
		'["stored","queued","start","result"]' ]
	[ "$(jq -r '.history[3].entry.reason' <<<"$output")" = "exit status 1" ]
	[ "$(jq -c '[.state,.attempts]' <<<"$output")" = '["deferred",1]' ]
}

# on_terminal COMMAND: what it writes to one, without its CRs.
on_terminal() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; }

@test "show: on a terminal for people, elsewhere JSON; -o decides" {
	need script
	parts_mail 9 | mail-ingest -t ne-001 -f a@example.com -r b@example.jp |
		mail-store put | mail-queue put inbound
	work sh -c 'exit 1'
	id=$(ids)
	unset NO_COLOR
	export TERM=xterm
	on_terminal "mail-store show $id" >colored
	grep -q $'\e\\[1m'"$id" colored
	on_terminal "NO_COLOR=1 mail-store show $id" >table
	for plain in "TERM=dumb mail-store show $id" "mail-store show -o table $id | cat"; do
		on_terminal "$plain" | diff table -
	done
	sed 's/\x1b\[[0-9]*m//g' colored | diff table -
	on_terminal "mail-store show -o json $id" | jq -e '.id'
	[ "$(mail-store show "$id")" = "$(mail-store show -o json "$id")" ]
	run -64 mail-store show -o xml "$id"
	mail-store show -o table "$id" | sed "s/$id/ID/; s/20..-..-..T[0-9:.]*Z/AT/" >got
	cat <<-'END' | diff - got
		ID
		  tenant    ne-001
		  state     deferred, queue inbound, 1 attempt, since AT
		  received  AT
		  envelope  <a@example.com> to <b@example.jp>
		  subject   x
		  size      198 bytes
		  defects   no-identity

		  parts
		  └─ 1 multipart/mixed
		     ├─ 1.1 text/plain, 2 bytes
		     └─ 1.2 application/pdf, "a.pdf", attachment, 9 bytes, looks like text/plain

		  history
		  AT  stored
		  AT  queued
		  AT  start        attempt 1 mail-dispatch:
		  AT  result       attempt 1 mail-dispatch: retry, exit status 1

	END
}

@test "show: nothing of a mail acts on the terminal" {
	need script
	printf '%s\n' $'From: "\e]0;title\a\xc2\x9b31mevil" <a@b>' \
		'Subject: =?utf-8?B?G1szMW1yZWQ=?= =?utf-8?Q?=E2=80=AEtxt.exe?=' \
		'Content-Type: multipart/mixed; boundary=b' '' --b \
		"Content-Type: x/y; name*=utf-8''%1b%5B2J%0D%00%7F.pdf" '' hi --b-- |
		mail-ingest -t t -f $'x\x9by@z' | mail-store put >out
	export TERM=xterm NO_COLOR=1
	on_terminal "mail-store show $(jq -r .id out)" >shown
	grep -q 'subject   .x1b\[31mred.u{202e}txt.exe' shown
	[ "$(LC_ALL=C tr -d '\n\040-\176\200-\377' <shown | wc -c)" = 0 ]
	iconv -f UTF-8 -t UTF-32 shown >/dev/null
	[ "$(grep -cP '[\x{80}-\x{9f}\x{202e}]' shown)" = 0 ]
}

@test "show: any record has a page" {
	need jq
	for m in '{}' '[]' '"s"' '{"parts":[],"from":[]}' '{"parts":{},"from":"x","to":[1,[],{}]}' \
		'{"parts":[1,"x",[],{},{"part":5},{"part":"1.1","size":"big","sniffed":"a"}]}' \
		'{"subject":5,"defects":[{}],"flags":[null]}' \
		"{\"parts\":[{\"part\":\"1$(printf '.1%.0s' {1..2000})\"},{\"part\":\"1\"}]}" \
		"{\"to\":[$(printf '{"address":"a@b"},%.0s' {1..500})1]}"; do
		echo '{"id":"m'$((n += 1))'","tenant":"t","message":'"$m"',"envelope":'"$m"',"size":-5}'
	done | mail-queue put q
	mapfile -t all < <(ids)
	[ "${#all[@]}" = 9 ]
	run -0 --separate-stderr mail-store show -o table "${all[@]}"
	[[ $output == *"a@b, a@b and 491 more"* ]]
	[ "$(grep -c history <<<"$output")" = 9 ]
	run -65 --separate-stderr mail-store show -o table nobody m1
	[[ ${lines[0]} == m1 ]]
	run -75 sh -c "mail-store show -o table m1 >/dev/full"
	run -75 sh -c "mail-store show -o table m1 >&-"
}

@test "show and cat: an unknown mail is named, 65; a bad id is misuse" {
	record a aGk= | mail-store put >/dev/null
	run -65 --separate-stderr mail-store show nobody a
	[[ $stderr == *"nobody: no such mail"* ]]
	[ "$(jq -r .id <<<"$output")" = a ]
	run -65 mail-store cat nobody
	run -64 mail-store cat ../../etc/passwd
}

@test "cat PART: each part is what its size and digest say, on real mails" {
	for f in "$MAILPIPE_REPO"/tests/mails/*.eml; do
		mail-ingest -t t "$f"
	done | mail-store put |
		jq -r '.id as $i | .message.parts[] | select(.digest) |
			[$i, .part, .size, .digest] | @tsv' >parts
	[ "$(wc -l <parts)" -gt 60 ]
	while read -r id part size digest; do
		mail-store cat "$id" "$part" >content
		[ "$(stat -c %s content)" = "$size" ]
		[ "b2:$(b2sum -l 256 <content | cut -d' ' -f1)" = "$digest" ]
	done <parts
}

@test "cat PART: no such part, and a multipart: 65, and what there is" {
	id=$(parts_mail 9 | mail-ingest -t t | mail-store put | jq -r .id)
	for part in 1.3 01 0 1.2.1 99999999999999999999; do
		run -65 --separate-stderr mail-store cat "$id" "$part"
		[[ $stderr == *"no part $part; there are: 1 1.1 1.2" ]]
		[ -z "$output" ]
	done
	run -65 --separate-stderr mail-store cat "$id" 1
	[[ $stderr == *"multipart"*"with content: 1.1 1.2" ]]
	long=1$(printf '.1%.0s' {1..1000})
	for part in "" . 1. .1 1..2 -1 1x $'1\n' '../1' "$long"; do
		run -64 --separate-stderr mail-store cat "$id" "$part"
	done
	run -65 mail-store cat nobody 1
}

@test "cat PART: of a thousand parts, as many are named as fit a line" {
	{
		printf 'Content-Type: multipart/mixed; boundary=b\n\n'
		for ((i = 0; i < 1100; i++)); do printf -- '--b\n\n%s\n' "$i"; done
	} | mail-ingest -t t | mail-store put >rec
	run -65 --separate-stderr mail-store cat "$(jq -r .id rec)" 2
	[[ $stderr == *" 1 1.1 1.2 "*" ..." ]]
	[ "${#stderr}" -lt 500 ]
	[ "$(mail-store cat "$(jq -r .id rec)" 1.999)" = 998 ]
}

@test "cat PART: 50 MB in flat memory; what cannot be written is 75" {
	need_release
	id=$(parts_mail 50000000 | mail-ingest -t t | mail-store put | jq -r .id)
	/usr/bin/time -f %M mail-store cat "$id" 1.2 2>kb | cmp - attached
	[ "$(cat kb)" -lt 16000 ]
	run -75 --separate-stderr sh -c "mail-store cat $id 1.2 >/dev/full"
	[[ $stderr == *"$id: stdout: "*"No space"* ]]
	run -75 sh -c "mail-store cat $id 1.2 >&-"
	run -75 sh -c "{ mail-store cat $id 1.2; echo \$? >&2; } 2>status |
		head -c 1000 >/dev/null; exit \$(tail -1 status)"
}

@test "cat PART: a parser that dies is 75, and says so" {
	id=$(parts_mail 3000000 | mail-ingest -t t | mail-store put | jq -r .id)
	mkfifo out
	mail-store cat "$id" 1.2 >out 2>err &
	exec 7<out
	wait_for 10 pgrep -P $! >child
	kill -KILL "$(head -1 child)"
	cat <&7 >/dev/null
	status=0
	wait $! || status=$?
	[ "$status" = 75 ]
	grep -q "$id: part 1.2: the parser died.*signal 9" err
}

@test "cat: a record whose blob is gone says so" {
	record a aGk= | mail-store put >/dev/null
	mail-store stats >/dev/null
	find state/blobs -type f -delete
	run -65 --separate-stderr mail-store cat a
	[[ $stderr == *"a: "*"No such file"* ]]
}

@test "blob references cannot point elsewhere" {
	for ref in file:../../../etc/passwd file:2026/11/22/../../x.0 \
		file:2026/11/22/a file:2026/11/2/a.0 s3:x /etc/passwd; do
		echo '{"id":"a","tenant":"t","blob":{"ref":"'$ref'"}}'
	done >in
	run -65 --separate-stderr mail-store get <in
	[ -z "$output" ]
	[ "$(grep -c 'is not file:' <<<"$stderr")" = 6 ]
}

# older ID: its record as an older parser might have left it.
older() {
	sqlite3 state/mail.db "UPDATE mail SET record=json_set(json_remove(record,
		'\$.message.subject'), '\$.message.old', 1, '\$.fingerprint', 'f1:0')
		WHERE id='$1'"
}

@test "reparse: real mails are the same again; an older record is made anew" {
	for f in "$MAILPIPE_REPO"/tests/mails/*.eml; do
		mail-ingest -a -t t "$f"
		SENDER=a@b RECIPIENT=x@y.example mail-ingest -b -t u "$f"
	done | mail-store put | mail-queue put q
	run -0 --separate-stderr mail-store reparse
	[[ $stderr == *" read, 0 changed" && $stderr != *": 0 read"* ]]
	[ -z "$output" ]
	mail-store list -c 2 >before
	id=$(head -1 before | jq -r .id)
	older "$id"
	SENDER='' RECIPIENT=z run -0 --separate-stderr mail-store reparse -n
	[[ ${stderr_lines[0]} == *"$id: would change: message.old message.subject fingerprint" ]]
	[[ ${stderr_lines[1]} == *" read, 1 would change" ]]
	[ "$(mail-store list -c 2)" != "$(cat before)" ]
	run -0 --separate-stderr mail-store reparse "$id"
	[[ $stderr == *": 1 read, 1 changed" ]]
	[ "$(mail-store list -c 2 | jq -S .)" = "$(jq -S . before)" ]
	[ "$(mail-store show "$id" | jq -c '.history[-1] | [.event, .entry]')" = \
		'["reparse",{"changed":["message.old","message.subject","fingerprint"],"version":"'"$(
			mail-store -V | cut -d' ' -f2)"'"}]' ]
}

@test "reparse: filters, unknown ids, and what has nothing to be parsed" {
	mail x | mail-ingest -t t | mail-store put | mail-queue put q
	mail y | mail-ingest -t u | mail-store put >/dev/null
	record z aGk= | mail-store put >/dev/null
	mail-queue put q <<<'{"id":"w","tenant":"t","message":{}}'
	for n in "2 " "1 -s stored" "1 -t t" "1 -q q" "0 -q other" "1 -c 2 -t u" \
		"0 --older 1h" "2 --newer 1h" "0 z" "0 -t t z"; do
		# shellcheck disable=SC2086 # options, one word each
		run -0 --separate-stderr mail-store reparse -n ${n#* }
		[[ $stderr == *": ${n%% *} read, 0 would change" ]]
	done
	run -65 --separate-stderr mail-store reparse nobody z
	[[ $stderr == *"nobody: no such mail"* ]]
	run -64 mail-store reparse -s nowhere
	run -64 mail-store reparse ../x
}

@test "reparse: what belongs to the envelope stays, bodies only where they were" {
	mail x | SENDER=a@b RECIPIENT=$'x\xff@y' mail-ingest -b -t t >rec
	jq -e '.message.text and .message.defects == ["envelope-not-utf8"]' rec
	mail-store put <rec >out
	id=$(jq -r .id out)
	mail-store list >before
	older "$id"
	mail-store reparse
	# Its recipient's bytes are not known, so the fingerprint stays, too.
	[ "$(mail-store list | jq -Sc 'del(.fingerprint)')" = \
		"$(jq -Sc 'del(.fingerprint)' before)" ]
	[ "$(mail-store list | jq -r .fingerprint)" = f1:0 ]
	mail y | mail-ingest -t t | mail-store put >out
	older "$(jq -r .id out)"
	mail-store reparse "$(jq -r .id out)"
	[ "$(mail-store list | jq -c '.message | has("text")')" = $'true\nfalse' ]
}

@test "reparse: blobs of parts stay; a mail whose parts are others is left alone" {
	id=$(parts_mail 99 | mail-ingest -a -t t | mail-store put | jq -r .id)
	mail-store list >before
	older "$id"
	mail-store reparse
	[ "$(mail-store list | jq -Sc .)" = "$(jq -Sc . before)" ]
	older "$id"
	sqlite3 state/mail.db "UPDATE mail SET record=json_set(record,
		'\$.message.parts[1].blob', json('{\"ref\":\"x\",\"digest\":\"b2:0\"}'))"
	mail-store list >before
	run -75 --separate-stderr mail-store reparse
	[[ $stderr == *"$id: it stays as it is: message.parts[1] has a blob"* ]]
	[[ $stderr == *": 0 read, 0 changed, 1 left as they are" ]]
	[ "$(mail-store list)" = "$(cat before)" ]
}

@test "reparse: who cannot be read is named, 75, and stops nobody" {
	for i in 1 2 3; do
		mail "m$i" 100 | mail-ingest -t t | mail-store put >"out$i"
	done
	mail-store list >/dev/null
	gone=$(jq -r .id out2)
	older "$(jq -r .id out3)"
	find state/blobs -name "$gone.0" -delete
	run -75 --separate-stderr mail-store reparse
	[[ $stderr == *"$gone: "*"No such file"* ]]
	[[ $stderr == *": 2 read, 1 changed, 1 left as they are" ]]
}

@test "reparse: a parser that dies twice leaves the record as it is" {
	need_release
	id=$(parts_mail 40000000 | mail-ingest -t t | mail-store put | jq -r .id)
	mail-store list >before
	older "$id"
	mail-store reparse 2>err &
	while kill -0 $! 2>/dev/null; do
		pkill -KILL -P $! mail-store || true
	done
	status=0
	wait $! || status=$?
	[ "$status" = 75 ]
	grep -q "$id: it killed its parser twice" err
	[ "$(mail-store list | jq .message.old)" = 1 ]
}

@test "reparse: killed at the commit, and the next run does it" {
	need_release
	for i in 1 2 3; do
		mail "m$i" 100 | mail-ingest -t t | mail-store put >"out$i"
	done
	mail-store list >before
	for call in fdatasync pwrite flock; do
		for nth in 1 2 3; do
			sqlite3 state/mail.db "UPDATE mail SET record=
				json_set(record, '\$.message.old', 1)"
			inject $call $nth kill mail-store reparse || true
			run -0 mail-store reparse
			[ "$(mail-store list | jq -Sc .)" = "$(jq -Sc . before)" ]
		done
	done
	jq -e '[.history[] | select(.event == "reparse")] | length == 9' \
		<(mail-store show "$(jq -r .id out1)")
}

@test "reparse: a record that another changes meanwhile is read again" {
	need_release
	id=$(mail x | mail-ingest -t t | mail-store put | jq -r .id)
	mail-store list >/dev/null
	older "$id"
	# The first lock is that of the transaction that writes the change.
	preloadable
	INJECT_CALL=flock INJECT_NTH=1 INJECT_DO=stop \
		LD_PRELOAD=$MAILPIPE_REPO/build/release/inject.so \
		mail-store reparse 2>err &
	wait_for 10 grep -qs "^State:.T" /proc/$!/status
	sqlite3 state/mail.db "UPDATE mail SET record=json_set(record, '\$.note', 1)"
	kill -CONT $!
	wait $! || { cat err >&2; false; }
	grep -q ": 1 read, 1 changed" err
	[ "$(mail-store list | jq -c '[.note, .message.old]')" = "[1,null]" ]
}

@test "doctor: a sound directory; each trouble named" {
	record a aGk= | mail-store put >/dev/null
	run -0 mail-store doctor
	[ "$(jq -r 'select(.status != "ok") | .check' <<<"$output" | grep -cv file-system)" = 0 ]
	chmod 755 state
	printf 'half an entry' >>state/intake/0
	mail-store stats 2>/dev/null
	run -0 mail-store doctor
	[ "$(jq -r 'select(.status == "warn") | .check' <<<"$output" |
		grep -v file-system | tr '\n' ' ')" = "permissions torn " ]
}

@test "doctor: a damaged ledger is a fail, 75" {
	mail-queue put q < <(seq -f '{"id":"m%g","tenant":"t"}' 2000)
	mail-store stats >/dev/null
	sqlite3 state/mail.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	dd if=/dev/urandom of=state/mail.db bs=4096 seek=3 count=20 conv=notrunc status=none
	run -75 mail-store doctor
	jq -e 'select(.check == "ledger") | .status == "fail"' <<<"${lines[6]}"
}

@test "received mail waits in the intake, and the next reader draws it" {
	record a aGVsbG8= | mail-store put | mail-queue put q
	[ ! -e state/mail.db ]
	[ ! -e state/blobs ]
	[ "$(mail-store cat a)" = hello ]
	[ "$(cat state/intake/[0-3] | wc -c)" = 0 ]
}

@test "the same without the intake: engine sqlite:direct" {
	echo '{"engines":{"mail":"sqlite:direct"}}' >config
	export MAILPIPE_CONFIG=$PWD/config
	record a aGVsbG8= | mail-store put | mail-queue put q
	[ "$(sqlite3 state/mail.db 'SELECT id,state FROM mail')" = "a|1" ]
	[ ! -e state/intake ]
	mail-queue take q | mail-dispatch -- cat | mail-queue settle
	[ "$(state_of a)" = succeeded ]
}
