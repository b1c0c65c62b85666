#!/usr/bin/env bats
# mail-store put and mail-queue put with mail that is to be sent: records for
# each recipient, ids, attachments, the message of mail-queues.

load helpers

# order [JQ [OPTION...]]: a record to be sent, changed by a jq program.
order() {
	local change=${1:-.}
	[ $# = 0 ] || shift
	jq -cn "$@" '{tenant:"t",key:"order-1",mail:{from:"Shop <shop@example.com>",
		to:"a@example.jp",subject:"受注",text:"hi"}} | '"$change"
}

# attach NAME BASE64: an attachment, as jq takes it.
attach() { printf '.mail.attachments += [{name:"%s",base64:"%s"}]' "$1" "$2"; }

# blob_of REF: its file.
blob_of() { echo "state/blobs/${1#file:}"; }
blobs() { find state/blobs -type f 2>/dev/null | wc -l; }

several='.mail.to=["a@example.jp","B <b@example.jp>"] | .mail.cc="c@example.jp" |
	.mail.bcc=["d@example.jp","A@EXAMPLE.JP"]'

# The line that sends, with a program in the place of mail-send.
sending() {
	mail-queue take -1 outbound | mail-lock acquire | "$@" |
		mail-lock settle | mail-queue settle
}
sent() {
	jq --unbuffered -c 'if .result then . else .result =
		{status:"ok",stage:"mail-send",provider_id:"p-\(.id)"} end'
}

@test "put: a record for each recipient, once, with an envelope of its own" {
	order "$several" | mail-store put >out
	[ "$(jq -r .envelope.to out | tr '\n' ' ')" = \
		"a@example.jp b@example.jp c@example.jp d@example.jp " ]
	[ "$(jq -r .envelope.from out | sort -u)" = shop@example.com ]
	[ "$(jq -c .of out | tr '\n' ' ')" = "[1,4] [2,4] [3,4] [4,4] " ]
	[ "$(jq -r .id out | sort -u | wc -l)" = 4 ]
	[ "$(jq -c .mail out | sort -u | wc -l)" = 1 ]
	[ "$(jq -r .received_at out | sort -u | wc -l)" = 1 ]
	[[ $(jq -r .mail.message_id out | sort -u) =~ \
		^'<'[0-9a-f]{32}@example.com'>'$ ]]
	jq -se 'all(.mail.to | length == 2)' out
	mail-queue put outbound <out
	[ "$(states)" = "ready 4" ]
}

@test "put: one recipient needs no \"of\"" {
	order | mail-store put >out
	[ "$(jq -c '[.of,.envelope.to]' out)" = '[null,"a@example.jp"]' ]
}

@test "put: the same line with a key has the same ids, also on another day" {
	order "$several | $(attach a.txt aGVsbG8=)" >in
	mail-store put <in >one
	[ "$(states)" = "stored 4" ]
	MAILPIPE_CLOCK=+2d mail-store put <in >two
	[ "$(jq -c '[.id,.mail.message_id]' one)" = \
		"$(jq -c '[.id,.mail.message_id]' two)" ]
	mail-queue put outbound <two
	mail-queue put outbound <one
	[ "$(states)" = "ready 4" ]
	# Blobs of the second try had no owner.
	[ "$(blobs)" = 4 ]
	mail-store verify
	[ "$(mail-store list | jq -c .mail.attachments[0].blob.ref | sort)" = \
		"$(jq -c .mail.attachments[0].blob.ref one | sort)" ]
}

