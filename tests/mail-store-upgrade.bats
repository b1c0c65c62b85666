#!/usr/bin/env bats
# mail-store upgrade: state directories of the releases before.
# tests/status.bats has what every other verb says of them.

load helpers

# old N: a state directory of layout N; that of layout 1 had no intake.
old() {
	rm -rf state
	mkdir state state/spool
	sqlite3 state/mail.db <"$MAILPIPE_REPO/tests/mail-store.d/layout$1.sql"
	[ "$1" = 1 ] || [ ! -d intake ] || cp -r intake state/intake
	echo "$1" >state/layout
}

ledger_is_sound() {
	mail-store doctor | jq -se 'any(.check == "ledger" and .status == "ok")'
}

# It has all that the old one had, and works.
works() {
	[ "$(cat state/layout)" = 3 ]
	ledger_is_sound
	[ "$(mail-queue stats q | jq -c '[.ready, .leased, .scheduled]')" = \
		"[3,1,1]" ]
	mail-store show -o json m1 | jq -e '.state == "dead" and
		(.history | length) == 3'
	[ "$(sqlite3 state/mail.db 'SELECT count(*) FROM mail
		WHERE sender IS NULL OR kept != 0')" = 0 ]
}

@test "upgrade: a newer layout is refused by all" {
	mail-store stats >/dev/null
	echo 99 >state/layout
	for c in "mail-store list" "mail-queue take q" "mail-queue put -E q" \
		"mail-queue settle" "mail-store upgrade" "mail-dispatch true"; do
		run -75 --separate-stderr sh -c "$c </dev/null"
		[[ $stderr == *"newer than this program's 3: update mailpipe"* ]]
	done
	[ "$(cat state/layout)" = 99 ]
	echo 3 >state/layout
	run -0 --separate-stderr mail-store upgrade
	[[ $stderr == *"layout 3 is current"* ]]
}

@test "upgrade: a state of each layout before is refused, brought on, and works" {
	need sqlite3 jq
	for layout in 1 2; do
		old $layout
		run -75 --separate-stderr mail-queue take q
		[[ $stderr == *"layout $layout is older than this program's 3: run mail-store upgrade" ]]
		run -0 --separate-stderr mail-store upgrade
		[[ $stderr == *"layout $layout has become 3"* ]]
		works
		MAILPIPE_CLOCK=@1795000003 mail-queue take -c 9 q | jq -r .id >taken
		[ "$(xargs <taken)" = "m4 m3 m6" ]
		# Once more is harmless.
		run -0 mail-store upgrade
		ledger_is_sound
	done
}

@test "upgrade: what was received before it is found, drawn and held as before" {
	need sqlite3 jq
	mail one | receive t9 q
	id=$(ids)
	rm -rf state
	mail one | receive t9 q
	cp -r state/intake intake
	old 2
	mail-store upgrade
	[ "$(mail-store list -f a@example.com --message-id 1@example.com |
		jq -r .id)" = m3 ]
	[ "$(mail-store list -t t9 | jq -r .id)" = "$id" ]
	same_bytes "$id" <(mail one)
	# The tenant was paused, and is.
	[ "$(mail-queue stats q | jq .paused_tenants)" = 1 ]
	mail-queue take -c 9 q | jq -r .tenant >taken
	run -1 grep t9 taken
}

@test "upgrade: killed at any call, it is done by the next run" {
	need_release # sanitizers have no say in what is killed
	need sqlite3 jq
	for layout in 1 2; do
		for call in pwrite64 fdatasync renameat fsync; do
			nth=1
			while old $layout && rm -f hit &&
				{ INJECT_HIT=$PWD/hit inject $call $nth kill \
					mail-store upgrade || true; } 2>/dev/null &&
				[ -s hit ]; do
				run -0 mail-store upgrade
				works
				nth=$((nth + 1))
			done
			echo "$layout $call $nth"
		done
	done >tried
	[ "$(awk '$3 > 1' tried | wc -l)" -ge 6 ]
}

@test "upgrade: two at once, one does it" {
	need sqlite3 jq
	old 2
	mail-store upgrade 2>one &
	mail-store upgrade 2>two
	wait $!
	works
}
