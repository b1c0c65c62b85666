# What every section of tests/bench/run uses: scratch files, contestants, rounds,
# medians, tables.
#
#   $work      scratch, in a fresh top-level directory, gone at the end
#   $spool     $work/spool: where contestants keep mail
#   $mails     messages, $mails/0000 to $mails/0999
#   results    lines "TABLE NAME KEY=VALUE..." in $work/results
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly worker=nobody worker_group=nogroup
readonly tools=(mail-ingest mail-deliver mail-store mail-queue mail-dispatch)
readonly alias_line='mail-ingest -t ne-001 | mail-store put | mail-queue put inbound || exit 75'

## Setting up.

# A new top-level directory is in an ext4 block group of its own.  In a tree
# where much was deleted lately each new file costs up to a millisecond more,
# for minutes; therefore nothing is deleted before the end either, see fresh().
set_up() {
	local bin=${MAILPIPE_BIN:-$repo/bin}
	work=$(mktemp -d "${BENCH_WORK:-/}/mailpipe-bench.XXXXXX") || return
	mails=$work/mails spool=$work/spool
	chmod 755 "$work"
	mkdir "$work/bin" "$mails" "$spool" "$work/big"
	install -d -o "$worker" "$work/home"
	# Copies: nobody can go there, and a build meanwhile changes nothing.
	cp "${tools[@]/#/$bin/}" "$work/bin/" || return
	build_helper drive && build_helper floor || return
	PATH=$work/bin:$PATH:/usr/sbin:/sbin
	LC_ALL=C awk -v dir="$mails" -v count=1000 -f "$here/mails.awk"
	printf '{"engines":{"mail":"sqlite:direct"}}\n' >"$work/direct.json"
	make_keys || return
	chmod -R a+rX "$work/bin" "$mails" "$work/direct.json" \
		"$work/sealed.json"
	: >"$work/results"
	load_before=$(cut -d' ' -f1 /proc/loadavg)
	if [ "${load_before%.*}" -gt 0 ]; then
		echo "the machine is busy (load $load_before): trust ratios only" >&2
	fi
	set_up_peers
}

# The worker's keys; what only receives reads the public one.
make_keys() {
	local secret=$work/home/secret
	as_worker mail-store keygen --secret "$secret" |
		sed "s,.*\"public\":\"\([^\"]*\)\".*,{\"keys\":{\"public\":\"\1\"\,\"secret_file\":\"$secret\"}}," \
			>"$work/sealed.json"
}

build_helper() {
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -static -o "$work/bin/$1" \
		"$here/$1.c" 2>/dev/null ||
		${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$work/bin/$1" \
			"$here/$1.c"
}

# An ext4 of its own over the spools; $disk is its device.
mount_disk() {
	rm -f "$work/disk"
	truncate -s 2G "$work/disk" &&
		mkfs.ext4 -q "$work/disk" &&
		mount -o loop "$work/disk" "$spool" || return
	disk=$(findmnt -n -o SOURCE "$spool")
	disk=${disk#/dev/}
}

unmount_disk() {
	! mountpoint -q "$spool" || umount "$spool"
}

clean_up() {
	pf_stop
	stop_all
	unmount_disk
	rm -rf --one-file-system "$work"
}

# fresh DIR...: empty directories that the worker owns; what was there before
# is moved away, not deleted.
fresh() {
	local dir
	for dir; do
		[ ! -e "$dir" ] || trash "$dir"
		install -d -o "$worker" "$dir"
	done
}

trash() {
	mkdir -p "$spool/trash"
	mv "$1" "$(mktemp -d "$spool/trash/XXXXXX")"
}

# as_worker [NAME=VALUE]... COMMAND...: as an MTA would run it.
as_worker() {
	setpriv --reuid "$worker" --regid "$worker_group" --clear-groups \
		env -i PATH="$PATH" HOME="$work/home" USER="$worker" \
		SENDER=a@bench.test RECIPIENT=t@bench.test "$@"
}

## Programs in the background: servers, and lines that wait.

# start NAME COMMAND...: as the worker.  $work/pids/NAME is the process to end,
# $work/pids/NAME.job the one to wait for, which is a parent of all it needs.
start() {
	local name=$1
	shift
	install -d -o "$worker" "$work/pids"
	as_worker sh -c 'echo $$ >"$0"; exec "$@"' "$work/pids/$name" "$@" &
	echo $! >"$work/pids/$name.job"
}

# stop NAME: end it, and wait until it and what it started have ended.
stop() {
	local pid job
	[ -e "$work/pids/$1.job" ] || return 0
	job=$(cat "$work/pids/$1.job")
	while kill -0 "$job" 2>/dev/null && [ ! -s "$work/pids/$1" ]; do
		sleep 0.01
	done
	pid=$(cat "$work/pids/$1")
	kill -TERM "$pid" 2>/dev/null
	rm -f "$work/pids/$1" "$work/pids/$1.job"
	wait "$job" 2>/dev/null
	local status=$?
	while kill -0 "$job" 2>/dev/null; do sleep 0.01; done
	return $status
}

# What a run that was broken off has left.
stop_all() {
	local file
	for file in "$work"/pids/*.job; do
		[ ! -e "$file" ] || stop "$(basename "$file" .job)"
	done
}

# cpu_ticks NAME: used by it and by all below it, those that have ended included;
# a tick is 10 ms.
cpu_ticks() {
	cat /proc/[0-9]*/stat 2>/dev/null |
		awk -v top="$(cat "$work/pids/$1.job")" '
		{
			pid = $1
			sub(/^.*\) /, "")
			parent[pid] = $2
			ticks[pid] = $12 + $13 + $14 + $15
		}
		END {
			for (pid in parent) {
				up = pid
				while (up != top && up in parent)
					up = parent[up]
				if (up == top) sum += ticks[pid]
			}
			print sum + 0
		}'
}

wrong() { printf '%s\n' "$*" | tee -a "$work/wrong" >&2; }

## Rounds.

wanted() {
	case $only_names in
	'' | *",$1,"*) return 0 ;;
	esac
	return 1
}

