#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# DNS over TCP. Behind the load balancer, servers that read a header, of version 2 only: PowerDNS
# answers with the client's own address and port, dnsdist logs them, Unbound logs the address. The
# access lists of the last two contain the client and the load balancer. And dnsdist before BIND,
# which does not know the PROXY protocol, with an accept rule: BIND logs the users.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need nft jq dig dnsdist pdns_server unbound named
module_require

zone() {
	cat <<-END
		\$TTL 60
		@ IN SOA ns.example. hostmaster.example. 1 60 60 60 60
		@ IN NS ns.example.
		ns IN A 192.0.2.1
		who IN $1
	END
}

pdns_start() {
	local dir=$PP_TMP/pdns

	mkdir "$dir"
	zone 'LUA TXT "who:toStringWithPort()"' >"$dir/zone"
	echo "zone \"example\" { type master; file \"$dir/zone\"; };" >"$dir/named.conf"
	cat >"$dir/pdns.conf" <<-END
		launch=bind
		bind-config=$dir/named.conf
		enable-lua-records=yes
		proxy-protocol-from=10.0.2.1,fd00:2::1
		local-address=10.0.2.2,fd00:2::2
		local-port=5301
		socket-dir=$dir
		security-poll-suffix=
		receiver-threads=1
		distributor-threads=1
	END
	start_bg pdns backend pdns_server --config-dir="$dir" --guardian=no --daemon=no --disable-syslog
	wait_port backend 5301 60
}

unbound_start() {
	cat >"$PP_TMP/unbound.conf" <<-END
		server:
		directory: "$PP_TMP"
		pidfile: ""
		username: ""
		chroot: ""
		use-syslog: no
		num-threads: 1
		module-config: "iterator"
		port: 5302
		proxy-protocol-port: 5302
		interface: 10.0.2.2
		interface: fd00:2::2
		access-control: 10.0.1.2 allow
		access-control: 10.0.2.1 allow
		access-control: fd00:1::2 allow
		access-control: fd00:2::1 allow
		log-queries: yes
		local-zone: "example." static
		local-data: 'who.example. TXT "unbound"'
		remote-control:
		control-enable: no
	END
	start_bg unbound backend unbound -d -c "$PP_TMP/unbound.conf"
	wait_port backend 5302 60
}

# It answers from its own data
dnsdist_start() {
	cat >"$PP_TMP/dnsdist.conf" <<-END
		setSecurityPollSuffix('')
		addLocal('10.0.2.2:5303')
		addLocal('[fd00:2::2]:5303')
		setProxyProtocolACL({'10.0.2.1/32', 'fd00:2::1/128'})
		setProxyProtocolApplyACLToProxiedClients(true)
		setACL({'10.0.1.2/32', '10.0.2.1/32', 'fd00:1::2/128', 'fd00:2::1/128'})
		addAction(AllRule(), LogAction('$PP_TMP/dnsdist.log', false, true, false, false, false))
		addAction(AllRule(), SpoofAction('192.0.2.3'))
	END
	start_bg dnsdist backend dnsdist --supervised --disable-syslog -C "$PP_TMP/dnsdist.conf"
	wait_port backend 5303 60
}

bind_start() {
	zone 'TXT "bind"' >"$PP_TMP/zone"
	cat >"$PP_TMP/named.conf" <<-END
		options {
			directory "$PP_TMP";
			pid-file none;
			session-keyfile none;
			managed-keys-directory "$PP_TMP";
			listen-on port 5304 { 10.0.2.2; };
			listen-on-v6 port 5304 { fd00:2::2; };
			recursion no;
			dnssec-validation no;
			querylog yes;
		};
		controls { };
		zone "example" { type master; file "$PP_TMP/zone"; };
	END
	start_bg bind backend named -g -n 1 -c "$PP_TMP/named.conf"
	wait_port backend 5304 60
}

