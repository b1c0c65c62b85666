#!/usr/bin/env bats
# A parser with holes planted in it (tests/fault/hole.c): whatever a mail makes
# of it, the mail is kept, those after it are parsed well, and nothing gets out.

setup() {
	load helpers
	mailpipe_setup
	need_release
	need python3
	hole=$MAILPIPE_REPO/build/release/hole.so
	[ -e "$hole" ] || skip "no $hole; make inject"
	preloadable
	mail before 3000 >before
	mail after 3000 >after
	echo untouched >witness
}

same() { "$MAILPIPE_REPO/tests/hostile.d/same.py" "$@"; }

# The parser that obeys mails.
ingest() { LD_PRELOAD=$hole mail-ingest -t ne-001 -r r@example.jp "$@"; }
# The same in place of this shell.
becomes_ingest() {
	export LD_PRELOAD=$hole
	exec mail-ingest -t ne-001 -r r@example.jp "$@"
}

# obeying NAME: a mail that is obeyed.
obeying() {
	printf 'X-Hole: %s\nDate: Sat, 21 Nov 2026 23:06:00 +0900\n\nbody\n' "$1"
}

# harmless NAME...: a mail with each, in one run, and another after each; prints
# the names with the defects of their mails.
harmless() {
	local name files=()
	for name; do
		obeying "$name" >"mail.$name"
		files+=("mail.$name" after)
	done
	ingest "${files[@]}" >records 2>err
	same "${files[@]}" <records >all_defects
	[ ! -s err ]
	# The others are as if nothing had been.
	[ "$(sed -n 'n;p' records | jq -c .message | sort -u)" = \
		"$(mail-ingest -t t -r r@x after | jq -c .message)" ]
	[ "$(jq -r '"\(.tenant) \(.envelope.to)"' records | sort -u)" = \
		"ne-001 r@example.jp" ]
	paste -d ' ' <(printf '%s\n' "$@") <(sed -n 'p;n' all_defects)
}

# kill_only NAME...: and they do, but for their neighbours.
kill_only() {
	harmless "$@" >defects
	diff <(printf '%s parser-killed\n' "$@") defects
}

@test "holes: a parser that dies, hangs or eats all costs its mail the description" {
	kill_only crash exit loop wait memory stack close
	run -0 jq -c .message <(head -n 1 records)
	[ "$output" = '{"defects":["parser-killed"]}' ]
}

@test "holes: a parser that lies is not believed" {
	kill_only huge type high_type index early two_lines no_json envelope \
		fingerprint half
}

@test "holes: a parser that talks without end fills neither memory nor disk" {
	kill_only flood
	obeying flood >mail
	(
		ulimit -f 2000 # KiB
		ulimit -v 100000
		ingest -a before mail after
	) >records
	[ "$(same before mail after <records | xargs)" = parser-killed ]
	[ -z "$(find state -type f)" ]
}

# The holes that are ways out.
ways() {
	sed -n 's/^WAY(\([a-z0-9_]*\),.*/\1/p' "$MAILPIPE_REPO/tests/fault/hole.c"
	echo int80
}

@test "holes: nothing gets out of the parser" {
	mapfile -t names < <(ways)
	harmless "${names[@]}" >defects
	# What libraries may try is refused, all else ends it.
	for name in "${names[@]}"; do
		case $name in
		open | create | readlink) echo "$name " ;;
		*) echo "$name parser-killed" ;;
		esac
	done | diff - defects
	[ "${#names[@]}" -gt 40 ]
	[ "$(cat witness)" = untouched ]
	[ ! -e planted ] && [ ! -e other ]
}

