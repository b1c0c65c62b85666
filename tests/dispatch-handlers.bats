#!/usr/bin/env bats
# mail-dispatch: handlers from the configuration, and --explain.
# shellcheck disable=SC2016 # handlers and jq programs are single-quoted

setup() {
	load helpers
	mailpipe_setup
	export MAILPIPE_CONFIG=$PWD/config.json
}

# config JQ: the configuration file, as a jq program.
config() { jq -n "$1" >config.json; }

# rec ID TENANT [MEMBERS]
rec() {
	printf '{"id":"%s","tenant":"%s","content":{"base64":"eA=="}%s}\n' \
		"$1" "$2" "${3:-}"
}

result() { jq -r --arg id "$1" "select(.id == \$id).result | $2" out; }

@test "handlers: each tenant has its own, others have the default" {
	config '{tenants: {a: {handler: "one"}, b: {handler: "two"}, c: {}},
		handlers: {one: {argv: ["echo", "one", "{id}"]},
		two: {argv: ["echo", "two", "{tenant}"]},
		default: {argv: ["echo", "default", "{tenant}"]}}}'
	{
		rec 1 a
		rec 2 b
		rec 3 c
		rec 4 d
	} | mail-dispatch >out
	[ "$(jq -r .result.detail.output out | xargs -L 1)" = \
		"$(printf 'one 1\ntwo b\ndefault c\ndefault d')" ]
}

@test "handlers: a tenant without one: withheld, named, 75; others work" {
	config '{tenants: {a: {handler: "one"}, b: {}},
		handlers: {one: {argv: ["true"]}}}'
	{
		rec 1 b
		rec 2 a
		rec 3 unknown
	} >in
	run -75 --separate-stderr mail-dispatch <in
	[ "$(jq -r '"\(.id) \(.result.status)"' <<<"$output")" = "2 ok" ]
	grep -F "1: not started: tenant b has no handler: add tenants.b.handler" \
		<<<"$stderr"
	grep -F "3: not started: tenant unknown has no handler" <<<"$stderr"
	grep -F "$MAILPIPE_CONFIG" <<<"$stderr"
}

@test "handlers: a withheld record's lease is not started" {
	config '{tenants: {"ne-002": {handler: "one"}},
		handlers: {one: {argv: ["true"]}}}'
	mail | receive ne-001
	mail-queue take -c 1 inbound >in
	run -75 mail-dispatch <in
	mail-store list | jq -e '.attempts == 0 and .state == "leased"'
}

@test "handlers: profile, map, time limit, directory, environment, form" {
	mkdir dir
	config '{handlers: {default: {argv: ["sh", "-c",
		"pwd; echo \"$MORE $MAIL_TENANT $LANG\"; cat; exit 3"],
		profile: "custom", map: {"3": "skip"}, cwd: "'"$PWD"'/dir",
		env: {MORE: "a b", LANG: "x"}, message: "lf"}}}'
	rec 1 t | jq -c '.content.base64 = "YQ0KYg0K"' | mail-dispatch >out
	[ "$(result 1 .status)" = skip ]
	[ "$(result 1 .detail.output)" = \
		"$(printf '%s/dir\na b t x\na\nb' "$PWD")" ]
	config '{handlers: {default: {argv: ["sleep", "1000"],
		time_limit_s: 1, profile: "postfix"}}}'
	rec 1 t | mail-dispatch >out
	[ "$(result 1 '"\(.status) \(.class) \(.detail.dsn)"')" = \
		"fail time-out 5.3.0" ]
}

@test "handlers: expect" {
	config '{handlers: {default: {argv: ["echo", "{id}"], expect: ". > 1"}}}'
	{
		rec 1 t
		rec 2 t
	} | mail-dispatch >out
	[ "$(jq -r .result.status out | xargs)" = "retry ok" ]
	config '{handlers: {default: {argv: ["touch", "started"], expect: "("}}}'
	run -75 --separate-stderr mail-dispatch <<<"$(rec 1 t)"
	[[ $stderr == *"1: not started: $MAILPIPE_CONFIG: .handlers.default.expect: jq: "* ]]
	[ ! -e started ]
}

@test "handlers: limits hold for what is run, and not for us" {
	need_release
	config '{handlers: {default: {argv: ["bash", "-c",
		"ulimit -v; ulimit -n; ulimit -u; ulimit -f; nice; ulimit -t"],
		nice: 3, limits: {memory_bytes: 104857600, cpu_s: 7, files: 20,
		processes: 5000, file_bytes: 1048576}}}}'
	rec 1 t | mail-dispatch >out
	[ "$(result 1 .detail.output | xargs)" = \
		"102400 20 5000 1024 $(($(nice) + 3)) 7" ]
	config '{handlers: {default: {argv: ["sh", "-c",
		"while :; do :; done"], limits: {cpu_s: 1}}}}'
	rec 1 t | mail-dispatch >out
	[ "$(result 1 '"\(.status) \(.detail.signal)"')" = "retry 24" ]
	config '{handlers: {default: {argv: ["sh", "-c",
		"head -c 5000 /dev/zero >large"], limits: {file_bytes: 4096}}}}'
	rec 1 t | mail-dispatch >out
	[ "$(result 1 .status)" = retry ]
	[ "$(stat -c %s large)" = 4096 ]
}

