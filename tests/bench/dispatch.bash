# Dispatching: a handler for each record, its 10 KB message on stdin, two at once.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly dispatch_names=(mail-dispatch xargs parallel floor)
readonly dispatch_handlers=(true sh php)

section_dispatch() {
	local handler
	dispatch_prepare || {
		wrong "dispatch: $(tail -n 3 "$work/stderr")"
		return
	}
	for handler in "${dispatch_handlers[@]}"; do
		dispatch_count=$((count * 3))
		[ "$handler" != php ] || dispatch_count=$((count / 3))
		head -n "$dispatch_count" "$work/records" >"$work/some"
		race "dispatch-$handler" "$rounds" dispatch_run \
			"${dispatch_names[@]}"
	done
	dispatch_count=$((count * 3)) handler=true
	race dispatch-line "$rounds" dispatch_run working-line
	dispatch_table
}

# The handler's words; $work is in none of their names.
dispatch_handler() {
	case $1 in
	true) echo /bin/true ;;
	sh) echo "sh $work/handlers/cat.sh" ;;
	php) echo "php -n $work/handlers/read.php" ;;
	esac
}

dispatch_describe() {
	case $1 in
	mail-dispatch) echo '`mail-dispatch -P 2`, records without leases' ;;
	xargs) echo '`xargs -P 2`, `sh -c exec`' ;;
	parallel) echo 'GNU `parallel -j 2`' ;;
	floor) echo 'vfork, exec, feed, wait, and nothing else' ;;
	working-line) echo '`mail-queue take`, `mail-dispatch`, `mail-queue settle`' ;;
	esac
}

# Messages of the same size as files for the others, stored ones for us.
dispatch_prepare() {
	local i n=$((count * 3)) dir=$work/messages
	mkdir -p "$dir" "$work/handlers"
	echo 'cat >/dev/null' >"$work/handlers/cat.sh"
	echo '<?php strlen(stream_get_contents(STDIN));' \
		>"$work/handlers/read.php"
	awk -v dir="$dir" -v n="$n" 'BEGIN {
		while (length(body) < 10240) {
			for (line = ""; length(line) < 76;) line = line "x"
			body = body line "\n"
		}
		for (i = 0; i < n; i++) {
			file = sprintf("%s/%04d", dir, i)
			printf "From: a@bench.test\nSubject: %d\n\n%s", i,
				body >file
			close(file)
		}
	}'
	chmod -R a+rX "$dir" "$work/handlers"
	dispatch_state=$spool/dispatch
	fresh "$dispatch_state"
	(
		for ((i = 0; i < n; i++)); do
			printf '%s/%04d\0' "$dir" "$i"
		done | as_worker MAILPIPE_STATE="$dispatch_state" xargs -0 \
			mail-ingest -t ne-001 |
			as_worker MAILPIPE_STATE="$dispatch_state" mail-store put |
			as_worker MAILPIPE_STATE="$dispatch_state" mail-queue \
				put inbound
	) 2>"$work/stderr" &&
		as_worker MAILPIPE_STATE="$dispatch_state" mail-store list \
			>"$work/records" &&
		count_is "$n" "records" grep -c '"blob"' "$work/records"
}

dispatch_run() {
	local words
	# shellcheck disable=SC2154 # the section's loop variable
	words=$(dispatch_handler "$handler")
	case $1 in
	mail-dispatch) rate "$dispatch_count" dispatch_ours && dispatch_verify ;;
	xargs) rate "$dispatch_count" dispatch_xargs ;;
	parallel) rate "$dispatch_count" dispatch_parallel ;;
	floor) dispatch_floor ;;
	working-line)
		fresh "$spool/working"
		cp -a "$dispatch_state/." "$spool/working"
		sync
		rate "$dispatch_count" dispatch_working_line &&
			count_is "$dispatch_count" "succeeded" \
				dispatch_succeeded
		;;
	esac
}

dispatch_ours() {
	# shellcheck disable=SC2086 # the handler's words
	as_worker MAILPIPE_STATE="$dispatch_state" \
		mail-dispatch -P 2 -- $words <"$work/some" >"$work/results.jsonl"
}

dispatch_verify() {
	count_is "$dispatch_count" "results" \
		grep -c '"result":{"status":"ok"' "$work/results.jsonl"
}

dispatch_numbers() {
	local i
	for ((i = 0; i < dispatch_count; i++)); do printf '%04d\n' "$i"; done
}

dispatch_xargs() {
	dispatch_numbers | as_worker xargs -P 2 -I{} \
		sh -c "exec $words <$work/messages/{}" >/dev/null
}

dispatch_parallel() {
	dispatch_numbers | as_worker parallel -j 2 \
		"$words <$work/messages/{}" >/dev/null
}

dispatch_floor() {
	# shellcheck disable=SC2086 # the handler's words
	as_worker drive -n "$dispatch_count" -p 2 -m "$work/messages" $words
}

dispatch_working_line() {
	as_worker MAILPIPE_STATE="$spool/working" sh -c \
		"mail-queue take -1 inbound | mail-dispatch -P 2 -- $words |
			mail-queue settle"
}

dispatch_succeeded() {
	as_worker MAILPIPE_STATE="$spool/working" mail-store list |
		grep -c '"state":"succeeded"'
}

dispatch_table() {
	local name handler cells
	printf '\n### Dispatching: handlers a second, two at once, 10 KB on stdin\n\n'
	header "" '`/bin/true`' "of xargs" '`sh`, `cat`' "of xargs" \
		'`php -n`, reads' "of xargs"
	for name in "${dispatch_names[@]}" working-line; do
		cells=()
		for handler in "${dispatch_handlers[@]}"; do
			local table=dispatch-$handler
			[ "$name/$handler" != working-line/true ] ||
				table=dispatch-line
			cells+=("$(figure %.0f "$(median "$table" "$name" rate)")"
				"$(ratio "$(median "$table" "$name" rate)" \
					"$(median "dispatch-$handler" xargs rate)")")
		done
		row "$(dispatch_describe "$name")" "${cells[@]}"
	done
	bars_header
	bar 'mail-dispatch / xargs -P 2, `/bin/true`' "$(ratio \
		"$(median dispatch-true mail-dispatch rate)" \
		"$(median dispatch-true xargs rate)")" least 1.5
}
