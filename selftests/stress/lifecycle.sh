#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module is loaded and unloaded, and namespaces are made and deleted, in the middle of traffic:
# one connection lasts through all of it, connections that begin get their header, and nothing is
# left in the end. Variables: PP_STRESS_LOADS (4) of the module, PP_STRESS_NAMESPACES (6) with rules
# and connections, PP_STRESS_AT_A_TIME (3).
set -euo pipefail
# shellcheck source=selftests/lib/stress.sh
. "${BASH_SOURCE[0]%/*}/../lib/stress.sh"

not_in_sim 'an endless load never lets the clock move'
need nft jq socat
module_require
topo_lb 4
nat_dnat_masq

loads=${PP_STRESS_LOADS:-4}
namespaces=${PP_STRESS_NAMESPACES:-6}
at_a_time=${PP_STRESS_AT_A_TIME:-3}

# ---- loads

# Connections without end, which may fail: one whose header is in flight when the module is unloaded
# never gets it. They send data, since a connection that is reset right behind its handshake, while
# its ACK is held, needs no header.
traffic_begin() {
	start_bg sink backend "$PEER" server -l "$BACKEND" -p 8082 -n 0 --end rst --timeout 3
	wait_listening sink
	start_bg flood client "$PEER" client -c "$BACKEND" -p 8082 -n 100000000 -j 3 --end rst \
		--timeout 3
}

traffic_end() {
	stop_bg flood KILL
	stop_bg sink KILL
}

# A connection from before the first load, which sends a line after each
line_begin() {
	mkfifo "$PP_TMP/line"
	start_bg line-server backend socat -u TCP-LISTEN:9090,reuseaddr "OPEN:$PP_TMP/line.got,creat,trunc"
	wait_port backend 9090
	start_bg line client bash -c "exec 3<>'$PP_TMP/line' 4>/dev/tcp/$BACKEND/9090; cat <&3 >&4"
}

line_says() {
	echo "$1" >"$PP_TMP/line"
	wait_until 20 grep -qx "$1" "$PP_TMP/line.got"
}

# Both sides are at work when the module is unloaded: an accept rule that matches no traffic, since
# accepted connections hold the module
load_rules() {
	lb_ppctl add-rule send to "$BACKEND" port 8080-8082 >/dev/null
	lb_ppctl add-rule send to 10.0.0.0/8 port 9090 >/dev/null
	backend_ppctl add-rule accept to "$BACKEND" from 10.9.9.9 >/dev/null
}

some_acked() {
	(($(stat_of acked) >= $1))
}

loaded() {
	local i

	traffic_begin
	line_begin
	module_unload
	for ((i = 1; i <= loads; i++)); do
		module_load
		load_rules
		wait_until 30 some_acked 3
		if ((i % 4 == 1)); then
			transfer 1 --header v2 "${names_client[@]}" --
		fi
		line_says "line $i"
		module_unload
	done
	module_load
	is "$(wc -l <"$PP_TMP/line.got")" "$loads"
	traffic_end
	stop_bg line
	stop_bg line-server
}

# ---- namespaces

# Once in each namespace: client, module and application on one host. Port 8080 has both rules, 8081
# only a send rule, 8082 only an accept rule.
space_rules() {
	ns "$1" "$PPCTL" add-rule send to 127.0.0.1 port 8080-8081 >/dev/null
	ns "$1" "$PPCTL" add-rule accept to 127.0.0.1 port 8080,8082 from 127.0.0.0/8 >/dev/null
}

# Connections that stay: accepted ones, some whose header is acknowledged, and some that wait for it
space_traffic() {
	local port options

	for port in 8080 8081 8082; do
		options=(-n 0 --end none)
		((port != 8081)) || options+=(--header v2)
		start_bg "$1-server$port" "$1" "$PEER" server -l 127.0.0.1 -p $port "${options[@]}"
	done
	for port in 8080 8081 8082; do
		options=(-n 3 -j 3 --end none)
		((port != 8082)) || options+=(--no-data)
		wait_port "$1" $port
		start_bg "$1-client$port" "$1" "$PEER" client -c 127.0.0.1 -p $port "${options[@]}"
	done
	wait_until 30 space_busy "$1"
}

space_busy() {
	local stats

	stats=$(ns "$1" "$PPCTL" -j show-stats)
	(($(json_first established <<<"$stats") >= 3 && $(json_first pending <<<"$stats") >= 3 &&
		$(json_first acked <<<"$stats") >= 6))
}

space_gone() {
	local port

	ns_delete "$1"
	for port in 8080 8081 8082; do
		stop_bg "$1-client$port" KILL
		stop_bg "$1-server$port" KILL
	done
}

# Each accepted connection, and each pending one, holds the module
no_entries() {
	[[ $(</sys/module/proxyproto/refcnt) == 0 ]]
}

namespaces_deleted() {
	local i done=0 names

	while ((done < namespaces)); do
		names=()
		for ((i = 0; i < at_a_time && done < namespaces; i++, ++done)); do
			names+=("space$i")
			ns_make "space$i"
			space_rules "space$i"
			space_traffic "space$i"
		done
		for name in "${names[@]}"; do
			space_gone "$name"
		done
	done
	wait_until 60 no_entries
}

unloaded() {
	module_unload
	module_load
	chain_rules
	chain_begin 3 10k
	chain_end
}

check "stress: module loaded and unloaded $loads times in traffic -> one connection lasts" loaded
check "stress: $namespaces namespaces deleted with connections -> no entry is left" namespaces_deleted
check "stress: module unloaded, loaded -> both halves at work" unloaded
