# Syncs a mail.  Disks differ most in what a flush costs; how often one is asked
# for is the figure that holds everywhere.
# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # the files of tests/bench share

section_syncs() {
	local name
	printf '\n### Syncs, processes and system calls for one mail\n\n'
	header "" "syncs, 12 KB" "which" "execs" "calls" "syncs, 1 MB" "which" \
		"calls"
	syncs_messages 12k 12000
	syncs_messages 1m 1000000
	for name in line mail-deliver direct nullmailer-queue dovecot-lda \
		postfix-sendmail; do
		wanted "$name" && syncs_row "$name"
	done
	syncs_draw_row
	bars_header
	bar "line, 12 KB" "$(syncs_of line-12k)" most 4
	bar "mail-deliver, 12 KB" "$(syncs_of mail-deliver-12k)" most 4
	bar "line, 1 MB" "$(syncs_of line-1m)" most 4
}

# The mail to look at, and the one before it, which makes directories and files.
syncs_messages() {
	local dir=$work/mail-$1 number
	mkdir "$dir"
	for number in 0000 0999; do
		{
			printf 'From: a@bench.test\nSubject: %s\n\n' "$number"
			head -c "$2" /dev/zero | tr '\0' x | fold -w 76
			printf '\n'
		} >"$dir/$number"
	done
	chmod -R a+rX "$dir"
}

syncs_row() {
	local name=$1
	if ! { syncs_trace "$name" 12k && syncs_trace "$name" 1m; }; then
		wrong "syncs: $name: $(tail -n 2 "$work/stderr")"
		return
	fi
	row "$(receive_describe "$name")" \
		"$(syncs_of "$name-12k")" "$(syncs_which "$name-12k")" \
		"$(syncs_count 'execve.*= 0$' "$name-12k")" \
		"$(syncs_calls "$name-12k")" \
		"$(syncs_of "$name-1m")" "$(syncs_which "$name-1m")" \
		"$(syncs_calls "$name-1m")"
}

readonly syncs_pattern='[ ](fsync|fdatasync|sync|syncfs|sync_file_range|msync)\('

syncs_count() { grep -cE "$1" "$work/trace.$2"; }

# Calls; one that another process interrupts stands on two lines.
syncs_calls() {
	syncs_count '^[0-9]+ +[a-z]' "$1"
}

syncs_of() {
	if [ -s "$work/trace.$1" ]; then
		syncs_count "$syncs_pattern" "$1"
	else
		printf '%s' -
	fi
}

# "2 fsync, 1 fdatasync"
syncs_which() {
	grep -oE "$syncs_pattern" "$work/trace.$1" | tr -d ' (' | sort |
		uniq -c | awk '{printf "%s%s %s", sep, $1, $2; sep = ", "}'
}

# One mail under strace.  The contestant is prepared and run as in the section
# receive; only what stands in the place of drive is different.
syncs_trace() (
	mails=$work/mail-$2 trace=$work/trace.$1-$2 count=1
	receive_drive() { syncs_drive "$@"; }
	receive_draw() { :; }
	receive_verify() { :; }
	install -o "$worker" /dev/null "$trace"
	receive_run "$1" >/dev/null 2>"$work/stderr"
)

# What the first reader does later for mails that lie in the intake, a mail.
syncs_draw_row() {
	local state=$work/state/syncs n=100
	fresh "$state"
	install -o "$worker" /dev/null "$work/trace.draw"
	if ! {
		as_worker MAILPIPE_STATE="$state" drive -n "$n" -m "$mails" \
			mail-deliver -t ne-001 inbound >/dev/null &&
			as_worker MAILPIPE_STATE="$state" strace -f \
				-o "$work/trace.draw" mail-store stats \
				>/dev/null
	} 2>"$work/stderr"; then
		wrong "syncs: draw: $(tail -n 2 "$work/stderr")"
		return
	fi
	row "drawing $n mails into the ledger, a mail" \
		"$(ratio "$(syncs_of draw)" "$n")" "$(syncs_which draw)" - \
		"$(ratio "$(syncs_calls draw)" "$n")" - - -
}

# syncs_drive [PREFIX]... -- COMMAND...
syncs_drive() {
	local prefix=()
	while [ "$1" != -- ]; do
		prefix+=("$1")
		shift
	done
	shift
	"${prefix[@]}" strace -f -o "$trace" "$@" <"$mails/0000"
}