@test "put: with a key, another mail is another record, and the lock tells" {
	{
		order
		order '.mail.text="ho"'
	} | mail-store put | mail-queue put outbound
	sending sent
	mail-store list | jq -c '[.state,.last.class]' | sort >got
	[ "$(cat got)" = '["dead","conflict"]
["succeeded",null]' ]
}

@test "put: without key and id each line is a mail of its own" {
	order 'del(.key)' >in
	cat in in | mail-store put | mail-queue put outbound
	[ "$(states)" = "ready 2" ]
}

@test "put: without a key the ids come from the record's own" {
	order "del(.key) | .id=\"x\" | $several" >in
	cat in in | mail-store put >out
	[ "$(jq -r .id out | sort -u | wc -l)" = 4 ]
	order 'del(.key) | .id="x"' | mail-store put >out
	[ "$(jq -r .id out)" = x ]
}

@test "put: envelope.to is the only recipient, and envelope.from stays" {
	order "$several | .envelope={to:\"z@example.jp\",from:\"\"}" |
		mail-store put >out
	[ "$(jq -c '[.envelope.to,.envelope.from,.of]' out)" = \
		'["z@example.jp","",null]' ]
	jq -c . out | mail-store put >again
	[ "$(jq -Sc . out)" = "$(jq -Sc . again)" ]
}

@test "put: members that nobody knows, priority and Message-ID stay" {
	order '.note=1 | .priority=5 | .mail.message_id="<m@x>" |
		.received_at="2026-11-21T00:00:00.000Z"' | mail-store put >out
	[ "$(jq -c '[.note,.priority,.mail.message_id,.received_at]' out)" = \
		'[1,5,"<m@x>","2026-11-21T00:00:00.000Z"]' ]
	mail-store list --message-id m@x | jq -e '.key == "order-1"'
}

@test "put: what can never be sent is named by its line, the others pass" {
	{
		order '.key="a"'
		order 'del(.mail.to)'
		order '.mail.to=[]'
		order '.mail="x"'
		order 'del(.mail.from)'
		order '.key=7'
		order '.key=""'
		order 'del(.tenant)'
		order '.envelope="x"'
		order '.envelope={to:7}'
		order '.message={}'
		order '.content={base64:"aGk="}'
		order '.mail.attachments={}'
		order '.mail.attachments=["x"]'
		order '.mail.attachments=[{name:"x"}]'
		order '.mail.attachments=[{base64:"aGk=",path:"x"}]'
		order '.mail.attachments=[{base64:"a$b"}]'
		order '.mail.attachments=[{base64:7}]'
		order '.mail.attachments=[{content:{}}]'
		order '.mail.attachments=[{content:{path:"/etc/passwd"}}]'
		order '.mail.attachments=[{path:"x"}]'
		order '.mail.attachments=[{blob:{ref:"file:2026/11/21/x.0"}}]'
		order '.mail.attachments=[{blob:{ref:"../x"}}]'
		order '.mail.attachments=[range(501) | {base64:""}]'
		order '.key="z"'
	} >in
	run -65 --separate-stderr mail-store put <in
	[ "$(jq -r .key <<<"$output" | tr '\n' ' ')" = "a z " ]
	for n in $(seq 2 24); do
		[[ $stderr == *"line $n: "* ]] || {
			echo "line $n is not named: $stderr"
			false
		}
	done
	[[ $stderr == *"line 18: mail.attachments[0]: base64: not a string"* ]]
	[ "$(mail-store stats | jq .mails)" = 2 ]
	[ "$(blobs)" = 0 ]
	[ -z "$(ls state/spool)" ]
}

@test "put: what mail-send will refuse is stored, so that it is seen to fail" {
	{
		order '.key="1" | .mail.subject="a\nBcc: x@example.com"'
		order '.key="2" | .mail.charset="none"'
		order '.key="3" | .mail.nobody_knows=1'
		order '.key="4" | .mail.text=7'
	} | mail-store put | mail-queue put outbound
	[ "$(states)" = "ready 4" ]
}

@test "put: nothing is stored of a record of which a part cannot be" {
	order "$several | $(attach a aGk=) | $(attach b '!')" >in
	run -65 mail-store put <in
	[ "$(mail-store stats | jq .mails)" = 0 ]
	[ -z "$(ls state/spool)" ]
	[ "$(blobs)" = 0 ]
}

@test "put: too many bytes for all recipients together are refused" {
	order '.mail.text=("x" * 200000) |
		.mail.bcc=[range(900) | "r\(.)@example.jp"]' >in
	run -65 --separate-stderr mail-store put <in
	[[ $stderr == *"901 recipients of a record of 2"*"more than 67108864"* ]]
	# What can be stored is, whatever comes with it.
	for k in 1 2 3 4; do
		order '.key="'$k'" | .mail.text=("x" * 40000) |
			.mail.bcc=[range(900) | "r\(.)@example.jp"]'
	done | mail-store put | mail-queue put outbound
	[ "$(states)" = "ready 3604" ]
}

@test "attachments: in every form become blobs, each record has its own" {
	mkdir files
	head -c 300000 /dev/zero >files/large.bin
	printf '%%PDF-1.4\n' >files/x.pdf
	base64 files/x.pdf | jq -R -s . >x64
	order "$several"' | .mail.attachments=[{path:"large.bin",cid:"c"},
		{name:"y",base64:$x[0]},{name:"z",content:$x[0],type:"a/b"},
		{content:{base64:$x[0]}},{name:"empty",base64:""}]' \
		--slurpfile x x64 >in
	mail-store put --attach-from files <in >out
	[ "$(jq -c '[.mail.attachments[] | [.name,.type,.cid]]' out | sort -u)" = \
		'[["large.bin","application/octet-stream","c"],["y","application/pdf",null],["z","a/b",null],[null,"application/pdf",null],["empty",null,null]]' ]
	jq -e '[.mail.attachments[] | has("path","base64","content")] | any | not' out
	while read -r id k ref digest; do
		[[ $ref == file:*/$id.$((k + 1001)) ]]
		file=$(blob_of "$ref")
		case $k in
		0) cmp "$file" files/large.bin ;;
		4) [ ! -s "$file" ] ;;
		*) cmp "$file" files/x.pdf ;;
		esac
		[[ $digest == b2:* ]]
	done < <(jq -r '.id as $id | .mail.attachments | to_entries[] |
		[$id, .key, .value.blob.ref, .value.blob.digest] | @tsv' out)
	[ "$(blobs)" = 20 ]
	[ -z "$(ls state/spool)" ]
	# The disk has them once.
	[ "$(find state/blobs -type f -printf '%i\n' | sort -u | wc -l)" = 5 ]
	mail-queue put outbound <out
	mail-store verify
}

