#!/usr/bin/env bats
# On a terminal: tables in its width, colours, progress; nothing of a mail acts
# there; elsewhere none of it.

setup() {
	load helpers
	mailpipe_setup
	need script python3 jq
	export TERM=xterm
	unset NO_COLOR COLUMNS
}

# terminal WIDTH COMMAND: all that it writes to one, without its CRs before LF.
terminal() {
	SHELL=/bin/bash script -qec "stty cols $1; $2" /dev/null </dev/null | sed 's/\r$//'
}

# screen <OUTPUT: what is seen in the end, of CR, LF and erased lines.
screen() {
	python3 -c '
import re, sys
lines, at = [""], 0
for t in re.findall(r"\x1b\[K|\x1b\[[0-9;]*m|[\s\S]", sys.stdin.read()):
    if t == "\r": at = 0
    elif t == "\n": lines.append(""); at = 0
    elif t == "\x1b[K": lines[-1] = lines[-1][:at]
    elif len(t) == 1: lines[-1] = lines[-1][:at].ljust(at) + t + \
        lines[-1][at + 1:]; at += 1
print("\n".join(lines).rstrip("\n"))'
}

# columns_of <LINES: how many columns each takes, as Unicode has it.
columns_of() {
	python3 -c '
import sys, unicodedata as u
for line in sys.stdin:
    print(sum(0 if u.combining(c) else 1 + (u.east_asian_width(c) in "WF")
        for c in line.rstrip("\n")))'
}

# received TENANT SUBJECT: a mail on queue inbound; its id.
received() {
	printf 'From: a@example.com\nSubject: =?utf-8?B?%s?=\n\nhi\n' \
		"$(printf %s "$2" | base64 -w 0)" |
		mail-ingest -t "$1" -f a@example.com -r b@example.jp |
		mail-store put | mail-queue put -e inbound | jq -r .id
}

# worked STATUS: take one and end it with this exit status.
worked() {
	mail-queue take -c 1 inbound |
		mail-dispatch -- sh -c "echo because; exit $1" | mail-queue settle
}

# some: a dead, a deferred, a succeeded and a ready one; sets ids.
some() {
	{
		received ne-001 "ご注文ありがとうございます、確認のお知らせをお送りします"
		received ne-002 plain
		received ne-001 "$(printf '半角ｶﾅ と 全角 mixed %.0s' {1..9})"
		received ne-003 "かﾞ 👍 한국어"
	} >ids
	worked 65
	worked 1
	worked 0
	export MAILPIPE_CLOCK=+3h # ages that stay while a test runs
}

# still <TABLE: without what moves on by itself.
still() { sed -E 's/[0-9]+([smh]|  *MiB free)/N/g'; }

@test "terminal: tables there, JSON lines elsewhere, and -o decides" {
	some
	mail-queue pause -t ne-003 --until +90m --reason 'it moves' inbound
	for c in "mail-store list" "mail-queue list inbound" \
		"mail-queue stats" "mail-store stats" "mail-queue pause" \
		"mail-store doctor"; do
		read -r program verb queue <<<"$c"
		as() { "$program" "$verb" -o "$1" ${queue:+"$queue"}; }
		terminal 80 "NO_COLOR=1 $c" >table
		head -n 1 table | grep -xE '[A-Z ]+' # titles
		run -0 jq -c . <<<"$($c)"
		terminal 80 "$program $verb -o json $queue" | jq -c keys |
			diff - <($c | jq -c keys)
		COLUMNS=80 as table | still | diff <(still <table) -
		run -64 --separate-stderr as xml
		[[ $stderr == *'"xml" is not a form: json table'* ]]
	done
}

@test "terminal: what is in the tables" {
	some
	MAILPIPE_CLOCK='' mail-queue pause -t ne-003 --until +90m \
		--reason 'it moves' inbound
	MAILPIPE_CLOCK='' mail-queue pause outbound
	export COLUMNS=80
	mail-queue list -o table inbound | sed "s/$(head -1 ids)/ID/" |
		head -2 >got
	cat <<-'END' | diff - got
		STATE      AGE TRY TENANT  SUBJECT              ID
		dead        3h   1 ne-001  ご注文ありがとうご…  ID
	END
	mail-queue stats -o table >got
	cat <<-'END' | diff - got
		QUEUE        READY LEASED SCHEDULED DEFERRED   DEAD PARKED    DONE OLDEST PAUSED
		inbound          1      0         0        1      1      0       1     3h 1 tenant
	END
	mail-queue pause -o table >got
	cat <<-'END' | diff - got
		QUEUE           TENANT         PAUSED   UNTIL   REASON
		inbound         ne-003         3h ago   in 0s   it moves
		outbound        (all)          3h ago   resumed
	END
	mail-store stats -o table | grep -E '^(STATE|dead|all)' >got
	cat <<-'END' | diff - got
		STATE          MAILS
		dead               1
		all                4
	END
	COLUMNS=200 mail-store list -o table | tr -s ' ' |
		sed "s/$(head -1 ids)/ID/" | head -2 >got
	cat <<-'END' | diff - got
		QUEUE STATE AGE TRY TENANT FROM TO SUBJECT REASON ID
		inbound dead 3h 1 ne-001 a@example.com b@example.jp ご注文ありがとうございます、確認の… exit status 65: because ID
	END
	[ -z "$(mail-queue list -o table nothing)" ]
}

