#!/usr/bin/env bats
# What the shell may do to a working line without losing or wearing out a mail:
# programs behind take that do not pass on what they should, pipes that others
# hold as well, many lines at once.

load helpers

# queue N: so many small mails, m1 to mN, on queue inbound.
queue() {
	seq -f '{"id":"m%.0f","tenant":"ne-001","content":{"base64":"aGkK"}}' \
		"$1" | mail-store put | mail-queue put inbound
}

@test "shell: two hundred takes at once: each gets a mail of its own" {
	queue 230
	for ((i = 0; i < 200; i++)); do
		mail-queue take -c 1 inbound >"out.$i" 2>>err &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	[ ! -s err ]
	[ "$(cat out.* | jq -r .id | sort -u | wc -l)" = 200 ]
	[ "$(count leased)" = 200 ]
}

@test "shell: take -c ends at once, also with more than a window" {
	queue 100
	timeout 20 "$MAILPIPE_BIN/mail-queue" take -c 70 inbound >taken
	[ "$(wc -l <taken)" = 70 ]
	[ "$(count leased)" = 70 ]
}

@test "shell: a take leaves the pipe as it was for those that share it" {
	queue 1
	{
		mail-queue take -c 1 inbound
		cat /proc/self/fdinfo/1 >info
	} | cat
	flags=$(sed -n 's/^flags:[[:space:]]*//p' info)
	[ $((flags & 04000)) = 0 ] # O_NONBLOCK
	[ "$(count leased)" = 1 ]
}

@test "shell: mail that its reader never looked at does not end dead" {
	queue 2
	for ((n = 0; n < 22; n++)); do
		# Without -F take may have closed its stdout before.
		mail-queue take -F inbound 2>/dev/null |
			mail-dispatch -C /no/such/directory -- true 2>/dev/null |
			mail-queue settle
	done
	[ "$(states)" = "ready 2" ]
	# What may have killed its reader does.
	for ((n = 0; n < 20; n++)); do
		mail-queue take -F inbound 2>/dev/null | head -c 10 >/dev/null
	done
	[ "$(states)" = "dead 2" ]
}

@test "shell: take does not wait for ever for a handler that died started" {
	queue 4
	mkfifo taken results
	# Long enough for a busy machine to start the first one.
	mail-queue take -l 8 inbound >taken 2>err &
	take=$!
	# An hour behind, so that the lease which it starts is over at once.
	MAILPIPE_CLOCK=-1h mail-dispatch -- sh -c 'touch started; exec sleep 60' \
		<taken >results 2>/dev/null &
	dispatch=$!
	mail-queue settle <results &
	wait_for 20 test -e started
	kill -9 $dispatch
	wait_for 20 test -s err
	status=0
	wait $take || status=$?
	[ $status = 75 ]
	grep -q 'of 3 mails for 8 seconds; gave them back' err
	mail-queue take -c 4 inbound | jq -r .lease.interrupted >interrupted
	[ "$(sort interrupted | uniq -c | tr -d '\n ')" = 3false1true ]
}
