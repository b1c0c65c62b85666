# Depth: what taking and settling costs with 1,000 mails waiting and with a
# million, of which one tenant has nine tenths and 1,000 others the rest.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly depth_names=(shallow deep)
readonly depth_batch=1000 # one of each of the other tenants
readonly depth_takers=8

section_depth() {
	local queue_n queue_state
	depth_rows=1000000
	[ "$count" -ge 300 ] || depth_rows=$((count * 500))
	depth_dir=$spool/depth-lines
	fresh "$depth_dir" "$spool/shallow" "$spool/deep"
	echo 0 >"$work/depth-next"
	depth_once fill depth_fill || return
	depth_once fair depth_fair
	race depth $((rounds * 5)) depth_run "${depth_names[@]}"
	race depth-stats "$rounds" depth_stats "${depth_names[@]}"
	depth_once memory depth_memory
	depth_once eight depth_eight
	depth_table
	depth_bars
}

# depth_once KEY FUNCTION: with the state that is deep, and not in rounds.
depth_once() {
	local line
	queue_state=$spool/deep
	progress "depth: $1"
	if line=$("$2" 2>"$work/stderr"); then
		printf 'depth-%s\tdeep\t%s\n' "$1" "${line//$'\n'/ }" \
			>>"$work/results"
	else
		wrong "depth: $1: $(tail -n 3 "$work/stderr")"
		return 1
	fi
}

# depth_lines N [TENANT]: into $depth_dir/0000, records of 1 KB, of all the other
# tenants by turns or of this one.  Their ids, as real ones, are in no order.
depth_lines() {
	local first
	first=$(cat "$work/depth-next")
	echo $((first + $1)) >"$work/depth-next"
	awk -v n="$1" -v tenant="${2:-}" -v first="$first" \
		-v tenants=$depth_batch 'BEGIN {
		for (i = 0; i < 970; i++) x = x "x"
		for (i = first; i < first + n; i++) {
			t = tenant
			if (!t) t = sprintf("t%04d", i % tenants + 1)
			printf "{\"id\":\"r%08d\",\"tenant\":\"%s\",\"x\":\"%s\"}\n",
				i * 7368787 % 99999989, t, x
		}
	}' >"$depth_dir/0000"
}

## The states.

depth_fill() {
	queue_state=$spool/shallow
	depth_lines $depth_batch
	depth_put shallow >/dev/null || return
	queue_state=$spool/deep queue_n=$((depth_rows * 9 / 10))
	depth_lines $queue_n heavy
	queue_step fill -m "$depth_dir" mail-queue put bench || return
	queue_n=$((depth_rows - queue_n))
	depth_lines $queue_n
	queue_step put -m "$depth_dir" mail-queue put bench &&
		queue_step draw mail-queue stats bench &&
		queue_has ready "$depth_rows"
}

# What is in $depth_dir, put and drawn.
depth_put() {
	queue_n=$depth_batch
	queue_step put -m "$depth_dir" mail-queue put bench &&
		queue_step draw mail-queue stats bench
}

## Fairness: the first 1,000, one after the other.

depth_fair() {
	as_worker MAILPIPE_STATE="$queue_state" mail-queue take \
		-c $depth_batch bench >"$work/fair" &&
		count_is $depth_batch "taken" grep -c . "$work/fair" || return
	printf 'tenants=%d\n' "$(grep -o '"tenant":"[^"]*"' "$work/fair" |
		sort -u | wc -l)"
	sh -c "$queue_filter" <"$work/fair" |
		as_worker MAILPIPE_STATE="$queue_state" mail-queue settle &&
		depth_lines $depth_batch && depth_put >/dev/null &&
		depth_is_whole deep
}

## Taking and settling; what was taken is put again, so that depth stays.

depth_run() {
	queue_state=$spool/$1 queue_n=$depth_batch
	queue_step work sh -c "mail-queue take -c $depth_batch bench |
		$queue_filter | mail-queue settle" &&
		depth_lines $depth_batch && depth_put && depth_is_whole "$1"
}

depth_is_whole() {
	local wanted=$depth_batch
	[ "$1" = shallow ] || wanted=$depth_rows
	as_worker MAILPIPE_STATE="$queue_state" mail-queue stats bench \
		>"$work/stats" || return
	grep -q "\"ready\":$wanted,\"scheduled\":0,\"leased\":0," \
		"$work/stats" && return
	echo "not $wanted ready: $(cat "$work/stats")" >&2
	return 1
}

depth_stats() {
	as_worker MAILPIPE_STATE="$spool/$1" \
		drive -n 50 mail-queue stats bench
}

## Memory: each program by itself; the others were seen on the way.

depth_memory() {
	queue_n=$depth_batch
	rm -f "$depth_dir/0000" "$depth_dir/taken"
	queue_step take -o "$depth_dir/taken" \
		mail-queue take -c $depth_batch bench || return
	sh -c "$queue_filter" <"$depth_dir/taken" >"$depth_dir/0000" &&
		queue_step settle -m "$depth_dir" mail-queue settle &&
		queue_step stats mail-queue stats bench
}

