# Memory: the peak of each program with a mail of 50 MB, and with one of 12 KB; and
# of mail-ingest, of the larger of its two processes, with an attachment of 50 MB.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

section_memory() {
	local size stage
	for size in small:12000 large:50000000; do
		memory_run "${size%:*}" "${size#*:}" ||
			wrong "memory: $size: $(tail -n 3 "$work/stderr")"
	done
	printf '\n### Peak memory, KB\n\n'
	header "" "12 KB" "50 MB"
	for stage in "${memory_stages[@]}"; do
		row "\`$stage\`" \
			"$(figure %.0f "$(median memory-small "$stage" rss_kb)")" \
			"$(figure %.0f "$(median memory-large "$stage" rss_kb)")"
	done
	memory_parser
}

readonly memory_stages=('mail-ingest' 'mail-store put' 'mail-queue put'
	'mail-deliver' 'mail-queue take' 'mail-dispatch' 'mail-queue settle'
	'mail-store cat')

# One stage after the other, each reads what the one before has written.
memory_run() {
	local size=$1 dir=$work/big/$1 state=$spool/memory id
	fresh "$state" "$dir"
	memory_message "$2" 1 >"$dir/message"
	memory_message "$2" 2 >"$dir/message2"
	memory_stage message ingested 'mail-ingest' -t ne-001 &&
		memory_stage ingested stored 'mail-store put' &&
		memory_stage stored none 'mail-queue put' inbound &&
		memory_stage message2 none 'mail-deliver' -t ne-001 inbound &&
		memory_stage none leased 'mail-queue take' -c 1 inbound &&
		memory_stage leased handled 'mail-dispatch' -- \
			sh -c 'cat >/dev/null' &&
		memory_stage handled none 'mail-queue settle' &&
		id=$(as_worker MAILPIPE_STATE="$state" mail-store list |
			sed -n '1s/.*"id":"\([0-9A-Za-z_-]*\)".*/\1/p') &&
		memory_stage none message3 'mail-store cat' "$id" &&
		cmp "$dir/message" "$dir/message3"
}

memory_message() {
	printf 'From: a@bench.test\nSubject: %d\n\n' "$2"
	head -c "$1" /dev/zero | tr '\0' x | fold -w 76
	printf '\n'
}

# memory_stage INPUT OUTPUT STAGE [ARG]...
memory_stage() {
	local input=$dir/$1 output=$dir/$2 stage=$3 line from=()
	shift 3
	if [ -e "$input" ]; then
		fresh "$dir/in"
		mv "$input" "$dir/in/0000"
		from=(-m "$dir/in")
	fi
	# shellcheck disable=SC2086 # the stage's words
	line=$(as_worker MAILPIPE_STATE="$state" drive -n 1 "${from[@]}" \
		-o "$output" $stage "$@" 2>"$work/stderr") || return
	[ ! -e "$dir/in/0000" ] || mv "$dir/in/0000" "$input"
	printf 'memory-%s\t%s\t%s\n' "$size" "$stage" "$line" \
		>>"$work/results"
	case $line in
	*" failed=0") ;;
	*) return 1 ;;
	esac
}

## The parser, with an attachment of 50 MB.

readonly memory_options=('' ' -b' ' -a' ' -b -a')

memory_parser() {
	local options size=parser dir=$work/big/parser state=$spool/parser
	fresh "$dir"
	memory_attachment >"$dir/message"
	for options in "${memory_options[@]}"; do
		memory_parse "$options" ||
			wrong "memory: mail-ingest$options:" \
				"$(tail -n 3 "$work/stderr")"
	done
	printf '\n### Peak memory with an attachment of 50 MB in base64, KB\n\n'
	header "" "the larger of parent and parser"
	for options in "${memory_options[@]}"; do
		row "\`mail-ingest$options\`" "$(memory_peak "$options")"
	done
	bars_header
	for options in "${memory_options[@]}"; do
		bar "\`mail-ingest$options\`, KB" "$(memory_peak "$options")" \
			most 32768
	done
}

memory_peak() {
	figure %.0f "$(median memory-parser "mail-ingest$1 -t ne-001" rss_kb)"
}

# 50 MB of base64, in a part with a name, and a text beside it.
memory_attachment() {
	printf '%s\n' 'From: a@bench.test' 'Subject: large' 'MIME-Version: 1.0' \
		'Content-Type: multipart/mixed; boundary=b' '' '--b' \
		'Content-Type: text/plain' '' 'see attachment' '--b' \
		'Content-Type: application/octet-stream; name=a.bin' \
		'Content-Transfer-Encoding: base64' ''
	head -c 37000000 /dev/urandom | base64
	printf -- '--b--\n'
}

# The parser was not killed: it says how large the attachment is.
memory_parse() {
	fresh "$state"
	rm -f "$dir/record"
	memory_stage message record "mail-ingest$1 -t ne-001" &&
		grep -q '"type":"application/octet-stream".*"size":37000000' \
			"$dir/record"
}
