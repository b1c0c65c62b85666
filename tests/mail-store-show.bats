#!/usr/bin/env bats
# mail-store show: one mail's way through all the programs.

load helpers

# events ID: the names of its history, in order.
events() { mail-store show -o json "$1" | jq -r '.history[].event' | xargs; }

@test "show: a mail's way: stored, queued, taken, started, results, interrupted" {
	need jq
	mail one | receive t q
	id=$(ids)
	[ "$(events "$id")" = "stored queued" ]
	mail-queue take -c 1 q >taken
	[ "$(events "$id")" = "stored queued taken" ]
	mail-store show -o json "$id" | jq -e '.state == "leased" and
		.deliveries == 1 and (.leased_until | length == 24) and
		(.history[-1] | .delivery == 1 and has("attempt") == false)'
	# Its program is killed: started, and no result.
	mail-dispatch -- sh -c 'kill -9 $PPID' <taken >/dev/null 2>&1 || true
	[ "$(events "$id")" = "stored queued start" ]
	export MAILPIPE_CLOCK=+2d
	QUEUE=q work sh -c 'exit 75'
	[ "$(events "$id")" = "stored queued start interrupted start result" ]
	mail-store show -o json "$id" | jq -e '.history[-1].entry |
		.stage == "mail-dispatch" and .status == "retry"'
	mail-store keep --reason 'case 12' "$id"
	mail-queue drop -i "$id" --reason 'not wanted' q
	[ "$(events "$id")" = \
		"stored queued start interrupted start result kept dropped" ]
	# Times never go back.
	mail-store show -o json "$id" | jq -e '[.history[].at] | . == sort'
}

@test "show: for people, the same on lines" {
	need jq
	mail one | receive t q
	id=$(ids)
	QUEUE=q work sh -c 'exit 65'
	mail-store keep --reason 'case 12' "$id"
	mail-queue drop -i "$id" --reason 'not wanted' q
	mail-store show -o table "$id" |
		sed -E 's/20..-..-..T[0-9:.]*Z/AT/' >got
	grep -qx '  state     dropped, queue q, 1 attempt, since AT, on legal hold' got
	sed -n '/^  history/,$p' got | grep . | diff - <(cat <<-'END'
		  history
		  AT  stored
		  AT  queued
		  AT  start        attempt 1 mail-dispatch:
		  AT  result       attempt 1 mail-dispatch: fail, exit status 65
		  AT  kept         case 12
		  AT  dropped      attempt 1 not wanted
	END
	)
}

@test "show: what is scheduled says when it is due" {
	need jq
	mail-queue put -a +1h q <<<'{"id":"a","tenant":"t"}'
	mail-store show -o json a | jq -e '.state == "scheduled" and
		(.due_at | length == 24)'
	mail-store show -o table a | grep -q ', due 20'
	# What a later export and import make of it is no part of the record.
	mail-store export out
	rm -rf state
	mail-store import out
	mail-store list a | jq -e '(has("due_at") or has("deliveries") or
		has("history")) | not'
}

@test "show: the lock of a mail" {
	need jq
	mail one | receive t q
	id=$(ids)
	mail-store show -o json "$id" | jq -e 'has("lock") | not'
	[ ! -e state/lock.db ]
	mail-queue take -c 1 q | mail-lock acquire >taken
	mail-store show -o json "$id" | jq -e '.lock.state == "claimed" and
		(.lock.at | length == 24)'
	jq -c '.result = {status: "ok"}' taken | mail-lock settle |
		mail-queue settle
	mail-store show -o json "$id" | jq -e '.lock.state == "done"'
	mail-store show -o table "$id" | grep -Eq '^  lock +done, since 20'
	# What is wrong with the locks hides no mail.
	rm -f state/lock.db-wal state/lock.db-shm
	head -c 50000 /dev/urandom >state/lock.db
	run -75 --separate-stderr mail-store show -o json "$id"
	jq -e --arg id "$id" '.id == $id and (has("lock") | not)' <<<"$output"
	[[ $stderr == "mail-store: $id: lock.db: "* ]]
}
