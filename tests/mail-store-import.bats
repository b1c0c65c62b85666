#!/usr/bin/env bats
# mail-store import of a directory that somebody hostile has written: bounded
# memory, a clear error, and its neighbours are imported.

load helpers

setup() {
	mailpipe_setup
	need jq python3
	need_release
	[ -x /usr/bin/time ] || skip "no time(1) here"
	mail one | receive t inbound
	mail two | receive t inbound
	mail-store list >/dev/null
	mail-store export rows
	id=$(ids | head -n 1)
}

# hostile PYTHON: rows/ID.json is what it makes of r, its text without the last
# brace; big(N) is a filler of so many members.
hostile() {
	python3 - "$id" "$1" <<-'END'
		import json, sys
		path = 'rows/%s.json' % sys.argv[1]
		r = json.load(open('good.json'))
		history = r.pop('history')
		r = json.dumps(r)[:-1]
		big = lambda n: ','.join('"%x":1' % i for i in range(n))
		exec(sys.argv[2])
		open(path, 'w').write(r + '}')
	END
}

# imported STATUS TEXT: what becomes of it, in how much memory.
imported() {
	rm -rf got
	run "-$1" --separate-stderr /usr/bin/time -f %M -o kb \
		mail-store import -d got rows
	echo "$stderr, $(tail -n 1 kb) KB"
	[ "$(tail -n 1 kb)" -lt 150000 ]
	[[ $stderr == *"$2"* ]]
	MAILPIPE_STATE=got ids >there
	# The other one is there whatever happens.
	[ "$(wc -l <there)" = $((1 + ($1 == 0))) ]
}

@test "import: a hostile row takes no more memory than its bytes" {
	cp "rows/$id.json" good.json
	hostile 'r += ",\"history\":[" + ",".join(["{\"event\":\"x\"}"] * 2000000) + "]"'
	imported 65 "$id: \"history\" has more than 100000 elements"
	hostile 'r += ",\"history\":[" + ",".join("1" * 15000000) + "]"'
	imported 65 "\"history\" has more than 100000 elements"
	hostile 'r += "," + big(2500000)'
	imported 65 "it has more than 1000 members"
	hostile 'r = r.replace("\"exported\": {", "\"exported\": {" + big(2500000) + ",")'
	imported 65 "\"exported\" has "
	hostile 'r += ",\"history\":[{\"event\":\"result\",\"entry\":{" + big(2500000) + "}}]"'
	imported 65 "\"entry\" has "
	hostile 'r += ",\"last\":{" + big(2500000) + "}"'
	imported 65 '"last" has '
	hostile 'r += ",\"x\":[" + ",".join("1" * 15000000) + "]"'
	imported 65 "a record of "
	hostile 'r += ",\"x\":\"" + "x" * 40000000 + "\""'
	imported 65 "larger than 33554432 bytes"
}

@test "import: a long history comes as it was" {
	cp "rows/$id.json" good.json
	hostile 'history = [{"event": "result", "delivery": i + 1, "attempt": i,
		"at": "2026-11-21T23:06:00.123Z", "entry": {"stage": "s%d" % i, "reason": "a\\,\"]}{[" * 9}}
		for i in range(50000)]
r += ",\"history\":" + json.dumps(history)'
	imported 0 ""
	mail-store show -d got -o json "$id" >shown
	jq -e '.history | map(select(.event == "result")) | length == 50000 and
		.[49999].entry.stage == "s49999" and .[7].delivery == 8' shown
	jq -e '.history[-1] | .event == "imported" and .entry.state == "ready"' \
		shown
}
