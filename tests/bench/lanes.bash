# The lanes: many mails through one process tree, from an mbox and from a Maildir.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly lanes_names=(mbox line line-8)
readonly lanes_queue='mail-store put | mail-queue put'

section_lanes() {
	lanes_make_mbox
	race mbox "$rounds" lanes_mbox_run "${lanes_names[@]}"
	lanes_mbox_table
	lanes_maildir
}

## An mbox, beside a process tree a mail.

lanes_make_mbox() {
	local i
	for ((i = 0; i < count; i++)); do
		echo 'From a@bench.test Sat Nov 21 23:06:00 2026'
		cat "$mails/$(printf %04d "$i")"
		echo
	done >"$work/mbox"
	chmod a+r "$work/mbox"
}

lanes_mbox_run() {
	case $1 in
	mbox) lanes_mbox ;;
	line) receive_jobs=1 receive_run line ;;
	line-8) receive_jobs=8 receive_run line ;;
	esac
}

lanes_mbox() {
	local state=$spool/mailpipe
	fresh "$state"
	rate "$count" as_worker MAILPIPE_STATE="$state" sh -c \
		"mail-ingest -t ne-001 mbox:$work/mbox | $lanes_queue inbound" &&
		receive_verify "$count" MAILPIPE_STATE="$state"
}

lanes_mbox_table() {
	local line
	line=$(median mbox line rate)
	printf '\n### An mbox of %s mails into the queue\n\n' "$count"
	header "" "mails/s" "of the line"
	lanes_mbox_row 'one line for all: `mail-ingest mbox:FILE`' mbox
	lanes_mbox_row 'the alias line, once a mail' line
	lanes_mbox_row 'the same, eight at once' line-8
	bars_header
	bar "mbox / a line a mail" \
		"$(ratio "$(median mbox mbox rate)" "$line")" least 15
}

lanes_mbox_row() {
	row "$1" "$(figure %.0f "$(median mbox "$2" rate)")" \
		"$(ratio "$(median mbox "$2" rate)" "$line")"
}

## A Maildir that Postfix delivers into.

# Postfix alone, then the lane alone with what is there, then both.  On a disk of
# their own: some disks are slow to forget a file (ext4 with "discard", without a
# journal, takes 2 ms), which is all that would be seen.
lanes_maildir() {
	mount_disk 2>"$work/stderr" ||
		echo "no loop device: the Maildir is on the common disk" >&2
	maildir=$spool/maildir lanes_state=$spool/lane
	lanes_sent=$((count * 10 / 3))
	if ! { lanes_postfix && pf_start; }; then
		wrong "lanes: the private Postfix did not start"
		unmount_disk
		return
	fi
	race maildir $(((rounds + 1) / 2)) lanes_maildir_run both apart
	pf_stop
	unmount_disk
	lanes_maildir_table
}

# As fast as it can: no limit for one recipient, no brake at its entry.
lanes_postfix() {
	pf_write "$spool/pf" "$worker" 'in_flow_delay = 0' \
		'local_destination_concurrency_limit = 20' &&
		pf_alias "lane: $maildir/"
}

lanes_maildir_run() {
	fresh "$lanes_state" "$maildir" "$maildir"/{new,cur,tmp}
	: >"$pf_dir/log/maillog"
	lanes_"$1" && lanes_verify
}

lanes_apart() {
	local postfix lane
	postfix=$(rate "$lanes_sent" lanes_deliver) || return
	count_is "$lanes_sent" "delivered" files_in "$maildir/new" || return
	lane=$(rate "$lanes_sent" lanes_drain) || return
	printf 'postfix_%s lane_%s\n' "$postfix" "$lane"
}

lanes_drain() { lanes_run ''; }

# lanes_run -F|'': a line of four programs; the first leaves its id.
lanes_run() {
	as_worker MAILPIPE_STATE="$lanes_state" sh -c \
		"sh -c 'echo \$\$ >$work/home/lane; exec mail-ingest $1 \
			-t ne-001 maildir:$maildir' |
			$lanes_queue -e inbound |
			mail-ingest settle maildir:$maildir"
}

lanes_both() {
	local start end left lane
	lanes_run -F &
	lane=$!
	lanes_deliver_beside
	local status=$?
	kill -TERM "$(cat "$work/home/lane")"
	wait "$lane" && [ $status = 0 ]
}

lanes_deliver_beside() {
	start=$(date +%s%N)
	lanes_deliver || return
	end=$(date +%s%N)
	left=$(lanes_unsettled)
	lanes_wait_settled || return
	awk -v n="$lanes_sent" -v left="$left" -v ns=$((end - start)) \
		-v all=$(($(date +%s%N) - start)) 'BEGIN {
		printf "left=%d both_postfix=%.2f both_lane=%.2f\n", left,
			n * 1e9 / ns, n * 1e9 / all}'
}

lanes_deliver() {
	smtp-source -m "$lanes_sent" -s 10 -l 10240 -f a@bench.test \
		-t lane@example.test "127.0.0.1:$pf_port" && pf_wait_empty 120
}

lanes_unsettled() { files_in "$maildir"/{new,claimed}; }

lanes_wait_settled() {
	local end=$((SECONDS + 60))
	while [ "$(lanes_unsettled)" -gt 0 ]; do
		[ $SECONDS -lt "$end" ] || {
			echo "$(lanes_unsettled) mails were never settled" >&2
			return 1
		}
		sleep 0.02
	done
}

# All are queued, nothing stays behind, and they are what Postfix has delivered.
lanes_verify() {
	local id
	count_is 0 "left in the Maildir" lanes_unsettled || return
	as_worker MAILPIPE_STATE="$lanes_state" mail-store list -q inbound \
		>"$work/list" || return
	count_is "$lanes_sent" "mails ready" \
		grep -c '"state":"ready"' "$work/list" || return
	id=$(sed -n '1s/.*"id":"\([0-9A-Za-z_-]*\)".*/\1/p' "$work/list")
	as_worker MAILPIPE_STATE="$lanes_state" mail-store cat "$id" \
		>"$work/sample" || return
	grep -q '^Delivered-To: lane@example.test' "$work/sample" &&
		[ "$(wc -c <"$work/sample")" -gt 10240 ]
}

lanes_maildir_table() {
	local postfix lane left
	postfix=$(median maildir apart postfix_rate)
	lane=$(median maildir apart lane_rate)
	left=$(median maildir both left)
	printf '\n### A Maildir that Postfix delivers into: %s mails of 10 KB over SMTP\n\n' \
		"$lanes_sent"
	header "" "Postfix delivers, /s" "the lane queues and settles, /s"
	row "one after the other, each has the machine" \
		"$(figure %.0f "$postfix")" "$(figure %.0f "$lane")"
	row "both at once" \
		"$(figure %.0f "$(median maildir both both_postfix)")" \
		"$(figure %.0f "$(median maildir both both_lane)")"
	printf '\nWhen Postfix had delivered the last one, %s were left to settle.\n' \
		"$(figure %.0f "$left")"
	bars_header
	bar "the lane's rate / Postfix's, apart" "$(ratio "$lane" "$postfix")" \
		least 1.0
	bar "left to settle / mails, at once" \
		"$(ratio "$left" "$lanes_sent")" most 0.05
}
