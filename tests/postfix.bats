#!/usr/bin/env bats
# Through a real MTA: a private Postfix pipes mail into the alias lines, as the
# unprivileged owner of the aliases file.  Whatever is wrong here, it keeps the
# mail, never bounces, and delivers it once after the repair.

load helpers
load postfix.d/helpers

setup() {
	mailpipe_setup
	mta_setup
}

teardown() { mta_teardown; }

## A thousand.

# thousand COMMAND: mails to the alias that runs it, behind a witness; each is in
# one row and one blob, byte for byte what Postfix piped.
thousand() {
	local n=1000
	! is_sanitized || n=100
	pf_alias "thousand: \"|$dir/witness $dir/piped $1\""
	pf_start 3>&-
	send $((n - 20)) thousand 1500
	send 20 thousand 100000
	pf_wait_empty 200
	[ "$(grep -c 'status=sent (delivered to command' "$log")" = $n ]
	no_deferral
	no_bounce
	in_one_place $n
	diff <(piped_files | hashes) <(blob_files | hashes)
	[ "$(blob_files | hashes | uniq | wc -l)" = $n ]
}

@test "postfix: a thousand mails through the line, each once and byte for byte" {
	thousand "sh -c '$(the_line line)'"
}

@test "postfix: a thousand mails through mail-deliver, each once and byte for byte" {
	thousand "$(the_deliver deliver)"
}

@test "postfix: both alias lines as the manual has them" {
	mta_start
	send 100 line
	send 100 deliver 3000
	arrives_once
	no_deferral
	[ "$(jq -r '.tenant' rows | sort | uniq -c | xargs)" = \
		"100 deliver 100 line" ]
}

## Trouble.

@test "postfix: a tool that is missing or has no run bit" {
	mta_start
	for tool in mail-ingest mail-store mail-queue; do
		chmod a-x "$dir/bin/$tool"
		stays_deferred line deliver
		rm "$dir/bin/$tool"
		tried_again
		repair
		arrives_once
	done
	chmod a-x "$dir/bin/mail-deliver"
	stays_deferred deliver
	rm "$dir/bin/mail-deliver"
	tried_again
	repair
	arrives_once
}

@test "postfix: a stage that dies at once" {
	mta_start
	for tool in mail-ingest mail-store mail-queue; do
		spoil $tool 'kill -9 $$'
		stays_deferred line deliver
		repair
		arrives_once
	done
	spoil mail-deliver 'kill -9 $$'
	stays_deferred deliver
	repair
	arrives_once
}

@test "postfix: a stage killed at a write or sync, before or after it" {
	need_inject
	mta_start
	three=0
	for where in "mail-ingest write" "mail-store fdatasync,fsync" \
		"mail-store write" "mail-queue write" "mail-queue fdatasync"; do
		for action in kill kill-after; do
			spoil "${where% *}" "$(injected "${where#* }" $action)"
			# A whole line may have gone on before.
			may_arrive line deliver
			three=$((three + 3))
			[ "$(grep -c 'to=<deliver@.*status=deferred' "$log")" = \
				$three ]
			repair
			arrives_once
		done
	done
}

@test "postfix: a system call that fails" {
	need_inject
	mta_start
	for what in "mail-ingest read EIO" "mail-store fdatasync EIO" \
		"mail-store write EDQUOT" "mail-queue fdatasync EIO" \
		"mail-queue write ENOSPC"; do
		read -r tool call action <<<"$what"
		spoil "$tool" "$(injected "$call" "$action" 0)"
		stays_deferred line deliver
		repair
		arrives_once
	done
}

@test "postfix: everything is killed at any moment, again and again" {
	mta_start
	for tool in mail-ingest mail-store mail-queue mail-deliver; do
		# Some milliseconds after the start, or too late.
		spoil $tool "(sleep 0.00\$((\$\$ % 10))
			kill -9 \$\$ && echo \$\$ >>$dir/notes/killed
			) </dev/null >/dev/null 2>&1 &"
	done
	send 50 line
	send 50 deliver 3000
	for _ in 1 2 3; do
		wait_for 60 is_idle
		pf_flush
	done
	wait_for 60 is_idle
	no_bounce
	[ "$(wc -l <"$dir/notes/killed")" -gt 50 ]
	repair
	arrives_once
}

