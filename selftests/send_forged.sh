#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Clients that know how a header comes to be where it is, and want the backend to
# read one of their own instead. A connection may come to nothing, but none has a
# header that does not name its client.
set -euo pipefail
# shellcheck source=selftests/lib_loss.sh
. "${BASH_SOURCE[0]%/*}/lib_loss.sh"

need nft conntrack python3
module_require
topo_lb 4
raw_init

# attack NAME HEADERS: how many headers come to the backend at least, all right
attack() {
	local target=$VIP port=80 seen

	[[ $NAT == yes ]] || target=$BACKEND port=8080
	rule to "$BACKEND" port 8080
	start_bg backend-app backend "$pp_selftests/fuzz_app.py" server "$BACKEND" 8080 d \
		header "$CLIENT" "$target"
	wait_until 20 grep -q ready "$PP_TMP/bg/backend-app.out"
	run_attack "$1" "$CLIENT" "$raw_port" "$target" "$port"
	kill -TERM "$(bg_pid backend-app)" || fail "$(bg_output backend-app)"
	wait_bg backend-app
	seen=$(bg_output backend-app | sed -n 's/.* \([0-9]*\) headers.*/\1/p')
	((seen >= $2)) || fail "$seen headers"
}

# Conntrack forgets in the middle, if the attack wants it to
run_attack() {
	local go=$PP_TMP/go.$raw_port

	mkfifo "$go"
	start_bg attacker client bash -c "exec \"\$@\" <>$go" - "$pp_selftests/forge_header.py" "$@"
	if [[ $1 == again_unknown ]]; then
		wait_until 20 grep -q forget "$PP_TMP/bg/attacker.out"
		ns lb conntrack -F 2>/dev/null
		echo >"$go"
	fi
	wait_bg attacker
}

attacks() {
	local what="send: IPv$FAMILY, $1 ->"

	((++raw_port))
	check "$what no forged header: after the handshake" attack below 0
	((++raw_port))
	check "$what no forged header: behind bytes of before" attack overlap 0
	((++raw_port))
	check "$what no forged header: SYN-ACK" attack syn_ack 0
	((++raw_port))
	check "$what no forged header: replaced handshake" attack replaced 0
	((++raw_port))
	check "$what no forged header: reset that nobody believes" attack reset 0
	((++raw_port))
	check "$what no forged header: signed" attack signed 0
	((++raw_port))
	check "$what keepalive, then a request: its header" attack probe 1
}

# In a crowd, and by cookies that outlive their connection
more_attacks() {
	local what="send: IPv$FAMILY, NAT ->"

	((++raw_port))
	lb_ppctl set-limit handshakes $(($(stat_of handshakes) + 1))
	check "$what no forged header: in a crowd, late" attack late 0
	lb_ppctl set-limit handshakes 65536
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	for again in again again_closed again_unknown; do
		((++raw_port))
		check "$what no forged header: by the cookie of an honest connection, ${again/_/, }" \
			attack "$again" 1
	done
	ns_sysctl backend net.ipv4.tcp_syncookies=1
}

NAT=no
attacks 'plain routing'
((++raw_port))
check 'send: IPv4, plain routing -> no forged header: fragments' attack fragments 0
nat_dnat_masq
NAT=yes
more_attacks
topo_family 6
attacks NAT
more_attacks
