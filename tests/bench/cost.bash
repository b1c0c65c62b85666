# What the parser and its sandbox cost: the alias line, beside the alias line of
# the last commit that had neither.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

readonly cost_names=(line before)
readonly cost_commit=4e4bf4c

section_cost() {
	if ! git -C "$repo" cat-file -e "$cost_commit^{commit}" 2>/dev/null; then
		echo "cost: no commit $cost_commit here; left out" >&2
		return
	fi
	if ! cost_build >"$work/cost.log" 2>&1; then
		wrong "cost: $cost_commit: $(tail -n 3 "$work/cost.log")"
		return
	fi
	receive_jobs=1 race cost-1 "$rounds" cost_run "${cost_names[@]}"
	receive_jobs=8 race cost-8 "$rounds" cost_run "${cost_names[@]}"
	cost_table
}

# Built once, with this machine's compiler; kept as other peers are.
cost_build() {
	local tree=$repo/build/bench/$cost_commit
	if [ ! -e "$tree/bin/mail-queue" ]; then
		mkdir -p "$tree" &&
			git -C "$repo" archive "$cost_commit" | tar -x -C "$tree" &&
			env -u MAKEFLAGS -u MAKELEVEL make -C "$tree" all || return
	fi
	mkdir "$work/before" && cp "${tools[@]/#/$tree/bin/}" "$work/before/" &&
		chmod -R a+rX "$work/before"
}

cost_run() {
	case $1 in
	line) receive_ours sh -c "$alias_line" ;;
	before) receive_ours PATH="$work/before:$PATH" sh -c "$alias_line" ;;
	esac
}

cost_describe() {
	case $1 in
	line) echo 'the alias line' ;;
	before) echo "the same of commit $cost_commit: neither parser nor sandbox" ;;
	esac
}

cost_ratio() {
	ratio "$(median "$1" line "$2")" "$(median "$1" before "$2")"
}

cost_table() {
	local name jobs cells
	printf '\n### What parser and sandbox cost: mails a second, one at a time and eight at once\n\n'
	header "" "x1, /s" "p50 ms" "CPU ms" "x8, /s" "CPU ms"
	for name in "${cost_names[@]}"; do
		row "$(cost_describe "$name")" \
			"$(figure %.0f "$(median cost-1 "$name" rate)")" \
			"$(figure %.2f "$(median cost-1 "$name" p50_ms)")" \
			"$(figure %.2f "$(median cost-1 "$name" cpu_ms)")" \
			"$(figure %.0f "$(median cost-8 "$name" rate)")" \
			"$(figure %.2f "$(median cost-8 "$name" cpu_ms)")"
	done
	row "now / before" "$(cost_ratio cost-1 rate)" \
		"$(cost_ratio cost-1 p50_ms)" "$(cost_ratio cost-1 cpu_ms)" \
		"$(cost_ratio cost-8 rate)" "$(cost_ratio cost-8 cpu_ms)"
	bars_header
	bar "rate with the parser / without, 1 at a time" \
		"$(cost_ratio cost-1 rate)" least 0.85
	bar "rate with the parser / without, 8 at a time" \
		"$(cost_ratio cost-8 rate)" least 0.85
}
