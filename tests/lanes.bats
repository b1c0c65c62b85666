#!/usr/bin/env bats
# The fast lanes: mbox:FILE, maildir:DIR, and how they end: mail-ingest settle.

load helpers
load postfix.d/helpers

same() { "$MAILPIPE_REPO/tests/hostile.d/same.py" "$@"; }

# ingest [OPTION]... OPERAND...
ingest() { mail-ingest -t ne-001 -r r@example.jp "$@"; }
# The same in place of this shell: its pid is that of the program.
becomes_ingest() { exec mail-ingest -t ne-001 -r r@example.jp "$@"; }

from="From a@example.com Sat Nov 21 23:06:00 2026"

## mbox.

# mbox_of TEXT...: "mbox" is these, and 0, 1, 2 … the messages in it, each text
# (printf's) after a separator line and before a blank one.
mbox_of() {
	local i=0 text
	: >mbox
	rm -f [0-9]*
	for text; do
		# shellcheck disable=SC2059 # the escapes are meant
		printf "$from\n$text" >$i
		cat $i >>mbox
		echo >>mbox
		i=$((i + 1))
	done
}

# holds FILE...: mbox gives these messages, and no complaint.
holds() {
	run -0 --separate-stderr ingest mbox:mbox
	[ -z "$stderr" ]
	same "$@" <<<"$output"
}

@test "mbox: each message with its separator, byte for byte" {
	mbox_of 'Subject: 1\n\none\n' 'Subject: 2\n\n\n\n\ntwo\n\n' \
		'Subject: 3\n\n>From x\n>>From y\n' '\n' 'no header\n' \
		'Subject: \xff\0\r\n\n\xfe'
	printf '\n' >>./5 # the end of its last line, then the blank one
	printf '\n' >>mbox
	holds 0 1 2 3 4 5
	# The blank line before a separator is not the message's, also at the end.
	truncate -s -1 mbox
	holds 0 1 2 3 4 5
}

@test "mbox: what is no separator stays in its message" {
	mbox_of "Subject: 1\n\none\n$from\ntwo\n" \
		'Subject: 2\n\none\n\nFrom now on\nthree\n' \
		'Subject: 3\n\none\n\nFrom a@b at 10:x\n' \
		"Subject: 4\n\none\n\n $from\n\nfrom ${from#* }\n" \
		"Subject: 5\n\none\n\r$from\n\n>$from\n"
	holds 0 1 2 3 4
}

@test "mbox: CR LF, one message, no line end, and nothing at all" {
	mbox_of 'Subject: 1\n\none\n' 'Subject: 2\n\n\n\ntwo\n'
	sed -i 's/$/\r/' mbox [01]
	holds 0 1
	mbox_of 'Subject: 1\n\none\n'
	holds 0
	mbox_of 'Subject: 1\n\none' # its line has no end
	truncate -s -1 mbox
	holds 0
	printf '%s' "$from" >mbox
	holds mbox
	: >mbox
	run -0 ingest mbox:mbox
	[ -z "$output" ]
}

@test "mbox: what is none is 65, and the other operands are read" {
	mbox_of 'Subject: 1\n\none\n'
	while IFS='|' read -r text; do
		# shellcheck disable=SC2059 # the escapes are meant
		printf "$text" >none
		run -65 --separate-stderr ingest 0 mbox:none mbox:mbox
		[[ $stderr == "mail-ingest: none: no mbox: "* ]]
		same 0 0 <<<"$output"
	done <<-'EOF'
		\n
		Subject: x\n\ny\n
		From here on\n\n
		\nFrom a@example.com Sat Nov 21 23:06:00 2026\n
		>From a@example.com Sat Nov 21 23:06:00 2026\n
		From
	EOF
	run -75 --separate-stderr ingest mbox:missing mbox:. mbox:mbox
	same 0 <<<"$output"
}

@test "mbox: a message too large for a line is named, and its neighbours come" {
	mbox_of 'Subject: 1\n\none\n' 'Subject: 2\n\n%07000000d\n' \
		'Subject: 3\n\nthree\n'
	run -65 --separate-stderr ingest -i mbox:mbox 0
	[[ $stderr == "mail-ingest: mbox: larger than the 6291456 bytes"* ]]
	[ "${#stderr_lines[@]}" = 1 ]
	same 0 2 0 <<<"$output"
	run -0 --separate-stderr ingest mbox:mbox
	same 0 1 2 <<<"$output"
}

