# One mail, claimed and before mail-send, again and again: for the tests that kill
# mail-send in the middle, or let a call of it fail.
# shellcheck shell=bash

# Failures are collected, so that one does not hide the others.
fail() { echo "$*" >>../failures; }
none_failed() {
	[ ! -s failures ] || {
		cat failures
		return 1
	}
}

# prepare [ON_INTERRUPTED]: in ready/ the state, and what mail-send reads in
# "in".
prepare() {
	serve --quiet
	policy=${1:-park}
	config "$(jq -nc --arg url "smtp://127.0.0.1:$port" --arg p "$policy" '{
		transports: {default: {url: $url, time_limits:
			{connect: 5, command: 5, data: 5, block: 5, end: 5}}},
		tenants: {t: (if $p == "park" then {} # the default
			else {on_interrupted: $p} end)}}')"
	rm -rf ready
	mkdir ready
	cd ready || return
	export MAILPIPE_STATE=state MAILPIPE_CLOCK=+0
	queue t 1 1
	id=$(ids)
	mail-queue take -c 1 -l 600 outbound | mail-lock acquire >in
	cd ..
}

lock_of() { mail-lock list | jq -r .state | grep . || echo free; }

# copies: how many the server has taken since the log had so many lines.
copies() {
	tail -n +$((log_was + 1)) ../srv/log |
		jq -r 'select(.event == "mail" and .accepted) | .to[]' | wc -l
}

is_quiet() { (cd .. && server_is_quiet); }

# history: "start interrupted start" of the mail.
history_of() {
	mail-store show -o json "$id" | jq -r '[.history[].event |
		select(. == "start" or . == "interrupted")] | join(" ")'
}

# The lines once more, after all leases.
lines_again() {
	local hours
	for hours in 1 3 6; do
		MAILPIPE_CLOCK=+${hours}h outbound -1 2>>err ||
			fail "$what: again: $(cat err)"
		MAILPIPE_CLOCK=+${hours}h mail-retry due --now outbound 2>>err ||
			fail "$what: retry: $(cat err)"
	done
}

# after_kill: mail-send died, with the mail in this state.
after_kill() {
	local before started want=parked lock=claimed more=0
	is_quiet || wait_for 20 is_quiet
	before=$(copies)
	started=$(history_of)
	[ "$before" -le 1 ] || fail "$what: $before copies"
	[ -n "$started" ] || [ "$before" = 0 ] || fail "$what: sent, not started"
	if [ -z "$started" ] || [ "$policy" = retry ]; then
		want=succeeded lock="done" more=1
	fi
	lines_again
	[ "$(copies)" = $((before + more)) ] ||
		fail "$what: $(copies) copies, $before before: $(cat err)"
	[ "$(state_of "$id")" = $want ] ||
		fail "$what: it is $(state_of "$id"), not $want: $(cat err)"
	[ "$(lock_of)" = "$lock" ] || fail "$what: its lock is $(lock_of)"
	case $policy,$(history_of) in
	*,start | park,"start interrupted") ;;
	retry,"start interrupted start") ;;
	*) fail "$what: its history is $(history_of)" ;;
	esac
}
