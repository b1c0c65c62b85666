#!/usr/bin/env bats
# What scripts/lint finds, as tests.  (Its parts man and synopsis, which need
# the programs, are in cli.bats.)

setup() {
	load helpers
	mailpipe_setup
	need_release # once is enough
}

lint() { run -0 "$MAILPIPE_REPO/scripts/lint" "$1"; }

@test "lint: shell" { lint shell; }
@test "lint: includes" { lint includes; }
@test "lint: format" { lint format; }
@test "lint: size" { lint size; }
# `make lint` follows all paths, which takes minutes.
@test "lint: tidy" { LINT_QUICK=1 lint tidy; }
