#!/usr/bin/env bats
# Keys of encryption at rest where something is against them: programs that are
# killed, disks that fail, several at once, keys that are not there.

load helpers

setup() {
	mailpipe_setup
	need jq
	mail small 3000 >small
	mail large 300000 >large
}

teardown() { mailpipe_teardown; }

# keys N: a pair, secretN and publicN.
keys() {
	mail-store keygen --secret "$PWD/secret$1" --public "$PWD/public$1" \
		>made"$1"
}

# use PUBLIC [RING]: the configuration from now on; - is no public key.
use() {
	jq -n --arg p "$PWD/$1" --arg s "${2:+$PWD/${2:-}}" '{keys:
		((if $p | endswith("/-") then {} else {public: $p} end) +
		if $s == "" then {} else {secret_file: $s} end)}' >config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

@test "keygen: what could not be said leaves no key behind" {
	run -75 --separate-stderr sh -c 'mail-store keygen --secret "$PWD/s" \
		--public "$PWD/p" >/dev/full'
	[ ! -e s ]
	[ ! -e p ]
	run -75 --separate-stderr sh -c 'mail-store keygen --secret "$PWD/s" \
		>&-'
	[ ! -e s ]
	mail-store keygen --secret "$PWD/s" --public "$PWD/p" >made
	[ "$(cat p)" = "$(jq -r .public made)" ]
}

@test "keygen: killed or failing at each call, it leaves a whole key or none" {
	preloadable
	for call in write fsync close openat; do
		for action in ENOSPC kill kill-after; do
			for nth in 1 2 3 4 5; do
				rm -f s p
				inject $call $nth $action mail-store keygen \
					--secret "$PWD/s" --public "$PWD/p" \
					>made 2>err || true
				for f in s p; do
					[ ! -s $f ] || grep -qE \
						'^mailpipe-[a-z]*-1:[0-9a-f]{64}$' $f
				done
				# One that was said is there.
				[ ! -s made ] || [ "$(cat p)" = \
					"$(jq -r .public made)" ]
				[ $action != ENOSPC ] || [ -s made ] ||
					[ ! -e s ]
				[ ! -e s ] || [ "$(stat -c %a s)" = 600 ]
			done
		done
	done
}

@test "keygen: of many at once one makes the pair" {
	for i in 1 2 3 4 5 6 7 8; do
		mail-store keygen --secret "$PWD/s" --public "$PWD/p" \
			>"made.$i" 2>"err.$i" &
	done
	wait
	[ "$(cat made.* | wc -l)" = 1 ]
	[ "$(cat p)" = "$(cat made.* | jq -r .public)" ]
	[ "$(grep -l 'is there already' err.* | wc -l)" = 7 ]
}

# stored: mails of two tenants, sealed to key 1, with a ring for key 2 in use.
stored() {
	keys 1
	keys 2
	use public1 secret1
	receive ne-001 <small
	receive ne-002 <large
	mail-store list >/dev/null # drawn
	cat secret1 secret2 >ring
	chmod 600 ring
	use public2 ring
}

@test "rekey: a blob whose sync has failed is done again" {
	preloadable
	stored
	# The first syncs are those of blobs, of one each.
	run -75 --separate-stderr inject fdatasync 1 EIO mail-store rekey
	[[ $stderr == *"not sealed anew: "* ]]
	[[ $stderr != *"no stored mail needs another key"* ]]
	run -0 --separate-stderr mail-store rekey
	[[ $stderr == *"1 records and 1 blobs sealed anew"* ]]
	use public2 secret2
	for id in $(ids); do
		same_bytes "$id" "$(mail-store list "$id" | jq -r .message.subject)"
	done
}

@test "rekey: nothing is said to be done that may not be on the disk" {
	preloadable
	stored
	inject fdatasync 1 kill mail-store rekey || [ $? = 137 ]
	run -75 --separate-stderr inject syncfs 1 EIO mail-store rekey
	[[ $stderr == *"2 records and 1 blobs sealed anew"* ]]
	[[ $stderr != *"no stored mail needs another key"* ]]
	[[ $stderr == *"blobs: sync: "* ]]
	run -0 --separate-stderr mail-store rekey
	[[ $stderr == *"no stored mail needs another key now"* ]]
}

