# Receiving: one process tree a mail, the message on a pipe, as an MTA runs it.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

section_receive() {
	receive_jobs=1 race receive-1 "$rounds" receive_run "${receive_names[@]}"
	receive_jobs=8 race receive-8 "$rounds" receive_run "${receive_names[@]}"
	receive_table
	receive_bars
}

readonly receive_names=(line sealed mail-deliver direct direct-held nullmailer-queue
	dovecot-lda postfix-sendmail true cat floor)

receive_describe() {
	case $1 in
	line) echo 'the alias line, three programs and `sh`' ;;
	sealed) echo 'the alias line, sealed to a public key' ;;
	mail-deliver) echo '`mail-deliver`, the same without a shell' ;;
	direct) echo 'the line, rows at once to SQLite, blobs to files' ;;
	direct-held) echo 'the same, another process has the database open' ;;
	nullmailer-queue) echo '`nullmailer-queue`, envelope added by `sh`' ;;
	dovecot-lda) echo '`dovecot-lda` to a Maildir' ;;
	postfix-sendmail) echo "Postfix's \`sendmail\`, into its queue" ;;
	true) echo '`/bin/true`' ;;
	cat) echo '`cat >/dev/null` in `sh`' ;;
	floor) echo 'three trivial durable programs in `sh`' ;;
	esac
}

# Prepare, run, verify.  Prints the figures.
receive_run() {
	case $1 in
	line) receive_ours sh -c "$alias_line" ;;
	sealed) receive_ours MAILPIPE_CONFIG="$work/sealed.json" \
		sh -c "$alias_line" ;;
	mail-deliver) receive_ours mail-deliver -t ne-001 inbound ;;
	direct) receive_ours MAILPIPE_CONFIG="$work/direct.json" \
		sh -c "$alias_line" ;;
	direct-held) is_held=1 receive_ours \
		MAILPIPE_CONFIG="$work/direct.json" sh -c "$alias_line" ;;
	nullmailer-queue) receive_nullmailer ;;
	dovecot-lda) receive_dovecot ;;
	postfix-sendmail) receive_postfix ;;
	true) receive_drive as_worker -- /bin/true ;;
	cat) receive_drive as_worker -- sh -c 'cat >/dev/null' ;;
	floor) receive_floor ;;
	esac
}

# receive_drive [PREFIX]... -- COMMAND...: hand all mails to the command.
receive_drive() {
	local prefix=()
	while [ "$1" != -- ]; do
		prefix+=("$1")
		shift
	done
	shift
	"${receive_with:-receive_by_drive}" "$@"
}

# How the mails are handed over; others are in syncs.bash.
receive_by_drive() {
	local line
	line=$("${prefix[@]}" drive -n "$count" -p "$receive_jobs" \
		-m "$mails" "$@") || return
	printf '%s' "$line"
	case $line in
	*" failed=0") ;;
	*)
		echo "$line" >&2
		return 1
		;;
	esac
}

# receive_ours [NAME=VALUE]... COMMAND...
receive_ours() {
	local state=$spool/mailpipe settings=() line
	while [[ $1 == *=* ]]; do
		settings+=("$1")
		shift
	done
	settings+=("MAILPIPE_STATE=$state")
	fresh "$state"
	as_worker "${settings[@]}" "$@" <"$mails/0999" || return
	hold_database "$state"
	line=$(receive_drive as_worker "${settings[@]}" -- "$@")
	local status=$?
	release_database
	[ $status -eq 0 ] && printf '%s ' "$line" || return
	[ -z "${receive_with:-}" ] || return 0
	receive_draw "${settings[@]}" &&
		receive_verify $((count + 1)) "${settings[@]}"
}

# What reception has put off: the first reader brings it into the ledger.
receive_draw() {
	local start end
	start=$(date +%s%N)
	as_worker "$@" mail-store stats >"$work/stats" || return
	end=$(date +%s%N)
	awk -v n="$count" -v ns=$((end - start)) \
		'BEGIN {printf "draw_ms=%.3f\n", ns / 1e6 / n}'
}

# receive_verify N [NAME=VALUE]...: all are there, and what is looked at is byte
# for byte one of those sent (an mbox's line before it aside).
receive_verify() {
	local id digest wanted=$1 n=0
	shift
	as_worker "$@" mail-store list -q inbound >"$work/list" || return
	count_is "$wanted" "mails ready" \
		grep -c '"state":"ready"' "$work/list" || return
	[ -s "$work/digests" ] ||
		(cd "$mails" && sha256sum -- *) >"$work/digests"
	while read -r id; do
		as_worker "$@" mail-store cat "$id" >"$work/sample" || return
		digest=$(sed '1{/^From /d}' "$work/sample" | sha256sum)
		if ! grep -q "^${digest%% *} " "$work/digests"; then
			echo "$id: other bytes than were sent" >&2
			return 1
		fi
		n=$((n + 1))
	done < <(shuf -n 10 "$work/list" |
		sed 's/.*"id":"\([0-9A-Za-z_-]*\)".*/\1/')
	[ "$n" = 10 ]
}

