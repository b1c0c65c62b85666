# Starting: each program's -V beside /bin/true, and what it is linked with.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

section_start() {
	local name true_ms
	race start "$rounds" start_run true "${tools[@]}"
	true_ms=$(median start true p50_ms)
	printf '\n### Starting and ending, without work\n\n'
	header "" "p50 ms" 'of `/bin/true`' "CPU ms" "peak KB" "libraries"
	for name in true "${tools[@]}"; do
		row "\`$name\`" "$(figure %.3f "$(median start "$name" p50_ms)")" \
			"$(ratio "$(median start "$name" p50_ms)" "$true_ms")" \
			"$(figure %.3f "$(median start "$name" cpu_ms)")" \
			"$(figure %.0f "$(median start "$name" rss_kb)")" \
			"$(start_libraries "$name")"
	done
	bars_header
	for name in "${tools[@]}"; do
		bar "$name / true" "$(ratio "$(median start "$name" p50_ms)" \
			"$true_ms")" most 2.5
	done
	bar "programs with libcurl, GLib or OpenSSL" "$(start_heavy)" most 0
}

start_run() {
	local n=$((count / 2))
	case $1 in
	true) as_worker drive -n "$n" /bin/true ;;
	*) as_worker drive -n "$n" "$1" -V ;;
	esac
}

start_libraries() {
	local libraries
	libraries=$(ldd "$(type -P "$1")" 2>/dev/null |
		sed -n 's/^\t\(lib[^.]*\)\.so.*/\1/p' | sort | xargs)
	printf '%s' "${libraries:-none, static}"
}

start_heavy() {
	local name
	for name in "${tools[@]}"; do
		ldd "$work/bin/$name" 2>/dev/null |
			grep -qE 'lib(curl|glib|ssl|crypto)' && echo "$name"
	done | wc -l
}