@test "rekey: beside readers, writers and another rekey nobody reads half a key" {
	keys 1
	keys 2
	cat secret1 secret2 >ring
	chmod 600 ring
	for i in 1 2; do
		use public$i ring
		mv config.json config$i.json
	done
	export MAILPIPE_CONFIG=$PWD/config1.json
	for i in $(seq 20); do receive "ne-$i" <small; done
	receive ne-large <large
	mapfile -t all < <(ids)
	read_all() {
		while [ ! -e over ]; do
			for id in "${all[@]}"; do
				mail-store cat "$id" >got || echo cat >>unread
				cmp -s got small || cmp -s got large ||
					echo "$id" >>unread
			done
			mail-store verify >>findings 2>&1 || echo verify >>unread
			mail-store list | jq -e '.message.subject' >/dev/null ||
				echo list >>unread
		done
	}
	write_all() {
		while [ ! -e over ]; do
			receive "new-$((n++))" <small || echo put >>unread
			mail-store reparse 2>>findings || echo reparse >>unread
		done
	}
	read_all &
	n=0 write_all &
	for i in 2 1 2 1 2 1 2; do
		for one in 1 2; do
			MAILPIPE_CONFIG=$PWD/config$i.json mail-store rekey \
				2>"said.$one" || echo "rekey $?" >>maybe &
			rekeys[one]=$!
		done
		wait "${rekeys[@]}"
	done
	: >over
	wait
	if [ -e unread ]; then cat unread findings; false; fi
	# What was written meanwhile has either key, until it is run again.
	MAILPIPE_CONFIG=$PWD/config2.json mail-store rekey
	use public2 secret2
	[ "$(mail-store list | jq -r .message.subject | sort -u | xargs)" = \
		"large small" ]
	mail-store verify
	for id in "${all[@]}"; do
		mail-store cat "$id" | cmp -s - small ||
			mail-store cat "$id" | cmp - large
	done
}

# found FINDING...: what verify has printed to got.
found() { [ "$(jq -r .finding got | xargs)" = "$*" ]; }

@test "verify: without the secret key it says once what it cannot look into" {
	stored
	use public1
	run -75 --separate-stderr mail-store verify
	[ -z "$output" ]
	[ "$(grep -c '4 sealed records and blobs could not be looked into: .*the secret key is missing' \
		<<<"$stderr")" = 1 ]
	[[ ${stderr_lines[-1]} == *"the rest is sound"* ]]
	# With a ring that lacks the one.
	use public2 secret2
	run -75 --separate-stderr mail-store verify
	[[ $stderr == *"4 sealed records and blobs"*"is none of the 1 in"* ]]
	# What is certain is said: gone, cut, no header, longer.
	blob=$(echo state/blobs/*/*/*/"$(ids | head -n 1)".0)
	cp "$blob" whole
	for how in "rm -f" "truncate -s -1" "truncate -s 100" "truncate -s +1"; do
		$how "$blob"
		run -65 --separate-stderr mail-store verify
		echo "$output" >got
		case $how in rm*) found missing ;; *) found damaged ;; esac
		[[ $stderr == *"3 sealed records and blobs"* ]]
		cp whole "$blob"
	done
	use public1 secret1
	run -0 --separate-stderr mail-store verify
	[ -z "$output$stderr" ]
}

@test "verify: a sealed record that is damaged, or another mail's, is 65" {
	need sqlite3
	stored
	use public1 secret1
	sealed() { echo "substr(json_extract(record,'\$.sealed'), $1)"; }
	cp -r state sound
	for change in "replace(record, $(sealed '300, 4'), 'AAAA')" \
		"replace(record, $(sealed '-8'), '')" \
		"replace(record, $(sealed 1), (SELECT $(sealed 1) FROM mail
			WHERE seq = 2))" \
		"replace(record, $(sealed 1), '1.')"; do
		rm -rf state && cp -r sound state
		sqlite3 state/mail.db "UPDATE mail SET record = $change
			WHERE seq = 1"
		run -65 --separate-stderr mail-store verify
		echo "$output" >got
		found damaged
		jq -e --arg id "$(ids | head -n 1)" '.id == $id and
			.ref == "mail.db"' got
	done
}