# Separator i begins near byte i * 256 KiB, where a read ends: at each place of
# it once.
cut_by_reads() {
	python3 - "$1" <<-'EOF'
		import sys
		nl = b"\r\n" if sys.argv[1] == "crlf" else b"\n"
		sep = b"From a@example.com Sat Nov 21 23:06:00 2026" + nl
		mbox, at = open("mbox", "wb"), 0
		for i in range(len(sep) + 12):
		    end = (i + 1) * 256 * 1024 - i + 6 - len(nl)
		    mail = sep + b"Subject: x" + nl + nl
		    mail += (end - at - len(mail) - len(nl)) * b"x" + nl
		    open(str(i), "wb").write(mail)
		    mbox.write(mail + nl)
		    at += len(mail + nl)
	EOF
}

@test "mbox: a separator that is cut by a read is seen" {
	need python3
	for nl in lf crlf; do
		rm -f [0-9]*
		cut_by_reads $nl
		mapfile -t names < <(printf '%s\n' [0-9]* | sort -n)
		[ "${#names[@]}" -gt 50 ]
		holds "${names[@]}" >/dev/null
		rm -rf state
	done
}

@test "mbox: how the bytes arrive makes no difference" {
	mbox_of 'Subject: 1\n\none\n' 'Subject: 2\n\n\nFrom x\n\n' '\n\n\n' '3\n'
	sed 's/$/\r/' mbox >crlf
	cat crlf >>mbox
	for name in 0 1 2 3; do sed 's/$/\r/' $name >1$name; done
	ingest mbox:/dev/stdin < <(
		while IFS= read -r -N 1 c; do printf %s "$c"; done <mbox
	) >records
	same 0 1 2 3 10 11 12 13 <records
}

@test "mbox: the mails of the corpora, one after the other" {
	need_shared
	need python3
	find "$MAILPIPE_SHARED"/corpora/mime-* -name '*.eml' | sort >files
	python3 - <<-'EOF'
		import re
		mbox = open("mbox", "wb")
		for i, name in enumerate(open("files").read().splitlines()):
		    mail = open(name, "rb").read()
		    mail = re.sub(rb"\nFrom ", b"\n>From ", mail)
		    if not re.match(rb"From .*\d:\d", mail):
		        mail = b"From a@x Sat Nov 21 23:06:00 2026\n" + mail
		    if not mail.endswith(b"\n"):
		        mail += b"\n"
		    open("m%04d" % i, "wb").write(mail)
		    mbox.write(mail + b"\n")
	EOF
	ingest mbox:mbox >records
	same m[0-9]* <records >/dev/null
}

## Maildir.

# box [N]: an empty Maildir, and N mails in it.
box() {
	rm -rf box sent
	mkdir -p box/{new,cur,tmp} sent
	for i in $(seq "${1:-0}"); do deliver_as "17953.$((1000 + i)).mx"; done
}

# deliver_as NAME: as an MTA does; sent/NAME is the same.
deliver_as() {
	printf 'Subject: mail %s\nMessage-ID: <%s@x>\n\nbody\n' "$1" "$1" |
		tee "sent/$1" >"box/tmp/$1"
	mv "box/tmp/$1" "box/new/$1"
}

recorded() { jq -r .origin.maildir records; }
# names DIR: of the files in it.
names() { find "$1" -type f -printf '%f\n' | sort; }
is_empty() { [ -z "$(find "$@" -mindepth 1 -not -name '.*')" ]; }

# settled <RECORDS: all of them are queued.
settled() { jq -c '.result = {status: "ok"}' | mail-ingest settle maildir:box; }

# the_lane [OPTION]...: the whole line.
the_lane() {
	ingest "$@" maildir:box | mail-store put |
		mail-queue put -eE inbound | mail-ingest settle maildir:box
}

# Everything that was sent is queued, once, byte for byte, and the Maildir empty.
is_queued() {
	is_empty box/new box/claimed || return
	[ "$(ids ready | sort -u | wc -l)" = "$(sums sent | wc -l)" ] ||
		return
	diff <(sums state/blobs) <(sums sent)
}

