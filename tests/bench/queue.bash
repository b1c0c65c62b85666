# The queue: records put from a pipe, then taken and settled through pipes, beside
# clients of servers that do the same.  All is durable before it is answered.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly queue_names=(mail-queue redis postgresql beanstalkd)
readonly queue_tenants=20
# A handler that costs next to nothing: its result goes into the record.
readonly queue_filter="sed 's/}\$/,\"result\":{\"status\":\"ok\"}}/'"

section_queue() {
	queue_count=$((count * 200)) queue_few=$((count * 10))
	queue_state=$spool/queue
	if ! queue_prepare >"$work/queue.log" 2>&1; then
		wrong "queue: $(tail -n 3 "$work/queue.log")"
		return
	fi
	race queue "$rounds" queue_run "${queue_names[@]}"
	queue_table
}

queue_describe() {
	case $1 in
	mail-queue) echo '`mail-queue`, a program at each end of a pipe' ;;
	redis) echo 'redis, `appendfsync always`' ;;
	postgresql) echo 'PostgreSQL, `SKIP LOCKED`' ;;
	beanstalkd) echo 'beanstalkd, `-f0`' ;;
	esac
}

queue_prepare() {
	mkdir "$work/queue" "$work/queue-few" && queue_build_peer &&
		queue_lines "$queue_count" "$queue_tenants" \
			>"$work/queue/0000" &&
		head -n "$queue_few" "$work/queue/0000" \
			>"$work/queue-few/0000" &&
		chmod -R a+rX "$work/queue" "$work/queue-few" || return
	queue_pg_bin=$(find /usr/lib/postgresql -name initdb -printf '%h\n' |
		sort -V | tail -n 1)
	fresh "$spool/postgresql"
	(cd / && as_worker "$queue_pg_bin/initdb" -N -A trust -U bench \
		-D "$spool/postgresql")
}

queue_build_peer() {
	local flags
	flags=$(pkg-config --cflags --libs libpq) || return
	# shellcheck disable=SC2086 # several words
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$work/bin/queue_peer" \
		"$here/queue_peer.c" "$here/queue_socket.c" \
		"$here/queue_postgresql.c" $flags
}

# queue_lines N TENANTS [FIRST]: records of 1 KB, tenants by turns.
queue_lines() {
	awk -v n="$1" -v tenants="$2" -v first="${3:-0}" 'BEGIN {
		for (i = 0; i < 970; i++) x = x "x"
		for (i = first; i < first + n; i++)
			printf "{\"id\":\"r%08d\",\"tenant\":\"t%04d\",\"x\":\"%s\"}\n",
				i, i % tenants + 1, x
	}'
}

queue_run() {
	queue_choose "$1"
	case $1 in
	mail-queue) queue_ours ;;
	*)
		queue_start "$1" && queue_peer_run "$1"
		local status=$?
		stop "$1" || :
		return $status
		;;
	esac
}

# beanstalkd syncs each record by itself, and must not take all the time.
queue_choose() {
	queue_n=$queue_count queue_records=$work/queue
	[ "$1" != beanstalkd ] ||
		queue_n=$queue_few queue_records=$work/queue-few
}

# queue_step KEY [SERVER] DRIVE-ARGUMENT...: KEY_rate, KEY_us, KEY_cpu_us of a
# record, and the peak KEY_kb.
queue_step() {
	local key=$1 server='' line ticks=0
	shift
	case $1 in
	redis | postgresql | beanstalkd)
		server=$1 ticks=$(cpu_ticks "$1")
		shift
		;;
	esac
	line=$(as_worker MAILPIPE_STATE="$queue_state" drive -n 1 "$@") || return
	case $line in
	*" failed=0") ;;
	*) return 1 ;;
	esac
	[ -z "$server" ] || ticks=$(($(cpu_ticks "$server") - ticks))
	printf '%s\n' "$line" | tr ' ' '\n' | awk -F = -v key="$key" \
		-v n="$queue_n" -v ticks="$ticks" '
		{v[$1] = $2}
		END {
			printf "%s_rate=%.2f %s_us=%.3f ", key,
				n * 1e3 / v["p50_ms"], key, v["p50_ms"] * 1e3 / n
			printf "%s_cpu_us=%.3f %s_kb=%d ", key,
				(v["cpu_ms"] + ticks * 10) * 1e3 / n, key,
				v["rss_kb"]
		}'
}