## Eight takers at once, in another queue of the same state.

depth_eight() {
	local failed=$depth_dir/failed shares=$depth_dir/shares
	queue_n=$((count * 50))
	fresh "$shares"
	depth_lines $queue_n &&
		queue_step put -m "$depth_dir" mail-queue put eight &&
		queue_step draw mail-queue stats eight || return
	queue_step work sh -c "exec 2>$failed; i=0
		while [ \$((i += 1)) -le $depth_takers ]; do
			mail-queue take -n 100 eight | tee $shares/\$i |
				$queue_filter | mail-queue settle &
		done
		wait" &&
		queue_has succeeded $queue_n eight || return
	# Whoever fails says so.
	if [ -s "$failed" ]; then
		cat "$failed" >&2
		return 1
	fi
	depth_shares "$shares"/*
}

depth_shares() {
	grep -ho '^{"id":"[^"]*"' "$depth_dir/0000" | sort >"$work/put"
	grep -ho '"id":"[^"]*"' "$@" | sed 's/^/{/' | sort >"$work/taken"
	wc -l "$@" | awk -v n="$queue_n" -v twice="$(uniq -d "$work/taken" |
		wc -l)" -v missing="$(comm -23 "$work/put" "$work/taken" |
			wc -l)" '
		$2 == "total" {next}
		NR == 1 || $1 < least {least = $1}
		$1 > most {most = $1}
		END {
			printf "least=%.2f most=%.2f twice=%d missing=%d\n",
				least / n, most / n, twice, missing
		}'
}

## What came of it.

depth_table() {
	printf '\n### Depth: %s mails taken and settled of %s and of %s waiting\n\n' \
		"$depth_batch" "$depth_batch" "$depth_rows"
	header "" "$depth_batch waiting" "$depth_rows waiting" "ratio"
	depth_row "taken and settled, µs a mail" depth work_us %.1f
	depth_row "the same, CPU µs" depth work_cpu_us %.1f
	depth_row "put, CPU µs a mail" depth put_cpu_us %.1f
	depth_row "drawn, CPU µs a mail" depth draw_cpu_us %.1f
	depth_row '`mail-queue stats`, ms' depth-stats p50_ms %.2f
	printf '\nEight takers at once took and settled %s mails a second, ' \
		"$(figure %.0f "$(depth_median eight work_rate)")"
	printf 'each between %s and %s of the whole.\n' \
		"$(figure %.2f "$(depth_median eight least)")" \
		"$(figure %.2f "$(depth_median eight most)")"
	printf '\n'
	header "peak memory with $depth_rows waiting" "KB"
	row '`mail-queue put` of them' "$(depth_kb fill fill)"
	row '`mail-queue stats`, which draws the last of them' \
		"$(depth_kb fill draw)"
	row '`mail-queue take`' "$(depth_kb memory take)"
	row '`mail-queue settle`' "$(depth_kb memory settle)"
	row '`mail-queue stats`' "$(depth_kb memory stats)"
	row "the largest of eight takers and settlers" "$(depth_kb eight work)"
}

depth_median() { median "depth-$1" deep "$2"; }

depth_kb() { figure %.0f "$(depth_median "$1" "$2_kb")"; }

depth_row() {
	row "$1" "$(figure "$4" "$(median "$2" shallow "$3")")" \
		"$(figure "$4" "$(median "$2" deep "$3")")" \
		"$(depth_ratio "$2" "$3")"
}

depth_ratio() {
	ratio "$(median "$1" deep "$2")" "$(median "$1" shallow "$2")"
}

depth_bars() {
	local step
	bars_header
	bar "taken and settled, time, deep / shallow" \
		"$(depth_ratio depth work_us)" most 1.3
	bar "taken and settled, CPU, deep / shallow" \
		"$(depth_ratio depth work_cpu_us)" most 1.3
	bar "stats, time, deep / shallow" "$(depth_ratio depth-stats p50_ms)" \
		most 2
	bar "tenants among the first $depth_batch taken" \
		"$(figure %d "$(depth_median fair tenants)")" least $depth_batch
	bar "eight takers: taken twice" \
		"$(figure %d "$(depth_median eight twice)")" most 0
	bar "eight takers: never taken" \
		"$(figure %d "$(depth_median eight missing)")" most 0
	bar "largest peak, KB" "$(depth_peak)" most 32768
}

# Of all that was measured with this state.
depth_peak() {
	local peak
	peak=$(awk -F '\t' '$1 ~ /^depth/ {
			n = split($3, pairs, " ")
			for (i = 1; i <= n; i++)
				if (pairs[i] ~ /_kb=/) {
					sub(/.*=/, "", pairs[i])
					if (pairs[i] + 0 > peak)
						peak = pairs[i] + 0
				}
		}
		END {if (peak) print peak}' "$work/results")
	figure %d "$peak"
}