sums() {
	# shellcheck disable=SC2016 # for the other shell
	find "$1" -type f \
		-exec sh -c 'for f; do sha256sum <"$f"; done' - {} + | sort
}

@test "maildir: new mails are claimed in the order of their names, and settled" {
	box 30
	cp box/new/17953.1001.mx box/cur
	cp box/new/17953.1001.mx box/tmp
	: >box/new/.hidden
	run -0 --separate-stderr ingest maildir:box
	[ -z "$stderr" ]
	printf '%s\n' "$output" >records
	diff <(recorded) <(names sent)
	same sent/* <records >/dev/null
	diff <(names box/claimed) <(names sent)
	is_empty box/new
	run -0 --separate-stderr ingest maildir:box # they are claimed
	[ -z "$output" ]
	run -0 settled <records
	[ -z "$output" ]
	is_empty box/claimed
	[ "$(find box -type f | wc -l)" = 3 ]
	[ "$(stat -c %a box/claimed)" = 700 ]
}

@test "maildir: what was not done is given back" {
	box 4
	ingest maildir:box >records
	{
		sed -n 1p records
		sed -n 2p records | jq -c '.result = {status: "retry"}'
		sed -n 3p records | jq -c '.result = {status: "ok"}'
	} | mail-ingest settle maildir:box
	diff <(names box/new) <(names sent | sed -n 1,2p)
	diff <(names box/claimed) <(names sent | sed -n 4p)
	# That it is done already, or gone, is no error.
	settled <records
	settled <records
	diff <(names box/new) <(names sent | sed -n 1,2p)
	is_empty box/claimed
}

@test "maildir: settle refuses what came another way, and does the rest" {
	box 2
	ingest maildir:box >records
	{
		echo '{"id":"a","tenant":"t","result":{"status":"ok"}}'
		for name in '""' . .. a/b ../new/x '"a\u0000b"' 1 null; do
			case $name in '"'* | 1 | null) ;; *) name="\"$name\"" ;; esac
			echo "{\"id\":\"a\",\"tenant\":\"t\"," \
				"\"origin\":{\"maildir\":$name}}"
		done
		jq -c '.result = {status: "ok"}' records
		echo nonsense
	} >lines
	run -65 --separate-stderr mail-ingest settle maildir:box <lines
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 10 ]
	[[ $stderr == *"line 1: a: no \"origin.maildir\""* ]]
	is_empty box/new box/claimed
	run -64 mail-ingest settle box </dev/null
	run -64 mail-ingest settle </dev/null
	run -75 mail-ingest settle maildir:missing </dev/null
}

@test "maildir: the whole line, from the Maildir into the queue" {
	box 40
	head -c 200000 /dev/urandom >sent/large
	cp sent/large box/new
	run -0 the_lane
	[ -z "$output" ]
	is_queued
	run -0 the_lane # nothing new is no error
}

# large_box: more mails than the intake takes before it is drawn.
large_box() {
	box
	head -c 28000 /dev/urandom | base64 >body
	for ((i = 0; i < 400; i++)); do
		printf 'Subject: mail %d\n\n' $i | cat - body >sent/17953.$((1000 + i)).mx
	done
	cp sent/* box/new
}

blobs() { find state/blobs -type f -name '*.0' | wc -l; }

@test "maildir: a long lane draws what it receives, lest the intake grow" {
	large_box
	run -0 --separate-stderr the_lane
	[ -z "$output$stderr" ]
	[ "$(blobs)" -gt 200 ]
	[ "$(du -sm state/intake | cut -f1)" -lt 16 ]
	is_queued
}

@test "maildir: a draw beside the lane that is killed loses nothing" {
	need_release
	make -s -C "$MAILPIPE_REPO" inject || skip "no injector"
	large_box
	INJECT_HIT=$PWD/hit INJECT_PROG=mail-queue \
		inject io_getevents 1 kill the_lane
	[ -s hit ]
	[ "$(blobs)" = 0 ]
	is_queued
}

@test "maildir: a line that fails leaves its mails to be read again" {
	box 5
	mkdir state
	echo 99 >state/layout
	the_lane || true
	[ "$(find box/new box/claimed -type f | wc -l)" = 5 ]
	rm -r state
	# shellcheck disable=SC2317 # called by wait_for
	again() { the_lane -l 1 && is_queued; }
	wait_for 10 again
}

@test "maildir: no Maildir is 75, and so is one that cannot be written" {
	run -75 --separate-stderr ingest maildir:missing
	[[ $stderr == *"maildir:missing: No such file"* ]]
	mkdir half
	run -75 --separate-stderr ingest maildir:half
	[[ $stderr == *"maildir:half: new: No such file"* ]]
	touch file
	run -75 ingest maildir:file
	run -64 ingest -F maildir:half maildir:half
	run -64 ingest -F file
	run -64 ingest -r other@example.jp maildir:half
}

@test "maildir: what is no mail is named, set aside, and keeps nobody waiting" {
	box 2
	printf 'Subject: secret\n\n' >elsewhere
	ln -s ../../elsewhere box/new/1-link
	ln elsewhere box/new/1-hard # as good as any file
	ln -s nowhere box/new/1-dangling
	mkdir box/new/1-dir
	mkfifo box/new/1-fifo
	run -75 --separate-stderr timeout 10 mail-ingest -t t maildir:box
	printf '%s\n' "$output" >records
	diff <(recorded) <(echo 1-hard && names sent)
	[ "${#stderr_lines[@]}" = 4 ]
	grep -q '1-fifo: not a regular file' <<<"$stderr"
	is_empty box/new
	settled <records
	[ "$(find box/claimed -mindepth 1 -printf '%f\n' | sort | xargs)" = "1-dangling 1-dir 1-fifo 1-link" ]
	run -0 --separate-stderr ingest maildir:box
	[ -z "$stderr$output" ]
}

@test "maildir: a mail that may not be read waits, and the others come" {
	need_root
	need setpriv
	open_tmpdir
	box 3
	name=$(names sent | head -n 1)
	chmod 0 "box/new/$name"
	chown -R nobody box
	run -75 --separate-stderr setpriv --reuid=nobody --clear-groups \
		mail-ingest -t t maildir:box
	[ "${#lines[@]}" = 2 ]
	[[ $stderr == *"$name: Permission denied" ]]
	chmod 600 "box/claimed/$name"
	lease_over=$(($(date +%s) + 20))
	until [ "$(ingest -l 1 maildir:box | wc -l)" = 3 ]; do
		[ "$(date +%s)" -lt "$lease_over" ]
		sleep 0.1
	done
}

@test "maildir: names with odd characters come back as they went" {
	box
	for name in 'a b' $'line\nend' '"quoted"' 'back\slash' "it's" -t '$HOME' \
		注文 $'\xff\xfe' $'tab\t\x7f' '\xff\xff' \
		"$(printf '%0255d' 1)"; do
		deliver_as "$name"
	done
	run -0 --separate-stderr the_lane
	[ -z "$stderr" ]
	is_queued
}

@test "maildir: two mails of one name replace one another nowhere" {
	box
	deliver_as same
	ingest maildir:box >first
	printf 'Subject: another\n\n' >box/new/same
	run -0 --separate-stderr ingest maildir:box
	[ -z "$stderr$output" ]
	# Given back, it would replace the other: it stays.
	run -75 --separate-stderr mail-ingest settle maildir:box <first
	[[ $stderr == *"same: give back: File exists" ]]
	cmp sent/same box/claimed/same
	settled <first
	ingest maildir:box | same <(printf 'Subject: another\n\n')
}

@test "maildir: two readers share, and nothing comes twice or not at all" {
	box 200
	ingest maildir:box >one &
	ingest maildir:box >two &
	ingest maildir:box >three &
	wait
	diff <(cat one two three | jq -r .origin.maildir | sort) <(names sent)
}

@test "maildir: a file that vanishes meanwhile is no error" {
	box 6
	mkfifo pipe
	mail big 60000 >big
	cp big box/new/0
	cp big box/new/1
	cp big box/new/2
	ingest maildir:box >pipe 2>err &
	exec 8<pipe
	wait_for 10 test -e box/claimed/0 # and the pipe is full
	rm box/new/17953.1003.mx
	cat <&8 >records
	wait $!
	[ ! -s err ]
	[ "$(wc -l <records)" = 8 ]
}

@test "maildir: killed at random moments, nothing is lost or queued twice" {
	box 120
	export -f the_lane ingest
	for ((round = 0; round < 12; round++)); do
		setsid bash -c 'echo $$ >session; the_lane -l 1' \
			>/dev/null 2>&1 3>&- &
		sleep 0.0$((RANDOM % 9))
		mapfile -t pids < <(pgrep -s "$(cat session)" '^mail-')
		((${#pids[@]} == 0)) ||
			kill -KILL "${pids[RANDOM % ${#pids[@]}]}" || true
		wait
		for i in 1 2 3; do deliver_as "18000.$round-$i.mx"; done
	done 2>/dev/null
	# shellcheck disable=SC2317 # called by wait_for
	finish() { the_lane -l 1 && is_queued; }
	wait_for 15 finish
	[ "$(find sent -type f | wc -l)" = 156 ]
}

## Following.

has_lines() { [ "$(wc -l <"$2")" -ge "$1" ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
# ticks PID: processor time, in 1/100 s, of it and its parser.
ticks() {
	local pid
	for pid in "$1" $(pgrep -P "$1"); do
		cut -d' ' -f14,15 "/proc/$pid/stat"
	done | awk '{n += $1 + $2} END {print n}'
}

@test "maildir: -F takes a mail as it comes, idles meanwhile, and ends with TERM" {
	box 2
	becomes_ingest -F maildir:box >records 2>err &
	pid=$!
	wait_for 10 has_lines 2 records
	for i in 1 2 3; do
		deliver_as "18000.$i"
		wait_for 3 has_lines $((2 * i + 1)) records
		ln "sent/18000.$i" "box/new/18000.$i.linked"
		wait_for 3 has_lines $((2 * i + 2)) records
	done
	before=$(ticks $pid)
	sleep 1
	[ "$(ticks $pid)" -le $((before + 2)) ]
	kill -TERM $pid
	wait $pid
	[ ! -s err ]
}

@test "maildir: TERM ends -F between two mails, and none is cut" {
	box 60
	for name in box/new/*; do mail "${name##*/}" 20000 >"$name"; done
	mkfifo pipe
	becomes_ingest -F maildir:box >pipe &
	pid=$!
	exec 8<pipe
	wait_for 10 test -e box/claimed/17953.1002.mx # the pipe gets full
	kill -TERM $pid
	cat <&8 >records
	wait $pid
	[ "$(wc -l <records)" -lt 60 ]
	diff <(recorded) <(names box/claimed)
	[ "$(names box/new | wc -l)" = $((60 - $(wc -l <records))) ]
}

