#!/usr/bin/env bats
# The configuration: what is wrong is said with its path, and loses no mail;
# what is right is in force, and can be seen.

setup() {
	load helpers
	mailpipe_setup
	export MAILPIPE_CONFIG=$PWD/config.json
	broken=$MAILPIPE_REPO/tests/config.d/broken
}

# rows: "FILE<TAB>PATH: REASON" of each broken configuration.
rows() { sed '/^#/d; s/ | /\t/; s/ | /: /' "$broken"; }

# good JSON: it is the configuration.
good() {
	printf '%s' "$1" >config.json
	run -0 --separate-stderr mail-queue -n
	[ -z "$stderr" ]
}

# force NAME: "VALUE FROM WHERE" of a setting, as mail-queue -n has it.
force() {
	mail-queue -n "${@:2}" | jq -r --arg name "$1" \
		'select(.setting == $name) | "\(.value) \(.from) \(.where)"'
}

# example: the file of the manual's example.
example() {
	awk '/^cat >config.json/ {inside = 1; next}
		/^EOF$/ {inside = 0} inside' \
		"$MAILPIPE_REPO/man/mailpipe-config.5"
}

none_wrong() {
	[ ! -s wrong ] || {
		cat wrong
		return 1
	}
}

@test "config: each broken file is 75 for whoever receives or takes, with path and reason" {
	mail >mail
	echo '{"id":"x","tenant":"t"}' >record
	while IFS=$'\t' read -r text want; do
		printf '%s\n' "$text" >config.json
		while read -r command; do
			got=0
			$command <mail >out 2>err || got=$?
			[ "$got" = 75 ] && [ ! -s out ] &&
				grep -qxF "${command%% *}: $PWD/config.json: $want" err ||
				echo "$command: $text: $got: $(cat err)"
			! grep -q s3cret err || echo "$command: $text: quoted"
		done <<-'COMMANDS'
			mail-queue put inbound
			mail-queue take -c 1 inbound
			mail-store put
			mail-dispatch -- true
		COMMANDS
		got=0
		mail-deliver -t t inbound <mail >out 2>err || got=$?
		[ "$got" = 75 ] && grep -qF "config.json: $want" err ||
			echo "mail-deliver: $text: $got: $(cat err)"
	done < <(rows) >wrong
	none_wrong
	[ "$(rows | wc -l)" -ge 150 ]
	[ ! -e state ]
}