@test "terminal: no line is wider than it, from 20 to 250 columns" {
	some
	for width in {20..90..3} 100 120 160 200 250; do
		terminal "$width" "NO_COLOR=1 mail-store list;
			NO_COLOR=1 mail-queue list inbound" >out
		[ "$(wc -l <out)" = 10 ]
		[ "$(columns_of <out | sort -n | tail -1)" -le "$width" ]
		[ "$(grep -c dead out)" = 2 ]
		if [ "$width" -ge 64 ]; then # there is room for ids
			[ "$(grep -cFf ids out)" = 8 ]
			# All ids begin in one column.
			[ "$(sed -n '6,$s/[0-9a-f]\{32\}$//p' out | columns_of |
				sort -u | wc -l)" = 1 ]
		fi
		iconv -f UTF-8 -t UTF-32 out >/dev/null # no half characters
	done
}

@test "terminal: its width, COLUMNS before it, also behind a pager" {
	some
	list="mail-queue list -o table inbound"
	for command in "$list" "$list | cat" "COLUMNS=60 $list" "COLUMNS=x $list"; do
		want=100
		[[ $command != COLUMNS=6* ]] || want=60
		[ "$(terminal 100 "NO_COLOR=1 $command" | columns_of | sort -n |
			tail -1)" -le $want ]
	done
	terminal 100 "$list | cat" | diff - <(COLUMNS=100 $list)
	COLUMNS=80 $list | diff - <($list 2>&1)
}

@test "terminal: colours on a terminal only, unless NO_COLOR or TERM is dumb" {
	some
	terminal 100 "mail-queue list inbound; mail-queue stats" >colored
	grep -q $'^\e\\[31mdead\e\\[0m ' colored
	grep -q $'^\e\\[33mdeferred\e\\[0m ' colored
	terminal 100 "NO_COLOR=1 mail-queue list inbound; NO_COLOR=1 mail-queue stats" >plain
	sed 's/\x1b\[[0-9]*m//g' colored | diff plain -
	for how in TERM=dumb TERM= "env -u TERM"; do
		terminal 100 "$how mail-queue list inbound" >out
		run -1 grep $'\e' out
	done
	COLUMNS=100 mail-queue list -o table inbound >out
	run -1 grep $'\e' out
	grep -q $'\e' <(terminal 100 "NO_COLOR= mail-queue list inbound")
}

@test "terminal: nothing of a mail acts there" {
	evil=$'\e]0;title\a\e[2J\xc2\x9b31m\u202etxt.exe\r\n'
	received t "$evil" >/dev/null
	printf 'Subject: x\n\nhi\n' | mail-ingest -t t -f $'x\x9by@z' -r $'"\e[2J"@b.c' |
		mail-store put | mail-queue put inbound || true
	jq -nc --arg s "$evil" '{id: "a", tenant: "t", envelope: {from: $s, to: $s},
		message: {subject: $s}, mail: {subject: $s}}' | mail-queue put inbound
	mail-queue take inbound | jq -c --arg s "$evil" \
		'.result = {status: "fail", stage: "x", reason: $s}' |
		mail-queue settle
	mail-queue pause --reason "$evil" inbound
	for width in {20..240..11}; do
		terminal "$width" "export NO_COLOR=1; mail-queue list inbound;
			mail-store list; mail-queue pause"
	done >shown
	[ "$(LC_ALL=C tr -d '\n\040-\176\200-\377' <shown | wc -c)" = 0 ]
	[ "$(grep -cP '[\x{80}-\x{9f}\x{202e}]' shown)" = 0 ]
	grep -qF '\x1b]0;title' shown
	# A row is a line: a table of three mails and its titles.
	[ "$(terminal 200 "NO_COLOR=1 mail-queue list inbound" | wc -l)" = \
		$(($(ids | wc -l) + 1)) ]
}

