# A private Postfix: configuration, queue, data and log below one directory, an
# SMTP server on a free loopback port, nothing of the machine's own touched.
# Sourced (bash, as root), by scripts/demo and by tests:
#
#   pf_write DIR USER [LINE]...  make it; pipe commands run as USER.  Each LINE
#                                is added to main.cf (the last setting counts)
#   pf_alias LINE...             the aliases, in a file that USER owns
#   pf_start                     start it; its port is then $pf_port
#   pf_send FILE RECIPIENT [SENDER]     one mail over SMTP, as it is
#   pf_wait_empty SECONDS        until its queue is empty
#   pf_flush                     try again now what is deferred
#   pf_queued                    the queue files
#   pf_stop                      stop it, whatever its state
#
# $pf_dir is DIR, $pf_dir/log/maillog its log.  DIR must lie where every user can
# go, and be short: the names of Unix sockets end at 107 bytes.
# shellcheck shell=bash

pf_write() {
	if [ ${#1} -gt 84 ]; then
		echo "postfix: too long for its sockets' names: $1" >&2
		return 1
	fi
	pf_dir=$1 pf_user=$2
	shift 2
	mkdir -p "$pf_dir"/{etc,queue,data,log,aliases}
	chmod 755 "$pf_dir" "$pf_dir"/{etc,queue,log}
	chown postfix "$pf_dir/data"
	# Postfix runs a pipe command as the owner of the aliases file, and
	# makes the database as that user too.
	chown "$pf_user" "$pf_dir/aliases"
	{
		pf_main
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} | awk '
		# What is set twice is written once: postlogd, warning of it
		# through itself, can hang.
		/^[a-z]/ {
			name = $1
			sub(/=.*/, "", name)
			if (!(name in line)) order[++n] = name
			line[name] = $0
		}
		END {for (i = 1; i <= n; i++) print line[order[i]]}' \
		>"$pf_dir/etc/main.cf"
	pf_alias '# none yet'
}

pf_main() {
	cat <<-END
		compatibility_level = 3.6
		queue_directory = $pf_dir/queue
		data_directory = $pf_dir/data
		command_directory = /usr/sbin
		daemon_directory = /usr/lib/postfix/sbin
		mail_owner = postfix
		setgid_group = postdrop
		default_privs = $pf_user
		myhostname = mx.example.test
		mydestination = example.test, localhost
		mynetworks = 127.0.0.0/8
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		relayhost =
		default_transport = error:this Postfix sends nothing
		smtpd_peername_lookup = no
		smtputf8_enable = no
		alias_maps = hash:$pf_dir/aliases/aliases
		alias_database =
		local_recipient_maps =
		mailbox_size_limit = 0
		message_size_limit = 20480000
		maillog_file = $pf_dir/log/maillog
		maillog_file_prefixes = $pf_dir/log
	END
}

pf_master() {
	cat <<-END
		127.0.0.1:$pf_port inet n - n - - smtpd
		pickup unix n - n 60 1 pickup
		cleanup unix n - n - 0 cleanup
		qmgr unix n - n 300 1 qmgr
		rewrite unix - - n - - trivial-rewrite
		bounce unix - - n - 0 bounce
		defer unix - - n - 0 bounce
		trace unix - - n - 0 bounce
		verify unix - - n - 1 verify
		flush unix n - n 1000? 0 flush
		proxymap unix - - n - - proxymap
		showq unix n - n - - showq
		smtp unix - - n - - smtp
		error unix - - n - - error
		retry unix - - n - - error
		discard unix - - n - - discard
		local unix - n n - - local
		anvil unix - - n - 1 anvil
		tlsmgr unix - - n 1000? 1 tlsmgr
		postlog unix-dgram n - n - 1 postlogd
	END
}

pf_alias() {
	printf '%s\n' "$@" >"$pf_dir/aliases/aliases"
	chown "$pf_user" "$pf_dir/aliases/aliases"
	postalias -c "$pf_dir/etc" "hash:$pf_dir/aliases/aliases"
}

# The server's greeting, or nothing.
pf_greeting() {
	local line=
	{ exec {pf_socket}<>"/dev/tcp/127.0.0.1/$pf_port"; } 2>/dev/null ||
		return 1
	read -r -t 3 line <&"$pf_socket"
	echo QUIT >&"$pf_socket"
	exec {pf_socket}>&-
	printf '%s' "$line"
}

# A port may be taken meanwhile, and now and then a start hangs (master and
# postlogd wait for each other): only a greeting counts, else try again.
pf_start() {
	local try i
	for try in 1 2 3 4 5; do
		pf_port=$((20000 + RANDOM % 30000))
		pf_greeting >/dev/null && continue
		pf_master >"$pf_dir/etc/master.cf"
		timeout 20 postfix -c "$pf_dir/etc" start \
			>"$pf_dir/log/start" 2>&1 </dev/null
		for ((i = 0; i < 100; i++)); do
			case $(pf_greeting) in
			"220 mx.example.test "*) return 0 ;;
			esac
			sleep 0.05
		done
		echo "postfix: no greeting on port $pf_port, try $try" >&2
		pf_stop
	done
	cat "$pf_dir/log/start" >&2
	return 1
}

pf_processes() {
	grep -lszx "MAIL_CONFIG=$pf_dir/etc" /proc/[0-9]*/environ 2>/dev/null |
		cut -d/ -f3
}

pf_stop() {
	[ -n "${pf_dir:-}" ] || return 0
	if [ -s "$pf_dir/queue/pid/master.pid" ]; then
		timeout 10 postfix -c "$pf_dir/etc" stop >/dev/null 2>&1 \
			</dev/null
	fi
	# shellcheck disable=SC2046 # one word a process
	[ -z "$(pf_processes)" ] || kill -KILL $(pf_processes) 2>/dev/null
	return 0
}

pf_send() {
	smtp-source -F "$1" -t "$2" -f "${3-sender@example.test}" \
		"127.0.0.1:$pf_port"
}

# A mail goes from the left to the right, and back when it is tried again: who
# looks once at each may miss it.
pf_queued() {
	find "$pf_dir"/queue/{deferred,maildrop,incoming,active,deferred} \
		-type f 2>/dev/null | sort -u
}

pf_flush() { postqueue -c "$pf_dir/etc" -f; }

pf_wait_empty() {
	local end=$((SECONDS + $1))
	while [ -n "$(pf_queued)" ]; do
		[ $SECONDS -lt "$end" ] || return 1
		sleep 0.05
	done
}
