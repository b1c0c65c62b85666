# The peers of the receiving line, each with its own small configuration and its
# spool below $spool; nothing of the machine's own is touched.
# shellcheck shell=bash disable=SC2034,SC2154 # the files of tests/bench share

set_up_peers() {
	set_up_nullmailer
	set_up_dovecot
	set_up_postfix
}

set_up_postfix() {
	pf_write "$spool/pf" "$worker" 'in_flow_delay = 0' &&
		pf_port=25 pf_master >"$pf_dir/etc/master.cf" &&
		postfix -c "$pf_dir/etc" check >"$work/postfix.log" 2>&1
}

# nullmailer's package conflicts with Postfix's, so it is unpacked only, and
# without its setuid bit.
set_up_nullmailer() {
	local cache=$repo/build/bench
	has_nullmailer=0
	mkdir -p "$cache"
	[ -e "$cache/nullmailer/usr/sbin/nullmailer-queue" ] ||
		fetch_nullmailer "$cache" || {
		echo "nullmailer: cannot be downloaded; left out" >&2
		return 0
	}
	install -m 755 "$cache/nullmailer/usr/sbin/nullmailer-queue" \
		"$work/bin/nullmailer-queue"
	has_nullmailer=1
}

fetch_nullmailer() {
	(
		cd "$1" && rm -f nullmailer_*.deb || exit
		apt-get -q download nullmailer ||
			{ apt-get -q update && apt-get -q download nullmailer; }
		dpkg -x nullmailer_*.deb nullmailer
	) >/dev/null 2>&1
}

set_up_dovecot() {
	cat >"$work/dovecot.conf" <<-END
		mail_location = maildir:$spool/dovecot
		protocols =
		ssl = no
		log_path = $work/home/dovecot.log
		hostname = bench.test
		postmaster_address = a@bench.test
	END
	chmod 644 "$work/dovecot.conf"
}

peer_versions() {
	local package
	printf 'Peers:'
	for package in postfix dovecot-core parallel php-cli sqlite3 \
		redis-server postgresql beanstalkd; do
		dpkg-query -W -f ' ${Package} ${Version},' "$package" 2>/dev/null
	done
	find "$repo/build/bench" -name 'nullmailer_*.deb' -printf '%f' |
		sed 's/_\(.*\)_.*/ \1/; s/%3a/:/; s/^/ /; s/$/./'
	printf '\n'
}