@test "holes: the planted ones do get out of a parser that is not locked up" {
	# As root, outside: so the tests above do try what they say.
	cat >free.c <<-'EOF'
		#include <string.h>
		#include <sys/prctl.h>
		int main(int argc, char **argv)
		{
			(void)argc;
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			return memchr(argv[1], 0, strlen(argv[1])) != 0;
		}
	EOF
	need cc
	cc -fno-builtin -o free free.c
	for name in open create readlink socket unix socketpair pidfd getppid \
		code unlink mkdir chdir memfd pipe dup prctl limits; do
		LD_PRELOAD=$hole ./free "X-Hole: $name" 2>err
		grep -qx "a way out: $name" err
		rm -rf planted
		echo untouched >witness
	done
	run -139 env LD_PRELOAD="$hole" ./free "X-Hole: crash"
}

@test "holes: a mail that kills only an old parser is parsed by a new one" {
	obeying seen >seen
	obeying old >old
	run -0 --separate-stderr ingest seen old before old
	[ -z "$stderr" ]
	same seen old before old <<<"$output" | run -1 grep .
	run -0 --separate-stderr ingest -v seen old
	[[ $stderr == *"the parser died: killed by signal 11 (SEGV)"* ]]
}

@test "holes: a hundred mails that kill, among others, in one run" {
	obeying crash >mail
	for _ in {1..100}; do files+=(before mail after); done
	ingest "${files[@]}" >records
	same "${files[@]}" <records | sort | uniq -c | xargs >counts
	[ "$(cat counts)" = "200 100 parser-killed" ]
}

@test "holes: large mails, attachments and mboxes survive a parser's death, too" {
	printf 'From a@x Sat Nov 21 23:06:00 2026\n' >one
	{
		printf 'Content-Type: multipart/mixed; boundary=b\n\n--b\n'
		printf 'Content-Type: x/y; name=x\n\n%0200000d\n' 1
		printf -- '--b\nX-Hole: crash\n\n--b--\n'
	} >>one
	printf 'From a@x Sat Nov 21 23:06:00 2026\n' | cat - after >two
	{
		cat one
		echo
		cat two
	} >mbox
	ingest -a mbox:mbox >records
	[ "$(same one two <records | xargs)" = parser-killed ]
	# Nothing of its attachment is left.
	[ "$(find state/spool -type f | wc -l)" = 1 ]
	[ "$(jq -r .fingerprint records | sort -u | wc -l)" = 2 ]
}

@test "holes: without a child there is no record" {
	need_root
	need setpriv prlimit
	open_tmpdir
	chmod 644 before
	mkdir bin
	cp "$MAILPIPE_BIN/mail-ingest" bin
	chmod -R a+rX bin
	run -75 --separate-stderr setpriv --reuid=nobody --clear-groups \
		prlimit --nproc=1 bin/mail-ingest -t t -r r@x before
	[ -z "$output" ]
	[[ $stderr == "mail-ingest: fork: Resource temporarily unavailable" ]]
}

@test "holes: parsers killed at any moment, each mail is recorded" {
	for _ in {1..2000}; do files+=(before after); done
	run -0 "$MAILPIPE_REPO/tests/fault/kill_children.py" \
		mail-ingest -t t -r r@x "${files[@]}"
	same "${files[@]}" <<<"$output" >defects
	[ "$(grep -c parser-killed defects)" -gt 0 ]
}

# Or waits to be reaped.
is_gone() { ! ps -o stat= -p "$1" | grep -qv Z; }

@test "holes: a program that is killed leaves no parser behind" {
	for name in before wait; do
		obeying $name >mail
		mkfifo pipe.$name
		exec 9<>pipe.$name
		becomes_ingest mail /dev/stdin <&9 >/dev/null &
		wait_for 5 pgrep -P $! >child
		kill -KILL $!
		wait_for 5 is_gone "$(cat child)"
		exec 9>&-
	done
}

@test "holes: TERM for the whole service does not hurt the mail at hand" {
	mkdir -p box/{new,cur,tmp}
	for i in {1..300}; do cp after box/new/"$i"; done
	setsid bash -c 'exec mail-ingest -F -t t -r r@x maildir:box' >records &
	wait_for 10 test -s records
	kill -TERM -- -$!
	wait $!
	run -0 jq -c '.message.defects // empty' records
	[ -z "$output" ]
}
