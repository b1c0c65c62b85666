# Through Postfix: smtp-source, smtpd, cleanup, qmgr, local(8), the pipe command.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly local8_names=(line mail-deliver floor cat true)

section_local8() {
	local8_count=$((count * 10 / 3))
	if ! { local8_aliases && pf_start; }; then
		wrong "local8: the private Postfix did not start"
		return
	fi
	race local8 $(((rounds + 1) / 2)) local8_run "${local8_names[@]}"
	pf_stop
	local8_table
}

# One recipient for each contestant.  MTAs give a bare PATH, so programs are
# named absolutely; the state directory is an option.
local8_aliases() {
	local b=$work/bin d=$spool/local8
	pf_alias "line: \"|$b/mail-ingest -d $d -t ne-001 | $b/mail-store put -d $d | $b/mail-queue put -d $d inbound || exit 75\"" \
		"mail-deliver: \"|$b/mail-deliver -d $d -t ne-001 inbound\"" \
		"floor: \"|$b/floor put $d | $b/floor log $d/a | $b/floor log $d/b >/dev/null\"" \
		'cat: "|cat >/dev/null"' 'true: |/bin/true'
}

# Mails a second from the first connection to the empty queue.
local8_run() {
	local d=$spool/local8 sent
	fresh "$d" "$d/tmp" "$d/new"
	local8_send 20 "$1" && : >"$pf_dir/log/maillog" || return
	rate "$local8_count" local8_send "$local8_count" "$1" || return
	sleep 0.2 # the log is written behind it
	sent=$(grep -c 'status=sent' "$pf_dir/log/maillog")
	count_is "$local8_count" "sent" echo "$sent" || return
	case $1 in
	line | mail-deliver)
		as_worker mail-store list -d "$d" -q inbound >"$work/list"
		count_is $((local8_count + 20)) "mails ready" \
			grep -c '"state":"ready"' "$work/list"
		;;
	floor) count_is $((local8_count + 20)) "files" files_in "$d/new" ;;
	esac
}

local8_send() {
	smtp-source -m "$1" -s 10 -l 10240 -f a@bench.test \
		-t "$2@example.test" "127.0.0.1:$pf_port" && pf_wait_empty 120
}

local8_table() {
	local name floor
	floor=$(median local8 floor rate)
	printf '\n### Through Postfix'\''s local(8): %s mails of 10 KB over SMTP\n\n' \
		"$local8_count"
	header "pipe command" "mails/s" "of three trivial programs"
	for name in "${local8_names[@]}"; do
		row "$(receive_describe "$name")" \
			"$(figure %.0f "$(median local8 "$name" rate)")" \
			"$(ratio "$(median local8 "$name" rate)" "$floor")"
	done
	bars_header
	bar "line / three trivial programs" \
		"$(ratio "$(median local8 line rate)" "$floor")" least 0.6
}
