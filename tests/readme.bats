#!/usr/bin/env bats
# README.md and the manuals are true: what they tell to type runs, their links
# lead somewhere, their alias lines keep the rules and deliver.

setup() {
	load helpers
	mailpipe_setup
	cp "$MAILPIPE_REPO/tests/mails/mikel-basic_email.eml" mail
}

# blocks KIND FILE: the lines of its fenced blocks of that kind.
blocks() {
	awk -v kind="$1" '
		/^```/ {inside = ($0 == "```" kind) && !inside; next}
		inside' "$2"
}

# displays FILE: the lines of a manual's literal displays, as one types them.
displays() {
	awk '/^\.Bd -literal/ {inside = 1; next} /^\.Ed/ {inside = 0} inside' \
		"$1" | sed 's/\\(aq/'\''/g; s/\\-/-/g; s/\\&//g; s/\\e/\\/g'
}

# examples FILE: the displays of its section EXAMPLES as scripts example.1 ...,
# aliases and crontab lines as the commands in them.
examples() {
	rm -f example.*
	awk '
		/^\.Sh / {inside = ($2 == "EXAMPLES"); next}
		inside' "$1" >examples.mdoc
	awk '/^\.Bd -literal/ {n++} {print >("display." n + 0)}' examples.mdoc
	local file
	for file in display.*; do
		displays "$file" | sed -E "
			/^[A-Z]+=/d
			s/^[a-z0-9.-]+: \"\|(.*)\"\$/( \1 ) <mail/
			s/^([0-9*,\/-]+ ){5}(mailpipe )?//
			s,/usr/local/bin/,$MAILPIPE_BIN/,g
			s,/srv/mail,$PWD/srv,g" >"example.${file#*.}"
		rm "$file"
		[ -s "example.${file#*.}" ] || rm "example.${file#*.}"
	done
}

alias_lines() {
	local page
	blocks aliases "$MAILPIPE_REPO/README.md"
	for page in "$MAILPIPE_REPO"/man/mail*.[157]; do
		displays "$page" | grep '^[a-z0-9-]*: "|' || true
	done
}

work_lines() {
	{
		blocks crontab "$MAILPIPE_REPO/README.md"
		displays "$MAILPIPE_REPO/man/mailpipe.7"
	} | grep '^\* \* ' | cut -d ' ' -f 7-
}

@test "readme: the commands to type work, from the top of the checkout" {
	need jq
	blocks sh "$MAILPIPE_REPO/README.md" >commands
	grep -x scripts/demo commands
	grep -x scripts/test commands
	[ -x "$MAILPIPE_REPO/scripts/demo" ]
	[ -x "$MAILPIPE_REPO/scripts/test" ]
	# The two scripts have their own tests, and the build is there.
	grep -vxE 'scripts/(demo|test)|make' commands >typed
	cd "$MAILPIPE_REPO"
	TMPDIR=$BATS_TEST_TMPDIR run -0 --separate-stderr \
		bash -euo pipefail "$BATS_TEST_TMPDIR/typed"
	[ -z "$stderr" ]
	[[ ${lines[-1]} == *ne-001*succeeded ]]
}

@test "manuals: every example runs" {
	need jq
	need php
	mkdir srv
	echo '<?php exit(strlen(stream_get_contents(STDIN)) > 99 ? 0 : 1);' \
		>srv/receive.php
	echo '<?php echo json_encode(["failures" => []]);' >srv/json.php
	receive <mail
	for page in "$MAILPIPE_REPO"/man/mail*.[157]; do
		examples "$page"
		for example in example.*; do
			[ -e "$example" ] || continue
			got=0
			bash -euo pipefail "$example" >out 2>err </dev/null ||
				got=$?
			echo "$example" >>ran
			[ $got = 0 ] && [ ! -s err ] && continue
			echo "== ${page##*/}: exit status $got"
			cat "$example" err
		done
	done >wrong
	cat wrong
	[ ! -s wrong ]
	[ "$(wc -l <ran)" -ge 8 ]
}

@test "readme: links lead to files that are there" {
	cd "$MAILPIPE_REPO"
	grep -oE '\]\([^)]*\)' README.md | tr -d '])(' >"$BATS_TEST_TMPDIR/links"
	while read -r link; do
		[ -e "$link" ] || echo "README.md: no $link"
	done <"$BATS_TEST_TMPDIR/links" >"$BATS_TEST_TMPDIR/dead"
	run -1 grep . "$BATS_TEST_TMPDIR/dead"
}

@test "readme: the table has all programs and no others" {
	sed -n 's/^| \[\(mail-[a-z]*\)\].*/\1/p' "$MAILPIPE_REPO/README.md" |
		sort >listed
	(cd "$MAILPIPE_BIN" && ls -d mail-*) | sort | diff listed -
}

@test "readme: alias lines name programs absolutely and end in || exit 75" {
	alias_lines >found
	[ "$(wc -l <found)" -ge 5 ]
	while read -r line; do
		case $line in
		*mail-ingest*'|| exit 75"') ;;
		*'|/usr/local/bin/mail-deliver '*) ;;
		*) echo "$line" ;;
		esac
	done <found >bad
	grep -oE '[^ "|]*mail-(ingest|store|queue|deliver) ' found |
		grep -v '^/usr/local/bin/' >>bad || true
	cat bad
	[ ! -s bad ]
}

@test "readme: alias lines deliver, and cron lines work what they delivered" {
	need jq
	mkdir srv
	echo '<?php exit(strlen(stream_get_contents(STDIN)) > 99 ? 0 : 1);' \
		>srv/receive.php
	need php
	while read -r line; do
		command=${line#*\"|}
		command=${command%\"}
		sh -c "${command//\/usr\/local\/bin/$MAILPIPE_BIN}" <mail
	done < <(alias_lines)
	# The same mail for two tenants, each time with the same id.
	[ "$(count ready)" = 2 ]
	jq -cn '{tenant: "t", mail: {from: "a@b.example", to: "c@d.example",
		text: "x"}}' | mail-store put | mail-queue put outbound
	jq -n --arg d "$PWD" '{transports: {default:
		{url: "maildir:\($d)/sent"}}}' >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
	work_lines >typed
	[ "$(wc -l <typed)" = 8 ]
	while read -r line; do
		bash -euo pipefail -c "${line//\/srv\/mail/$PWD/srv}"
	done <typed
	[ "$(count succeeded)" = 3 ]
	[ "$(find sent/new -type f | wc -l)" = 1 ]
}
