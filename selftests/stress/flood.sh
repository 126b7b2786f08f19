#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Floods of SYNs from addresses that do not answer, at a send rule and at an accept rule: as many
# entries as the limit allows and no more, the oldest make room, honest connections meanwhile are
# exact, and all entries end afterwards. Variables: PP_STRESS_FLOOD (800) SYNs of each flood,
# PP_STRESS_RATE (150) of them a second; 0 is as fast as possible.
set -euo pipefail
# shellcheck source=selftests/lib/stress.sh
. "${BASH_SOURCE[0]%/*}/../lib/stress.sh"

need nft jq hping3
module_require
topo_lb 4
accept_family 4
# The backend sees the client: one address of the load balancer has too few ports
nat_dnat

syns=${PP_STRESS_FLOOD:-800}
rate=${PP_STRESS_RATE:-150}
room=$((syns * 4 > 65536 ? syns * 4 : 65536))
# At least this many at once: they end after 10 s, and a slow machine sends few in that time
many=$((syns / 4 > 5000 ? 5000 : syns / 4))
few=$((syns > 20000 ? 20000 : syns))
# Addresses that the load balancer believes to be at the client's hardware address
liars=(10.0.1.{65..80})

liars_settle() {
	local liar mac

	sysctl -qw net.netfilter.nf_conntrack_max=$((room * 2))
	mac=$(nsip client -j link show eth0 | jq -r ".[0].address")
	for liar in "${liars[@]}"; do
		nsip lb neigh replace "$liar" lladdr "$mac" dev front
	done
	# The client forwards nothing, and must not answer that it does not have these addresses
	ns client nft -f - <<-END
		table inet pp_liars {
			chain prerouting {
				type filter hook prerouting priority -300; policy accept;
				ip daddr 10.0.1.64/27 drop
			}
		}
	END
}

# flood ADDRESS PORT FIRST [SYNS]: from each of these addresses in turn, and from its ports from
# FIRST on
flood() {
	local each=$((${4:-syns} / ${#liars[@]})) pause=1 # us; --flood never ends

	((rate == 0)) || pause=$((1000000 / rate))
	start_bg flood client bash -c "for liar in ${liars[*]}; do
		hping3 -q -n -S -c $each -a \$liar -s $3 -p $2 -i u$pause $1 || true
	done"
}

sent_at_least() {
	(($(stat_of "$1") >= $2))
}

accepts_at_least() {
	(($(accept_stat "$1") >= $2))
}

slab_kb() {
	awk '/^Slab:/ { print $2 }' /proc/meminfo
}

# while_flooded COUNTER NUMBER COMMAND...: repeats the command until the flood is over. The counter,
# which $stat reads, must have been NUMBER at least once; $most is its largest value. It sleeps in
# between, since in simulated time commands take none.
while_flooded() {
	local counter=$1 least=$2 before now

	shift 2
	most=0 before=$(slab_kb)
	while bg_runs flood; do
		"$@"
		now=$("$stat" "$counter")
		((now <= most)) || most=$now
		sleep 0.05
	done
	wait_bg flood || true
	((most >= least)) || fail "$counter: $most at most"
	echo "$counter: $most at most, $(($(slab_kb) - before)) kB more of slabs" >>"$PP_TMP/figures"
}

# ---- a send rule

sent() {
	transfer 5 --header v2 "${names_client[@]}" -- -j 5
}

# Room for all of them: no SYN is dropped, so honest connections take no longer
send_within() {
	local stat=stat_of

	lb_ppctl set-limit handshakes $room
	rule to "$BACKEND" port 8080
	flood "$VIP" 80 1024
	wait_until 30 sent_at_least handshakes 50
	while_flooded handshakes $many sent
	is "$(stat_of limit)" 0 'SYNs dropped'
}

# The oldest handshakes are evicted, and honest connections take no longer. A slow machine has few
# in progress at once, and gets a smaller limit.
send_beyond() {
	local stat=stat_of had places

	had=$(awk '/^handshakes:/ { print $2; exit }' "$PP_TMP/figures")
	places=$((had / 3 > 200 ? 200 : had / 3))
	lb_ppctl set-limit handshakes $places
	wait_until 30 not sent_at_least handshakes $((places / 2 + 1))
	flood "$VIP" 80 20000 $few
	# One rule may not use all of them
	wait_until 30 sent_at_least handshakes $((places * 3 / 4))
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 5 --header v2 \
		"${names_client[@]}" --timeout 240
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 -n 5 -j 5 --timeout 240
	while_flooded handshakes $((places * 3 / 4)) sleep 0.1
	((most <= places)) || fail "$most handshakes in progress"
	# On a slow machine, places become free meanwhile
	sent_at_least evicted $((few / 40)) || fail "$(stat_of evicted) handshakes evicted"
	wait_bg client 240
	wait_bg server
}

# Until the last packet of each is 10 s old
send_forgotten() {
	lb_ppctl set-limit handshakes 1
	wait_until 60 not sent_at_least handshakes 1
	is "$(lb_ppctl -j list-connections)" '[]'
	lb_ppctl set-limit handshakes 65536
	sent
}

# ---- an accept rule; the flood uses its trusted sources

accepted() {
	ns client "$PEER" client -c "$BACKEND" -p 8080 -n 5 -j 5 \
		--send-header "v2,$REAL,0,$ASKED,443"
}

accept_within() {
	local stat=accept_stat

	lb_ppctl flush-rules
	accept_rule to "$BACKEND" port 8080 from 10.0.1.0/24
	backend_ppctl set-limit pending $room
	ns_sysctl backend net.core.somaxconn=8 net.ipv4.tcp_max_syn_backlog=8
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --peer-addr "$REAL"
	wait_listening server
	flood "$BACKEND" 8080 1024
	wait_until 30 accepts_at_least pending 50
	while_flooded pending $many accepted
	is "$(accept_stat accept_limit)" 0 'SYNs dropped'
}

accept_beyond() {
	local stat=accept_stat most_before

	most_before=$(accept_stat pending)
	backend_ppctl set-limit pending 100
	flood "$BACKEND" 8080 20000
	while_flooded pending 100 sleep 0.1
	((most <= most_before)) || fail "$most wait"
	accepts_at_least accept_evicted $((syns / 10)) || fail "$(accept_stat accept_evicted) evicted"
	backend_ppctl set-limit pending $room
	accepted
	kill -TERM "$(bg_pid server)"
	wait_bg server
}

liars_settle
# Half-open sockets hold their namespace, and so its entries, until they give up
ns_sysctl backend net.ipv4.tcp_synack_retries=1
check "stress: $syns SYNs at a send rule, room for all -> honest ones exact, none dropped" send_within
check "stress: $few SYNs at a send rule, little room -> no more, honest ones exact" send_beyond
check "stress: flood at a send rule over -> all forgotten" send_forgotten
check "stress: $syns SYNs at an accept rule, room for all -> honest ones exact, none dropped" \
	accept_within
check "stress: $syns SYNs at an accept rule, no room -> evicted; then exact" accept_beyond
diag <"$PP_TMP/figures"
