#!/usr/bin/env bats
# mail-dispatch: every way in which a handler may end, and what each profile
# makes of it.  The table is tests/dispatch.d/endings.
# shellcheck disable=SC2016 # handlers and jq programs are single-quoted

setup() {
	load helpers
	mailpipe_setup
	expand_table <"$MAILPIPE_REPO/tests/dispatch.d/endings" >rows
	body=$(printf 'Subject: x\n\nbody\n' | base64 -w0)
}

# The rows without comments and "A-B": KIND|NAME|CODE|SAFE|POSTFIX|QMAIL|CUSTOM.
expand_table() {
	awk -F '|' -v OFS='|' '
	/^#/ || /^$/ {next}
	{
		for (i = 1; i <= NF; i++) gsub(/^ +| +$/, "", $i)
		if (NF != 7) {print "bad row: " $0 >"/dev/stderr"; exit 1}
		if (!match($2, /[0-9]+-[0-9]+/)) {print; next}
		range = substr($2, RSTART, RLENGTH)
		split(range, ends, "-")
		name = $2
		code = $3
		for (n = ends[1]; n <= ends[2]; n++) {
			$2 = name
			sub(range, n, $2)
			$3 = code
			sub(/N/, n, $3)
			print
		}
	}'
}

# handlers KIND: a script h/ID for each row, and a record for it.
handlers() {
	local kind name code id=0
	mkdir -p h
	while IFS='|' read -r kind name code _; do
		id=$((id + 1))
		[ "$kind" = "$1" ] || continue
		printf '#!/bin/sh\nulimit -c 0\n%s\n' "$code" >"h/$id"
		printf '{"id":"%s","tenant":"t","content":{"base64":"%s"}}\n' \
			$id "$body"
	done <rows >records
	chmod 755 h/*
}

map='{"3":"skip","4":"snooze","5":"uncertain","75":"retry","99":"ok",
	"signal":"uncertain","timeout":"snooze","default":"fail"}'

# runs PROFILE SECONDS [COMMAND...]: all records through it.
runs() {
	local profile=$1 limit=$2
	shift 2
	[ $# -gt 0 ] || set -- sh -c 'exec "./h/$1"' - '{id}'
	if [ "$profile" != custom ]; then
		mail-dispatch -P 16 -T "$limit" -x "$profile" -- "$@"
		return
	fi
	jq -n --argjson map "$map" --argjson limit "$limit" --arg cwd "$PWD" \
		'{handlers: {default: {argv: $ARGS.positional, profile: "custom",
		map: $map, time_limit_s: $limit, cwd: $cwd}}}' \
		--args -- "$@" >config.json
	MAILPIPE_CONFIG=config.json mail-dispatch -P 16
}

# compare PROFILE KIND <RECORDS: their results with the column of the table.
compare() {
	local column
	case $1 in safe) column=4 ;; postfix) column=5 ;; qmail) column=6 ;;
	custom) column=7 ;; esac
	jq -r '[.id, .result.status, (.result.detail.dsn // "")] |
		"\(.[0])|\(.[1])\(if .[2] == "" then "" else ":" + .[2] end)"' |
		sort -n >got
	awk -F '|' -v kind="$2" -v column=$column \
		'$1 == kind {print NR "|" $column}' rows >want
	[ -s want ]
	diff want got || {
		echo "profile $1; these rows:"
		diff want got | sed -n 's/^[<>] \([0-9]*\)|.*/\1/p' | sort -un |
			while read -r id; do sed -n "${id}p" rows; done
		return 1
	}
}

@test "endings: the table has every exit status and every signal" {
	[ "$(wc -l <"$MAILPIPE_REPO/tests/dispatch.d/endings")" -gt 100 ]
	for ((i = 0; i < 256; i++)); do
		case $i in 126 | 127) ;; *) grep -q "^run|.*|exit $i|" rows ;; esac
	done
	for ((i = 1; i <= 64; i++)); do
		case $i in 19) ;; 32 | 33) ;; *) grep -q "|kill -$i "'\$\$|' rows ;; esac
	done
}

@test "endings: safe" {
	handlers run
	runs safe 120 <records | compare safe run
}

@test "endings: postfix" {
	handlers run
	runs postfix 120 <records | compare postfix run
}

@test "endings: qmail" {
	handlers run
	runs qmail 120 <records | compare qmail run
}

@test "endings: custom" {
	handlers run
	runs custom 120 <records | compare custom run
}

@test "endings: time-outs, with every profile" {
	handlers time
	for profile in safe postfix qmail custom; do
		runs $profile 1 <records >out
		compare $profile time <out
		# However it ended, it is a time-out.
		[ "$(jq -r .result.class out | sort -u)" = time-out ]
		[ "$(jq -r '.result | has("code")' out | sort -u)" = false ]
	done
}

@test "endings: what cannot be executed, with every profile" {
	: >plain
	printf 'exit 0\n' >noshebang
	printf '#!/no/such\n' >badshebang
	chmod 755 noshebang badshebang
	handlers exec
	for profile in safe postfix qmail custom; do
		while IFS='|' read -r id code; do
			grep "\"id\":\"$id\"" records | runs $profile 120 "$code"
		done < <(awk -F '|' '$1 == "exec" {print NR "|" $3}' rows) >out
		compare $profile exec <out
		[ "$(jq -r .result.class out | sort -u)" = configuration ]
	done
}

@test "endings: the text behind a D.S.N is the reason" {
	rec='{"id":"r","tenant":"t","content":{"base64":"eA=="}}'
	reason() {
		mail-dispatch -x "$1" -- sh -c "$2; exit 1" <<<"$rec" |
			jq -r .result.reason
	}
	for profile in safe postfix; do
		[ "$(reason $profile 'echo "5.1.1  no such shop: ne-001"')" = \
			"no such shop: ne-001" ]
		[ "$(reason $profile 'printf "4.2.2\n\n full\nmore\n"')" = full ]
		[ "$(reason $profile 'echo 5.1.1')" = "exit status 1: 5.1.1" ]
	done
	[ "$(reason qmail 'echo 5.1.1 x')" = "exit status 1: 5.1.1 x" ]
}

@test "endings: a map without default: 0 is ok, all else is tried again" {
	handlers run
	map='{"0":"uncertain","7":"ok"}' runs custom 120 < \
		<(head -n 20 records) >out
	[ "$(jq -r 'select(.result.status != "retry") |
		"\(.result.code) \(.result.status)"' out | sort)" = \
		"$(printf '0 uncertain\n7 ok')" ]
	map='{"7":"fail"}' runs custom 120 < <(head -n 1 records) |
		jq -e '.result.status == "ok"'
}
