# Sending: the line from the queue to a server, and mail-send alone, beside
# Postfix and smtp-source; distant and slow servers; memory.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly send_line='mail-queue take -1 outbound | mail-lock acquire |
	mail-send -P 10 | mail-lock settle | mail-queue settle'
readonly send_names=(line send smtp-source postfix)
readonly send_size=10240

section_send() {
	send_count=$((count * 10 / 3))
	if ! send_prepare >"$work/send.log" 2>&1; then
		wrong "send: $(tail -n 3 "$work/send.log")"
		return
	fi
	send_server=smtp-sink
	race send "$rounds" send_run "${send_names[@]}"
	send_server='delaysink -d 20' send_count=$((count * 4 / 3))
	race send-distant $(((rounds + 1) / 2)) send_run line-20 postfix
	send_server='delaysink -e 50' send_count=$((count * 10 / 3))
	race send-slow $(((rounds + 1) / 2)) send_run send-32
	send_server=smtp-sink
	race send-memory 1 send_memory 1000 20000
	send_table
}

send_describe() {
	case $1 in
	line) echo 'the sending line, ten connections' ;;
	send) echo '`mail-send -P 10` alone, from stored messages' ;;
	smtp-source) echo '`smtp-source -s 10`, which keeps nothing' ;;
	postfix) echo 'Postfix, its queue flushed' ;;
	esac
}

# Records of mail that is to be composed, and one message of the same size.
send_prepare() {
	build_helper delaysink || return
	cp "${MAILPIPE_BIN:-$repo/bin}/mail-lock" \
		"${MAILPIPE_BIN:-$repo/bin}/mail-send" "$work/bin/" || return
	local text
	text=$(head -c $((send_size - 400)) /dev/zero | tr '\0' x | fold -w 76 |
		sed 's/$/\\n/' | tr -d '\n')
	awk -v text="${text//\\/\\\\}" 'BEGIN {
		for (i = 0; i < 20000; i++)
			printf "{\"tenant\":\"ne-001\",\"key\":\"order-%d\"," \
				"\"mail\":{\"from\":\"a@bench.test\"," \
				"\"to\":[\"t%d@bench.test\"]," \
				"\"subject\":\"Order %d\",\"text\":\"%s\"}}\n", \
				i, i, i, text
	}' >"$work/outbound.json" || return
	printf '%b' "$text" >"$work/outbound.text"
	printf '{"transports":{"default":{"url":"smtp://127.0.0.1:@"}}}\n' \
		>"$work/send.json.in"
	chmod a+r "$work"/outbound.*
}

## Servers, which count what they get.

send_server_start() {
	local try
	case $send_server in
	smtp-sink)
		for try in 1 2 3 4 5; do
			send_port=$((20000 + RANDOM % 30000))
			start sink sh -c "exec smtp-sink -c 127.0.0.1:$send_port \
				1000 >$work/home/sink.log"
			send_is_listening && break
			stop sink
		done
		;;
	*)
		rm -f "$work/home/counters"
		# shellcheck disable=SC2086 # it has options
		start sink $send_server "$work/home/counters"
		until [ -s "$work/home/counters" ]; do sleep 0.01; done
		read -r send_port _ <"$work/home/counters"
		;;
	esac
	sed "s/@/$send_port/" "$work/send.json.in" >"$work/send.json"
	chmod a+r "$work/send.json"
}

send_is_listening() {
	local i
	for ((i = 0; i < 100; i++)); do
		(exec 3<>"/dev/tcp/127.0.0.1/$send_port") 2>/dev/null && return
		sleep 0.02
	done
	return 1
}

send_server_stop() { stop sink; return 0; }

# How many messages it has taken.
send_taken() {
	local n=0
	case $send_server in
	smtp-sink)
		n=$(tr '\r' '\n' <"$work/home/sink.log" |
			sed -n 's/.*mesg=\([0-9]*\).*/\1/p' | tail -n 1)
		;;
	*) read -r _ _ n <"$work/home/counters" ;;
	esac
	echo "${n:-0}"
}

send_wait_taken() {
	local end=$((SECONDS + 120))
	until [ "$(send_taken)" -ge "$send_count" ]; do
		[ $SECONDS -lt "$end" ] || {
			echo "$(send_taken) of $send_count came" >&2
			return 1
		}
		sleep 0.02
	done
}

## Contestants.

send_run() {
	local status
	send_server_start || return
	send_"${1%%-[0-9]*}" "${1##*-}"
	status=$?
	send_server_stop
	return $status
}

send_env() {
	as_worker MAILPIPE_STATE="$spool/outbound" \
		MAILPIPE_CONFIG="$work/send.json" "$@"
}

send_fill() {
	fresh "$spool/outbound"
	head -n "$send_count" "$work/outbound.json" |
		send_env sh -c 'mail-store put | mail-queue put outbound' &&
		send_env mail-queue stats outbound >/dev/null # it draws them
}

# send_line [CONNECTIONS]
send_line() {
	local line=$send_line
	[[ $1 == line ]] || line=${line/-P 10/-P $1}
	line=${line/take/take -n 200}
	send_fill || return
	rate "$send_count" send_env sh -c "$line" || return
	count_is "$send_count" "at the server" send_taken &&
		count_is "$send_count" "succeeded" send_succeeded
}

