#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Postfix without any PROXY support switched on, behind an accept rule and
# HAProxy: its log has the client and its port, and who may relay is decided on
# the client's address, not on the load balancer's.
set -euo pipefail
# shellcheck source=selftests/lib_accept_peers.sh
. "${BASH_SOURCE[0]%/*}/lib_accept_peers.sh"

need jq curl haproxy postfix
module_require

# Mail for everywhere is thrown away when it was accepted
postfix_start() {
	local dir=$PP_TMP/postfix

	mkdir -p "$dir"/{conf,queue}
	install -d -o postfix "$dir/data"
	cp /etc/postfix/{postfix-files,dynamicmaps.cf} "$dir/conf"
	cat >"$dir/conf/main.cf" <<-END
		compatibility_level = 3.6
		queue_directory = $dir/queue
		data_directory = $dir/data
		maillog_file = /dev/stdout
		myhostname = backend.example
		mynetworks = 203.0.113.2 [2001:db8:3::2]
		mydestination =
		alias_maps =
		local_recipient_maps =
		default_transport = discard
		smtpd_relay_restrictions = permit_mynetworks reject
		smtpd_peername_lookup = no
		smtpd_client_port_logging = yes
	END
	cat >"$dir/conf/master.cf" <<-END
		10.0.2.2:2525 inet n - n - - smtpd
		[fd00:2::2]:2525 inet n - n - - smtpd
		cleanup unix n - n - 0 cleanup
		qmgr unix n - n 300 1 qmgr
		rewrite unix - - n - - trivial-rewrite
		bounce unix - - n - 0 bounce
		defer unix - - n - 0 bounce
		discard unix - - n - - discard
		anvil unix - - n - 1 anvil
		proxymap unix - - n - - proxymap
		postlog unix-dgram n - n - 1 postlogd
	END
	start_bg postfix backend postfix -c "$dir/conf" start-fg
	wait_port backend 2525 60
}

# mail PORT: and the port that curl had for it
mail() {
	printf 'Subject: %s\r\n\r\nHello\r\n' "$WHERE" |
		ns user curl -sS -m 60 -w '%{local_port}' --mail-from user@client.example \
			--mail-rcpt user@backend.example -T - "smtp://$FRONT_URL:$1/client.example"
}

in_log() {
	wait_until 10 grep -qF "$1" "$PP_TMP/bg/postfix.out" || {
		bg_output postfix
		return 1
	}
}

postfix_mail() {
	local sent

	front 2525
	sent=$(mail "${VERSION}2525")
	in_log " connect from unknown[$USER_IP]:$sent"
	in_log ": client=unknown[$USER_IP]:$sent"
	all_accepted 1
}

postfix_refused() {
	local status=0

	front 2525
	backend_ppctl flush-rules
	mail 32525 || status=$?
	is "$status" 55 'the recipient is refused'
	in_log " connect from unknown[$BALANCER]:"
}

chmod 755 "$PP_TMP"
topo_users
haproxy_start 2525
check 'peers: Postfix -> listens' postfix_start
for family in 4 6; do
	accept_setting $family 2
	check "peers: Postfix, IPv$FAMILY, no header, mynetworks for the client -> refused" postfix_refused
	for version in 2 1; do
		accept_setting $family $version
		check "peers: Postfix, $WHERE, mynetworks for the client -> relayed, logged exactly" postfix_mail
	done
done
