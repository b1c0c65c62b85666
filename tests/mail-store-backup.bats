#!/usr/bin/env bats
# mail-store backup and restore.

load helpers

# restored: the state directory is what the backup makes of an empty one.
restored() {
	rm -rf state
	mail-store restore saved 2>said
}

is_sound() {
	mail-store verify
	mail-store doctor >checks
	jq -se 'any(.check == "ledger" and .status == "ok")' checks
}

@test "backup: all of it comes back, and what waits is in doubt" {
	need jq
	for n in 1 2 3 4; do
		mail "mail $n" | receive t q
	done
	mail large 200000 >large
	receive t q <large
	echo '{"id":"out","tenant":"t","mail":{"from":"b@example.com","to":"a@example.com","text":"x"}}' |
		mail-queue put q
	mail-queue put -a +1h q <<<'{"id":"later","tenant":"t"}'
	mail-store put <<<'{"id":"stored","tenant":"t"}' >/dev/null
	mail-queue take -c 3 q | jq -c '.result = {status: "ok"}' |
		mail-queue settle
	mail-queue take -c 1 q >/dev/null # is being worked on
	mail in-the-intake | receive t q
	mail-store backup saved
	[ "$(cd saved && echo *)" = "blobs lock state" ]
	mail-store list >before
	restored
	is_sound
	mail-store list >after
	same='[.id, .blob, .envelope, .attempts, .last]'
	cmp <(jq -c "$same" before) <(jq -c "$same" after)
	[ "$(states | xargs)" = "parked 1 ready 3 scheduled 1 stored 1 succeeded 3" ]
	[ "$(cat said)" = "mail-store: 5 mails that waited are marked as interrupted, 1 are parked: they may have been worked on after the backup" ]
	[ "$(state_of out)" = parked ]
	id=$(jq -r 'select(.size > 100000) | .id' after)
	same_bytes "$id" large
	mail-store show -o json "$id" | jq -e '.history[-1] |
		.event == "restored" and .entry.status == "uncertain"'
	mail-queue take -c 9 q | jq -se 'length == 3 and
		all(.lease.interrupted)'
}

@test "backup: on_interrupted of a tenant decides what is parked" {
	need jq
	mail one | receive t q
	mail two | receive u q
	mail-store backup saved
	echo '{"tenants":{"u":{"on_interrupted":"park"}}}' >config.json
	MAILPIPE_CONFIG=$PWD/config.json restored
	[ "$(mail-store list -s parked | jq -r .tenant)" = u ]
	[ "$(mail-store list -s ready | jq -r .tenant)" = t ]
}

@test "backup: again takes only what is new, and forgets what has expired" {
	need jq
	mail one | receive t q
	mail two | receive t q
	run -0 mail-store backup -v saved
	[[ $output == *" 2 linked, 0 copied, 0 were there, 0 removed"* ]]
	mail three | receive t q
	run -0 mail-store backup -v saved
	[[ $output == *" 1 linked, 0 copied, 2 were there, 0 removed"* ]]
	QUEUE=q work true
	echo '{"retention":{"succeeded":0}}' >config.json
	MAILPIPE_CLOCK=+1d MAILPIPE_CONFIG=$PWD/config.json mail-store expire
	run -0 mail-store backup -v saved
	[[ $output == *" 3 removed"* ]]
	[ -z "$(find saved/blobs -type f)" ]
}

@test "backup: where no link is possible, copies" {
	need jq
	other=$(mktemp -d /dev/shm/mailpipe.XXXXXX) || skip "no /dev/shm"
	[ "$(stat -c %d "$other")" != "$(stat -c %d .)" ] || skip "one file system"
	mail one >one
	receive t q <one
	run -0 mail-store backup -v "$other/saved"
	[[ $output == *" 0 linked, 1 copied,"* ]]
	rm -rf state
	mail-store restore "$other/saved" 2>/dev/null
	rm -rf "$other"
	same_bytes "$(ids)" one
	is_sound
}

@test "backup: while four producers and a worker are at work" {
	need jq
	touch acked go
	produce() {
		local n=0 id
		while [ -e go ]; do
			n=$((n + 1))
			mail "p$1 $n" $((n % 7 * 3000)) >"p$1"
			receive t"$1" q <"p$1" && echo "p$1 $n" >>acked
		done
	}
	for p in 1 2 3 4; do produce $p & done
	while [ -e go ]; do QUEUE=q work true; done &
	for round in 1 2 3; do
		wait_for 60 eval '[ "$(wc -l <acked)" -ge '$((round * 15))' ]'
		cp acked before
		mail-store backup saved
	done
	rm go
	wait
	cp acked all
	restored
	is_sound
	mail-store list | jq -r .message.subject | sort >there
	sort before >wanted
	[ "$(wc -l <wanted)" -ge 45 ]
	run -0 comm -23 wanted there
	[ -z "$output" ]
	# And each has its bytes: verify has read them.  What is there works.
	QUEUE=q work true
	[ "$(count ready)" = 0 ]
}

# The subjects of a state that was restored.
subjects() { mail-store list | jq -r .message.subject | sort | xargs; }

@test "backup: killed at any call, one or the other is whole" {
	need jq
	mail one | receive t q
	mail-store backup saved
	mail two | receive t q
	mail-store list >/dev/null
	cp -r saved first
	cp -r state live
	for call in openat write pwrite64 fsync linkat renameat2 unlinkat \
		renameat mkdirat; do
		nth=1
		while rm -rf state saved hit && cp -r live state &&
			cp -r first saved && {
			INJECT_HIT=$PWD/hit inject $call $nth kill \
				mail-store backup saved || true
		} 2>/dev/null && [ -s hit ]; do
			restored
			mail-store verify
			case $(subjects) in
			one | "one two") ;;
			*) echo "$call $nth: $(subjects)" && false ;;
			esac
			rm -rf state
			cp -r live state
			mail-store backup saved
			restored
			[ "$(subjects)" = "one two" ]
			[ "$(cd saved && echo *)" = "blobs lock state" ]
			nth=$((nth + 3))
		done
		echo "$call $nth"
	done >tried
	[ "$(awk '$2 > 1' tried | wc -l)" -ge 6 ]
}

