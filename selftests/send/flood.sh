#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Floods of SYNs whose senders do not answer, in simulated time, where the rate is exact. At the
# default limit of handshakes, honest connections succeed as often as through the same NAT without a
# rule, the limit holds, and clients of another rule are not affected. An evicted handshake goes on
# when its client does. Variables: PP_FLOOD_RATE (50000) SYNs a second for PP_FLOOD_SECONDS (2).
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft python3 jq
module_require
topo_lb 4
raw_init
rate=${PP_FLOOD_RATE:-50000}
seconds=${PP_FLOOD_SECONDS:-2}
honest=40

# The flood's source addresses are behind the client, and packets to them are dropped
crowd_make() {
	nsip lb route replace 10.66.0.0/16 via 10.0.1.2
	nsip lb -6 route replace fd66::/64 via fd00:1::2
	nsip backend route replace 10.66.0.0/16 via 10.0.2.1
	nsip backend -6 route replace fd66::/64 via fd00:2::1
	ns client nft -f - <<-END
		table inet pp_crowd {
			chain prerouting {
				type filter hook prerouting priority -300; policy accept;
				ip daddr 10.66.0.0/16 drop
				ip6 daddr fd66::/64 drop
			}
		}
	END
	sysctl -qw net.netfilter.nf_conntrack_max=1048576
}

# A second service, with its own port at the address of the first
nat_second() {
	ns lb nft -f - <<-END
		add rule inet pp_nat prerouting ip daddr 10.0.1.1 tcp dport 81 dnat ip to 10.0.2.2:8081
		add rule inet pp_nat prerouting ip6 daddr fd00:1::1 tcp dport 81 dnat ip6 to [fd00:2::2]:8081
	END
}

serve() {
	start_bg "server-$1" backend "$PEER" server -l "$BACKEND" -p "$1" -n 0 "${@:2}"
	wait_listening "server-$1"
}

# connect NAME PORT: honest connections, 4 at a time
connect() {
	start_bg "$1" client "$PEER" client -c "$target" -p "$2" -n $honest -j 4 --timeout 8
}

succeeded() {
	grep -c '"ok":true' "$PP_TMP/bg/$1.out" || true
}

# In $most, the largest number of handshakes in progress until the flood is over
watch_limit() {
	local now

	most=0
	while bg_runs flood; do
		now=$(stat_of handshakes)
		((now <= most)) || most=$now
		sleep 0.2
	done
}

# flooded HEADER: in $here, how many honest connections to the flooded service succeed; in $there,
# to the other service
flooded() {
	local sources=10.66.0.0/16

	[[ $FAMILY == 4 ]] || sources=fd66::/112
	serve 8080 --header "$1"
	serve 8081 --header "$1"
	start_bg flood client "$pp_selftests/tools/pp_flood" $sources "$target" "$port" "$rate" "$seconds"
	wait_until 20 bg_says flood begin
	sleep 1.5
	connect here "$port"
	connect there $((port + 1))
	watch_limit
	wait_bg flood
	wait_bg here || true
	wait_bg there || true
	here=$(succeeded here) there=$(succeeded there)
	for name in server-8080 server-8081; do
		stop_bg $name TERM
		if grep -aE "$pp_wrong" "$PP_TMP/bg/$name.out" | grep -a '"ok":false'; then
			fail 'a header was wrong'
		fi
	done
	ns lb conntrack -F 2>/dev/null || true
}

# flood COOKIES: with a rule and without
flood() {
	local bare evicted

	ns_sysctl backend net.ipv4.tcp_syncookies="$1"
	lb_ppctl flush-rules
	flooded none
	bare=$here
	lb_ppctl add-rule send to "$BACKEND" port 8080
	lb_ppctl add-rule send to "$BACKEND" port 8081
	evicted=$(stat_of evicted)
	flooded v2
	echo "IPv$FAMILY, $what, tcp_syncookies=$1: $here of $honest with a rule, $bare without;" \
		"$there of $honest of another rule; $most handshakes at most," \
		"$(($(stat_of evicted) - evicted)) evicted" >>"$PP_TMP/figures"
	((most <= 65536)) || fail "$most handshakes in progress"
	is "$there" $honest 'connections of another rule'
	((here >= bare)) || fail "$here, $bare without a rule"
	ns_sysctl backend net.ipv4.tcp_syncookies=1
	lb_ppctl set-limit handshakes 1
	lb_ppctl flush-rules
	wait_until 200 forgotten
	lb_ppctl set-limit handshakes 65536
}

forgotten() {
	[[ $(stat_of handshakes) == 0 ]]
}

# A handshake is evicted before the client's last ACK
evicted() {
	local remade

	rule to "$BACKEND" port 8080
	lb_ppctl set-limit handshakes 8
	remade=$(stat_of remade)
	start_bg server backend "$pp_selftests/tools/spoof_packets.py" server "$BACKEND" 8080
	wait_until 20 bg_says server ready
	ns client "$pp_selftests/tools/spoof_packets.py" evicted "$CLIENT" "$raw_port" "$target" "$port"
	wait_until 5 bg_says server header
	is "$(grep header "$PP_TMP/bg/server.out")" "header $CLIENT $target"
	is $(($(stat_of remade) - remade)) 1 'entries made again'
	stop_bg server KILL
	lb_ppctl set-limit handshakes 65536
}

crowd_make
netem backend eth0 delay 20ms limit 100000
nat_dnat
nat_second
for family in 4 6; do
	topo_family $family
	target=$VIP port=80 what=NAT
	((++raw_port))
	check "send: IPv$FAMILY, NAT, evicted before the client's last ACK -> exact" evicted
	for cookies in 2 0; do
		[[ $family == 4 || $cookies == 2 ]] || continue
		check "send: IPv$FAMILY, NAT, $rate SYN/s, tcp_syncookies=$cookies -> as often as without" \
			flood $cookies
	done
done
nat_flush
for family in 4 6; do
	topo_family $family
	target=$BACKEND port=8080 what='no conntrack'
	for cookies in 2 0; do
		[[ $family == 4 || $cookies == 2 ]] || continue
		check "send: IPv$FAMILY, no conntrack, $rate SYN/s, tcp_syncookies=$cookies -> as often as without" \
			flood $cookies
	done
done
diag <"$PP_TMP/figures"