# race TABLE ROUNDS RUNNER NAME...: RUNNER NAME prints KEY=VALUE...; a failed
# one is not counted.
race() {
	local table=$1 rounds=$2 runner=$3 round i name names=() line
	shift 3
	for name; do
		wanted "$name" && names+=("$name")
	done
	for ((round = 0; round < rounds; round++)); do
		for ((i = 0; i < ${#names[@]}; i++)); do
			name=${names[(i + round) % ${#names[@]}]}
			sync
			if line=$("$runner" "$name" 2>"$work/stderr"); then
				printf '%s\t%s\t%s\n' "$table" "$name" \
					"$line" >>"$work/results"
			else
				wrong "$table: $name: $(tail -n 3 "$work/stderr")"
			fi
			progress "$table: round $((round + 1)): $name"
		done
	done
	progress
}

progress() {
	[ ! -t 2 ] || printf '\r\033[K%s' "$*" >&2
}

# rate N COMMAND...: run it; "rate=N over its seconds".
rate() {
	local n=$1 start end
	shift
	start=$(date +%s%N)
	"$@" || return
	end=$(date +%s%N)
	awk -v n="$n" -v ns=$((end - start)) \
		'BEGIN {printf "rate=%.2f\n", n * 1e9 / ns}'
}

# count_is EXPECTED WHAT COMMAND...: the command prints that number.
count_is() {
	local expected=$1 what=$2 got
	shift 2
	got=$("$@")
	[ "$got" = "$expected" ] && return 0
	echo "$what: $got instead of $expected" >&2
	return 1
}

files_in() { find "$@" -type f | wc -l; }

## Medians and tables.

# median TABLE NAME KEY: nothing when it was not measured.
median() {
	awk -F '\t' -v table="$1" -v name="$2" -v key="$3" '
		$1 == table && $2 == name {
			n = split($3, pairs, " ")
			for (i = 1; i <= n; i++)
				if (index(pairs[i], key "=") == 1)
					print substr(pairs[i], length(key) + 2)
		}' "$work/results" | sort -g | awk '
		{v[NR] = $1}
		END {
			if (NR % 2) print v[(NR + 1) / 2]
			else if (NR) print (v[NR / 2] + v[NR / 2 + 1]) / 2
		}'
}

# ratio A B: "-" when one is missing.
ratio() {
	if [ -n "$1" ] && [ -n "$2" ]; then
		awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'
	else
		printf '%s' -
	fi
}

# figure FORMAT VALUE
figure() {
	# shellcheck disable=SC2059 # that is what it is for
	[ -n "$2" ] && printf "$1" "$2" || printf '%s' -
}

row() {
	printf '|'
	printf ' %s |' "$@"
	printf '\n'
}

header() {
	row "$@"
	printf '|'
	shift
	printf -- '---|'
	printf -- '---:|%.0s' "$@"
	printf '\n'
}

# bar WHAT VALUE least|most LIMIT
bar() {
	local verdict=missed
	case $2 in
	-) verdict='not measured' ;;
	*) awk -v v="$2" -v how="$3" -v limit="$4" 'BEGIN {
			exit !(how == "least" ? v >= limit : v <= limit)}' &&
		verdict=met ;;
	esac
	row "$1" "$2" "at $3 $4" "$verdict"
}

bars_header() {
	printf '\n'
	header "bar" "measured" "wanted" ""
}

## The whole of it.

machine() {
	printf '`tests/bench/run`'
	git -C "$repo" rev-parse --short HEAD 2>/dev/null |
		sed 's/^/ of commit /' | tr -d '\n'
	printf ', %s, %s rounds.\n' "$(date -u +%Y-%m-%d)" "$rounds"
	printf '%s, %s processors, %s on %s, Linux %s; load before: %s.\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		"$(nproc)" "$(df --output=fstype "$work" | tail -n 1)" \
		"$(df --output=source "$work" | tail -n 1)" "$(uname -r)" \
		"$load_before"
	peer_versions
}

write_readme() {
	local readme=$here/README.md
	cat >"$work/tables"
	awk -v tables="$work/tables" '
		/^<!-- end of the tables -->$/ {inside = 0}
		!inside
		/^<!-- tables/ {
			inside = 1
			print ""
			while ((getline line <tables) > 0) print line
			print ""
		}' "$readme" >"$work/readme" && cat "$work/readme" >"$readme"
}
