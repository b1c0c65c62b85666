# Loaded after helpers.bash and smtp.d/helpers.bash by tests of the whole sending
# line.
# shellcheck shell=bash

# config JSON: it is the configuration.
config() {
	printf '%s' "$1" >config.json.new
	mv config.json.new config.json
	export MAILPIPE_CONFIG=$PWD/config.json
}

# outbound [TAKE-OPTION]...: the sending line; SEND has options of mail-send.
outbound() {
	# shellcheck disable=SC2086 # options, one word each
	mail-queue take "$@" outbound | mail-lock acquire |
		mail-send ${SEND:-} | mail-lock settle | mail-queue settle
}

# queue TENANT FIRST LAST [MEMBERS [MAIL]]: mails on the queue, each to
# TENANT.N@example.jp, with a key of its own.
queue() {
	jq -nc --arg t "$1" --argjson from "$2" --argjson to "$3" \
		--argjson more "${4:-{\}}" --argjson mail "${5:-{\}}" '
		range($from; $to + 1) | {tenant: $t, key: "mail-\(.)", mail: ({
			from: "shop@example.com", to: "\($t).\(.)@example.jp",
			subject: "受注 \(.)", text: "text of mail \(.)\n"} +
			$mail)} + $more' |
		mail-store put | mail-queue put outbound
}

# shown: what is known of each mail, a line each.
shown() { mail-store list | jq -r .id | xargs mail-store show; }

# account LOG...: see account.py.
account() {
	shown >shown
	mail-lock list >locks
	"$MAILPIPE_REPO/tests/send.d/account.py" shown locks "$@" >accounted || {
		head -n 20 accounted
		return 1
	}
	tail -n 1 accounted
}

# The server has heard the end of all its connections.
server_is_quiet() {
	jq -s -e '([.[] | select(.event == "connect")] | length) ==
		([.[] | select(.event == "close")] | length)' srv/log >/dev/null
}

# serve_limited PER_S PER_DAY: limited.py in srv; its port is $port.
serve_limited() {
	rm -rf srv
	mkdir srv
	"$MAILPIPE_REPO/tests/send.d/limited.py" "$1" "$2" srv \
		2>srv/stderr 3>&- &
	server=$!
	wait_for 20 test -s srv/port
	port=$(cat srv/port)
}

# sent [PATTERN]: how many mails to such recipients the server has taken.
sent() {
	jq -r --arg p "${1:-}" 'select(.event == "mail" and (.to | test($p))) |
		.to' srv/log | wc -l
}
refused() { jq -r 'select(.event == "refused") | .to' srv/log | wc -l; }

# took [PATTERN]: milliseconds from the first of them to the last.
took() {
	jq -s --arg p "${1:-}" 'map(select(.event == "mail" and
		(.to | test($p))) | .at) | sort | (.[-1] - .[0]) * 1000 | round' srv/log
}

# most [PATTERN]: the most of them in any second.
most() {
	jq -r --arg p "${1:-}" 'select(.event == "mail" and (.to | test($p))) |
		.at' srv/log | sort -n | awk '
		{at[NR] = $1; while (at[NR] - at[first + 1] >= 1) first++
		 if (NR - first > max) max = NR - first}
		END {print max + 0}'
}