@test "verify --budget: ends, and --resume comes to the end" {
	need_release # no leak check under strace
	need strace
	stored
	use public1 secret1
	for i in 1 2 3; do
		jq -cn --arg i "$i" '{id: "m\($i)", tenant: "t", content:
			{base64: ("x" * 40000 | @base64)}}'
	done | mail-store put >/dev/null
	mail-store list >/dev/null
	rm state/blobs/*/*/*/m3.0
	# A disk so slow that a second is not enough for anything.
	: >got
	for ((n = 1; n < 20; n++)); do
		run --separate-stderr strace -f -qq -e trace=pread64 \
			-e inject=pread64:delay_enter=40000 -o /dev/null \
			mail-store verify --budget 1s --resume
		echo "$output" >>got
		[ "$status" = 75 ] || break
		[[ $stderr == *"the budget is over: --resume goes on"* ]]
		[ -s state/verify ]
	done
	echo "$n runs, then $status"
	[ "$n" -gt 1 ]
	found missing
	[ "$status" = 0 ]
	[ ! -e state/verify ]
}

# keys_are STATUS TEXT: what doctor says of them.
keys_are() {
	local want=0
	[ "$1" != fail ] || want=75
	run -$want --separate-stderr mail-store doctor -o json
	jq -se --arg status "$1" --arg text "$2" 'map(select(.check == "keys"))
		| length == 1 and .[0].status == $status and
		(.[0].detail | contains($text))' <<<"$output" || {
		jq -c 'select(.check == "keys")' <<<"$output"
		return 1
	}
	[[ $output != *mailpipe-secret* ]]
}

@test "doctor: keys that are there and fit, or do not" {
	receive <small
	echo '{}' >config.json
	keys_are ok "in the clear"
	keys 1
	keys 2
	use public1
	keys_are ok "not read here"
	use public1 secret1
	keys_are ok "one of 1 secret keys"
	use public2 secret1
	keys_are fail "append it"
	use - secret1
	keys_are warn "new mail is stored in the clear"
	use public1 secret1
	chmod 666 public1
	keys_are warn "others can change"
	chmod 644 public1
	chmod 640 secret1
	keys_are fail "others can read"
	chmod 600 secret1
	cp secret1 kept
	echo mailpipe-secret-1:12 >>secret1
	keys_are fail "line 2 is not a key"
	rm secret1
	keys_are fail "the secret key is missing"
	cp kept public1
	keys_are fail "no mail is received"
	rm public1
	keys_are fail "no such file"
	mv kept secret1
	chmod 600 secret1
	use public2 secret1
	keys_are fail "append it"
}

@test "doctor: keys of another user's are named" {
	need_root
	receive <small
	keys 1
	use public1 secret1
	chown nobody public1
	keys_are warn "belongs to uid"
	chown root public1
	chown nobody secret1
	keys_are fail "belongs to uid"
}

@test "keys: a secret key in memory goes into no core" {
	need_release
	need_root
	need python3
	keys 1
	use public1 secret1
	mail huge 3000000 | receive
	mkfifo out
	mail-store cat "$(ids)" >out &
	pid=$!
	exec 9<out
	head -c 1 <&9 >/dev/null # it has the key by now
	python3 - $pid "$PWD/secret1" >where <<-'END'
		import sys
		pid = sys.argv[1]
		key = bytes.fromhex(open(sys.argv[2]).read().strip().split(':')[1])
		where = None
		with open('/proc/%s/mem' % pid, 'rb') as mem:
		    for line in open('/proc/%s/smaps' % pid):
		        word = line.split()
		        if '-' in word[0] and not word[0].endswith(':'):
		            at, end = (int(x, 16) for x in word[0].split('-'))
		            try:
		                mem.seek(at)
		                where = key in mem.read(end - at)
		            except (OSError, ValueError, OverflowError):
		                where = False
		        if word[0] == 'VmFlags:' and where:
		            print('dump' if 'dd' not in word else 'hidden')
	END
	kill $pid
	exec 9<&-
	[ "$(cat where)" = hidden ]
}