@test "handlers: an operator's directory that is gone withholds, 75" {
	config '{handlers: {default: {argv: ["true"], cwd: "/no/such"}}}'
	run -75 --separate-stderr mail-dispatch <<<"$(rec 1 t)"
	[ -z "$output" ]
	[[ $stderr == *"handlers.default.cwd: /no/such: No such file"* ]]
}

@test "handlers: parallel caps one, and does not hold up another's records" {
	cat >handler <<-'END'
		#!/bin/bash
		mkdir "here.$MAIL_ID"
		compgen -G "here.$MAIL_TENANT-*" | wc -l >>"counts.$MAIL_TENANT"
		if [ "$MAIL_TENANT" = slow ]; then
			until [ -e go ]; do sleep 0.01; done
		fi
		rmdir "here.$MAIL_ID"
	END
	chmod 755 handler
	config '{tenants: {slow: {handler: "slow"}},
		handlers: {slow: {argv: ["./handler"], parallel: 2},
		default: {argv: ["./handler"]}}}'
	{
		for i in 1 2 3 4 5 6; do rec "slow-$i" slow; done
		for i in 1 2 3; do rec "fast-$i" fast; done
	} >in
	mail-dispatch -P 4 <in >out &
	# The fast ones are behind six slow ones, of which two may run.
	wait_for 20 eval '[ "$(wc -l <out)" = 3 ]'
	[ "$(jq -r .tenant out | sort -u)" = fast ]
	touch go
	wait $!
	[ "$(jq -r .result.status out | sort | uniq -c | xargs)" = "9 ok" ]
	[ "$(sort -n counts.slow | tail -n 1)" = 2 ]
}

@test "handlers: what waits for room keeps its order" {
	config '{handlers: {default: {argv: ["true"], parallel: 1}}}'
	for ((i = 0; i < 100; i++)); do rec $i t; done >in
	mail-dispatch -P 4 <in | jq .id | cmp - <(jq .id in)
}

@test "handlers: what cannot be started holds up nobody behind it" {
	mkfifo in
	for ((i = 0; i < 9; i++)); do rec $i t; done >lines
	follow() {
		mail-dispatch "$@" <in >out &
		exec 5>in
		cat lines >&5
		# All of them, while stdin is open and says nothing more.
		wait_for 20 eval '[ "$(wc -l <out)" = 9 ]'
		exec 5>&-
		wait $!
	}
	config '{handlers: {default: {argv: ["nosuchcommand"], parallel: 1}}}'
	follow -P 4
	follow -- nosuchcommand
	follow -P 3 -- nosuchcommand
}

@test "handlers: no more waits in memory than 64" {
	config '{handlers: {default: {argv: ["sh", "-c",
		"until [ -e go ]; do sleep 0.01; done"], parallel: 1}}}'
	pad=$(head -c 4000 /dev/zero | tr '\0' x)
	for ((i = 0; i < 200; i++)); do rec $i t ",\"x\":\"$pad\""; done >lines
	mkfifo in
	mail-dispatch -P 4 <in >out &
	dispatch=$!
	cat lines >in &
	has_read() { awk -v n="$1" '$1 == "rchar:" {exit $2 < n}' \
		"/proc/$dispatch/io"; }
	# 64 of these lines, and one that runs; then what one more read brought.
	wait_for 20 has_read 264000
	for _ in {1..20}; do
		if has_read 420000; then return 1; fi
		kill -0 $!
	done
	touch go
	wait $!
	wait $dispatch
	[ "$(jq -r .id out | sort -n | uniq | wc -l)" = 200 ]
}

@test "handlers: TERM gives back what waits for room" {
	config '{handlers: {default: {argv: ["sh", "-c",
		"touch here; until [ -e go ]; do sleep 0.01; done"], parallel: 1}}}'
	for i in 1 2 3 4; do rec $i t ',"n":1.50'; done >in
	mail-dispatch -P 4 <in >out &
	wait_for 20 test -e here
	kill -TERM $!
	wait_for 20 eval '[ "$(wc -l <out)" = 3 ]'
	tail -n 3 in | diff - out
	touch go
	wait $!
	[ "$(jq -r 'select(.result).id' out)" = 1 ]
}

