#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What answers, forwards or chooses the socket in the place of the application's TCP, behind the
# hooks of an accept rule or before them: IPVS with NAT to a real server, SYNPROXY in front of a
# listener and of a host behind the gateway, and an eBPF program at tc ingress that assigns sockets.
# A connection is exact, or it is refused soon, and no packet of it reaches the client that the
# header names.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq tcpdump ipvsadm tc python3 nstat
module_require
topo_lb 4
export VERSION=2

# exact COMMAND...: no packet leaves for the client
exact() {
	cap_start leak client eth0 "host $REAL"
	"$@"
	cap_stop leak
	is "$(cap_read leak | grep -c . || true)" 0 'packets of the client'
}

window_probes() {
	ns client nstat -asz TcpExtTCPWinProbe | awk '$1 == "TcpExtTCPWinProbe" { print $2 }'
}

# calm COMMAND...: the load balancer never has to ask for an open window, and no packet is taken for
# a forged one
calm() {
	local probes

	probes=$(window_probes)
	"$@"
	is "$(window_probes)" "$probes" 'window probes'
	is "$(accept_stat spoofed)" 0 'taken for forged'
	is "$(first_of spoofed lb_ppctl -j show-stats)" 0 'taken for forged on the gateway'
}

ipvs_begin() {
	ns_sysctl lb net.ipv4.vs.conntrack="$1"
	ns lb ipvsadm -A -t "$VIP_URL:80" -s rr
	ns lb ipvsadm -a -t "$VIP_URL:80" -r "$BACKEND_URL:8080" -m
	gateway_rule to "$VIP" port 80 from "$BALANCER"
}

by_ipvs() {
	TARGET=$VIP PORT=80 exact through "$@"
}

ipvs_end() {
	ns lb ipvsadm -C
	lb_ppctl flush-rules
}

# synproxy_begin NS HOOK DEVICE: SYNs that come by the device are not tracked, and SYNPROXY answers
# them in this hook
synproxy_begin() {
	ns_sysctl "$1" net.netfilter.nf_conntrack_tcp_loose=0
	ns "$1" nft -f - <<-END
		table inet pp_synproxy {
			chain raw {
				type filter hook prerouting priority -300; policy accept;
				iifname $3 tcp dport 8080 tcp flags & (fin|syn|rst|ack) == syn notrack
			}
			chain prove {
				type filter hook $2 priority 0; policy accept;
				iifname $3 tcp dport 8080 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
			}
		}
	END
}

synproxy_end() {
	ns "$1" nft delete table inet pp_synproxy
}

# assigned PORT COMMAND...: packets that come to the port are given to the listener on port 8080
assigned() {
	trap 'ns backend tc qdisc del dev eth0 clsact; umount "$PP_TMP/bpf"' EXIT
	mkdir -p "$PP_TMP/bpf"
	mount -t bpf bpf "$PP_TMP/bpf"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --peer-addr "$REAL"
	wait_listening server
	ns backend "$pp_selftests/tools/assign_socket.py" "$1" "$BACKEND" 8080 "$PP_TMP/bpf/program"
	ns backend tc qdisc add dev eth0 clsact
	ns backend tc filter add dev eth0 ingress bpf direct-action object-pinned "$PP_TMP/bpf/program"
	"${@:2}"
	stop_bg server
}

assigned_client() {
	ns client "$PEER" client -c "$BACKEND" -p "$1" -n 3 --size 200k --timeout 10 \
		--send-header "v$VERSION,$REAL,0,$ASKED,443"
}

# Nothing listens where the client's SYN goes
assigned_refused() {
	local rejected status=0

	rejected=$(accept_stat rejected)
	ns client "$PEER" client -c "$BACKEND" -p 9090 --timeout 6 \
		--send-header "v$VERSION,$REAL,0,$ASKED,443" >"$PP_TMP/client.json" 2>&1 || status=$?
	is "$status" 1
	grep -qE '"end":"rst"|reset by peer' "$PP_TMP/client.json" || fail "$(<"$PP_TMP/client.json")"
	is "$(accept_stat rejected)" $((rejected + 1)) 'rejected'
}

here() {
	accept_transfer "$1" --peer-addr "$REAL" --peer-port client -- \
		--send-header "v$VERSION,$REAL,0,$ASKED,443" "${@:2}"
}

# three_ways WHAT COMMAND...: the command gets the number of connections and options of the client
three_ways() {
	local what=$1

	shift
	BOTH='--timeout 10' check "$what -> exact" "$@" 3
	BOTH='--order server --timeout 10' check "$what, server first -> exact" "$@" 3
	BOTH='--order both --size 1M --timeout 10' check "$what, 1 MB both ways -> exact" "$@" 2 -j 2
}

# As a gateway has
nsip lb route add default via 10.0.1.2
nsip lb -6 route add default via fd00:1::2
for family in 4 6; do
	accept_family $family
	for conntrack in 1 0; do
		ipvs_begin $conntrack
		three_ways "accept: IPv$family, IPVS behind the rule, conntrack $conntrack" by_ipvs
		ipvs_end
	done
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	synproxy_begin backend input eth0
	three_ways "accept: IPv$family, SYNPROXY before the listener" calm exact here
	synproxy_end backend
	backend_ppctl flush-rules
	gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
	synproxy_begin lb forward front
	three_ways "accept: IPv$family, SYNPROXY on the gateway" calm exact through
	synproxy_end lb
	lb_ppctl flush-rules
done
accept_family 4
accept_rule to "$BACKEND" port 8080-9090 from "$BALANCER"
what='accept: IPv4, listener assigned at tc ingress'
check "$what, that of the port -> exact" exact assigned 8080 assigned_client 8080
check "$what, that of another port -> refused soon" exact assigned 9090 assigned_refused
backend_ppctl flush-rules