@test "config: what is no JSON is 75, with its line" {
	while IFS='|' read -r text want; do
		printf '%b' "$text" >config.json
		run -75 --separate-stderr mail-queue stats
		[ "$stderr" = "mail-queue: $PWD/config.json: $want" ]
	done <<-'EOF'
		|line 1: it ends too early: not JSON
		\n\n|line 3: it ends too early: not JSON
		{|line 1: it ends too early: not JSON
		{"state":"s3cret|line 1, byte 10: not JSON
		{"state":"/a",}|line 1, byte 15: not JSON
		{\n "state":"/a",\n}|line 3, byte 1: not JSON
		{\n "state":"/a"\n "engines":{}}|line 3, byte 2: not JSON
		{state:"/a"}|line 1, byte 2: not JSON
		{"state":"/a"} s3cret|line 1, byte 16: not JSON
		{"state":/s3cret}|line 1, byte 10: not JSON
		# s3cret\n{}|line 1, byte 1: not JSON
		{"state":"\xff"}|line 1, byte 11: not UTF-8
		{"a":"\x01"}|line 1, byte 6: not JSON
	EOF
	printf '{"a":%0300d' 0 | tr 0 '[' >config.json
	run -75 --separate-stderr mail-queue stats
	[[ $stderr == *"nested deeper than 200 levels" ]]
}

@test "config: a file that cannot be read is 75" {
	run -75 --separate-stderr mail-queue stats
	[ "$stderr" = "mail-queue: $PWD/config.json: no such file, but \
MAILPIPE_CONFIG names it" ]
	mkdir config.json
	run -75 --separate-stderr mail-queue stats
	[[ $stderr == *"$PWD/config.json: "* ]]
	MAILPIPE_CONFIG='' run -75 mail-queue stats
}

@test "config: settle settles with every broken file, and no mail is lost" {
	need jq
	unset MAILPIPE_CONFIG
	n=$(rows | wc -l)
	for i in $(seq "$n"); do
		echo "{\"id\":\"m$i\",\"tenant\":\"t\"}"
	done | mail-queue put inbound
	mail one >one
	receive <one
	mail-queue take -c 1000 inbound |
		jq -c '.result = {status: "ok", stage: "test"}' >taken
	[ "$(wc -l <taken)" = $((n + 1)) ]
	export MAILPIPE_CONFIG=$PWD/config.json
	while IFS=$'\t' read -r -u 3 text want; do
		printf '%s\n' "$text" >config.json
		read -r -u 4 record
		got=0
		mail-queue settle <<<"$record" >out 2>err || got=$?
		[ "$got" = 0 ] && [ ! -s out ] && [ "$(wc -l <err)" = 1 ] &&
			grep -qF "config.json: $want; going on without it" err ||
			echo "$text: $got: $(cat err)"
		! grep -q s3cret err || echo "$text: quoted"
	done 3< <(rows) 4<taken >wrong
	none_wrong
	unset MAILPIPE_CONFIG
	[ "$(states)" = "leased 1
succeeded $n" ]
	tail -n 1 taken | mail-queue settle
	[ "$(states)" = "succeeded $((n + 1))" ]
	same_bytes "$(jq -r 'select(.blob) | .id' taken)" one
}

# one_taken: a record that mail-queue take gave out, with a result.
one_taken() {
	echo '{}' >config.json
	mail "$1" | receive
	mail-queue take -c 1 inbound | jq -c '.result = {status: "ok"}'
}

@test "config: settle finds the state directory that a broken file names" {
	need jq
	one_taken one >taken
	mkdir elsewhere
	mv state elsewhere/state
	unset MAILPIPE_STATE
	for rest in '"nosuch":1' '"tenants":{"t":{"weight":-1}}' '"limits":7' \
		'"engines":{"mail":"sqlite:","blobs":7}' '"engines":[]'; do
		echo "{\"state\":\"$PWD/elsewhere/state\",$rest}" >config.json
		run -0 --separate-stderr mail-queue settle <taken
		[[ $stderr == *"config.json: ."*"in the state directory \
$PWD/elsewhere/state" ]]
	done
	echo '{}' >config.json
	MAILPIPE_STATE=$PWD/elsewhere/state run -0 states
	[ "$output" = "succeeded 1" ]
	# Two of them, and -d is before both.
	echo '{"state":"/nosuch",' >config.json
	run -0 --separate-stderr mail-queue settle -d elsewhere/state <taken
	MAILPIPE_STATE=elsewhere/state run -0 mail-queue settle <taken
}

@test "config: settle makes no state directory for a broken file" {
	mkdir empty
	for text in '{' '{"nosuch":1}' '{"state":7}'; do
		echo "$text" >config.json
		for dir in none empty; do
			run -75 --separate-stderr mail-queue settle -d $dir \
				<<<'{"id":"x","tenant":"t"}'
			[ "${#stderr_lines[@]}" = 2 ]
			[[ ${stderr_lines[0]} == *"$PWD/config.json: "* ]]
			[[ ${stderr_lines[1]} == *"$dir: "* ]]
		done
	done
	[ ! -e none ]
	[ -z "$(ls -A empty)" ]
	# With a good file it does.
	echo '{}' >config.json
	run -0 mail-queue settle -d none </dev/null
	[ -e none/layout ]
}

@test "config: the manual's example is good, and has every key" {
	need jq
	example >config.json
	run -0 --separate-stderr mail-queue -n -t ne-001
	[ -z "$stderr" ]
	[ "$(jq -r 'select(.setting == "tenants.ne-001.retry.schedule") |
		.value' <<<"$output")" = "1m, 5m*2, 1h*3, 4h*" ]
	# All rows of the table, without those that stand for others.
	sed -n '/^const struct schema_row schema_rows/,/^};/p' \
		"$MAILPIPE_REPO/src/core/schema_table.c" |
		grep -oE '"[a-z_]+(\.[a-z_*]+)*"' | tr -d '"' |
		grep -v '\*$' | sort -u >table
	jq -r '[paths | map(if type == "number" then "*" else . end)] |
		unique[] | join(".")' config.json |
		sed -E 's/^(tenants|handlers|transports)\.[a-z0-9-]+/\1.*/
			s/^(transports\..\.domains)\.(\*|[a-z-]+\.[a-z]+)/\1.*/' |
		sort -u >used
	run -0 comm -23 table used
	[ -z "$output" ]
	[ "$(wc -l <table)" -ge 50 ]
	# And each is named in the text before.
	sed '/^\.Sh EXAMPLES/,$d' "$MAILPIPE_REPO/man/mailpipe-config.5" >text
	sed -n 's/.*[.*]\([a-z_]*\)$/\1/p' table | sort -u | while read -r key; do
		grep -qw -- "$key" text || echo "$key"
	done >wrong
	none_wrong
}

@test "config: what is good is taken" {
	while read -r text; do
		good "$text"
	done <<-'EOF'
		{}
		 { } 
		{"state":"/a/../b"}
		{"engines":{}}
		{"engines":{"mail":"sqlite:direct","blobs":"file:"}}
		{"engines":{"mail":"dynamodb+x.y-1:table"}}
		{"limits":{"reserve_bytes":0,"batch_records":1,"batch_bytes":1}}
		{"limits":{"reserve_bytes":6.7e7}}
		{"recipients":{"受注@例え.jp":"ja","@x":"t","*":"t"}}
		{"tenants":{}}
		{"tenants":{"a":{},"A":{},"0":{},"a.b_c-d":{}}}
		{"tenants":{"t":{"weight":0.001}}}
		{"tenants":{"t":{"weight":1e3}}}
		{"tenants":{"t":{"from_domains":["例え.jp","xn--r8jz45g.jp","localhost"]}}}
		{"tenants":{"t":{"retry":{"schedule":"0","age":1}}}}
		{"tenants":{"t":{"retention":{"succeeded":0,"dead":"36500d"}}}}
		{"tenants":{"t":{"handler":"h"}},"handlers":{"h":{"argv":["x"]}}}
		{"handlers":{"h":{"argv":["x","","{tenant}"],"env":{"_":"","a1":"x y"}}}}
		{"handlers":{"h":{"argv":["x"],"profile":"custom","map":{"0":"ok","255":"skip","timeout":"uncertain"}}}}
		{"handlers":{"h":{"argv":["x"],"time_limit_s":"30d","limits":{"cpu_s":"1m"}}}}
		{"transports":{"x":{"url":"smtp://shop@mx.example:587/?a=b:c@d"}}}
		{"transports":{"x":{"url":"lmtp:x","domains":{}}}}
		{"transports":{"x":{"url":"lmtp:x","domains":{"a.example":{},"*":{"limits":{"per_s":0.1,"per_day":5,"connections":1}}}}}}
		{"transports":{"x":{"url":"lmtp:x","domains":{"xn--fsq.example":{"limits":{}},"例え.example":{}}}}}
		{"transports":{"x":{"url":"maildir:/srv/out"},"y":{"url":"ses:eu-west-1"}}}
		{"transports":{"x":{"url":"sendgrid:","password":{"command":["pass","show","x y"]}}}}
		{"transports":{"x":{"url":"sendmail:/usr/sbin/sendmail -C /etc/other","time_limit_s":"1m"}}}
		{"transports":{"x":{"url":"smtp://mx.example","allow":["@x.example","a@例え.jp"],"dsn":{"notify":"failure,delay"}}}}
		{"tenants":{"t":{"dkim":[{"domain":"x.example","selector":"a","key":{"file":"/k"}}]}}}
		{"dkim":{}}
		{"dkim":{"x.example":{"selector":"a","key":{"file":"/k"}},"例え.jp":[{"selector":"a","key":{"file":"/k"}}]}}
		{"keys":{}}
	EOF
}

@test "config: smaller batches share a transaction among fewer" {
	need_release # no leak check under strace
	need jq
	seq -f '{"id":"m%g","tenant":"t"}' 100 >records
	syncs() { strace -f -e trace=fdatasync -o trace "$@" && grep -c fdatasync trace; }
	need strace
	strace -e trace=fdatasync true 2>/dev/null || skip "no ptrace here"
	good '{}'
	few=$(syncs mail-queue put a <records)
	good '{"limits":{"batch_records":10}}'
	many=$(syncs mail-queue put b <records)
	[ "$many" -ge $((few + 9)) ]
	good '{"limits":{"batch_bytes":1}}'
	[ "$(syncs mail-queue put c <records)" -ge 100 ]
	[ "$(states)" = "ready 100" ]
}

# cpu_ms COMMAND...: of the quickest of five runs.
cpu_ms() {
	local TIMEFORMAT='%U %S' best=999999 ms
	for _ in 1 2 3 4 5; do
		ms=$({ time "$@" >out 2>err; } 2>&1 |
			awk '{printf "%d", ($1 + $2) * 1000 + 0.5}')
		[ "$ms" -ge "$best" ] || best=$ms
	done
	echo "$best"
}

# many N: that many tenants, each with what it may refer to.
many() {
	jq -nc --argjson n "$1" '[range($n)] | {
		tenants: (map({key: "t-\(.)", value: {weight: 2, in_flight: 3,
			handler: "h-\(.)", transport: "x-\(.)",
			limits: {per_s: 1.5},
			retry: {schedule: "1m, 5m*2"}}}) | from_entries),
		handlers: (map({key: "h-\(.)", value: {argv: ["x"]}}) |
			from_entries),
		transports: (map({key: "x-\(.)", value: {url: "lmtp:x"}}) |
			from_entries),
		recipients: (map({key: "a\(.)@x.example", value: "t-\(.)"}) |
			from_entries)}'
}

@test "config: ten times the tenants take ten times the time, not a hundred" {
	need jq
	need_release
	many 1000 >small.json
	many 10000 >large.json
	echo '{}' >config.json
	none=$(cpu_ms mail-queue -n)
	small=$(MAILPIPE_CONFIG=small.json cpu_ms mail-queue -n)
	large=$(MAILPIPE_CONFIG=large.json cpu_ms mail-queue -n)
	echo "ms: none $none, 1000 tenants $small, 10000 tenants $large"
	[ "$large" -le $(((small > 5 ? small : 5) * 25)) ]
	MAILPIPE_CONFIG=large.json
	[ "$(force tenants)" = "10000 file large.json" ]
	[ "$(force tenants.t-9999.handler -t t-9999)" = \
		"h-9999 file large.json" ]
	# What is wrong with the last of them is found as well.
	jq -c '.tenants["t-9999"].handler = "nosuch"' large.json >config.json
	MAILPIPE_CONFIG=$PWD/config.json
	run -75 --separate-stderr mail-queue stats
	[[ $stderr == *".tenants.t-9999.handler: there is no \"nosuch\""* ]]
}

@test "mail-queue -n: each setting, and where it comes from" {
	need jq
	unset MAILPIPE_STATE MAILPIPE_CONFIG
	[ -e /etc/mailpipe/config.json ] || {
		[ "$(force configuration)" = "null default null" ]
		[ "$(force state)" = "/var/lib/mailpipe default null" ]
		[ "$(force engines.mail)" = "sqlite: default null" ]
	}
	export MAILPIPE_CONFIG=config.json
	good '{"state":"/a","engines":{"mail":"sqlite:direct"},
		"limits":{"batch_records":7},"handlers":{"h":{"argv":["x"]}}}'
	[ "$(force configuration)" = "config.json environment MAILPIPE_CONFIG" ]
	[ "$(force state)" = "/a file config.json" ]
	[ "$(force engines.mail)" = "sqlite:direct file config.json" ]
	[ "$(force engines.blobs)" = "file: default null" ]
	[ "$(force limits.batch_records)" = "7 file config.json" ]
	[ "$(force limits.batch_bytes)" = "4194304 default null" ]
	[ "$(force handlers)" = "1 file config.json" ]
	[ "$(force recipients)" = "0 default null" ]
	export MAILPIPE_STATE=/b
	[ "$(force state)" = "/b environment MAILPIPE_STATE" ]
	[ "$(force state -d /c)" = "/c option -d" ]
	# It opens nothing and makes nothing.
	[ -z "$(find . -mindepth 1 -type d)" ]
}

@test "mail-queue -n: tenants' settings on request, secrets never" {
	need jq
	good '{"tenants":{"a":{"weight":2,"limits":{"per_s":5},
		"from_domains":["x.example"],"dkim":{"domain":"x.example",
		"selector":"s","key":{"command":["echo","s3cret"]}}},"b":{},
		"c":{"retry":{"max":3}}}}'
	[[ $output != *tenants.a* ]]
	run -0 --separate-stderr mail-queue -n -t a -t b
	[ "$(jq -rc 'select(.setting | startswith("tenants.")) |
		[.setting[10:], .value]' <<<"$output")" = '["weight",2]
["limits.per_s",5]
["from_domains",["x.example"]]
["dkim","(not shown)"]' ]
	[ "$stderr" = "mail-queue: b: nothing is set for this tenant: defaults \
are in force" ]
	[[ $output != *s3cret* ]]
	run -0 --separate-stderr mail-queue -n --tenants
	[[ $output == *tenants.a.weight*tenants.c.retry.max* ]]
	[ -z "$stderr" ]
}

