#!/usr/bin/env bats
# mail-alias: from aliases files to a configuration and back, and whether the two
# fit.  What Postfix makes of it is in tests/mail-alias-postfix.bats.

setup() {
	load helpers
	mailpipe_setup
	need jq
	samples=$MAILPIPE_REPO/tests/alias.d
}

# alias LINE...: a file of these lines.
aliases() { printf '%s\n' "$@" >aliases; }

# argvs: of each handler on stdin, its name and argv.
argvs() { jq -c '.handlers | to_entries[] | [.key, .value.argv]'; }

# has_said TEXT: in what the last run said on stderr.
has_said() {
	[[ $stderr == *"$1"* ]] || {
		echo "not said: $1"
		echo "$stderr"
		return 1
	}
}

@test "mail-alias import: a file of Postfix becomes tenants and handlers" {
	run -0 --separate-stderr mail-alias import "$samples/postfix"
	diff - <(argvs <<<"$output") <<-'END'
		["ne-001",["/usr/bin/php","/srv/mail/receive.php","001"]]
		["ne-002",["/usr/bin/php","/srv/mail/receive.php","0 0 2","it's two","a b"]]
		["orders",["/usr/bin/php","/srv/mail/receive.php","orders"]]
		["filter",["sh","-c","IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #user"]]
		["shop-one-2",["/srv/bin/one"]]
		["shop-one",["/srv/bin/two"]]
		["shop-one-3",["/srv/bin/three"]]
		["two-words",["/srv/bin/four"]]
		["both",["/srv/bin/a"]]
		["both-2",["sh","-c","/srv/bin/b >>/var/log/b"]]
	END
	[ "$(jq -c '.handlers[] | del(.argv)' <<<"$output" | sort -u)" = \
		'{"profile":"postfix","message":"postfix","time_limit_s":1000}' ]
	[ "$(jq -r '.tenants | to_entries[] |
		select(.value != {handler: .key, in_flight: 2}) | .key' \
		<<<"$output")" = "" ]
	# Whatever is not as it was is said, with file and line.
	has_said "$samples/postfix:13: filter: the command needs a shell"
	has_said ":14: shop+one: its tenant is shop-one-2"
	has_said ":16: shop*one: its tenant is shop-one-3"
	has_said ":17: two words: its tenant is two-words"
	has_said ":18: both: its tenant is both-2"
	has_said ":8: orders: /var/mail/orders stays in its line"
	# And every program takes it.
	mail-alias import "$samples/postfix" >config.json 2>/dev/null
	MAILPIPE_CONFIG=config.json mail-queue -n -t both-2 >/dev/null
}

@test "mail-alias import --aliases: the lines keep what else was in them" {
	bin=/usr/local/bin
	run -0 --separate-stderr mail-alias import --aliases --bin $bin \
		"$samples/postfix"
	diff - <(echo "$output") <<-END
		ne-001: "|$bin/mail-deliver -t ne-001 inbound"
		ne-002: "|$bin/mail-deliver -t ne-002 inbound"
		orders: boss@example.com, \\archive, "|$bin/mail-deliver -t orders inbound", /var/mail/orders
		filter: "|$bin/mail-deliver -t filter inbound"
		shop+one: "|$bin/mail-deliver -t shop-one-2 inbound"
		shop-one: "|$bin/mail-deliver -t shop-one inbound"
		"shop*one": "|$bin/mail-deliver -t shop-one-3 inbound"
		"two words": "|$bin/mail-deliver -t two-words inbound"
		both: "|$bin/mail-deliver -t both inbound", "|$bin/mail-deliver -t both-2 inbound"
	END
	# In the other form, for another queue and state.
	aliases 'a: "|/bin/a"'
	run -0 mail-alias import --aliases --form line -q shop -d /srv/state \
		--bin $bin aliases
	[ "$output" = "a: \"|$bin/mail-ingest -d /srv/state -t a | \
$bin/mail-store put -d /srv/state | $bin/mail-queue put -d /srv/state shop \
|| exit 75\"" ]
	# The tools are where this one is.
	run -0 mail-alias import --aliases aliases
	[ "$output" = "a: \"|$(realpath "$MAILPIPE_BIN")/mail-deliver -t a inbound\"" ]
}

@test "mail-alias import: a file of sendmail, with lists and wrappers" {
	mkdir lists
	echo 'carl@example.com, dora@example.com' >lists/list
	sed "s,/usr/lib/majordomo/lists,$PWD/lists," "$samples/sendmail" >aliases
	run -0 --separate-stderr mail-alias import aliases
	diff - <(argvs <<<"$output") <<-'END'
		["ne-001",["/srv/bin/receive","001"]]
		["ne-002",["/srv/bin/receive","number  2"]]
		["autoreply",["/usr/bin/vacation","bob"]]
		["list",["/usr/lib/majordomo/wrapper","resend","-l","list","list-outgoing"]]
		["list-request",["/usr/lib/majordomo/wrapper","request-answer","list"]]
		["board",["/var/lib/mailman/mail/mailman","post","board"]]
		["owner-board",["/var/lib/mailman/mail/mailman","owner","board"]]
	END
	# Postfix would not have given it to the handler: it is a habit of
	# sendmail's.
	has_said ":3: ne-001: a command with arguments and without double quotes"
	has_said ":7: list: wrapper looks at the user or group that calls it"
	has_said ":11: board: mailman looks at"
	# smrsh runs what has that name in its own directory, and no shell.
	aliases 'a: "|/old/place/receive 001"' 'b: "|receive 002"' \
		'c: "|receive >x"'
	run -65 --separate-stderr mail-alias import --smrsh /etc/smrsh aliases
	[ "$(argvs <<<"$output" | paste -s)" = '["a",["/etc/smrsh/receive","001"]]	["b",["/etc/smrsh/receive","002"]]' ]
	has_said "aliases:3: c: the command needs a shell, which smrsh is not"
}

@test "mail-alias import: what cannot be mapped is named, and its neighbours are" {
	run -65 --separate-stderr mail-alias import "$samples/broken"
	[ "$(argvs <<<"$output")" = '["good",["/srv/bin/good"]]' ]
	for line in 1 2 3 4 5 6 7 8 9 10 11 13; do
		has_said "$samples/broken:$line: "
	done
	[ "$(wc -l <<<"$stderr")" = 12 ]
	run -65 --separate-stderr mail-alias import --aliases "$samples/broken"
	[ "$(wc -l <<<"$output")" = 1 ]
	# An alias that was mapped in part keeps the rest.
	aliases 'a: "|/bin/a", "|/bin/b {id}"'
	run -65 --separate-stderr mail-alias import --aliases aliases
	[[ $output == 'a: "|'*' -t a inbound", "|/bin/b {id}"' ]]
}

@test "mail-alias import: words are those of the shell" {
	cat >show <<-'END'
		#!/bin/sh
		for a; do printf '<%s>' "$a"; done
	END
	chmod 755 show
	cat >commands <<-'END'
		./show a b
		./show   'a  b' "c'd" e\ f g\\h
		./show "a\"b" "a\\b" "a\xb" 'a\xb' a"b"'c'd ''
		./show -x=1 a=b %d x!y a@b ~ , a~b a#b #c
		exec ./show a b
		./show $((1 + 1)) "$HOME" `echo x`
		./show a | cat
		./show a; ./show b
		./show a >out && cat out
		./show [c]ommands comm* {a,b}
		X=1 ./show a
		cd . && ./show a
		if true; then ./show a; fi
		./show 受注 a	b
	END
	while IFS= read -r command; do
		quoted=${command//\\/\\\\}
		aliases "a: \"|${quoted//\"/\\\"}\""
		mail-alias import aliases 2>said | jq -r '.handlers.a.argv[]' >argv
		mapfile -t argv <argv
		# One after the other: some write files.
		sh -c "$command" >by-shell
		"${argv[@]}" >by-argv
		diff by-shell by-argv || {
			echo "$command"
			return 1
		}
		if grep -q 'needs a shell' said; then
			echo "$command"
		fi
	done <commands >shells
	diff shells <(sed -n '4p; 6,13p' commands)
}

@test "mail-alias import: included files are looked into, cycles are named" {
	mkdir i
	echo "bob, :include:$PWD/i/b" >i/a
	printf '%s\n' '# a comment' "\"carl\", :include:$PWD/i/c" >i/b
	echo 'dora@example.com' >i/c
	aliases "a: :include:$PWD/i/a" 'b: "|/bin/b"'
	run -0 --separate-stderr mail-alias import aliases
	echo ":include:$PWD/i/a" >i/c
	run -65 --separate-stderr mail-alias import aliases
	has_said "aliases:1: a: $PWD/i/a includes itself, by $PWD/i/c"
	[ "$(argvs <<<"$output")" = '["b",["/bin/b"]]' ]
	echo '"|/bin/hidden"' >i/c
	run -65 --separate-stderr mail-alias import aliases
	has_said "$PWD/i/c:1: a command in an included file"
	for ((n = 0; n < 30; n++)); do
		echo ":include:$PWD/i/$((n + 1))" >i/$n
	done
	aliases "a: :include:$PWD/i/0"
	run -65 --separate-stderr mail-alias import aliases
	has_said "included more than 20 deep"
	mkfifo i/fifo
	for name in fifo . none; do
		aliases "a: :include:$PWD/i/$name"
		run -65 --separate-stderr timeout 10 mail-alias import aliases
		has_said "$PWD/i/$name"
	done
	aliases 'a: :include:relative'
	run -65 --separate-stderr mail-alias import aliases
	has_said 'must be an absolute path'
}

@test "mail-alias import: what is imported already stays as it is" {
	mail-alias import --aliases "$samples/postfix" >aliases 2>/dev/null
	run -0 --separate-stderr mail-alias import aliases
	[ "$output" = '{"tenants":{},"handlers":{}}' ]
	mail-alias import "$samples/postfix" >config.json 2>/dev/null
	export MAILPIPE_CONFIG=config.json
	run -0 --separate-stderr mail-alias import "$samples/postfix"
	diff config.json <(echo "$output")
	# A name that means something else is not taken over.
	aliases 'ne-001: "|/bin/other"' 'ne-009: "|/bin/x"'
	run -65 --separate-stderr mail-alias import aliases
	[ "$(argvs <<<"$output")" = '["ne-009",["/bin/x"]]' ]
	has_said "aliases:1: ne-001: config.json has another handler for ne-001"
	# A tenant of a line that is there is nobody else's.
	aliases 'x: "|/usr/local/bin/mail-deliver -t y inbound"' 'y: "|/bin/y"'
	run -0 --separate-stderr mail-alias import --aliases aliases
	[[ $output == 'y: "|'*'/mail-deliver -t y-2 inbound"' ]]
}

@test "mail-alias check: what was imported fits, in both forms" {
	export MAILPIPE_CONFIG=config.json
	echo '{}' >config.json
	mail-alias import "$samples/postfix" >new.json 2>/dev/null
	for form in deliver line; do
		echo '{}' >config.json
		mail-alias import --aliases --form $form "$samples/postfix" \
			>aliases 2>/dev/null
		cp new.json config.json
		run -0 --separate-stderr mail-alias check aliases
		[ -z "$output$stderr" ]
		mail-alias export --form $form >exported
		run -0 --separate-stderr mail-alias check exported
		[ -z "$output$stderr" ]
	done
	# In two files, too.
	head -n 3 exported >one
	tail -n +4 exported >two
	mail-alias check one two
	run -65 --separate-stderr mail-alias check one
	has_said 'config.json: .tenants.filter: it has a handler, and no mail'
	has_said "write into one: filter: \"|"
}

# finds TEXT LINE...: check says it, once, of the last of these lines.
finds() {
	local text=$1
	shift
	aliases "$@"
	run -65 --separate-stderr mail-alias check aliases
	has_said "aliases:$#: "
	has_said "$text"
	[ "$(wc -l <<<"$stderr")" = "${findings:-1}" ]
}

@test "mail-alias check: each finding says what to write" {
	b=$(realpath "$MAILPIPE_BIN")
	export MAILPIPE_CONFIG=config.json
	echo '{"handlers":{"h":{"argv":["cat"]}},"tenants":{"t":{"handler":"h"}}}' \
		>config.json
	good="\"|$b/mail-ingest -t t | $b/mail-store put | $b/mail-queue put inbound || exit 75\""
	aliases "t: $good" 'other: "|/usr/bin/vacation bob"' 'bob: carl'
	run -0 --separate-stderr mail-alias check aliases
	finds "must end in || exit 75, or the MTA bounces mail when a program \
cannot be started: write $good" "t: ${good/ || exit 75/}"
	finds 'not one of the two lines' "t: ${good/ || exit 75/ || exit 70}"
	finds "write $good" "t: ${good/$b\/mail-store put | /}"
	finds "write $good" "t: ${good/store put/store get}"
	finds "mail-store is not named with its whole path, and MTAs give a \
bare PATH: write $b/mail-store" "t: ${good/$b\/mail-store/mail-store}"
	finds "/no/mail-deliver is not there" 't: "|/no/mail-deliver -t t inbound"'
	touch mail-deliver
	finds "$PWD/mail-deliver cannot be executed: chmod 755" \
		"t: \"|$PWD/mail-deliver -t t inbound\""
	findings=2 finds 'without double quotes Postfix gives it no arguments' \
		't: |mail-deliver -t t inbound'
	finds 'names no queue' "t: \"|$b/mail-deliver -t t .inbound\""
	finds 'its queue is inbuond, that of the first line inbound: write that' \
		"t: $good" "u: \"|$b/mail-deliver -t t inbuond\""
	finds 'names no tenant, and config.json has no recipients' \
		"t: $good" "u: \"|$b/mail-deliver inbound\""
	finds '"../x" is not a tenant' "t: $good" \
		"u: \"|$b/mail-deliver -t ../x inbound\""
	finds 'its tenant u has no handler: write .tenants.u.handler' \
		"t: $good" "u: \"|$b/mail-deliver -t u inbound\""
	finds 'different state directories' "t: ${good/put |/put -d \/x |}"
	finds 'differently' "t: $good" 'u: |/bin/x %d'
	finds 'the name is there before' "t: $good" "T: $good"
	# Queues that may be there; a handler for all.
	aliases "t: $good" "u: \"|$b/mail-deliver -t t other\""
	mail-alias check -q inbound -q other aliases
	run -65 --separate-stderr mail-alias check -q inbound aliases
	has_said 'aliases:2: u: its queue is other, not inbound'
	echo '{"handlers":{"default":{"argv":["cat"]}}}' >config.json
	aliases "t: $good" "u: \"|$b/mail-deliver -t u inbound\""
	mail-alias check aliases
}

@test "mail-alias check: recipients of the configuration lead to tenants, too" {
	export MAILPIPE_CONFIG=config.json
	cat >config.json <<-'END'
		{"handlers":{"h":{"argv":["cat"]}},"tenants":{"t":{"handler":"h"}},
		 "recipients":{"@example.com":"t"}}
	END
	aliases "all: \"|$(realpath "$MAILPIPE_BIN")/mail-deliver inbound\""
	mail-alias check aliases
	sed -i 's/"t"}}/"u"}}/' config.json
	run -65 --separate-stderr mail-alias check aliases
	has_said 'config.json: .recipients.@example.com: tenant u has no handler'
	has_said '.tenants.t: it has a handler, and no mail leads to it'
}

@test "mail-alias: a wrong command line is 64, a broken configuration 75" {
	aliases 'a: "|/bin/a"'
	run -64 mail-alias import
	run -64 mail-alias import aliases aliases
	run -64 mail-alias import -q 'a b' aliases
	run -64 mail-alias import --form exim aliases
	run -64 mail-alias import --aliases --bin bin aliases
	run -64 mail-alias import --aliases -d '/srv/a b' aliases
	run -64 mail-alias export --bin "/srv/\$x"
	run -75 mail-alias import no-such-file
	run -75 mail-alias check no-such-file
	echo '{' >config.json
	export MAILPIPE_CONFIG=config.json
	run -75 mail-alias import aliases
	run -75 mail-alias check aliases
	run -75 mail-alias export
	echo '{"tenants":{"t":{"handler":"h"}},"handlers":{"h":{"argv":["x"]}}}' \
		>config.json
	for verb in "import aliases" export; do
		run -75 --separate-stderr sh -c "mail-alias $verb >/dev/full"
		has_said 'mail-alias: stdout: '
	done
}

@test "mail-alias: hostile files are held in bounds" {
	need_release
	bounded() { (
		ulimit -v 600000
		timeout 60 mail-alias import aliases >out 2>err
	); }
	# Within a line, beside a good one.
	for line in "$(head -c 3000000 /dev/zero | tr '\0' a): b" \
		"a: \"|$(head -c 200000 /dev/zero | tr '\0' x)\"" \
		"a: $(head -c 1500000 /dev/zero | tr '\0' ,)"; do
		printf '%s\ngood: "|/bin/good"\n' "$line" >aliases
		run -65 bounded
		[ "$(argvs <out)" = '["good",["/bin/good"]]' ]
		awk 'length > 1000 {exit 1}' err
	done
	printf 'nul: "|/bin/\0x"\nlatin: "|/bin/\xe9"\n\xff: "|/bin/y"\r\ngood: "|/bin/good"' \
		>aliases
	run -65 bounded
	[ "$(argvs <out | paste -s)" = '["x-",["/bin/y"]]	["good",["/bin/good"]]' ]
	grep -q '^mail-alias: aliases:3: \\xff: its tenant is x-$' err
	# Too much altogether.
	head -c 20000000 /dev/zero | tr '\0' '\n' >aliases
	run -65 bounded
	grep -q 'larger than 16777216 bytes' err
	yes a:b | head -n 300000 >aliases
	run -65 bounded
	grep -q 'more than 200000 entries' err
	for ((i = 0; i < 20; i++)); do
		echo "a$i: |x$(head -c 40000 /dev/zero | sed 's/\x0/,|y/g')"
	done >aliases
	run -65 bounded
	grep -q 'more than 200000 targets' err
	# A hundred thousand that become one name.
	seq -f 'a%g' 100000 | tr 0-9 '*+=^~/?&%$' |
		sed 's/.*/"&": "|x\/y"/' >aliases
	run -0 bounded
	[ "$(jq '.tenants | length' out)" = 100000 ]
	mkfifo fifo
	run -65 timeout 10 mail-alias import fifo
}
