#!/usr/bin/env bats
# Exit statuses: whatever comes in and whatever is broken, only 0, 64, 65 and 75
# come out, and only 0 and 75 where an MTA waits.

setup() {
	load helpers
	mailpipe_setup
	mail | line_receive t q
}

# Those that read records, one a line.
readers() {
	printf '%s\n' "mail-store put" "mail-store get" "mail-queue put q" \
		"mail-queue settle" "mail-dispatch -- true"
}

# Those that read the ledger.
ledger_readers() {
	printf '%s\n' "mail-store list" "mail-store show x" "mail-store cat x" \
		"mail-store stats" "mail-store doctor" "mail-queue take -c 1 q" \
		"mail-queue stats" "mail-queue list q" "mail-queue pause" \
		"mail-queue drop -n --all q"
}

# bad_inputs: files in/NAME, each with one good record before and behind.
bad_inputs() {
	local good='{"id":"good%d","tenant":"t"}\n' name
	mkdir in
	printf '{"id":"a"\n' >in/broken
	printf '{"id":"a\0b","tenant":"t"}\n' >in/nul
	printf '{"id":"a","tenant":"\xff"}\n' >in/not-utf8
	printf '"a string"\n[]\n7\nnull\n' >in/no-object
	printf '{"tenant":"t","id":""}\n' >in/no-id
	printf '{"id":"a","tenant":"../x"}\n' >in/bad-tenant
	printf '{"id":7,"tenant":["t"]}\n' >in/wrong-types
	printf '{"id":"a","tenant":"t","lease":7,"blob":"x","content":[]}\n' \
		>in/wrong-sections
	{ head -c 5000 /dev/zero | tr '\0' '['; echo; } >in/deep
	{ head -c 9000000 /dev/zero | tr '\0' 'x'; echo; } >in/too-long
	for name in in/*; do
		# shellcheck disable=SC2059 # the format of a record
		{ printf "$good" 1; cat "$name"; printf "$good" 2; } >x
		mv x "$name"
	done
	printf '{"id":"a","tenant":"t"}' >in/cut
	printf '{"v":2,"id":"a","tenant":"t"}\n' >in/newer
}

@test "matrix: bad input is 65 or 75, the good records beside it are handled" {
	bad_inputs
	readers | while read -r reader; do
		for input in in/*; do
			status=0
			$reader <"$input" >out 2>err || status=$?
			case $reader:$status in
			"mail-queue put q":75) ;;
			"mail-queue put q":*) echo "$reader <$input: $status" ;;
			*:65 | *:75) ;;
			*) echo "$reader <$input: $status" ;;
			esac
			[ -s err ] || echo "$reader <$input: no word about it"
			awk 'length > 1000 {exit 1}' err || echo "$reader <$input: long"
		done
	done >wrong
	cat wrong
	[ ! -s wrong ]
	[ "$(ids ready | grep -c good)" = 2 ]
}

@test "matrix: stdin or stdout closed, full or with nobody behind" {
	{ readers; ledger_readers; echo "mail-ingest -t t"; } | while read -r c; do
		for how in '<&-' '>&- </dev/null' '>/dev/full </dev/null' \
			'2>&- </dev/null' '</ >/dev/null'; do
			status=0
			sh -c "$c $how" >out 2>err || status=$?
			case $c:$status in
			"mail-queue put q":0 | "mail-queue put q":75) ;;
			"mail-queue put q":*) echo "$c $how: $status" ;;
			*:0 | *:65 | *:75) ;;
			*) echo "$c $how: $status" ;;
			esac
		done
	done >wrong
	cat wrong
	[ ! -s wrong ]
	mail-store list >records
	sh -c 'mail-store get >/dev/full' <records 2>err || status=$?
	[ "$status" = 75 ]
}

@test "matrix: a ledger that is no database, or damaged, is 75 and not touched" {
	mail-store stats >/dev/null
	sqlite3 state/mail.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	cp state/mail.db good.db
	for damage in 'echo nonsense >state/mail.db' ': >state/mail.lock; chmod 0 state/mail.db' \
		'dd if=/dev/urandom of=state/mail.db bs=1 count=3000 seek=500 conv=notrunc status=none'; do
		rm -f state/mail.db*
		cp good.db state/mail.db
		eval "$damage"
		{ ledger_readers; echo "mail-queue settle"; } | while read -r c; do
			status=0
			echo '{"id":"x","tenant":"t","lease":{"handle":"a.1"}}' |
				$c >out 2>err || status=$?
			case $status in
			65 | 75) ;;
			0) [ "$(id -u)" = 0 ] && [[ $damage == *chmod* ]] ||
				[[ $damage == dd* ]] || echo "$c: 0 after $damage" ;;
			*) echo "$c: $status after $damage" ;;
			esac
		done
	done >wrong
	cat wrong
	[ ! -s wrong ]
	# Receiving needs no ledger.
	mail again | line_receive t q
}

@test "matrix: little memory and few descriptors" {
	{ readers; ledger_readers; echo "mail-ingest -t t"; echo "mail-deliver -t t q"; } |
		while read -r c; do
			for limit in '-v 16384' '-v 24576' '-v 49152' '-n 8' '-f 0'; do
				is_sanitized && [[ $limit == -v* ]] && continue
				status=0
				mail | bash -c "ulimit $limit; exec $c" >out 2>err ||
					status=$?
				case $status in
				0 | 65 | 75) ;;
				*) echo "$c with $limit: $status $(cat err)" ;;
				esac
			done
		done >wrong
	cat wrong
	[ ! -s wrong ]
}