# stopping TOOL COMMANDS: they come first in that tool for mail to ALIAS+TOOL.
stopping() {
	spoil "$1" "[ \"\$EXTENSION\" != $1 ] || {
		echo \$\$ >>$dir/notes/\${LOCAL%%+*}
		$2
	}"
}

# The processes that mail to this alias has stopped.
stopped() { cat "$dir/notes/$1" 2>/dev/null; }
has_stopped() { [ "$(stopped "$1" | wc -l)" = "$2" ]; }
has_none() { ! stopped "$1" | xargs ps -p >/dev/null; }
all_older() {
	[ "$(stopped "$1" | xargs ps -o etimes= -p | sort -n | head -n 1)" \
		-gt "$2" ]
}

@test "postfix: a stage that is stopped for longer than the deadline" {
	pf_set local_destination_concurrency_limit 10
	# Long enough for a busy machine to come to the stop.
	mta_start 6
	for tool in mail-ingest mail-store mail-queue; do
		stopping $tool 'kill -STOP $$'
		send 1 line+$tool
		send 1 deliver+$tool
	done
	# One form kills it, the other continues it, and both give up; only when
	# the last stage is stopped, nobody is left who could.
	wait_for 60 has_deferrals 5
	[ "$(grep -c 'within 6 seconds, killed: .*(stopped)' "$log")" = 3 ]
	has_stopped deliver 3
	wait_for 30 has_none deliver
	wait_for 30 has_stopped line 3
	stopped line | xargs ps -o pid= -p >"$dir"/left
	[ "$(wc -l <"$dir"/left)" = 1 ]
	xargs kill -CONT <"$dir"/left
	wait_for 30 is_idle
	repair
	arrives_once
}

