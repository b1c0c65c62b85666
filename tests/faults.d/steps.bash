# The steps of the line, one at a time, each with all that comes before it: for
# the tests that kill a program in the middle of one, or let a call of it fail.
# shellcheck shell=bash

# The mails and the handler that all use.
steps_setup() {
	need jq
	export INJECT_FD_MIN=1 MAILPIPE_CLOCK=+0
	mail small 3000 >small
	mail large 300000 >large
	mail witness >witness
	cat >handler <<-'EOF'
		#!/bin/sh
		echo run >>runs
		cat >got.$$ && mv got.$$ got
		# The record, where the configuration has it given.
		[ -z "$WITH_RECORD" ] || grep -q '"id":' "$MAIL_RECORD" || exit 65
		echo '{"done":true}'
	EOF
	chmod +x handler
	handler=$PWD/handler
	jq -n --arg handler "$handler" '{
		tenants: {"ne-001": {handler: "shop", in_flight: 1, weight: 2}},
		handlers: {shop: {argv: [$handler, "{tenant}"], time_limit_s: 600,
			parallel: 1, expect: ".done", env: {WITH_RECORD: "1"},
			nice: 1, limits: {files: 100, file_bytes: 1000000}}}}' \
		>routed.json
}

# Failures are collected, so that one does not hide the others.
fail() { echo "$*" >>../failures; }
none_failed() {
	[ ! -s failures ] || {
		cat failures
		return 1
	}
}

# The mail that VERB is tried with.
mail_of() {
	case $1 in
	mail-ingest | mail-store-large) echo large ;;
	*) echo small ;;
	esac
}

# VERB, or what stands for it.
verb() {
	case $1 in
	mail-ingest) mail-ingest -t ne-001 ;;
	mail-store | mail-store-large) mail-store put ;;
	mail-queue-put) mail-queue put inbound ;;
	draw | draw-many) mail-queue stats ;;
	mail-queue-take) mail-queue take -c 1 -l 600 inbound ;;
	mail-dispatch) mail-dispatch -T 600 -- "$handler" ;;
	mail-dispatch-routed) MAILPIPE_CONFIG=../routed.json mail-dispatch ;;
	mail-queue-settle) mail-queue settle ;;
	*) return 99 ;;
	esac
}

program_of() {
	case $1 in
	mail-ingest) echo "$1" ;;
	mail-dispatch*) echo mail-dispatch ;;
	mail-store*) echo mail-store ;;
	*) echo mail-queue ;;
	esac
}

# prepare VERB FRESH: a directory with all that the line does before VERB, and
# what VERB reads, in ready/.  Another mail is there already, unless FRESH; for
# draw-many there are so many that they are synced together, still to be drawn.
prepare() {
	local mail others=1
	[ "$1" != draw-many ] || others=15
	mail=../$(mail_of "$1")
	rm -rf ready
	mkdir ready
	cd ready || return
	export MAILPIPE_STATE=state
	if [ "$2" != fresh ]; then
		for ((i = 0; i < others; i++)); do
			receive "ne-1$i" other <../witness
		done
		[ "$1" != draw-many ] || cp -r state undrawn
		ids >old
		[ "$1" != draw-many ] || { rm -r state && mv undrawn state; }
	fi
	case $1 in
	mail-ingest) cp "$mail" in ;;
	mail-store | mail-store-large) mail-ingest -t ne-001 "$mail" >in ;;
	mail-queue-put) mail-ingest -t ne-001 "$mail" | mail-store put >in ;;
	*) receive <"$mail" && echo >in ;;
	esac
	case $1 in
	mail-dispatch* | mail-queue-settle) verb mail-queue-take >in ;;
	esac
	if [ "$1" = mail-queue-settle ]; then
		verb mail-dispatch <in >results
		mv results in
	fi
	cd ..
	id=$(mail-ingest -t ne-001 "$(mail_of "$1")" | jq -r .id)
}

# The line once more, an hour later: the MTA's retry where nobody has said 0,
# and work.  It ends well, and only once, and the history tells how.
again() {
	case $1 in
	mail-ingest | mail-store* | mail-queue-put)
		line_receive <"$2" 2>>err || fail "$what: retry: $(cat err)"
		;;
	esac
	MAILPIPE_CLOCK=+1h work "$handler" 2>>err || fail "$what: $(cat err)"
	cmp got "$2" || fail "$what: the handler got other bytes"
	mapfile -t runs <runs
	mail-store show "$id" | jq -e --argjson runs ${#runs[@]} '
		[.history[].event | select(. == "start" or . == "interrupted")]
		| (join(" ") | test("^(start interrupted )*start$")) and
			(map(select(. == "start")) | length) >= $runs' \
		>/dev/null ||
		fail "$what: ${#runs[@]} runs; $(mail-store show "$id")"
	all_in_order
}

# The mail is done, what was there before is as it was, and nothing half is
# left.
all_in_order() {
	local want="$id succeeded" old=() old_id blobs
	[ ! -s old ] || mapfile -t old <old
	[ ${#old[@]} = 0 ] ||
		want=$(printf '%s ready\n' "${old[@]}" && echo "$want")
	[ "$(mail-store list | jq -r '.id + " " + .state')" = "$want" ] ||
		fail "$what: in the end: $(states): $(cat err)"
	blobs=(state/blobs/*/*/*/*)
	[ ${#blobs[@]} = $((${#old[@]} + 1)) ] ||
		fail "$what: ${blobs[*]}"
	for old_id in "${old[@]}"; do
		cmp state/blobs/*/*/*/"$old_id".0 ../witness ||
			fail "$what: $old_id"
	done
}
