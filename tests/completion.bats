#!/usr/bin/env bats
# Completion in bash and zsh: what the programs print, and what -h knows.

setup() {
	load helpers
	mailpipe_setup
}

programs() { (cd "$MAILPIPE_BIN" && ls -d mail-*); }

# completions WORD...: of the last word of this command line, one a line.
completions() {
	local function=_${1//-/_}
	# shellcheck source=/dev/null
	source <("$1" --completion bash)
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	# compopt fails outside of a completion.
	"$function" "$1" "${*: -1}" "${COMP_WORDS[COMP_CWORD - 1]}" || true
	[ "${#COMPREPLY[@]}" = 0 ] || printf '%s\n' "${COMPREPLY[@]}"
}

# gives WANTED WORD...
gives() {
	local want=$1
	shift
	[ "$(completions "$@" | paste -s -d ' ')" = "$want" ] || {
		echo "$*: $(completions "$@"), not $want"
		return 1
	}
}

# options COMMAND...: those of its -h, one a line.
options() {
	"$@" -h | sed -nE '/^verbs, |^example:/q
		s/^  (-[^ ,]*)(, (--[a-z-]*))? .*/\1\n\3/p' | grep . | sort
}

verbs() {
	"$1" -h | awk '
		/^usage: .* VERB |^verbs,/ {has = 1}
		/^$/ && n {has = 0}
		has && /^  [a-z]/ {print $1; n++}'
}

@test "completion: of every program all verbs, of every verb all options" {
	for program in $(programs); do
		verb_list=$(verbs "$program")
		for verb in $verb_list; do
			completions "$program" "" | grep -qx -- "$verb"
			completions "$program" "$verb" - | sort |
				diff - <(options "$program" "$verb")
		done
		case $verb_list in
		"" | settle)
			completions "$program" - | sort |
				diff - <(options "$program")
			;;
		esac
	done
}

@test "completion: the beginning of a word decides" {
	gives "show stats" mail-store s
	gives "list" mail-queue li
	gives "" mail-queue x
	gives "--older" mail-store list --o
	gives "--help" mail-queue take -1 --h
	gives "settle" mail-ingest se
}

@test "completion: words, directories, or nothing behind an option" {
	mkdir dir
	touch dirt
	gives "json table" mail-store list -o ""
	gives "table" mail-queue stats -o t
	gives "dead deferred" mail-queue list -s de
	gives "dir" mail-store list -d d
	gives "dir" mail-dispatch -C d
	gives "" mail-queue put -a ""
	gives "" mail-ingest -t d
	gives "" mail-store put --deadline ""
}

@test "completion: files, Maildirs and commands as operands" {
	mkdir "a dir"
	touch "a mail" "a 'quoted' one"
	[ "$(completions mail-ingest -t x a | sort)" = \
		"$(printf '%s\n' "a 'quoted' one" "a dir" "a mail")" ]
	gives "mbox:" mail-ingest mb
	[ "$(completions mail-ingest mbox : "a m")" = "a mail" ]
	[ "$(completions mail-ingest -b maildir :)" = "a dir" ]
	gives "maildir:" mail-ingest settle ""
	completions mail-dispatch -P 2 -- bas | grep -x bash
	gives "" mail-queue put ""
	gives "" mail-store cat a
}

@test "completion: bash takes the functions, and no other shell is known" {
	for program in $(programs); do
		"$program" --completion bash >script
		bash -n script
		bash -c "source ./script; complete -p $program" >out
		grep -q -- "-F _${program//-/_} $program" out
		run -64 --separate-stderr "$program" --completion tcsh
		[[ $stderr == *tcsh* ]]
	done
	run -75 sh -c "mail-store --completion bash >/dev/full"
}

@test "completion: zsh takes the functions" {
	for program in $(programs); do
		"$program" --completion zsh >"_$program"
		[ "$(head -n 1 "_$program")" = "#compdef $program" ]
		options "$program" | grep -v '^-[hV]' | while read -r option; do
			grep -qF -- "${option}[" "_$program"
		done
	done
	need zsh
	for program in $(programs); do
		zsh -n "_$program"
	done
}
