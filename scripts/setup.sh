# Sourced by scripts that need Debian packages.
# shellcheck shell=bash

# packages SECTION...: their names, from scripts/packages.
packages() {
	local list
	list=$(dirname "${BASH_SOURCE[0]}")/packages
	awk -v want=" $* " '!/^#/ && index(want, " " $1 " ") {print $2}' \
		"$list" | sort -u
}

missing_packages() {
	comm -23 <(packages "$@") <(
		# shellcheck disable=SC2046 # one word a package
		dpkg-query -W -f '${Package} ${db:Status-Status}\n' \
			$(packages "$@") 2>/dev/null |
			awk '$2 == "installed" {print $1}' | sort -u
	)
}

# As root: install without questions, and without starting any service.
install_packages() (
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 1' INT TERM HUP
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	export DEBIAN_FRONTEND=noninteractive
	debconf-set-selections <<-'END'
		postfix postfix/main_mailer_type select No configuration
	END
	log=$({
		apt-get -o DPkg::Lock::Timeout=300 update &&
			apt-get -o DPkg::Lock::Timeout=300 -y \
				--no-install-recommends install "$@"
	} 2>&1 </dev/null) || {
		printf '%s\n' "$log"
		return 1
	}
)

# need_packages SECTION...: install what is missing of them.  Nothing is done,
# and no network is needed, when all is there.
need_packages() {
	local missing
	if ! command -v dpkg-query >/dev/null; then
		printf '%s: not a Debian system; it needs the like of: %s\n' \
			"$0" "$(packages "$@" | xargs)" >&2
		return 0
	fi
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	printf '%s: installing %s\n' "$0" "${missing[*]}" >&2
	if [ "$(id -u)" = 0 ]; then
		install_packages "${missing[@]}" >&2
	elif command -v sudo >/dev/null; then
		sudo bash -c "$(declare -f install_packages)
			install_packages \"\$@\"" bash "${missing[@]}" >&2
	else
		printf '%s: neither root nor sudo; as root, run\n  %s\n' "$0" \
			"apt-get install ${missing[*]}" >&2
		return 1
	fi
}