on_terminal() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; }

@test "mail-queue -n: on a terminal a table" {
	need script
	printf '{"state":"/a\\u001b[2Jb"}' >config.json
	MAILPIPE_STATE='' run -0 on_terminal "mail-queue -n"
	[[ ${lines[0]} == *SETTING*FROM*VALUE* ]]
	[[ ${lines[1]} == "configuration "*"environment MAILPIPE_CONFIG "*"$PWD/config.json" ]]
	[[ ${lines[2]} == "state "*"file "*"/a\\x1b[2Jb" ]]
	[[ $output == *"engines.mail "*"default "*"sqlite:"* ]]
	[[ $output != *'{'* ]]
}

@test "mail-queue -n: of a broken file what is in force without it, and 75" {
	need jq
	echo '{"state":"/a","engines":{"mail":"sqlite:direct"},"nosuch":1}' \
		>config.json
	MAILPIPE_STATE='' run -75 --separate-stderr mail-queue -n
	[ "$stderr" = "mail-queue: $PWD/config.json: .nosuch: unknown key: \
must be one of state engines limits defaults retention retry breaker on_dead on_hold recipients tenants handlers transports dkim keys" ]
	[ "$(jq -r 'select(.from == "file") | .value' <<<"$output" | xargs)" = \
		"/a sqlite:direct" ]
	run -75 mail-queue -n >/dev/full
}

