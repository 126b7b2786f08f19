# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the tests with mail servers share: a mail, and Postfix, which also logs the clients' ports.

# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/peers.sh"

# send_mail HOST:PORT: sends it and prints curl's own port
send_mail() {
	printf 'Subject: %s\r\n\r\nHello\r\n' "$WHERE" |
		client_curl -w '%{local_port}' --mail-from user@client.example \
			--mail-rcpt user@backend.example -T - "smtp://$1/client.example"
}

# postfix_start NETWORKS PORT LINE...: it relays from these networks, and discards accepted mail;
# the lines are those of master.cf that listen
postfix_start() {
	local dir=$PP_TMP/postfix

	chmod 755 "$PP_TMP"
	mkdir -p "$dir"/{conf,queue}
	install -d -o postfix "$dir/data"
	cp /etc/postfix/{postfix-files,dynamicmaps.cf} "$dir/conf"
	cat >"$dir/conf/main.cf" <<-END
		compatibility_level = 3.6
		queue_directory = $dir/queue
		data_directory = $dir/data
		maillog_file = /dev/stdout
		myhostname = backend.example
		mynetworks = $1
		mydestination =
		alias_maps =
		local_recipient_maps =
		default_transport = discard
		smtpd_relay_restrictions = permit_mynetworks reject
		smtpd_peername_lookup = no
		smtpd_client_port_logging = yes
		smtpd_upstream_proxy_timeout = 1s
		postscreen_upstream_proxy_timeout = 1s
		postscreen_access_list = permit_mynetworks
	END
	cat >"$dir/conf/master.cf" <<-END
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
	printf '%s\n' "${@:3}" >>"$dir/conf/master.cf"
	start_bg postfix backend postfix -c "$dir/conf" start-fg
	wait_port backend "$2" 60
}
