#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What idle connections cost an accept rule: 100,000 senders that shake hands, send the beginning of
# a header and no more. Prints the memory of each, and shows that honest connections are served
# meanwhile, exactly, by a listener with few places in its queue. Writes bench_crowd.json to
# PP_RESULTS (build). Variables: PP_BENCH_CROWD (100000) senders, PP_BENCH_HONEST (50) connections.
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

crowd=${PP_BENCH_CROWD:-100000}
honest=${PP_BENCH_HONEST:-50}
sources=(10.0.1.{10..13})

bench_need jq

# Memory of all slabs, in kB, and of the objects in those of the module; other slabs may have been
# merged with the slab of pending connections
slab_kb() {
	awk '/^Slab:/ { print $2 }' /proc/meminfo
}

entries() {
	awk '$1 == "proxyproto_accept" { print $2 " " $4 }' /proc/slabinfo
}

told() {
	[[ -n $(bg_output crowd) ]]
}

# honest NAME: connections with a header of their own, while the others wait
honest() {
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n "$honest" --peer-addr "$REAL"
	wait_listening server
	ns client "$PEER" client -c "$BACKEND" -p 8080 -n "$honest" -j 8 \
		--send-header "v2,$REAL,0,$BACKEND,443" >"$PP_TMP/sent" 2>"$PP_TMP/honest"
	wait_bg server
	sed -n 's/.* \([0-9]*\) ms$/\1/p' "$PP_TMP/honest"
}

module_require
ns_make client backend
veth_make client eth0 backend eth0
addr_add client eth0 10.0.1.2/24
for source in "${sources[@]}"; do
	addr_add client eth0 "$source/24"
done
addr_add backend eth0 10.0.1.3/24
nsip backend route add default via 10.0.1.2
BACKEND=10.0.1.3 REAL=192.0.2.77
bench_tune client backend
ns_sysctl backend net.core.somaxconn=8 net.ipv4.tcp_max_syn_backlog=8 net.ipv4.tcp_syncookies=1
accept_rule to "$BACKEND" port 8080 from 10.0.1.0/24 timeout 3600

alone=$(honest)
before=$(slab_kb)
start_bg listener backend "$PEER" server -l "$BACKEND" -p 8080 --timeout 1800
wait_listening listener
start_bg crowd client "$bench/crowd" "$BACKEND" 8080 $((crowd / ${#sources[@]})) PROXY "${sources[@]}"
wait_until 1800 told
pending=$(accept_stat pending)
after=$(slab_kb)
stop_bg listener
among=$(honest)
read -r objects size < <(entries)

mkdir -p "$results"
jq -n --argjson crowd "$(bg_output crowd)" --argjson pending "$pending" --argjson alone "$alone" \
	--argjson among "$among" --argjson honest "$honest" --argjson slab_kb $((after - before)) \
	--argjson objects "$objects" --argjson size "$size" \
	--argjson waiting "$(</sys/kernel/slab/proxyproto_pending/slab_size)" '{ crowd: $crowd, pending: $pending,
		honest: $honest, ms_alone: $alone, ms_among: $among, slab_kb_with_senders: $slab_kb,
		entries: $objects, entry_bytes: $size, pending_bytes: $waiting }' | tee "$results/bench_crowd.json"
is "$pending" "$crowd" 'connections that wait for their header'
is "$(accept_stat accept_limit)" 0 'SYNs dropped at a limit'
stop_bg crowd