send_succeeded() {
	send_env mail-queue stats outbound |
		sed -n 's/.*"succeeded":\([0-9]*\).*/\1/p'
}

# From stored messages, without leases: what is printed is not settled.
send_send() {
	local connections=$1
	[[ $1 != send ]] || connections=10
	fresh "$spool/outbound"
	local i
	for ((i = 0; i < send_count; i++)); do
		printf 'From a@bench.test Sat Nov 21 23:06:00 2026\n'
		printf 'From: a@bench.test\nTo: t@bench.test\n'
		printf 'Subject: Order %d\n\n' $i
		cat "$work/outbound.text"
		echo
	done >"$work/outbound.mbox"
	chmod a+r "$work/outbound.mbox"
	send_env sh -c "mail-ingest -t ne-001 -f a@bench.test -r t@bench.test \
		mbox:$work/outbound.mbox | mail-store put |
		mail-queue put outbound" || return
	send_env mail-store list -q outbound >"$work/stored.json" || return
	chmod a+r "$work/stored.json"
	rate "$send_count" send_env sh -c "mail-send -P $connections \
		<$work/stored.json >/dev/null" || return
	count_is "$send_count" "at the server" send_taken
}

send_smtp-source() {
	rate "$send_count" smtp-source -d -s 10 -m "$send_count" \
		-l $send_size -f a@bench.test -t t@bench.test \
		"127.0.0.1:$send_port"
}

# What waits in its deferred queue is flushed at once.
send_postfix() {
	local status=1
	local common=("relayhost = [127.0.0.1]:$send_port" 'mydestination ='
		'default_transport = smtp' 'in_flow_delay = 0'
		'default_process_limit = 200'
		'smtp_tls_security_level = none')
	pf_write "$spool/pf" "$worker" "${common[@]}" \
		'defer_transports = smtp' && pf_start || return
	smtp-source -d -s 10 -m "$send_count" -l $send_size -f a@bench.test \
		-t t@x.test "127.0.0.1:$pf_port" && send_wait_deferred &&
		pf_stop && pf_write "$spool/pf" "$worker" "${common[@]}" &&
		pf_start && rate "$send_count" send_flush
	status=$?
	pf_stop
	return $status
}

send_wait_deferred() {
	local end=$((SECONDS + 120))
	until [ "$(files_in "$pf_dir/queue/deferred")" -ge "$send_count" ]; do
		[ $SECONDS -lt "$end" ] || return 1
		sleep 0.1
	done
}

send_flush() { pf_flush && send_wait_taken; }

send_memory() {
	local send_count=$1 status
	send_server_start || return
	send_fill && send_env sh -c "mail-queue take -1 -n 200 outbound |
		mail-lock acquire |
		/usr/bin/time -f rss_kb=%M -o $work/home/rss mail-send -P 10 |
		mail-lock settle | mail-queue settle" && cat "$work/home/rss"
	status=$?
	send_server_stop
	return $status
}

## The tables.

send_table() {
	local name source postfix
	source=$(median send smtp-source rate)
	postfix=$(median send postfix rate)
	printf '\n### Sending: mails of 10 KB to a server on this machine\n\n'
	header "" "mails/s" "of Postfix" "of smtp-source"
	for name in "${send_names[@]}"; do
		row "$(send_describe "$name")" \
			"$(figure %.0f "$(median send "$name" rate)")" \
			"$(ratio "$(median send "$name" rate)" "$postfix")" \
			"$(ratio "$(median send "$name" rate)" "$source")"
	done
	printf '\n'
	header "a server that is far away, or slow" "mails/s"
	row "20 ms round trip: the line, 20 connections" \
		"$(figure %.0f "$(median send-distant line-20 rate)")"
	row "the same: Postfix" \
		"$(figure %.0f "$(median send-distant postfix rate)")"
	row "50 ms to take a message: \`mail-send -P 32\`" \
		"$(figure %.0f "$(median send-slow send-32 rate)")"
	printf '\n'
	header "peak memory of mail-send in the line" "KB"
	row "1,000 mails" "$(median send-memory 1000 rss_kb)"
	row "20,000 mails" "$(median send-memory 20000 rss_kb)"
	send_bars
}

send_bars() {
	local postfix
	postfix=$(median send postfix rate)
	bars_header
	bar "line / Postfix" \
		"$(ratio "$(median send line rate)" "$postfix")" least 2
	bar "mail-send alone / smtp-source" \
		"$(ratio "$(median send send rate)" \
			"$(median send smtp-source rate)")" least 0.7
	bar "line / Postfix, 20 ms away" \
		"$(ratio "$(median send-distant line-20 rate)" \
			"$(median send-distant postfix rate)")" least 1.5
	bar "mails a second, 50 ms to take one, 32 connections" \
		"$(figure %.0f "$(median send-slow send-32 rate)")" least 500
	bar "memory with 20,000 / 1,000" \
		"$(ratio "$(median send-memory 20000 rss_kb)" \
			"$(median send-memory 1000 rss_kb)")" most 1.25
}
