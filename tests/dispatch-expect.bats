#!/usr/bin/env bats
# mail-dispatch -e: a jq program that looks at a handler's answer.
# shellcheck disable=SC2016 # handlers and jq programs are single-quoted

setup() {
	load helpers
	mailpipe_setup
	rec=$(rec r1)
}

rec() { printf '{"id":"%s","tenant":"t","content":{"base64":"eA=="}}\n' "$1"; }

# answer JQ SHELL: a handler with this answer; its result in out.
answer() {
	mail-dispatch -e "$1" -- sh -c "$2" <<<"$rec" | jq .result >out
}

# is STATUS [REASON]: what came of it.
is() {
	[ "$(jq -r .status out)" = "$1" ]
	[ $# = 1 ] || jq -r .reason out | grep -F -e "$2"
}

@test "expect: exit 0 and a true answer is ok" {
	answer '.failures | length == 0' "echo '{\"failures\":[]}'"
	is ok
	[ "$(jq -r .detail.output out)" = '{"failures":[]}' ]
	answer '.a' 'printf "{\n  \"a\": 1\n}"'
	is ok
}

@test "expect: exit 0 and an answer that is not true is tried again" {
	answer '.failures | length == 0' "echo '{\"failures\":[{\"x\":1}]}'"
	is retry 'exit status 0, but for .failures | length == 0 its answer is'
	[ "$(jq -c '[.code, .class]' out)" = '[0,"handler"]' ]
	for program in .a false null empty 'true, false' 'false, true' \
		'select(.a)'; do
		answer "$program" "echo '{}'"
		is retry "for $program "
	done
}

@test "expect: an answer that is no JSON is tried again, and says so" {
	answer . 'echo hello'
	is retry 'its answer is no JSON'
	answer . 'echo 1; echo 2'
	is retry 'its answer is no JSON'
	answer . 'printf "{\"a\":1"'
	is retry 'its answer is no JSON'
	answer . 'printf "\"\377\""'
	is retry 'its answer is no JSON'
	answer . 'exit 0'
	is retry 'there is no answer'
	answer . 'head -c 2000000 /dev/zero | tr "\0" 1'
	is retry 'its answer is over 1048576 bytes'
}

@test "expect: stderr is no part of the answer, but of the output" {
	answer .a 'echo warning >&2; echo "{\"a\":1}"; echo more >&2'
	is ok
	[ "$(jq -r .detail.output out | grep -v '^$' | sort | xargs)" = \
		"$(printf '%s\n' more warning '{a:1}' | sort | xargs)" ]
	answer .a 'head -c 3000000 /dev/zero >&2; echo "{\"a\":1}"'
	is ok
}

@test "expect: a handler that fails is not asked, whatever it said" {
	answer true 'echo true; exit 3'
	is retry 'exit status 3'
	answer true 'echo true; exit 65'
	is fail 'exit status 65'
	answer true 'echo true; kill -9 $$'
	is retry 'killed by signal 9'
	answer true 'exit 77'
	is fail
}

@test "expect: a program that fails, or needs too much, costs one answer" {
	for id in 1 2 3 4 5 6; do rec $id; done >in
	program='if . == 2 then error("oh") elif . == 4 then
		(def f: 1 + f; f) elif . == 5 then input else . end'
	mail-dispatch -e "$program" -- echo '{id}' <in >out
	[ "$(jq -r '"\(.id) \(.result.status)"' out | xargs)" = \
		"1 ok 2 retry 3 ok 4 retry 5 retry 6 ok" ]
	jq -r 'select(.id == "2").result.reason' out | grep -F 'jq: oh'
	jq -r 'select(.id == "4").result.reason' out | grep -E 'too much memory|too long'
}

@test "expect: a program without an end holds up no other handler" {
	{
		rec 1
		rec 2
	} >in
	mail-dispatch -P 2 -T 1 \
		-e 'if . == 1 then last(repeat(1)) else . end' -- \
		sh -c '[ "$1" = 1 ] || exec sleep 100; echo "$1"' - '{id}' \
		<in >out
	# The time limit of the second came first.
	[ "$(jq -r '"\(.id) \(.result.class)"' out | xargs)" = \
		"2 time-out 1 handler" ]
	jq -r 'select(.id == "1").result.reason' out | grep 'takes too long'
}

@test "expect: a wrong program is 64, with what jq says, before anything" {
	for program in '.a(' nosuch 'import "a" as a; 1' '$x'; do
		run -64 --separate-stderr mail-dispatch -e "$program" -- \
			touch started <<<"$rec"
		[[ $stderr == "mail-dispatch: -e: jq: "* ]]
		[ -z "$output" ]
	done
	[ ! -e started ]
	[ ! -e state ]
}

@test "expect: the program sees nothing of ours, and opens nothing" {
	echo 'def secret: 1;' >"$HOME/.jq"
	run -64 mail-dispatch -e secret -- echo 1 <<<"$rec"
	SECRET=1 answer '$ENV.SECRET == null' 'echo 1'
	is ok
	mail-dispatch -e . -- sh -c 'echo $$ >pid; sleep 1000' <<<"$rec" >out &
	wait_for 20 test -s pid
	helper=$(pgrep -x mailpipe-jq -P $!)
	grep -x 'Seccomp:.2' "/proc/$helper/status"
	run -0 ls "/proc/$helper/fd"
	[ "$(xargs <<<"$output")" = "0 1 2" ]
	kill -KILL $!
	wait_for 20 eval '! kill -0 $helper 2>/dev/null'
}

@test "expect: without mailpipe-jq it is 75, and says where it belongs" {
	mkdir bin
	cp "$MAILPIPE_BIN/mail-dispatch" bin
	run -75 --separate-stderr bin/mail-dispatch -e . -- echo 1 <<<"$rec"
	[[ $stderr == *mailpipe-jq*libexec/mailpipe* ]]
	mkdir -p libexec/mailpipe
	cp "$MAILPIPE_BIN/mailpipe-jq" libexec/mailpipe
	bin/mail-dispatch -e . -- echo 1 <<<"$rec" |
		jq -e '.result.status == "ok"'
	# Who does not ask for it does not need it.
	rm -r libexec
	bin/mail-dispatch -- echo 1 <<<"$rec" | jq -e '.result.status == "ok"'
}

@test "expect: a hundred answers at once, one program" {
	for ((i = 0; i < 100; i++)); do rec $i; done >in
	mail-dispatch -P 20 -e '. % 2 == 0' -- echo '{id}' <in >out
	[ "$(jq -r 'select(.result.status == "ok").id' out | sort -n | xargs)" = \
		"$(seq 0 2 98 | xargs)" ]
	[ "$(wc -l <out)" = 100 ]
}
