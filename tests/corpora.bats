#!/usr/bin/env bats
# The programs against what other projects expect of the same mails; see
# tests/corpora/corpora.py.  What may differ is in tests/corpora/deviations.

setup() {
	load helpers
	mailpipe_setup
	need_shared
	need python3
	unset "${!LOCAL_PART@}" "${!CLIENT_@}" "${!SASL_@}"
	check=$MAILPIPE_REPO/tests/corpora/check.py
	export PYTHONDONTWRITEBYTECODE=1
}

# The oracle, built from tests/corpora/gmime.c.
build_gmime() {
	local flags
	need pkg-config cc
	flags=$(pkg-config --cflags --libs gmime-3.0 2>/dev/null) ||
		skip "no libgmime-3.0-dev here"
	export GMIME=$BATS_TEST_TMPDIR/gmime
	# shellcheck disable=SC2086 # flags, one word each
	cc -O1 -o "$GMIME" "$MAILPIPE_REPO/tests/corpora/gmime.c" $flags \
		-ljq
}

@test "corpora: field values are read as their sources say" {
	python3 "$check" headers
}

@test "corpora: mails are read as their sources say" {
	python3 "$check" mails
}

@test "corpora: records are JSON, no more and no less" {
	python3 "$check" records
}

@test "corpora: each difference from Python's email and GMime has a name" {
	build_gmime
	python3 "$check" oracles
}
