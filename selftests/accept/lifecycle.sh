#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What keeps accepted connections and what ends them: rules that are deleted, a module that must not
# be unloaded, a namespace that is deleted under load, addresses and ports that are used again or
# claimed by others, limits, and senders that never finish their header.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq nft
module_require
topo_lb 4
VERSION=2

# idle NAME PORT [OPTION of the client]...: a connection from this port of the
# real client that stays until it is stopped
idle() {
	start_bg "$1" client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 100 \
		--send-header "v2,$REAL,$2,$ASKED,443" "${@:3}"
	wait_until 10 has_accepted "$2"
}

idle_server() {
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --end none --timeout 100
	wait_listening server
}

# Whether a client is listed as accepted, by the port of its header
has_accepted() {
	[[ -n $(backend_ppctl -j list-connections |
		jq -c ".[] | select(.state == \"accepted\" and .client_port == $1)") ]]
}

stop_all() {
	stop_bg client1
	stop_bg client2
	stop_bg server
}

# The rule is deleted, the connection goes on, the module stays loaded
rule_gone() {
	next_port
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --size 20M --timeout 200 \
		--peer-addr "$REAL"
	wait_listening server
	start_bg client1 client "$PEER" client -c "$BACKEND" -p 8080 --size 20M --timeout 200 \
		--send-header "v2,$REAL,$port,$ASKED,443"
	wait_until 10 has_accepted "$port"
	backend_ppctl flush-rules
	if rmmod proxyproto 2>"$PP_TMP/rmmod"; then
		fail 'unloaded under a connection'
	fi
	grep -q 'in use' "$PP_TMP/rmmod"
	wait_bg client1
	wait_bg server
}

# TIME_WAIT is on the side that closed first: here on the client's
same_client() {
	local i

	for i in 1 2 3 4 5; do
		named 7777
	done
	is "$(accept_stat remapped)" "$remapped" 'remapped'
}

# A port that the load balancer had itself is then a client's
was_balancer() {
	next_port
	named "$port" --bind-port "$port"
	REAL=$BALANCER named "$port"
	is "$(accept_stat remapped)" "$remapped" 'remapped'
}

# And the other way round
was_client() {
	next_port
	REAL=$BALANCER named "$port"
	named "$port" --bind-port "$port" --timeout 10
}

# A port of the load balancer, for a connection that still waits for its header
is_balancer() {
	local before

	next_port
	before=$(accept_stat remapped)
	idle_server
	start_bg client1 client "$PEER" client -c "$BACKEND" -p 8080 --bind-port "$port" --no-data \
		--end none --timeout 100
	wait_until 10 one_pending
	idle client2 "$port" --send-header "v2,$BALANCER,$port,$ASKED,443"
	is "$(accept_stat remapped)" $((before + 1)) 'remapped'
	one_pending
	stop_all
}

one_pending() {
	[[ $(accept_stat pending) == 1 ]]
}

# The load balancer opens two connections for one port of one client
in_use() {
	next_port
	idle_server
	idle client1 "$port"
	idle client2 "$port"
	wait_until 10 grown_remapped
	is "$(backend_ppctl -j list-connections | jq "[.[] | select(.client_port == $port)] | length")" 2
	is "$(backend_ppctl -j list-connections |
		jq "[.[] | select(.client_port == $port and .seen_port != null)] | length")" 1
	is "$(ns backend ss -Htn state established "dst [$REAL]" | wc -l)" 2
	stop_all
}

grown_remapped() {
	(($(accept_stat remapped) > remapped))
}

# A packet from outside with the client's address and port is dropped
spoofed() {
	local before

	before=$(accept_stat spoofed)
	next_port
	idle_server
	idle client1 "$port"
	nsip client addr add "$REAL/$((FAMILY == 4 ? 32 : 128))" dev lo nodad 2>/dev/null ||
		nsip client addr add "$REAL/32" dev lo
	if ns client "$PEER" client -c "$BACKEND" -p 8080 -b "$REAL" --bind-port "$port" --timeout 3; then
		fail 'connected'
	fi
	nsip client addr del "$REAL/$((FAMILY == 4 ? 32 : 128))" dev lo
	(($(accept_stat spoofed) > before))
	has_accepted "$port"
	stop_all
}

