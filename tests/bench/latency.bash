# Latency: from the end of mail-queue put to the start of the handler, where a
# line waits for mail; and what the line costs while none comes.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly latency_names=(apart in-a-row)
readonly latency_idle_s=5

section_latency() {
	latency_count=$((count * 10 / 3))
	latency_state=$spool/latency
	if ! latency_prepare 2>"$work/stderr"; then
		wrong "latency: $(tail -n 3 "$work/stderr")"
		return
	fi
	race latency 1 latency_run "${latency_names[@]}"
	latency_table
}

latency_describe() {
	case $1 in
	apart) echo 'each put when the handler before it has begun' ;;
	in-a-row) echo 'as fast as one put can follow the other' ;;
	esac
}

latency_prepare() {
	build_helper stamp && chmod a+rx "$work/bin/stamp"
}

# Records of mails that are stored, each in a file of its own for drive -m.
latency_records() {
	local i
	fresh "$latency_state" "$spool/latency-in" "$spool/latency-records"
	for ((i = 0; i < latency_count; i++)); do
		printf 'From: a@bench.test\nSubject: %d\n\nx\n' "$i" \
			>"$spool/latency-in/$(printf %04d "$i")"
	done
	find "$spool/latency-in" -type f | sort |
		as_worker xargs mail-ingest -t ne-001 |
		as_worker MAILPIPE_STATE="$latency_state" mail-store put \
			>"$work/latency" &&
		count_is "$latency_count" "records" grep -c . "$work/latency" &&
		(cd "$spool/latency-records" &&
			split -a 4 -d -l 1 "$work/latency" '') &&
		chmod -R a+rX "$spool/latency-records"
}

latency_run() {
	local options=() status
	[ "$1" != apart ] || options=(-w "$work/home/stamps")
	latency_records || return
	install -o "$worker" /dev/null "$work/home/stamps"
	install -o "$worker" /dev/null "$work/home/ends"
	latency_start && latency_puts && latency_wait &&
		latency_figures && latency_idle
	status=$?
	stop latency && [ $status = 0 ]
}

# To end the line, its first program is to be ended.
latency_start() {
	start latency env MAILPIPE_STATE="$latency_state" sh -c "
		sh -c 'echo \$\$ >$work/pids/latency
			exec mail-queue take -F latency' |
		mail-dispatch -- stamp $work/home/stamps |
		mail-queue settle" >"$work/latency.log" 2>&1
	sleep 1
}

latency_puts() {
	local line
	line=$(as_worker MAILPIPE_STATE="$latency_state" drive \
		-n "$latency_count" "${options[@]}" -e "$work/home/ends" \
		-m "$spool/latency-records" mail-queue put latency) || return
	case $line in
	*" failed=0") ;;
	*) return 1 ;;
	esac
}

latency_wait() {
	local end=$((SECONDS + 60))
	until [ "$(wc -l <"$work/home/stamps")" -ge "$latency_count" ]; do
		[ $SECONDS -lt "$end" ] || {
			echo "only $(wc -l <"$work/home/stamps") handlers began" >&2
			return 1
		}
		sleep 0.1
	done
}

# The mails in the order in which they were put, and when each handler began.
latency_figures() {
	sed 's/.*"id":"\([0-9A-Za-z_-]*\)".*/\1/' "$work/latency" |
		paste -d ' ' - "$work/home/ends" |
		awk '
		NR == FNR {
			if ($1 in began) twice++
			began[$1] = $2
			next
		}
		!($1 in began) {missing++}
		{printf "%.3f\n", (began[$1] - $2) / 1e6}
		END {
			if (twice + missing == 0) exit
			print twice + 0, "began twice,", missing + 0,
				"never" >"/dev/stderr"
			exit 1
		}' "$work/home/stamps" - >"$work/latencies" &&
		sort -g "$work/latencies" | awk '
		{v[NR] = $1}
		END {
			printf "p50_ms=%s p99_ms=%s worst_ms=%s ",
				v[int(NR / 2) + 1], v[int(NR * 99 / 100) + 1],
				v[NR]
		}'
}

# Two seconds later all is settled; from then on nothing must be done.
latency_idle() {
	local before queue_state=$latency_state
	sleep 2
	queue_has succeeded "$latency_count" latency || return
	before=$(cpu_ticks latency)
	sleep $latency_idle_s
	printf 'idle_ticks=%d\n' $(($(cpu_ticks latency) - before))
}

latency_table() {
	local name
	printf '\n### Latency: from the end of `mail-queue put` to the start of the handler, %s mails\n\n' \
		"$latency_count"
	header "" "median, ms" "99 of 100, ms" "worst, ms"
	for name in "${latency_names[@]}"; do
		row "$(latency_describe "$name")" \
			"$(latency_figure "$name" p50_ms)" \
			"$(latency_figure "$name" p99_ms)" \
			"$(latency_figure "$name" worst_ms)"
	done
	bars_header
	# In a row, they wait for one another: that is no latency of ours.
	bar "median, ms" "$(latency_figure apart p50_ms)" most 20
	bar "worst of $latency_count, ms" "$(latency_figure apart worst_ms)" \
		most 200
	bar "CPU of the waiting line in $latency_idle_s seconds, ticks of 10 ms" \
		"$(figure %d "$(median latency apart idle_ticks)")" most 0
}

latency_figure() { figure %.2f "$(median latency "$1" "$2")"; }