@test "maildir: -F ends when its reader is gone, also when nothing comes" {
	box 1
	mkfifo pipe
	becomes_ingest -F maildir:box >pipe &
	pid=$!
	exec 8<pipe
	read -r record <&8
	exec 8<&-
	wait_for 5 is_gone $pid
	settled <<<"$record"
	is_empty box/new box/claimed
}

@test "maildir: -F reads what was left claimed, too" {
	box 3
	ingest maildir:box >/dev/null
	becomes_ingest -F -l 1 maildir:box >records &
	pid=$!
	wait_for 10 has_lines 3 records
	settled <records
	kill $pid
	wait $pid
}

@test "maildir: a Postfix that delivers into it, each mail once, byte for byte" {
	mta_setup
	mkdir "$dir"/{box,sent}
	chown nobody "$dir"/{box,sent}
	pf_alias "box: $dir/box/, $dir/sent/"
	pf_start 3>&-
	send 30 box 1500
	wait_for 30 test -d "$dir/box/new"
	worker env "PATH=$PATH" bash -c "
		mail-ingest -F -t ne-001 maildir:$dir/box | mail-store put |
			mail-queue put -e inbound |
			mail-ingest settle maildir:$dir/box" 2>err 3>&- &
	send 300 box 1500
	send 5 box 100000
	pf_wait_empty 60
	# shellcheck disable=SC2317 # called by wait_for
	all_came() { is_empty "$dir"/box/{new,claimed}; }
	wait_for 30 all_came
	pkill -TERM -f "^mail-ingest -F -t ne-001 maildir:$dir/box"
	wait $!
	[ ! -s err ]
	in_one_place 335
	diff <(blob_files | hashes) <(find "$dir/sent/new" -type f | hashes)
	[ "$(jq -r '.envelope | "\(.from) \(.to)"' rows | sort -u)" = \
		"alice@example.com box@example.test" ]
	pf_stop
}