# A reader that has the database open, as a worker or a daemon does.
hold_database() {
	holder=
	[ "${is_held:-0}" = 1 ] || return 0
	mkfifo "$1/holder"
	as_worker sqlite3 "$1/mail.db" <"$1/holder" >/dev/null &
	holder=$!
	exec {holder_input}>"$1/holder"
	echo 'SELECT count(*) FROM sqlite_master;' >&"$holder_input"
	sleep 0.2
}

release_database() {
	[ -n "$holder" ] || return 0
	exec {holder_input}>&-
	wait "$holder"
}

receive_nullmailer() {
	local dir=$spool/nullmailer
	[ "$has_nullmailer" = 1 ] || return 0
	fresh "$dir" "$dir/conf" "$dir/queue" "$dir/queue"/{queue,tmp,failed}
	receive_drive as_worker NULLMAILER_TEST_PREFIX="$dir" -- sh -c \
		'(printf "a@bench.test\nt@bench.test\n\n"; cat) | nullmailer-queue' &&
		count_is "$count" "queued" files_in "$dir/queue/queue"
}

receive_dovecot() {
	fresh "$spool/dovecot"
	receive_drive as_worker -- /usr/lib/dovecot/dovecot-lda \
		-c "$work/dovecot.conf" -f a@bench.test &&
		count_is "$count" "delivered" files_in "$spool/dovecot/new"
}

# Only root may name a configuration directory; postdrop is the same for all.
receive_postfix() {
	local maildrop=$pf_dir/queue/maildrop
	trash "$maildrop"
	install -d -o postfix -g postdrop -m 730 "$maildrop"
	receive_drive env -- sendmail -C "$pf_dir/etc" -i -f a@bench.test \
		t@bench.test 2>"$work/sendmail.log" &&
		count_is "$count" "queued" files_in "$maildrop"
}

receive_floor() {
	local d=$spool/floor
	fresh "$d" "$d/tmp" "$d/new"
	receive_drive as_worker -- sh -c \
		"floor put $d | floor log $d/a | floor log $d/b >/dev/null" &&
		count_is "$count" "files" files_in "$d/new"
}

receive_table() {
	local name one eight peer_one peer_eight
	peer_one=$(median receive-1 nullmailer-queue rate)
	peer_eight=$(median receive-8 nullmailer-queue rate)
	printf '\n### Receiving: mails a second, one at a time and eight at once\n\n'
	header "" "x1, /s" "of nullmailer" "p50 ms" "CPU ms" "x8, /s" "of nullmailer" \
		"p99 ms" "drawn later, ms"
	for name in "${receive_names[@]}"; do
		one=$(median receive-1 "$name" rate)
		eight=$(median receive-8 "$name" rate)
		row "$(receive_describe "$name")" "$(figure %.0f "$one")" \
			"$(ratio "$one" "$peer_one")" \
			"$(figure %.2f "$(median receive-1 "$name" p50_ms)")" \
			"$(figure %.2f "$(median receive-1 "$name" cpu_ms)")" \
			"$(figure %.0f "$eight")" \
			"$(ratio "$eight" "$peer_eight")" \
			"$(figure %.1f "$(median receive-8 "$name" p99_ms)")" \
			"$(figure %.2f "$(median receive-8 "$name" draw_ms)")"
	done
}

receive_bars() {
	local jobs peer limit
	bars_header
	for jobs in 1 8; do
		for peer in nullmailer-queue:0.5 dovecot-lda:1.3 \
			postfix-sendmail:1.3; do
			limit=${peer#*:} peer=${peer%:*}
			bar "line / $peer, $jobs at a time" "$(ratio \
				"$(median receive-$jobs line rate)" \
				"$(median receive-$jobs "$peer" rate)")" \
				least "$limit"
		done
		bar "mail-deliver / line, $jobs at a time" "$(ratio \
			"$(median receive-$jobs mail-deliver rate)" \
			"$(median receive-$jobs line rate)")" least 1.0
		bar "line, sealed / line, $jobs at a time" "$(ratio \
			"$(median receive-$jobs sealed rate)" \
			"$(median receive-$jobs line rate)")" least 0.85
	done
}
