# Syncs a mail.  Disks differ most in what a flush costs; how often one is asked
# for is the figure that holds everywhere.  An io_submit asks for up to 64 fsyncs
# at once, which share their flushes (src/core/sync.h).
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly syncs_names=(line mail-deliver direct nullmailer-queue dovecot-lda
	postfix-sendmail floor)
readonly syncs_pattern='[ ](fsync|fdatasync|sync|syncfs|sync_file_range|msync|io_submit)\('
readonly flushes_count=100

section_syncs() {
	local name
	syncs_messages 12k 12000
	syncs_messages 1m 1000000
	for name in "${syncs_names[@]}"; do
		wanted "$name" || continue
		if ! { syncs_trace "$name" 12k && syncs_trace "$name" 1m; }; then
			wrong "syncs: $name: $(tail -n 2 "$work/stderr")"
		fi
	done
	syncs_trace_draw || wrong "syncs: $(tail -n 2 "$work/stderr")"
	flushes_measure || wrong "flushes: $(tail -n 2 "$work/stderr")"
	syncs_table
}

## What a mail asks for, by strace.

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

# The contestant is prepared as in the section receive, with one mail.
syncs_trace() {
	local mails=$work/mail-$2 trace=$work/trace.$1-$2
	local count=1 receive_with=receive_by_strace
	install -o "$worker" /dev/null "$trace"
	receive_run "$1" >/dev/null 2>"$work/stderr"
}

receive_by_strace() {
	"${prefix[@]}" strace -f -o "$trace" "$@" <"$mails/0000"
}

# What the first reader does later for all that lies in the intake.
syncs_trace_draw() {
	local count=100 receive_jobs=1 receive_with=receive_by_drive
	install -o "$worker" /dev/null "$work/trace.draw"
	receive_run line >/dev/null 2>"$work/stderr" &&
		as_worker MAILPIPE_STATE="$spool/mailpipe" strace -f \
			-o "$work/trace.draw" mail-store stats >/dev/null
}

syncs_count() {
	if [ -s "$work/trace.$2" ]; then
		grep -cE "$1" "$work/trace.$2"
	else
		printf '%s' -
	fi
}

syncs_of() { syncs_count "$syncs_pattern" "$1"; }

# Calls; one that another process interrupts stands on two lines.
syncs_calls() { syncs_count '^[0-9]+ +[a-z]' "$1"; }

# "2 fsync, 1 fdatasync"
syncs_which() {
	grep -oE "$syncs_pattern" "$work/trace.$1" | tr -d ' (' | sort |
		uniq -c | awk '{printf "%s%s %s", sep, $1, $2; sep = ", "}'
}

## What reaches the disk: flushes, counted by a disk that nobody else uses.

flushes_measure() {
	local name
	mount_disk 2>"$work/stderr" || {
		echo "no loop device: flushes are not counted" >&2
		return 0
	}
	set_up_postfix || return
	for name in "${syncs_names[@]}"; do
		wanted "$name" || continue
		flushes_run "$name" 2>"$work/stderr" || return
	done
	flushes_draw 2>"$work/stderr" || return
	unmount_disk
}

flushes_now() { awk '{print $16}' "/sys/class/block/$disk/stat"; }

flushes_run() {
	local count=$flushes_count receive_jobs=1 receive_with=receive_by_flushes
	printf 'flushes\t%s\t%s\n' "$1" "$(receive_run "$1")" >>"$work/results"
}

receive_by_flushes() {
	local before
	before=$(flushes_now)
	receive_by_drive "$@" || return
	ratio $(($(flushes_now) - before)) "$flushes_count" |
		sed 's/^/ flushes=/'
}

flushes_draw() {
	local before
	flushes_run line || return
	before=$(flushes_now)
	as_worker MAILPIPE_STATE="$spool/mailpipe" mail-store stats \
		>/dev/null || return
	printf 'flushes\tdraw\tflushes=%s\n' \
		"$(ratio $(($(flushes_now) - before)) "$flushes_count")" \
		>>"$work/results"
}

syncs_table() {
	local name
	printf '\n### Syncs of one mail, and the flushes that reach the disk\n\n'
	header "" "syncs, 12 KB" "which" "syncs, 1 MB" "which" \
		"disk flushes a mail" "execs, 12 KB" "system calls, 12 KB"
	for name in "${syncs_names[@]}"; do
		wanted "$name" || continue
		row "$(receive_describe "$name")" \
			"$(syncs_of "$name-12k")" "$(syncs_which "$name-12k")" \
			"$(syncs_of "$name-1m")" "$(syncs_which "$name-1m")" \
			"$(figure %.1f "$(median flushes "$name" flushes)")" \
			"$(syncs_count 'execve.*= 0$' "$name-12k")" \
			"$(syncs_calls "$name-12k")"
	done
	row "later, the first reader: 100 mails drawn at once" \
		"$(syncs_of draw)" "$(syncs_which draw)" - - \
		"$(figure %.1f "$(median flushes draw flushes)")" - \
		"$(syncs_calls draw)"
	bars_header
	bar "line, 12 KB" "$(syncs_of line-12k)" most 4
	bar "mail-deliver, 12 KB" "$(syncs_of mail-deliver-12k)" most 4
	bar "line, 1 MB" "$(syncs_of line-1m)" most 4
}