## Ours.

queue_ours() {
	fresh "$queue_state"
	queue_step put -m "$queue_records" mail-queue put bench &&
		queue_step draw mail-queue stats bench &&
		queue_has ready "$queue_count" &&
		queue_step work sh -c "mail-queue take -n 1000 bench |
			$queue_filter | mail-queue settle" &&
		queue_has succeeded "$queue_count" && queue_look
}

# queue_has STATE N [QUEUE]: so many are in this state, and none in another.
queue_has() {
	as_worker MAILPIPE_STATE="$queue_state" mail-queue stats "${3:-bench}" \
		>"$work/stats" || return
	local state wanted
	for state in ready leased succeeded dead deferred scheduled; do
		wanted=0
		[ "$state" != "$1" ] || wanted=$2
		if ! grep -q "\"$state\":$wanted," "$work/stats"; then
			echo "not $2 $1: $(cat "$work/stats")" >&2
			return 1
		fi
	done
}

# Some are what was put.
queue_look() {
	as_worker MAILPIPE_STATE="$queue_state" mail-queue list -c 20 bench |
		grep -o '"x":"x*"' >"$work/sample" || return
	head -n 20 "$queue_records/0000" | grep -o '"x":"x*"' |
		cmp -s - "$work/sample"
}

## The others: one client, a hundred records to a call.

queue_start() {
	local dir=$spool/$1
	[ "$1" = postgresql ] || fresh "$dir"
	fresh "$spool/socket"
	queue_address=$spool/socket/s
	case $1 in
	redis) start redis redis-server --port 0 --unixsocket "$queue_address" \
		--dir "$dir" --appendonly yes --appendfsync always --save '' ;;
	beanstalkd) start beanstalkd beanstalkd -l "unix:$queue_address" \
		-b "$dir" -f0 ;;
	postgresql)
		queue_address="host=$spool/socket user=bench dbname=postgres"
		start postgresql "$queue_pg_bin/postgres" -D "$dir" \
			-c listen_addresses= -k "$spool/socket" \
			-c fsync=on -c synchronous_commit=on \
			-c shared_buffers=256MB
		;;
	esac >"$work/$1.log" 2>&1
	as_worker queue_peer "$1" "$queue_address" create
}

queue_peer_run() {
	queue_step put "$1" -m "$queue_records" \
		queue_peer "$1" "$queue_address" put &&
		queue_step work "$1" \
			queue_peer "$1" "$queue_address" work "$queue_n"
}

queue_table() {
	local name
	printf '\n### The queue: %s records of 1 KB, put, then taken and settled\n\n' \
		"$queue_count"
	header "" "put, /s" "of redis" "CPU µs" "drawn later, µs" \
		"taken and settled, /s" "of redis" "CPU µs"
	for name in "${queue_names[@]}"; do
		row "$(queue_describe "$name")" \
			"$(figure %.0f "$(queue_median "$name" put_rate)")" \
			"$(queue_ratio "$name" put_rate)" \
			"$(figure %.1f "$(queue_median "$name" put_cpu_us)")" \
			"$(figure %.1f "$(queue_median "$name" draw_us)")" \
			"$(figure %.0f "$(queue_median "$name" work_rate)")" \
			"$(queue_ratio "$name" work_rate)" \
			"$(figure %.1f "$(queue_median "$name" work_cpu_us)")"
	done
	bars_header
	bar '`mail-queue put`, records/s' \
		"$(figure %.0f "$(queue_median mail-queue put_rate)")" \
		least 30000
	bar "taken and settled, records/s" \
		"$(figure %.0f "$(queue_median mail-queue work_rate)")" \
		least 15000
}

queue_median() { median queue "$1" "$2"; }

queue_ratio() {
	ratio "$(queue_median "$1" "$2")" "$(queue_median redis "$2")"
}