@test "restore: killed at any call, nobody works in it, and the next run ends it" {
	need jq
	mail one | receive t q
	mail two | receive t q
	mail-queue take -c 1 q >/dev/null
	mail-store backup saved
	for call in openat write pwrite64 fsync linkat renameat fdatasync \
		unlinkat ftruncate; do
		nth=1
		while rm -rf state hit && {
			INJECT_HIT=$PWD/hit inject $call $nth kill \
				mail-store restore saved || true
		} 2>/dev/null && [ -s hit ]; do
			layout=$(cat state/layout 2>/dev/null || true)
			case $layout in
			restoring)
				run -75 mail-store list
				[[ $output == *"restore has not come to its end"* ]]
				run -75 mail-store upgrade
				mail-store restore saved 2>/dev/null
				;;
			3) ;;
			"") mail-store restore saved 2>/dev/null ;;
			*) false ;;
			esac
			[ "$(subjects)" = "one two" ]
			[ "$(states | xargs)" = "ready 2" ]
			is_sound
			nth=$((nth + 3))
		done
		echo "$call $nth"
	done >tried
	[ "$(awk '$2 > 1' tried | wc -l)" -ge 6 ]
}

@test "backup, restore: where they must not go, 75" {
	need jq
	mail one | receive t q
	run -75 --separate-stderr mail-store backup state
	[[ $stderr == *"it is a state directory"* ]]
	mail-store backup saved
	run -75 --separate-stderr mail-store restore saved
	[[ $stderr == *"there is a state already"* ]]
	run -75 --separate-stderr mail-store restore -d new nosuch
	[ ! -e new/layout ]
	mkdir empty
	run -75 --separate-stderr mail-store restore -d new empty
	[[ $stderr == *"empty: there is no backup in it"* ]]
	jq -c '.layout = 99' saved/state/backup.json >note
	mv note saved/state/backup.json
	run -75 --separate-stderr mail-store restore -d new saved
	[[ $stderr == *"a backup of layout 99"* ]]
	run -64 mail-store backup
	run -64 mail-store restore
	[ "$(states)" = "ready 1" ]
}

@test "backup: what is being expired waits for it, and it for that" {
	need jq
	mail one | receive t q
	QUEUE=q work true
	echo '{"retention":{"succeeded":0}}' >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
	need flock
	mail-store list >/dev/null
	touch state/removal.lock
	flock state/removal.lock sleep 2 &
	wait_for 5 eval '! flock -n state/removal.lock true'
	start=$(date +%s%N)
	MAILPIPE_CLOCK=+1d mail-store expire
	[ $(($(date +%s%N) - start)) -ge 500000000 ]
	[ -z "$(ids)" ]
}

@test "backup: into what is somebody else's, nothing" {
	mail one | receive t q
	mkdir -p Maildir/new Maildir/cur Maildir/tmp
	echo theirs >Maildir/new/1
	run -75 mail-store backup Maildir
	[ "$output" = "mail-store: Maildir: there is something in it, and no backup: name a directory that is empty or new" ]
	[ "$(cat Maildir/new/1)" = theirs ]
	mkdir -p disk/lost+found
	mail-store backup disk
	rm disk/lock # not copied with the rest
	mail-store backup disk
}

@test "backup: of a directory without mail it takes nobody's place" {
	need jq
	mail one | receive t q
	mail-store backup saved
	mkdir empty
	for state in empty mistyped; do
		run -75 mail-store backup -d $state saved
		[ "$output" = "mail-store: $state has no mail yet, so there is no backup of it: is it the right directory, and mounted?" ]
	done
	restored
	is_sound
	[ "$(ids | wc -l)" = 1 ]
}

@test "restore: half a backup is none" {
	mail one | receive t q
	mail-store backup saved
	rm -rf state
	for part in mail.db intake; do
		mv "saved/state/$part" .
		run -75 mail-store restore saved
		[ "$output" = "mail-store: saved: state/$part: the backup is not whole, look for another: No such file or directory" ]
		mv "$part" saved/state
	done
	mail-store restore saved
	[ "$(ids | wc -l)" = 1 ]
}

@test "restore: what is done is done, claims and doubts stay" {
	need jq
	for n in 1 2 3; do
		mail "mail $n" | receive t q
	done
	mail-queue take -c 1 q | mail-lock acquire |
		jq -c '.result = {status: "ok"}' |
		mail-lock settle | mail-queue settle
	mail-queue take -c 1 q | mail-lock acquire |
		jq -c '.result = {status: "uncertain"}' |
		mail-lock settle | mail-queue settle
	mail-queue take -c 1 q | mail-lock acquire >/dev/null
	mail-lock list >locks
	[ "$(jq -r .state locks | sort | xargs)" = "claimed done uncertain" ]
	mail-store backup saved
	restored
	is_sound
	mail-lock list | cmp - locks
	mail-queue take -c 9 q >taken # what waited is nothing here
	{ echo "Received: by another way" && mail "mail 1"; } | receive t q
	mail-queue take -c 1 q | mail-lock acquire |
		jq -e '.result.status == "skip"'
	rm saved/state/lock.db # from before there was any
	restored
	[ -z "$(mail-lock list)" ]
}