@test "handlers: nobody reads: what waits is neither run nor lost as done" {
	config '{handlers: {default: {argv: ["sh", "-c",
		"echo >>ran; until [ -e go ]; do sleep 0.01; done"], parallel: 1}}}'
	for i in 1 2 3 4; do rec $i t; done >in
	mkfifo pipe
	mail-dispatch -P 4 <in >pipe 2>err &
	exec 5<pipe
	wait_for 20 test -e ran
	exec 5<&-
	wait_for 20 grep -q 'nobody reads' err
	touch go
	got=0
	wait $! || got=$?
	[ $got = 75 ]
	[ "$(wc -l <ran)" = 1 ]
}

@test "handlers: what is wrong in the configuration is 75 and named" {
	while IFS='|' read -r handler where; do
		jq -n "{handlers: {default: $handler}}" >config.json
		run -75 --separate-stderr mail-dispatch <<<"$(rec 1 t)"
		[ -z "$output" ]
		[[ $stderr == *"$where"* ]]
	done <<-'END'
		{}|handlers.default.argv
		{argv: []}|handlers.default.argv
		{argv: [""]}|handlers.default.argv
		{argv: [1]}|handlers.default.argv
		{argv: ["true"], profile: "nosuch"}|handlers.default.profile
		{argv: ["true"], profile: "custom", map: {"256": "ok"}}|handlers.default.map
		{argv: ["true"], profile: "custom", map: {"1": "good"}}|handlers.default.map
		{argv: ["true"], time_limit_s: "x"}|handlers.default.time_limit_s
		{argv: ["true"], time_limit_s: 0}|handlers.default.time_limit_s
		{argv: ["true"], message: "mbox"}|handlers.default.message
		{argv: ["true"], env: {MAIL_ID: "x"}}|handlers.default.env
		{argv: ["true"], env: {"A=B": "x"}}|handlers.default.env
	END
}

@test "handlers: neither COMMAND nor handlers is 64, options need a COMMAND" {
	config '{}'
	run -64 mail-dispatch </dev/null
	config '{handlers: {default: {argv: ["true"]}}}'
	for args in "-T 5" "-x safe" "-m lf" "-C /" "-e ."; do
		# shellcheck disable=SC2086 # words
		run -64 mail-dispatch $args </dev/null
		[[ $output == *"COMMAND"* ]]
	done
	run -0 mail-dispatch -P 3 </dev/null
	run -64 mail-dispatch -x custom -- true </dev/null
}

@test "explain: what would be run, as JSON, with nothing touched" {
	config '{tenants: {a: {handler: "php"}},
		handlers: {php: {argv: ["touch", "ran", "{tenant}", "{sender}"],
		profile: "custom", map: {"3": "skip"}, time_limit_s: "5m",
		cwd: "/srv", env: {A: "b"}, message: "postfix", expect: ".ok",
		nice: 5, limits: {files: 20}, parallel: 2}}}'
	rec 1 a ',"envelope":{"from":"x@y"},"lease":{"handle":"q.1","attempt":3}' |
		mail-dispatch --explain >out
	jq -c 'del(.env)' out | diff - <(jq -cn '{id: "1", tenant: "a",
		handler: "php", argv: ["touch", "ran", "a", "x@y"], cwd: "/srv",
		profile: "custom", outcomes: {"3": "skip", "0": "ok",
		signal: "retry", timeout: "retry", default: "retry", dsn: false},
		time_limit_s: 300, message: "postfix", expect: ".ok",
		limits: {files: 20}, nice: 5, parallel: 2}')
	jq -e '.env | .A == "b" and .MAIL_ATTEMPT == "3" and .SENDER == "x@y"' out
	[ ! -e ran ]
	[ ! -e state ]
}

@test "explain: an error is told where it stands, and in the exit status" {
	config '{handlers: {}}'
	run -65 --separate-stderr mail-dispatch --explain -- true <<<nonsense
	[[ $stderr == "mail-dispatch: line 1: not JSON" ]]
	config '{tenants: {b: {handler: "y"}}, handlers: {y: {argv: ["true"]}}}'
	run -75 --separate-stderr mail-dispatch --explain <<<"$(rec 1 a)"
	jq -r .error <<<"$output" | grep "tenant a has no handler"
	rec 1 a ',"envelope":{"from":"-x@y"}' |
		mail-dispatch --explain -- echo '{sender}' >out
	jq -r .error out | grep "begins with '-'"
	rec 1 a ',"result":{"status":"ok"}' | mail-dispatch --explain -- true |
		jq -e .passes
}

@test "explain: on a terminal, a paragraph, without its control characters" {
	need script
	config '{}'
	rec 1 a ',"envelope":{"from":"a\u001b[31m\u009b@y"}' >in
	script -qec "mail-dispatch --explain -x postfix -- echo {sender} 'a b' <in" \
		/dev/null | tr -d '\r' >out
	grep -xF "  argv          echo 'a?[31m?@y' 'a b'" out
	grep -x '  profile       postfix' out
	grep -E '^  outcomes      0 ok, 64 fail, .*75 retry, .*default fail' out
	run -1 grep -P '\x1b|\xc2\x9b' out
}
