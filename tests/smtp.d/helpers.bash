# Loaded after helpers.bash by tests that talk to SMTP servers: the scripted
# server, the program that drives the client, certificates.
# shellcheck shell=bash

smtp_setup() {
	mailpipe_setup
	local mode=release
	! is_sanitized || mode=san
	drive=$MAILPIPE_REPO/build/$mode/driver/smtp
	[ -x "$drive" ] || skip "no $drive; make units"
	mail small 100 >small
	mail large 1000000 >large
	{
		mail dots
		printf '.\n..\n.a\n'
	} >dots
}

# serve [-s SCRIPT] [OPTION]...: start the scripted server in the directory srv
# (its log is srv/log); its port is $port.
serve() {
	rm -rf srv
	mkdir srv
	if [ "${1:-}" = -s ]; then
		echo "$2" >srv/script
		shift 2
		set -- --script srv/script "$@"
	fi
	"$MAILPIPE_REPO/tests/smtp.d/server.py" "$@" srv 2>srv/stderr 3>&- &
	server=$!
	wait_for 20 test -s srv/port
	port=$(cat srv/port)
}

serve_end() {
	kill "$server"
	wait "$server" || true
}

# drive [OPTION]... -- FILE...: to the server; the answers are in "answers".
drive() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	timeout 100 "$drive" "${options[@]}" localhost "$port" "$@" >answers
}

# A CA, and certificates of its: for localhost (good.pem), for another name
# (other.pem), one that is over (old.pem).
certificates() {
	{
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca \
			-keyout ca.key -out ca.pem
		certificate good localhost 2
		certificate other mx.example.test 2
		certificate old localhost -1
	} >certificates.log 2>&1
}

certificate() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" \
		-keyout "$1.key" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key \
		-CAcreateserial -days "$3" \
		-extfile <(echo "subjectAltName=DNS:$2") -out "$1.crt"
	cat "$1.crt" "$1.key" >"$1.pem"
}

# outcomes: "OUTCOME STAGE CODE" of each answer.
outcomes() { jq -r '"\(.outcome) \(.stage) \(.code)"' answers; }

# taken: the recipients of each mail that the server has accepted.
taken() {
	jq -r 'select(.event == "mail" and .accepted) | .to[]' srv/log | sort
}

# No trouble of the server's own.
server_is_fine() {
	[ ! -s srv/stderr ] && ! grep BUG srv/log
}

free_port() {
	python3 -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# dovecot_start: a private Dovecot below ./dc, whose LMTP listens on $port and
# dc/lmtp, and who tells Postfix at dc/auth that user's password is "secret".
# Mails are in dc/mail/RECIPIENT.
dovecot_start() {
	need_root
	need dovecot
	open_tmpdir
	local dc=$PWD/dc
	port=$(free_port)
	mkdir -p dc/mail
	chown nobody dc/mail
	echo 'user:{PLAIN}secret' >dc/users
	cat >dc/conf <<-END
		base_dir = $dc/run
		log_path = $dc/log
		protocols = lmtp
		ssl = no
		mail_location = maildir:$dc/mail/%u
		passdb {
		  driver = passwd-file
		  args = $dc/users
		}
		userdb {
		  driver = static
		  args = uid=nobody gid=nogroup home=$dc/mail/%u allow_all_users=yes
		}
		first_valid_uid = 1
		first_valid_gid = 1
		service lmtp {
		  inet_listener lmtp {
		    address = 127.0.0.1
		    port = $port
		  }
		  unix_listener $dc/lmtp {
		    mode = 0666
		  }
		}
		service auth {
		  unix_listener $dc/auth {
		    mode = 0666
		  }
		}
	END
	dovecot -F -c dc/conf >dc/out 2>&1 3>&- &
	dovecot=$!
	wait_for 20 listens "$port"
}