@test "postfix: a stage that is stopped amid its write holds up nobody" {
	need_inject
	pf_set local_destination_concurrency_limit 10
	mta_start
	for tool in mail-store mail-queue; do
		stopping $tool "$(injected fdatasync stop)"
		send 1 line+$tool
		send 1 deliver+$tool
	done
	wait_for 30 has_stopped line 2
	wait_for 30 has_stopped deliver 2
	send 20 line
	send 20 deliver
	wait_for 60 has_sent 40
	# Readers get past them, too.
	[ "$(worker mail-store list | jq -r .envelope.to | grep -cv +)" = 40 ]
	cat "$dir"/notes/* | xargs kill -CONT
	wait_for 30 is_idle
	repair
	arrives_once
}

@test "postfix: mail-deliver itself is stopped for longer than its deadline" {
	mta_start 6
	# It is stopped by its first stage; an injector cannot reach it, since
	# it loads no library.
	spoil mail-ingest "[ \"\$EXTENSION\" != mail-deliver ] || {
		echo \$PPID >>$dir/notes/\${LOCAL%%+*}
		kill -STOP \$PPID
	}"
	send 2 deliver+mail-deliver
	wait_for 30 has_stopped deliver 2
	wait_for 30 all_older deliver 7
	stopped deliver | xargs kill -CONT
	wait_for 30 is_idle
	repair
	arrives_once
}

@test "postfix: the disk is full" {
	mount_state 8m
	mta_start
	for free in 0 128; do
		fill_disk $free
		stays_deferred line deliver
		rm "$dir/state/filler"
		arrives_once
	done
	grep -q 'below the reserve' "$log"
}

@test "postfix: the disk is full to the last byte, and nothing is kept back" {
	echo '{"limits":{"reserve_bytes":0}}' >"$dir/config.json"
	mount_state 8m
	mta_start
	for free in 0 8 16 64 160; do
		fill_disk $free
		if [ $free = 0 ]; then
			stays_deferred line deliver
		else
			may_arrive line deliver
		fi
		rm "$dir/state/filler"
		arrives_once
	done
	grep -q 'No space left on device' "$log"
}

@test "postfix: the disk has no inodes left, or can only be read" {
	mount_state 8m,nr_inodes=20
	mta_start
	i=0
	while worker touch "$dir/state/$((++i)).filler" 2>/dev/null; do
		:
	done
	stays_deferred line deliver
	mount -o remount,nr_inodes=1000 "$dir/state"
	arrives_once
	mount -o remount,ro "$dir/state"
	stays_deferred line deliver
	mount -o remount,rw "$dir/state"
	rm "$dir"/state/*.filler
	arrives_once
}

@test "postfix: the reserve is larger than the disk" {
	echo '{"limits":{"reserve_bytes":1e15}}' >"$dir/config.json"
	mta_start
	stays_deferred line deliver
	echo '{}' >"$dir/config.json"
	arrives_once
}

@test "postfix: the configuration is broken, missing or not to be read" {
	mta_start
	chmod 0 "$dir/config.json"
	stays_deferred line deliver
	chmod 644 "$dir/config.json"
	for text in '{' '[]' '{"stat":"/tmp"}' '{"limits":{"reserve_bytes":"1G"}}' \
		'' $'\xff'; do
		printf %s "$text" >"$dir/config.json"
		tried_again
	done
	rm "$dir/config.json"
	tried_again
	mkdir "$dir/config.json"
	tried_again
	rmdir "$dir/config.json"
	echo '{}' >"$dir/config.json"
	arrives_once
}

@test "postfix: the state directory is not writable, or not there" {
	mta_start
	chown root "$dir/state"
	stays_deferred line deliver
	chmod 555 "$dir/state"
	tried_again
	chmod 700 "$dir/state"
	chown nobody "$dir/state"
	arrives_once

	mv "$dir/state" "$dir/away"
	stays_deferred line deliver
	touch "$dir/state"
	tried_again
	rm "$dir/state"
	mv "$dir/away" "$dir/state"
	arrives_once

	for part in intake spool; do
		chmod -R u-w "$dir/state/$part"
		may_arrive line deliver
		chmod -R u+w "$dir/state/$part"
		arrives_once
	done
}

@test "postfix: the state directory has another layout" {
	mta_start
	send 1 line
	arrives_once
	echo 99 >"$dir/state/layout"
	stays_deferred line deliver
	for layout in 1 none ''; do
		printf %s "$layout" >"$dir/state/layout"
		tried_again
	done
	echo 3 >"$dir/state/layout"
	arrives_once
}

## What Postfix does that others do not.

@test "postfix: a queue file that is piped again is the same mail, a day later too" {
	# Each try succeeds, and Postfix never hears of it.
	spoil mail-deliver "export MAILPIPE_CLOCK=\$(cat $dir/clock)
		$dir/real/mail-deliver \"\$@\" && exit 75"
	pf_alias "line: \"|MAILPIPE_CLOCK=\$(cat $dir/clock); \
export MAILPIPE_CLOCK; { $(the_line line); } && exit 75\", \
\"|$dir/witness $dir/piped\"" \
		"deliver: \"|$(the_deliver deliver)\", \"|$dir/witness $dir/piped\""
	echo @1795302360 >"$dir/clock"
	pf_start 3>&-
	stays_deferred line deliver
	each_once 6
	worker mail-store list >first
	echo @1795388760 >"$dir/clock"
	tried_again
	diff first <(worker mail-store list)
	repair
	mta_aliases
	arrives_once
	diff first <(worker mail-store list)
}

@test "postfix: files must not grow beyond mailbox_size_limit" {
	pf_set message_size_limit 200000
	pf_set mailbox_size_limit 200000
	mta_start
	send 20 line 30000
	send 20 deliver 30000
	wait_for 60 is_idle
	no_bounce
	grep -q 'File too large' "$log"
	# Whoever reads makes room.
	end=$((SECONDS + 60))
	while [ -n "$(pf_queued)" ]; do
		worker mail-store stats
		[ $SECONDS -lt $end ]
		pf_flush
		wait_for 60 is_idle
	done
	arrives_once
}

@test "postfix: the envelope is the true one, not as the environment has it" {
	pf_set smtputf8_enable yes
	mta_start
	cat >expected <<-'END'
		|line@example.test|env:SENDER|env:RECIPIENT
		bob@example.com|deliver+tag@example.test|env:SENDER|env:RECIPIENT
		bob@example.com|line+a+b@example.test|env:SENDER|env:RECIPIENT
		bob@example.com|LINE+Tag@Example.TEST|env:SENDER|env:RECIPIENT
		a_b@example.com|deliver+it's@example.test|env:SENDER|header:Delivered-To
		o'brien@example.com|line@example.test|header:Return-Path|env:RECIPIENT
		"john doe"@example.com|line@example.test|header:Return-Path|env:RECIPIENT
		"a\"b\\c;d"@example.com|line@example.test|header:Return-Path|env:RECIPIENT
		$a&b{c}~d`e@example.com|line@example.test|header:Return-Path|env:RECIPIENT
		a..b.@docomo.ne.jp|deliver@example.test|env:SENDER|env:RECIPIENT
		bob@example.com|"line+x y"@example.test|env:SENDER|header:Delivered-To
		注文@example.jp|line+受注@example.test|header:Return-Path|header:Delivered-To
		注文@example.com|line+受注@example.test|header:Return-Path|header:Delivered-To|SMTPUTF8
	END
	while IFS='|' read -r sender recipient _ _ parameter; do
		send_as "$sender" "$recipient" "$parameter"
	done <expected
	pf_wait_empty 30
	no_deferral
	worker mail-store list >rows
	diff <(cut -d '|' -f 1-4 expected | sort) <(jq -r '.envelope |
		[.from, .to, .source.from, .source.to] | join("|")' rows | sort)
}

@test "postfix: mail of this machine, from nobody, by an alias for two others" {
	mta_aliases
	pf_alias "$(cat "$pf_dir/aliases/aliases")" \
		"both: line@example.test, deliver+x@example.test"
	pf_start 3>&-
	MAIL_CONFIG=$pf_dir/etc sendmail -f '' both@example.test <<-END
		Subject: a notice

		It has happened.
	END
	pf_wait_empty 30
	in_one_place 2
	diff - <(jq -cS '.envelope | del(.env, .source)' rows | sort) <<-END
		{"from":"","original_to":"both@example.test","to":"deliver+x@example.test"}
		{"from":"","original_to":"both@example.test","to":"line@example.test"}
	END
}

## The whole way.

@test "postfix: a handler gets from the queue what it got from Postfix" {
	need php
	for alias in line deliver; do
		aliases+=("$alias: \"|$("the_$alias" ne-001)\",
			\"|$(command -v php) $dir/receive.php ne-001 $dir/direct\"")
	done
	mkdir "$dir"/{direct,queued}
	chown nobody "$dir"/{direct,queued}
	pf_alias "${aliases[@]}"
	pf_start 3>&-
	n=0
	for mail in "$MAILPIPE_REPO"/tests/mails/*.eml; do
		alias=line
		[ $((n % 2)) = 0 ] || alias=deliver+order-$n
		pf_send "$mail" $alias@example.test "bob+$((n++))@example.com"
	done
	pf_wait_empty 60
	no_deferral
	worker env -i PATH="$PATH" MAILPIPE_STATE="$MAILPIPE_STATE" \
		MAILPIPE_CONFIG="$MAILPIPE_CONFIG" bash -o pipefail -c "
		mail-queue take -1 inbound |
			mail-dispatch -- php $dir/receive.php '{tenant}' $dir/queued |
			mail-queue settle"
	[ "$(worker mail-store list | jq -r .state | sort | uniq -c | xargs)" = \
		"$n succeeded" ]
	[ "$(find "$dir/queued" -name "*.mail" | wc -l)" = $n ]
	diff <(ls "$dir/direct") <(ls "$dir/queued")
	for mail in "$dir"/queued/*.mail; do
		cmp <(tail -n +2 "$mail") <(tail -n +2 "$dir/direct/${mail##*/}")
		diff <(senders "$mail") <(senders "$dir/direct/${mail##*/}")
	done
	for env in "$dir"/queued/*.env; do
		diff <(of_the_mail "$env") <(of_the_mail "$dir/direct/${env##*/}")
	done
}

# The "From " lines without their time.
senders() { grep -a '^From ' "$1" | cut -d ' ' -f 1,2; }

# The environment without what depends on who runs it.
of_the_mail() {
	jq 'del(.PATH, .TZ, .LANG, .MAIL_CONFIG) | with_entries(select(.key |
		test("^(MAILPIPE|MAIL_(ID|TENANT|ATTEMPT|RECORD)$)") | not))' "$1"
}
