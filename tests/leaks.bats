#!/usr/bin/env bats
# Each program, alone, ends without a leak of memory.  Elsewhere nobody looks
# for leaks: the checker stops a program's threads as it ends, and waits for ever
# when a signal comes in between, which those of a pipeline send each other.
# shellcheck disable=SC2016 # what is single-quoted is for another program

setup() {
	load helpers
	mailpipe_setup
	is_sanitized || skip "with sanitizers only"
}

# alone STATUS PROGRAM...: it ends with that (65|75: one of them), and has
# released all.
alone() {
	local want=$1 status=0
	shift
	ASAN_OPTIONS=detect_leaks=1 setsid -w "$@" 2>stderr || status=$?
	if ! [[ $status =~ ^($want)$ ]] || grep -q Sanitizer stderr; then
		echo "$*: $status" >&2
		cat stderr >&2
		return 1
	fi
}

@test "leaks: a program that leaks is found" {
	cat >leak.c <<-'EOF'
		#include <stdlib.h>
		int main(void) { return malloc(10) == (void *)1; }
	EOF
	cc -fsanitize=address -o leak leak.c
	run alone 0 ./leak
	[ "$status" = 1 ]
	[[ $output == *LeakSanitizer* ]]
}

# A record of each sample of real mail, and how many that are.
ingest_all() {
	n=0
	for mail in "$MAILPIPE_REPO"/tests/mails/*.eml; do
		alone 0 mail-ingest -t ne-001 -r "r$((++n))@example.jp" -b -a \
			<"$mail" >>received
	done
	[ "$n" -gt 3 ]
}

# store: they are queued.
store() {
	ingest_all
	mail-store put <received | mail-queue put -e inbound
}

@test "leaks: receiving, and the working line" {
	ingest_all
	alone 0 mail-store put <received >stored
	alone 0 mail-queue put -e inbound <stored >queued
	alone 0 mail-queue take -c "$n" inbound >taken
	[ "$(wc -l <taken)" = "$n" ]
	alone 0 mail-lock acquire <taken >claimed
	alone 0 mail-dispatch -P 4 -e '.ok' -- \
		sh -c 'cat >/dev/null; echo "{\"ok\": $(($$ % 2 == 0))}"' \
		<claimed >worked
	alone 0 mail-lock settle <worked >released
	alone 0 mail-queue settle <released >settled
	alone 0 mail-retry due -n inbound >due
	alone 0 mail-retry stranded -n inbound >stranded
	alone 0 mail-lock list >locks
}

@test "leaks: bad lines, and records that nobody knows" {
	printf '%s\n' '{' '[]' '{"id":"a"}' '{"id":"b","v":1,"tenant":"t"}' '' \
		>lines
	for command in "mail-store put" "mail-store get" "mail-queue put q" \
		"mail-queue settle" "mail-lock acquire" "mail-lock settle" \
		"mail-send -x maildir:out"; do
		# shellcheck disable=SC2086 # several words
		alone "65|75" $command <lines >out
	done
	alone 65 mail-dispatch -- cat <lines >out
}

@test "leaks: the workbench" {
	store
	id=$(mail-store list | jq -r .id | head -n 1)
	alone 0 mail-store list -o table >out
	alone 0 mail-store list -j '.tenant == "ne-001"' -o json >out
	alone 0 mail-store show -o table "$id" >out
	alone 0 mail-store show -o json "$id" >out
	alone 0 mail-store cat "$id" >out
	mail-store list -o json >listed
	alone 0 mail-store get -i <listed >out
	alone 0 mail-store reparse -n >out
	alone 0 mail-store export exported >out
	alone 0 mail-store verify >out
	alone 0 mail-store keep --reason test "$id" >out
	alone 0 mail-store expire -n >out
	alone 0 mail-store stats >out
	alone 0 mail-store backup backup >out
	alone 0 mail-store restore -d restored backup >out
	alone 0 mail-store import -d imported exported >out
	alone 0 mail-store doctor >out
	alone 0 mail-queue stats >out
	alone 0 mail-queue list inbound >out
	alone 0 mail-queue pause inbound >out
	alone 0 mail-queue resume inbound >out
	alone 0 mail-queue drop --key-prefix none inbound >out
	alone 0 mail-store upgrade >out
}

@test "leaks: sealed mail" {
	alone 0 mail-store keygen --public public --secret secret >key
	jq -n '{keys: {public: "\($dir)/public",
		secret_file: "\($dir)/secret"}}' --arg dir "$PWD" >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
	store
	alone 0 mail-store list >out
	alone 0 mail-store cat "$(jq -r .id <out | head -n 1)" >mail
	alone 0 mail-store verify >out
	alone 0 mail-store rekey >out
}

@test "leaks: what is to be sent" {
	for id in m1 m2 m3; do
		jq -nc --arg id $id '{id: $id, tenant: "t", mail: {
			from: "shop@example.com", to: "\($id)@example.jp",
			subject: "受注 \($id)", text: "受注\n", html: "<p>受注</p>",
			attachments: [{name: "注文.txt", content: "text"}]}}'
	done >mails
	alone 0 mail-store put <mails >stored
	head -n 1 stored >first
	alone 0 mail-send --compose <first >composed
	alone 0 mail-queue put -e outbound <stored >queued
	alone 0 mail-queue take -c 3 outbound >taken
	alone 0 mail-send -x maildir:out <taken >sent
	alone 0 mail-queue settle <sent >settled
	printf '%s\n' '{"to":"a@example.jp","n":1}' '{"n":2}' >recipients
	echo '{"tenant":"t","mail":{"from":"shop@example.com","to":"{{.to}}",
		"text":"{{.n}}"}}' >template
	alone 65 mail-send --merge template <recipients >merged
}