@test "mail-queue: options without a verb and without -n are misuse" {
	run -64 --separate-stderr mail-queue -v
	[[ $stderr == *"which verb?"*"see mail-queue -h" ]]
	run -64 mail-queue -n stats
	run -64 mail-queue -n --no-such-option
	run -0 mail-queue -n -h
	[[ ${lines[0]} == "usage: mail-queue [-n] "* ]]
}

@test "doctor: what is in force, and a broken file is a fail" {
	need jq
	good "{\"limits\":{\"reserve_bytes\":1000}}"
	mail one | receive
	mail-store stats >out
	run -0 --separate-stderr mail-store doctor
	[ "$(jq -r 'select(.check == "limits.reserve_bytes") | .detail' \
		<<<"$output")" = "1000 (file $PWD/config.json)" ]
	[ "$(jq -r 'select(.check == "state") | .detail' <<<"$output")" = \
		"$PWD/state (environment MAILPIPE_STATE)" ]
	[ "$(jq -r 'select(.check == "configuration") | .status' \
		<<<"$output")" = ok ]
	echo '{"tenants":{"t":{"weight":0}}}' >config.json
	run -75 --separate-stderr mail-store doctor
	[ "$(jq -r 'select(.check == "configuration") | "\(.status) \(.detail)"' \
		<<<"$output")" = "fail $PWD/config.json: .tenants.t.weight: \
must be a number from 0.001 to 1000, not 0" ]
	[ "$(jq -r 'select(.check == "ledger") | .status' <<<"$output")" = ok ]
	[[ $stderr == *".tenants.t.weight"* ]]
}
