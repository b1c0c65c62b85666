#!/usr/bin/env bats
# DKIM signatures, by the programs that others verify them with: dkimpy,
# OpenDKIM, Mail::DKIM.  What is signed and how: tests/unit/dkim.c.

setup() {
	load helpers
	mailpipe_setup
	here=$MAILPIPE_REPO/tests/dkim.d
	dkim=$MAILPIPE_REPO/build/release/driver/dkim
	! is_sanitized || dkim=$MAILPIPE_REPO/build/san/driver/dkim
	[ -x "$dkim" ] || skip "no $dkim: make units"
	need python3
	export PYTHONDONTWRITEBYTECODE=1
}

# Two keys, with the records that publish them in the file "keys".
make_keys() {
	local a
	for a in rsa ed25519; do
		"$dkim" keygen $a >$a.pem
		"$dkim" record example.jp $a $a.pem >$a.zone
	done
	cat rsa.zone ed25519.zone | plain_records >keys
}

# Zone file form to "NAME TEXT".
plain_records() {
	sed -E 's/^([^ ]+)\. IN TXT \( "(.*)" \)$/\1 \2/; s/" "//g'
}

# sign FROM TO: with both, RSA first.
sign() {
	"$dkim" sign example.jp rsa rsa.pem ed25519 ed25519.pem <"$1" >"$2"
}

# All messages, signed, in the directory "signed".
make_messages() {
	local file
	make_keys
	python3 "$here/messages.py" plain
	mkdir signed
	for file in plain/*; do
		sign "$file" "signed/${file##*/}"
	done
}

# Those of the signed messages that were changed on the way, in "bad".
make_bad() {
	make_keys
	python3 "$here/messages.py" plain
	sign plain/plain whole
	mkdir bad
	sed 's/^world/World/' whole >bad/body
	sed 's/^world/world\r\nmore/' whole >bad/more
	sed 's/^To: a/To: b/' whole >bad/to
	sed 's/^Subject: test/Subject: Test/' whole >bad/subject
	local field
	for field in Subject From To Cc Reply-To Date Message-ID Content-Type \
		MIME-Version List-Unsubscribe List-Unsubscribe-Post; do
		printf '%s: x\r\n' $field | cat - whole >bad/above-$field
	done
	sed 's/^To: a/Subject: x\r\n&/' whole >bad/inside
	sed 's/^Subject: test/&\r\nSubject: x/' whole >bad/below
	local file
	for file in bad/*; do
		! cmp -s whole "$file"
	done
}

need_dkimpy() {
	local p
	for p in python3 /usr/bin/python3; do
		if "$p" -c 'import dkim, nacl' 2>/dev/null; then
			python=$p
			return
		fi
	done
	skip "no dkimpy with PyNaCl here"
}

need_opendkim() {
	need cc
	cc -w -o opendkim "$here/opendkim.c" -lopendkim 2>/dev/null ||
		skip "no libopendkim-dev here"
}

need_mail_dkim() {
	need perl
	perl -MMail::DKIM -e 1 2>/dev/null || skip "no Mail::DKIM here"
}

# expect FILE WORDS FILES...: the verifier said these words of each.
expect() {
	local said=$1 words=$2 file
	shift 2
	for file; do
		echo "${file##*/} $words"
	done | diff - "$said"
}

# expect_no_pass FILES...: it took none of them for good.
expect_no_pass() {
	local said=$1 file
	shift
	for file; do
		echo "${file##*/}"
	done | diff - <(cut -d ' ' -f 1 "$said")
	! grep pass "$said"
}

@test "dkim: dkimpy verifies every message, by RSA and Ed25519" {
	need_dkimpy
	make_messages
	rm signed/old-form
	"$python" "$here/verify.py" keys signed/* >said
	expect said "pass pass" signed/*
}

@test "dkim: OpenDKIM verifies every message, by RSA and Ed25519" {
	need_opendkim
	make_messages
	./opendkim keys signed/* >said
	expect said "pass pass" signed/*
}

# Debian 12's knows no Ed25519 and calls such a signature invalid; its opinion
# of that one is left out.
@test "dkim: Mail::DKIM verifies every message, by RSA" {
	need_mail_dkim
	make_messages
	perl "$here/verify.pl" keys signed/* | cut -d ' ' -f 1,2 >said
	expect said pass signed/*
}

@test "dkim: one key alone is as good" {
	need_dkimpy
	make_keys
	python3 "$here/messages.py" plain
	mkdir one
	"$dkim" sign example.jp rsa rsa.pem <plain/lf >one/rsa
	"$dkim" sign example.jp ed25519 ed25519.pem <plain/lf >one/ed
	"$python" "$here/verify.py" keys one/* >said
	expect said pass one/*
}

@test "dkim: dkimpy sees what was altered or added" {
	need_dkimpy
	make_bad
	"$python" "$here/verify.py" keys whole bad/* >said
	[ "$(head -n 1 said)" = "whole pass pass" ]
	sed -i 1d said
	expect_no_pass said bad/*
}

@test "dkim: OpenDKIM sees what was altered or added" {
	need_opendkim
	make_bad
	./opendkim keys whole bad/* >said
	[ "$(head -n 1 said)" = "whole pass pass" ]
	sed -i 1d said
	expect_no_pass said bad/*
}

@test "dkim: Mail::DKIM sees what was altered or added" {
	need_mail_dkim
	make_bad
	perl "$here/verify.pl" keys whole bad/* >said
	[[ $(head -n 1 said) == "whole pass "* ]]
	sed -i 1d said
	expect_no_pass said bad/*
}

@test "dkim: OpenSSL's own keys serve, PKCS#8 and PKCS#1" {
	need openssl
	need_dkimpy
	openssl genrsa -traditional -out rsa.pem 2048 2>/dev/null
	grep -q '^-----BEGIN RSA PRIVATE KEY' rsa.pem
	openssl genpkey -algorithm ed25519 -out ed25519.pem
	for a in rsa ed25519; do
		"$dkim" record example.jp $a $a.pem
	done | plain_records >keys
	python3 "$here/messages.py" plain
	sign plain/plain signed
	"$python" "$here/verify.py" keys signed >said
	expect said "pass pass" signed
}

@test "dkim: a key with a passphrase is refused, and nobody is asked" {
	need openssl setsid
	openssl genrsa -traditional -aes128 -passout pass:secret -out rsa.pem \
		2048 2>/dev/null
	run -75 --separate-stderr setsid "$dkim" record example.jp r rsa.pem
	[[ $stderr == *"has a passphrase"* ]]
	[ -z "$output" ]
}

@test "dkim: a message larger than memory" {
	need_release
	make_keys
	{
		printf 'From: a@example.jp\nTo: b@example.jp\n\n'
		head -c 100M /dev/zero | tr '\0' '\n'
		head -c 100M /dev/zero
	} >large
	(
		ulimit -v 60000
		"$dkim" sign example.jp rsa rsa.pem ed25519 ed25519.pem <large
	) | head -c 4000 >signed
	grep -aq '^From: a@example.jp' signed
}
