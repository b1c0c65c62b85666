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

@test "corpora: records are JSON, no more and no less" {
	python3 "$check" records
}