@test "attachments: paths lead nowhere but into the directory that is named" {
	mkdir files other
	echo secret >other/x
	echo ok >files/ok
	ln -s ../other/x files/link
	ln -s ../other files/dir
	mkfifo files/fifo
	mkdir files/d
	for path in ../other/x /etc/passwd link dir/x fifo d none . ''; do
		order ".mail.attachments=[{path:\"$path\"}]" >in
		run -65 --separate-stderr timeout 10 mail-store put \
			--attach-from files <in
		[[ $stderr == *"line 1: "*"attachments[0]: path"* ]]
		[ -z "$output" ]
	done
	order '.mail.attachments=[{path:"ok"}]' >in
	run -65 --separate-stderr mail-store put <in
	[[ $stderr == *--attach-from* ]]
	run -75 mail-store put --attach-from nowhere <in
	mail-store put --attach-from files <in | jq -e '.mail.attachments[0].name == "ok"'
}

@test "attachments: of another mail they are copied, its own stay" {
	printf '%s\n' "Subject: x" "Content-Type: multipart/mixed; boundary=b" \
		"" --b "Content-Type: application/pdf; name=o.pdf" \
		"Content-Disposition: attachment" "" "%PDF-1.4" --b-- |
		mail-ingest -a -t t | mail-store put >came
	blob=$(jq -c '.message.parts[1].blob' came)
	order ".mail.attachments=[{name:\"o.pdf\",blob:$blob}]" | mail-store put >out
	ref=$(jq -r '.mail.attachments[0].blob.ref' out)
	[[ $ref == */$(jq -r .id out).1001 ]]
	cmp "$(blob_of "$ref")" "$(blob_of "$(jq -r .ref <<<"$blob")")"
	# Again, with blobs that are its own.
	mail-store put <out >again
	[ "$(jq -Sc . out)" = "$(jq -Sc . again)" ]
	[ "$(blobs)" = 2 ]
}

@test "attachments: those of a mail whose id is like a file's are copied as well" {
	order ".id=\"file-17\" | $(attach a aGk=)" | mail-store put >one
	blob=$(jq -c '.mail.attachments[0].blob' one)
	order ".mail.attachments=[{name:\"b\",blob:$blob}]" | mail-store put >two
	[[ $(jq -r '.mail.attachments[0].blob.ref' two) == */$(jq -r .id two).1001 ]]
}

@test "attachments: an id has one mail's bytes, others are refused" {
	order ".id=\"x\" | $(attach a aGk=)" | mail-store put >one
	order ".id=\"x\" | $(attach a aG8=)" >in
	run -65 --separate-stderr mail-store put <in
	[[ $stderr == *"other bytes are stored under the id"* ]]
	[ "$(cat "$(blob_of "$(jq -r '.mail.attachments[0].blob.ref' one)")")" = hi ]
}