# Each front has a server of its family
front_start() {
	{
		cat <<-END
			setSecurityPollSuffix('')
			setACL({'0.0.0.0/0', '::/0'})
			addLocal('203.0.113.1:5300')
			addLocal('[2001:db8:3::1]:5300')
			addAction('0.0.0.0/0', PoolAction('4'))
			addAction(AllRule(), PoolAction('6'))
		END
		for family in 4 6; do
			accept_setting $family 2
			cat <<-END
				newServer({address='$BACKEND_URL:5304', pool='$FAMILY', useProxyProtocol=true,
					checkTCP=true, checkType='TXT', checkName='who.example.', checkInterval=1,
					tcpOnly=true})
			END
		done
	} >"$PP_TMP/front.conf"
	start_bg front client dnsdist --supervised --disable-syslog -C "$PP_TMP/front.conf"
	wait_port client 5300 60
}

# ask NAMESPACE ADDRESS SERVER PORT TYPE: from this address and a new port, $port; prints the answer
ask() {
	ns "$1" dig +tcp +short "+timeout=${WAIT:-10}" +tries=1 -b "$2#$port" -p "$4" "@$3" who.example. "$5"
}

# None of these servers reads the text version
version_1() {
	local bport

	for bport in 5301 5302 5303; do
		next_port
		rule to "$BACKEND" port $bport version 1
		WAIT=2 not ask client "$CLIENT" "$VIP" $((bport - 5248)) TXT
	done
}

without_rule() {
	lb_ppctl flush-rules
	next_port
	WAIT=2 not ask client "$CLIENT" "$VIP" "$1" TXT
}

# sent PORT ANSWER [TYPE]
sent() {
	next_port
	rule to "$BACKEND" port "$1" version 2
	is "$(ask client "$CLIENT" "$VIP" $(($1 - 5248)) "${3:-TXT}")" "${2//PORT/$port}"
	all_sent 1
}

# sent_logged PORT ANSWER TYPE LOG TEXT
sent_logged() {
	sent "${@:1:3}"
	logged "$4" "${5//PORT/$port}"
}

no_accept_rule() {
	backend_ppctl flush-rules
	next_port
	WAIT=2 not ask user "$USER_IP" "$FRONT" 5300 TXT
}

accepted() {
	front 5304
	next_port
	wait_until 20 ask user "$USER_IP" "$FRONT" 5300 TXT
	next_port
	is "$(ask user "$USER_IP" "$FRONT" 5300 TXT)" '"bind"'
	logged "$PP_TMP/bg/bind.out" " $USER_IP#$port (who.example): query: who.example IN TXT"
	is "$(accept_stat bad_header)" 0
}

topo_users
nat_dnat_masq 53 5301
nat_dnat_masq 54 5302
nat_dnat_masq 55 5303
check 'peers: PowerDNS -> listens' pdns_start
check 'peers: Unbound -> listens' unbound_start
check 'peers: dnsdist -> listens' dnsdist_start
check 'peers: BIND -> listens' bind_start
check 'peers: dnsdist in front -> listens' front_start
for family in 4 6; do
	accept_setting $family 2
	CLIENT_URL=$CLIENT
	((family == 4)) || CLIENT_URL="[$CLIENT]"
	check "peers: PowerDNS, Unbound, dnsdist, IPv$FAMILY, v1 -> no answer" version_1
	check "peers: PowerDNS, IPv$FAMILY, no rule -> no answer" without_rule 53
	check "peers: PowerDNS, $WHERE -> answers with the client" sent 5301 "\"$CLIENT_URL:PORT\""
	check "peers: Unbound, IPv$FAMILY, no rule -> no answer" without_rule 54
	check "peers: Unbound, $WHERE -> logs the client" \
		sent_logged 5302 '"unbound"' TXT "$PP_TMP/bg/unbound.out" "info: $CLIENT who.example. TXT IN"
	check "peers: dnsdist, IPv$FAMILY, no rule -> no answer" without_rule 55
	check "peers: dnsdist, $WHERE -> logs the client" \
		sent_logged 5303 192.0.2.3 A "$PP_TMP/dnsdist.log" "Packet from $CLIENT_URL:PORT for who.example. A"
	check "peers: dnsdist before BIND, IPv$FAMILY, no rule -> no answer" no_accept_rule
	check "peers: dnsdist before BIND, $WHERE -> BIND logs the user" accepted
done