@test "terminal: any record has a row" {
	for m in '{}' '[]' '"s"' 5 null '{"subject":5,"from":{},"to":[]}' \
		'{"subject":"","from":"","to":""}'; do
		echo '{"id":"m'$((n += 1))'","tenant":"t","message":'"$m"',"envelope":'"$m"'}'
	done | mail-queue put q
	for width in 20 80 200; do
		COLUMNS=$width run -0 --separate-stderr mail-queue list -o table q
		[ "${#lines[@]}" = 8 ]
		[ -z "$stderr" ]
	done
	[[ ${lines[7]} == *"<>"* ]]
	run -75 sh -c "mail-queue list -o table q >/dev/full"
	run -75 sh -c "mail-store stats -o table >/dev/full"
}

@test "terminal: a long list needs no memory" {
	need_release
	jq -nc 'range(20000) | {id: "m\(.)", tenant: "t",
		x: ("x" * 3000), message: {subject: "注文 \(.)"}}' |
		mail-queue put q
	mail-queue stats q
	sh -c "ulimit -v 32768; exec mail-queue list -o table q" >out
	[ "$(wc -l <out)" = 20001 ]
}

# slow N: so many records, ten a second.
slow() {
	local i
	for ((i = 1; i <= $1; i++)); do
		printf '{"id":"m%d","tenant":"t"}\n' "$i"
		sleep 0.1
	done
}
export -f slow

# shown COMMAND...: bash's, on a terminal of 80 columns.
shown() { terminal 80 "bash -c '$*'"; }

@test "progress: a line that counts, and is gone at the end" {
	shown "slow 20 | mail-queue put q; echo end" >out
	grep -qE $'\r\e\\[Kmail-queue: 1[0-9] queued, [0-9.]+/s\r' out
	[ "$(screen <out)" = end ]
	[ "$(mail-queue stats q | jq .ready)" = 20 ]
	# Rewritten a few times a second, not with every record.
	[ "$(grep -o queued out | wc -l)" -le 8 ]
}

@test "progress: none without a terminal, in a second, or when it is not wanted" {
	for command in "slow 16 | mail-queue put q 2>err" "slow 5 | mail-queue put q" \
		"slow 16 | TERM=dumb mail-queue put q" \
		"slow 16 | TERM= mail-queue put q" \
		"set -m; slow 16 | mail-queue put q & wait"; do
		shown "$command" >out
		run -1 grep queued out
	done
	[ ! -s err ]
	slow 16 | mail-queue put q 2>err
	[ ! -s err ]
}

@test "progress: of a pipeline the last one's, whose count is what is done" {
	shown "slow 16 | mail-store put | mail-queue put q; echo end" >out
	grep -q "mail-queue: .* queued" out
	run -1 grep stored out
	[ "$(screen <out)" = end ]
	# What is written to this terminal needs no count, nor what another reads.
	shown "slow 16 | mail-store put; slow 16 | mail-store put | wc -l" >out
	run -1 grep " stored" out
	shown "slow 16 | mail-store put >records; echo end" >out
	grep -q "mail-store: .* stored" out
	[ "$(screen <out)" = end ]
	[ "$(wc -l <records)" = 16 ]
}

@test "progress: a diagnostic has a line of its own, whoever says it" {
	shown "(slow 13; echo bad; slow 8) | mail-queue put q" >out
	[ "$(grep -o queued out | wc -l)" -ge 2 ]
	[ "$(screen <out)" = "mail-queue: line 14: not JSON" ]
	shown "(slow 13; echo bad; slow 8) | mail-store put | mail-queue put q" >out
	grep -q " queued" out
	[ "$(screen <out)" = "mail-store: line 14: not JSON" ]
}

@test "progress: files read, with how much of them; not when following" {
	mkfifo box
	messages() {
		for i in {1..16}; do
			printf "From a@b Sat Nov 21 23:06:00 2026\nSubject: %d\n\nhi\n\n" "$i"
			sleep 0.1
		done
	}
	export -f messages
	shown "messages >box & mail-ingest -t t mbox:box >records; echo end" >out
	grep -qE "mail-ingest: [0-9]+ read, [0-9.]+/s" out
	[ "$(screen <out)" = end ]
	[ "$(wc -l <records)" = 16 ]
}

@test "progress: on a narrow terminal the line is cut, not wrapped" {
	terminal 20 "bash -c 'slow 16 | mail-queue put q'" >out
	grep -qE $'\r\e\\[Kmail-queue: [0-9]{2} queu\r' out
}
