# Parsing: our parser beside GMime, in a long process and in a process a mail.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly parse_names=(ours ours-sniff gmime gmime-digests)
readonly parse_process_names=(ours gmime ingest ingest-bodies)
readonly parse_size=20000

section_parse() {
	if ! parse_prepare >"$work/parse.log" 2>&1; then
		wrong "parse: $(tail -n 3 "$work/parse.log")"
		return
	fi
	parse_mails=("$work"/parse/*)
	race parse "$rounds" parse_run "${parse_names[@]}"
	parse_agree
	parse_mails=("${parse_real[@]}")
	race parse-real "$rounds" parse_run "${parse_names[@]}"
	race parse-process "$rounds" parse_process "${parse_process_names[@]}"
	parse_table
	parse_bars
}

parse_describe() {
	case $1 in
	ours) echo 'our parser: with digests, and the record'\''s JSON' ;;
	ours-sniff) echo 'the same, types sniffed' ;;
	gmime) echo 'GMime' ;;
	gmime-digests) echo 'GMime, and the same digests' ;;
	esac
}

# Mails of one size, the programs, and mails of real life.
parse_prepare() {
	mkdir "$work/parse" &&
		LC_ALL=C awk -v dir="$work/parse" -v count=100 \
			-v fixed=$parse_size -f "$here/mails.awk" &&
		chmod -R a+rX "$work/parse" &&
		make -s -C "$repo" build/release/bench/parse_ours &&
		cp "$repo/build/release/bench/parse_ours" "$work/bin/" &&
		parse_build_gmime && parse_find_real
}

parse_build_gmime() {
	local flags
	flags=$(pkg-config --cflags --libs gmime-3.0) || return
	# shellcheck disable=SC2086 # several words
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$work/bin/parse_gmime" \
		"$here/parse.c" "$here/parse_gmime.c" $flags -lsodium
}

parse_find_real() {
	local dirs=("$repo/tests/mails")
	local corpora=${MAILPIPE_SHARED:-}/corpora
	[ ! -d "$corpora/mime-ja" ] ||
		dirs=("$corpora"/{mime-ja,mime-mikel,mime-spamassassin,bounce-*})
	mapfile -t parse_real < <(find "${dirs[@]}" -type f \
		! -name '*.ndjson' ! -name '*.txt' ! -name README | sort)
	[ ${#parse_real[@]} -gt 0 ]
}

parse_run() {
	local program=parse_${1%%-*} options=()
	[[ $1 != *-* ]] || options=(-d)
	"$program" "${options[@]}" -n $((count * 10)) "${parse_mails[@]}"
}

parse_process() {
	local line command=(mail-ingest -t ne-001)
	case $1 in
	ours) command=(parse_ours -) ;;
	gmime) command=(parse_gmime -) ;;
	ingest-bodies) command+=(-b) ;;
	esac
	line=$(as_worker drive -n "$count" -m "$work/parse" "${command[@]}")
	printf '%s' "$line"
	[[ $line == *" failed=0" ]]
}

# Both have found the same in the mails that were made, where nothing is odd.
parse_agree() {
	local key ours theirs
	for key in content text; do
		ours=$(median parse ours "$key")
		theirs=$(median parse gmime "$key")
		[ "$ours" = "$theirs" ] ||
			wrong "parse: $key: ours ${ours:-none}, GMime's" \
				"${theirs:-none}"
	done
}

parse_table() {
	local name
	printf '\n### Parsing: a long process, mails a second of CPU\n\n'
	header "" "20 KB, /s" "of GMime" "MB/s" \
		"${#parse_real[@]} real ones, /s" "of GMime"
	for name in "${parse_names[@]}"; do
		row "$(parse_describe "$name")" \
			"$(figure %.0f "$(median parse "$name" rate)")" \
			"$(parse_ratio parse "$name" rate)" \
			"$(figure %.0f "$(median parse "$name" mb_s)")" \
			"$(figure %.0f "$(median parse-real "$name" rate)")" \
			"$(parse_ratio parse-real "$name" rate)"
	done
	printf '\n### Parsing: a process a mail of 20 KB\n\n'
	header "" "mails/s" "of GMime" "p50 ms" "CPU ms" "peak KB"
	parse_process_row 'a program that parses with our parser' ours
	parse_process_row 'a program that parses with GMime' gmime
	parse_process_row '`mail-ingest`: cell, sandbox, record' ingest
	parse_process_row '`mail-ingest -b`' ingest-bodies
}

parse_process_row() {
	row "$1" "$(figure %.0f "$(median parse-process "$2" rate)")" \
		"$(parse_ratio parse-process "$2" rate)" \
		"$(figure %.2f "$(median parse-process "$2" p50_ms)")" \
		"$(figure %.2f "$(median parse-process "$2" cpu_ms)")" \
		"$(figure %.0f "$(median parse-process "$2" rss_kb)")"
}

parse_ratio() { ratio "$(median "$1" "$2" "$3")" "$(median "$1" gmime "$3")"; }

parse_bars() {
	bars_header
	bar "our parser / GMime, 20 KB, long process" \
		"$(parse_ratio parse ours rate)" least 0.9
	bar "our parser / GMime, real mails, long process" \
		"$(parse_ratio parse-real ours rate)" least 0.9
	bar "our parser / GMime, a process a mail" \
		"$(parse_ratio parse-process ours rate)" least 3
}