# listen [OPTION]...: a server that expects the real client as its peer, and goes on; idlers never
# become a peer
listen() {
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --timeout 100 \
		--peer-addr "$REAL" "$@"
	wait_listening server
}

# idlers COUNT [OPTION]...: as many connections without a header, all at once
idlers() {
	start_bg idlers client "$PEER" client -c "$BACKEND" -p 8080 -n "$1" -j "$1" --no-data --end none \
		--timeout 100 "${@:2}"
}

one_exact() {
	next_port
	ns client "$PEER" client -c "$BACKEND" -p 8080 --send-header "v2,$REAL,$port,$ASKED,443"
}

# Senders that never finish cost the listener nothing: its queue has few places
unfinished() {
	ns_sysctl backend net.core.somaxconn=8 net.ipv4.tcp_max_syn_backlog=8 net.ipv4.tcp_syncookies=0
	listen
	idlers 100 --send-raw 50524f
	wait_until 60 waiting 100
	one_exact
	stop_bg idlers
	wait_until 10 pending_below 1
	stop_bg server
	ns_sysctl backend net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=128 \
		net.ipv4.tcp_syncookies=1
}

# COUNT connections wait for their header, and end with a FIN when they are killed: a kill during
# the handshake would leave a SYN that is remembered for long
waiting() {
	is "$(backend_ppctl list-connections | grep -c header-awaited)" "$1"
}

pending_above() {
	(($(accept_stat pending) > $1))
}

pending_below() {
	(($(accept_stat pending) < $1))
}

# The connections that wait longest without a byte of a header are evicted
at_limit() {
	local before

	backend_ppctl set-limit pending 3
	before=$(accept_stat accept_evicted)
	listen
	idlers 10
	wait_until 20 pending_above 2
	wait_until 20 evicted_above "$((before + 6))"
	wait_until 20 waiting 3
	is "$(accept_stat pending)" 3
	one_exact
	stop_bg idlers
	wait_until 20 pending_below 1
	backend_ppctl set-limit pending 131072
	one_exact
	stop_bg server
}

evicted_above() {
	(($(accept_stat accept_evicted) > $1))
}

# No entry is left when all ends are gone
all_forgotten() {
	backend_ppctl flush-rules
	wait_until 150 forgotten
	backend_ppctl list-connections
}

forgotten() {
	[[ $(backend_ppctl -j list-connections) == '[]' ]]
}

# The namespace is deleted with all of this, in the middle of a transfer
deleted() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	listen --size 50M
	start_bg client1 client "$PEER" client -c "$BACKEND" -p 8080 -n 20 -j 20 --timeout 20 \
		--send-header "v2,$REAL,0,$ASKED,443" --size 50M
	idlers 50
	wait_until 30 pending_above 49
	wait_until 30 established_above 10
	ns_delete backend
	stop_bg client1
	stop_bg idlers
	wait_until 30 unloadable
	module_load
}

established_above() {
	(($(accept_stat established) > $1))
}

unloadable() {
	rmmod proxyproto
}

for family in 4 6; do
	accept_family $family
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	check "accept: IPv$family, rules flushed under a connection -> goes on, module in use" rule_gone
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	remapped=$(accept_stat remapped)
	check "accept: IPv$family, same client 5 times, closed -> exact" same_client
	BOTH='--end rst' check "accept: IPv$family, same client 5 times, reset -> exact" same_client
	check "accept: IPv$family, once load balancer, then client -> exact" was_balancer
	check "accept: IPv$family, once client, then load balancer -> exact" was_client
	check "accept: IPv$family, load balancer and client with one port -> client has another" is_balancer
	check "accept: IPv$family, same client twice at once -> second has another port" in_use
	check "accept: IPv$family, from outside as the client -> dropped" spoofed
	check "accept: IPv$family, 100 senders that never finish -> others are served" unfinished
	check "accept: IPv$family, limit of pending connections -> the silent are evicted, others exact" at_limit
done
check 'accept: nobody left -> all forgotten' all_forgotten
check 'accept: namespace deleted under load -> module can be unloaded' deleted
