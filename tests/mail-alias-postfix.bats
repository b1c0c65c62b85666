#!/usr/bin/env bats
# An old aliases file of a real Postfix, imported: its handlers, unchanged, get
# from the queue what they got from Postfix: bytes, arguments, environment.

load helpers
load postfix.d/helpers

setup() {
	mailpipe_setup
	mta_setup
	mkdir "$dir/seen"
	chown nobody "$dir/seen"
	# A handler that keeps what it gets, under a name that one mail has
	# whenever it is piped: not of its From line, which has a time.
	cat >"$dir/keep" <<-END
		#!/bin/sh
		mail=\$(mktemp $dir/seen/XXXXXX) || exit 75
		cat >"\$mail"
		name=$dir/seen/\$(tail -n +2 "\$mail" | md5sum | cut -c -32).\${1:-bare}
		mv "\$mail" "\$name.mail"
		printf '%s\n' "\$@" >"\$name.argv"
		env -0 | sort -z >"\$name.env"
	END
	chmod 755 "$dir/keep"
}

teardown() { mta_teardown; }

# Without what depends on who runs it.
of_the_mail() {
	tr '\0' '\n' <"$1" | grep -vE \
		'^(PATH|TZ|LANG|PWD|OLDPWD|SHLVL|_|MAIL_[A-Z]+|MAILPIPE_[A-Z]+)='
}

old_aliases() {
	cat <<-END
		Quoted: "|$dir/keep quoted 'two  words' a\\\\ b"
		half: |"$dir/keep half"
		bare: |$dir/keep
		shell: "|IFS=' ' && exec $dir/keep shell \"\$EXTENSION\" || exit 75 #x"
		lasting: "|$dir/keep lasting
		    more
		  and-more"
		odd*name: |"$dir/keep odd"
		twice: "|$dir/keep one", "|$dir/keep two"
		owner-half: boss@example.test
	END
	# Another language, as most of them are.
	if command -v php >/dev/null; then
		echo "php: \"|$(command -v php) $dir/keep.php 001\""
		cat >"$dir/keep.php" <<-END
			<?php
			\$p = proc_open(['$dir/keep', 'php', \$argv[1]], [STDIN], \$pipes);
			exit(proc_close(\$p));
		END
		chmod 644 "$dir/keep.php"
	fi
}

# live FORM: import the old file; the new lines, with the old targets behind
# them, are in force.  Both get the same mail in the same try.
live() {
	old_aliases >"$dir/old"
	echo '{}' >"$dir/config.json"
	mail-alias import "$dir/old" >new.json
	mail-alias import --aliases --form "$1" --bin "$dir/bin" "$dir/old" >new
	cp new.json "$dir/config.json"
	postalias -o -c "$pf_dir/etc" "hash:$PWD/new" 2>warnings
	[ ! -s warnings ]
	mail-alias check --bin "$dir/bin" new
	while IFS= read -r line; do
		name=${line%%: \"|*}
		# Joined, as postalias would: mail-alias has read it the same.
		old=$(sed -e ':a' -e 'N' -e '$!ba' -e 's/\n[ \t]/ /g' "$dir/old" |
			grep -iF -- "${name//\"/}:" | head -n 1)
		echo "$line, ${old#*: }"
	done <new >"$dir/both"
	pf_alias "$(cat "$dir/both")" 'owner-half: boss@example.test'
	mail-alias check --bin "$dir/bin" "$pf_dir/aliases/aliases"
}

same_handling() {
	need php
	live "$1"
	pf_start 3>&-
	n=0
	for mail in "$MAILPIPE_REPO"/tests/mails/mikel-*.eml; do
		for alias in quoted half+$n bare shell+ext-$n lasting 'odd*name' \
			twice php; do
			pf_send "$mail" "$alias@example.test" "bob+$n@example.com"
		done
		n=$((n + 1))
		[ $n -lt 3 ] || break
	done
	pf_wait_empty 60
	no_deferral
	mv "$dir/seen" "$dir/direct"
	mkdir "$dir/seen"
	chown nobody "$dir/seen"
	worker env -i PATH="$PATH" MAILPIPE_STATE="$MAILPIPE_STATE" \
		MAILPIPE_CONFIG="$MAILPIPE_CONFIG" bash -o pipefail -c "
		mail-queue take -1 inbound | mail-dispatch -P 4 |
			mail-queue settle"
	# Nine handlers, three mails each.
	[ "$(worker mail-store list | jq -r .state | sort | uniq -c | xargs)" = \
		"27 succeeded" ]
	[ "$(find "$dir/seen" -name '*.mail' | wc -l)" = 27 ]
	diff <(ls "$dir/direct") <(ls "$dir/seen")
	for file in "$dir"/seen/*; do
		direct=$dir/direct/${file##*/}
		case $file in
		*.mail)
			cmp <(tail -n +2 "$file") <(tail -n +2 "$direct")
			diff <(head -n 1 "$file" | cut -d ' ' -f 1,2) \
				<(head -n 1 "$direct" | cut -d ' ' -f 1,2)
			;;
		*.argv) diff "$file" "$direct" ;;
		*.env) diff <(of_the_mail "$file") <(of_the_mail "$direct") ;;
		esac
	done
	grep -qx 'SENDER=owner-half@mx.example.test' <(cat "$dir"/seen/*.half.env |
		tr '\0' '\n')
	[ "$(sort -u "$dir"/seen/*.shell.argv)" = "$(printf '%s\n' ext-0 ext-1 \
		ext-2 shell | sort)" ]
}

@test "mail-alias, postfix: handlers see the same, by mail-deliver" {
	same_handling deliver
}

@test "mail-alias, postfix: handlers see the same, by the line of a shell" {
	same_handling line
}

@test "mail-alias, postfix: names and targets are read as postalias reads them" {
	mail-alias import --aliases --bin "$dir/bin" \
		"$MAILPIPE_REPO/tests/alias.d/postfix" >new 2>/dev/null
	cp "$MAILPIPE_REPO/tests/alias.d/postfix" old
	for file in old new; do
		postalias -o -c "$pf_dir/etc" "hash:$PWD/$file"
		postalias -o -c "$pf_dir/etc" -s "hash:$PWD/$file" |
			grep -v '^@\|^YP_' | sort >$file.is
	done
	# The same names, but for those without a command.
	diff <(cut -d : -f 1 old.is | grep -vxE 'postmaster|root') \
		<(cut -d : -f 1 new.is)
	# And but for the commands the same targets.
	diff <(grep '^orders:' old.is | sed 's/"|[^"]*"/COMMAND/') \
		<(grep '^orders:' new.is | sed 's/"|[^"]*"/COMMAND/')
}