@test "attachments: get gives them back, for another state directory" {
	order "$(attach a aGVsbG8=)" | mail-store put | mail-store get -i >rec
	[ "$(jq -r '.mail.attachments[0].content.base64' rec)" = aGVsbG8= ]
	mail-store put -d other <rec | jq -e '.mail.attachments[0].blob.size == 5'
}

@test "attachments: go with their mail, and with nobody else's" {
	echo '{"retention":{"dropped":"1h"}}' >config
	export MAILPIPE_CONFIG=config
	{
		order "$several | $(attach a aGVsbG8=)"
		order ".key=\"other\" | $(attach a aGVsbG8=)"
	} | mail-store put | mail-queue put outbound
	[ "$(blobs)" = 5 ]
	mail-queue drop -k order-1 outbound
	MAILPIPE_CLOCK=+3d mail-store expire
	[ "$(blobs)" = 1 ]
	mail-store verify
	mail-store export out
	[ "$(find out -name '*.1001.part' | wc -l)" = 1 ]
	mail-store import -d other out
	mail-store verify -d other
}

@test "attachments: sealed, and what is clear tells whose blobs they are" {
	mail-store keygen --secret "$PWD/secret" --public "$PWD/public" >/dev/null
	echo "{\"keys\":{\"public\":\"$PWD/public\"},\"retention\":{\"dropped\":\"1h\"}}" >receive
	echo "{\"keys\":{\"public\":\"$PWD/public\",\"secret_file\":\"$PWD/secret\"}}" >work
	export MAILPIPE_CONFIG=$PWD/receive
	{
		order "$several | $(attach SECRETNAME aGVsbG8=)"
		order '.key="b" | .mail.text="SECRETTEXT"'
	} | mail-store put | mail-queue put outbound
	[ "$(states)" = "ready 5" ]
	run ! grep -rqE 'SECRET|hello|受注' state
	[ "$(mail-store list | jq -c '[.mail.text, .key, (.mail.attachments[0].blob|has("ref"))?]' | sort -u)" = \
		'[null,"b",false]
[null,"order-1",true]' ]
	MAILPIPE_CONFIG=work mail-store list >whole
	[ "$(jq -r '.mail.attachments[]?.name' whole | sort -u)" = SECRETNAME ]
	[ "$(MAILPIPE_CONFIG=work mail-store get -i <whole |
		jq -r '.mail.attachments[]?.content.base64' | sort -u)" = aGVsbG8= ]
	mail-queue drop --all outbound
	MAILPIPE_CLOCK=+3d mail-store expire
	[ "$(blobs)" = 0 ]
}

@test "file: stored once, named by many, and goes by a time of its own" {
	echo '{"retention":{"succeeded":"1h","dropped":"1h","files":"9d"}}' >config
	export MAILPIPE_CONFIG=config
	printf '%%PDF-1.4\n' >x.pdf
	mail-store put --file x.pdf --name price-list.pdf >blob
	jq -e '.name == "price-list.pdf" and .type == "application/pdf" and
		.size == 9 and (.ref | test("/file-[0-9a-f]{32}.0$"))' blob
	cmp "$(blob_of "$(jq -r .ref blob)")" x.pdf
	mail-store put --file x.pdf --name price-list.pdf | cmp - blob
	order "$several | .mail.attachments=[{blob:\$b[0]}]" --slurpfile b blob |
		mail-store put >out
	[ "$(jq -c '.mail.attachments' out | sort -u)" = \
		"$(jq -c '[{blob:del(.name,.type),name,type}]' blob)" ]
	mail-queue put outbound <out
	[ "$(blobs)" = 1 ]
	[ "$(states)" = "ready 4
succeeded 1" ]
	mail-store verify
	mail-queue drop --all outbound
	MAILPIPE_CLOCK=+3d mail-store expire
	[ "$(mail-store list | jq -r .kind)" = file ]
	[ "$(blobs)" = 1 ]
	MAILPIPE_CLOCK=+10d mail-store expire
	[ "$(states)" = "" ]
	[ "$(blobs)" = 0 ]
	# What is gone is told.
	order ".mail.attachments=[{blob:\$b[0]}]" --slurpfile b blob >in
	run -65 --separate-stderr mail-store put <in
	[[ $stderr == *"attachments[0]: blob"* ]]
}

@test "file: again on another day it lives as long again; export, import, sealed" {
	mail-store keygen --secret "$PWD/secret" --public "$PWD/public" >/dev/null
	echo "{\"keys\":{\"public\":\"$PWD/public\",\"secret_file\":\"$PWD/secret\"},
		\"retention\":{\"files\":\"9d\"}}" >config
	export MAILPIPE_CONFIG=$PWD/config
	echo hello >SECRETNAME
	mail-store put --file SECRETNAME -t t >one
	run ! grep -rqE 'SECRET|hello' state
	MAILPIPE_CLOCK=+5d mail-store put --file SECRETNAME -t t >two
	[ "$(mail-store list -t t | wc -l)" = 2 ]
	mail-store export out
	mail-store import -d other out
	mail-store verify -d other
	MAILPIPE_CLOCK=+10d mail-store expire
	[ "$(mail-store list | jq -r .blob.ref)" = "$(jq -r .ref two)" ]
}

@test "file: a reference without digest tells no two mails of one key apart" {
	echo one >f
	blob=$(mail-store put --file f)
	order ".key=\"k\" | .mail.attachments=[{blob:$blob}]" | mail-store put
	order ".key=\"k\" | .mail.attachments=[{blob:($blob | {ref})}]" >in
	run -65 --separate-stderr mail-store put <in
	[[ $stderr == *"mail.attachments[0]: blob: it has no \"digest\""* ]]
}

@test "file: what is none is told" {
	run -75 --separate-stderr mail-store put --file none
	[[ $stderr == *"none: open"* && -z $output ]]
	mkdir d
	run -75 mail-store put --file d
	run -64 mail-store put --name x </dev/null
	run -64 mail-store put --file /etc/passwd -t 'a b'
}

@test "mail-queues: its message is sent as it is" {
	mkdir -p bucket/1636220209-101
	echo one >bucket/1636220209-101/test1.png
	echo two >bucket/1636220209-101/test2.png
	echo '{"defaults":{"tenant":"ne-001","from":"shop@example.com"}}' >config
	export MAILPIPE_CONFIG=config
	cat >in <<-'END'
		{"mailKey": "1636220209-101", "subject": "This is subject.", "body": "This is body.\nOK.\n\nThank you.", "toAddress": "to_address@example.com", "attachedFileKeys": ["test1.png", "test2.png"]}
	END
	mail-store put --attach-from bucket <in >out
	[ "$(jq -c '[.tenant,.key,.envelope.to,.envelope.from,.mail.from,.mail.to,
		.mail.subject,.mail.text,(.mail.attachments|map(.name))]' out)" = \
		'["ne-001","1636220209-101","to_address@example.com","shop@example.com","shop@example.com","to_address@example.com","This is subject.","This is body.\nOK.\n\nThank you.",["test1.png","test2.png"]]' ]
	[ "$(jq 'has("mailKey") or has("body")' out)" = false ]
	[ "$(cat "$(blob_of "$(jq -r '.mail.attachments[1].blob.ref' out)")")" = two ]
	jq -c '. + {from:"x@example.com",tenant:"t",priority:3}' in |
		mail-store put --attach-from bucket |
		jq -e '.tenant == "t" and .mail.from == "x@example.com" and
			.priority == 3 and (has("from")|not)'
}

@test "mail-queues: its keys are names, and no paths" {
	mkdir -p bucket/k
	echo x >bucket/k/f
	echo x >bucket/f
	request() {
		jq -cn '{tenant:"t",from:"a@example.com",mailKey:"k",subject:"",
			body:"",toAddress:"b@example.jp"} | '"$1"
	}
	{
		request '.mailKey="../x"'
		request '.mailKey=".."'
		request '.mailKey=""'
		request '.mailKey=7'
		request '.mailKey="a\u0000b"'
		request '.attachedFileKeys=["../f"]'
		request '.attachedFileKeys=["/etc/passwd"]'
		request '.attachedFileKeys=[""]'
		request '.attachedFileKeys="f"'
		request '.attachedFileKeys=["none"]'
		request '.toAddress=""'
		request 'del(.body)'
		request '.subject=7'
		request '.attachedFileKeys=["f"]'
	} >in
	run -65 --separate-stderr mail-store put --attach-from bucket <in
	[ "$(wc -l <<<"$output")" = 1 ]
	for n in $(seq 1 13); do
		[[ $stderr == *"line $n: "* ]]
	done
	run -65 --separate-stderr mail-store put <in
	[ -z "$output" ]
}

@test "mail-queue put: what was never stored has one recipient, or is refused" {
	order | mail-queue put outbound
	order | mail-store put | mail-queue put outbound
	[ "$(states)" = "ready 1" ]
	[ "$(mail-store list | jq -c .envelope)" = \
		'{"from":"shop@example.com","to":"a@example.jp"}' ]
	order "$several" >in
	run --separate-stderr mail-queue put outbound <in
	[ "$status" = 75 ]
	[[ $stderr == *"line 1: "*"mail-store put before mail-queue put"* ]]
	order "$(attach a aGk=)" >in
	run -75 --separate-stderr mail-queue put outbound <in
	[[ $stderr == *"not stored"* ]]
	[ "$(states)" = "ready 1" ]
}

@test "mail-queue put: all records of a mail must come, of several mails too" {
	{
		order "$several"
		order ".key=\"b\" | $several"
	} | mail-store put >out
	jq -s -c 'sort_by(.of)[]' out >mixed
	mail-queue put outbound <mixed
	head -n 7 mixed >some
	run -75 --separate-stderr mail-queue put outbound <some
	[[ $stderr == *"only 3 of 4"* ]]
}

@test "line: each recipient is locked and sent once, a mail put twice too" {
	order "$several" >in
	cat in in | mail-store put >out
	mail-queue put outbound <out
	sending sent
	[ "$(states)" = "succeeded 4" ]
	[ "$(mail-lock list | jq -r .key | sort | tr '\n' ' ')" = \
		"t:out:order-1:a@example.jp t:out:order-1:b@example.jp t:out:order-1:c@example.jp t:out:order-1:d@example.jp " ]
	mail-store put <in | mail-queue put outbound
	[ "$(states)" = "succeeded 4" ]
	# Under another id it is a duplicate.
	order "$several | .id=\"other\" | .envelope={to:\"a@example.jp\"}" |
		mail-store put | mail-queue put outbound
	sending sent
	[ "$(mail-store list other | jq -c '[.state,.last.class]')" = \
		'["skipped","duplicate"]' ]
}

@test "line: an outcome that never reached the queue is replayed, not repeated" {
	order "$several" | mail-store put | mail-queue put outbound
	mail-queue take -l 1 -c 9 outbound | mail-lock acquire | sent |
		mail-lock settle >/dev/null
	MAILPIPE_CLOCK=+1h sending tee passed
	[ "$(jq -r '[.result.status, .result.detail.replayed] | @tsv' passed | sort -u)" = \
		"$(printf 'ok\ttrue')" ]
	[ "$(states)" = "succeeded 4" ]
}

@test "put: killed at any call, the next run makes it whole" {
	preloadable
	mkdir files
	head -c 200000 /dev/urandom >files/f
	order "$several"' | .mail.attachments=[{path:"f"}]' >in
	for call in fdatasync renameat2 write linkat openat unlinkat io_submit; do
		for nth in 1 2 3 5 8; do
			rm -rf state
			inject $call $nth kill mail-store put \
				--attach-from files <in >some 2>/dev/null || true
			mail-store put --attach-from files <in |
				mail-queue put outbound
			[ "$(states)" = "ready 4" ]
			[ "$(blobs)" = 4 ]
			for ref in $(mail-store list |
				jq -r '.mail.attachments[].blob.ref'); do
				cmp "$(blob_of "$ref")" files/f
			done
		done
	done
}

@test "put: a full disk promises nothing, and leaves nothing in the spool" {
	preloadable
	order "$several | $(attach a aGVsbG8=)" >in
	mail-store stats >/dev/null
	for call in fdatasync renameat2 linkat; do
		run -75 --separate-stderr inject $call 1 ENOSPC mail-store put <in
		[ -z "$output" ]
		[ -z "$(ls state/spool)" ]
	done
	mail-store put <in | mail-queue put outbound
	[ "$(states)" = "ready 4" ]
}
