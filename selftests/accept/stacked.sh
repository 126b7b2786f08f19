#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Several headers in a row, "stacked": the last one names the client, a header without addresses
# ends the row, and exactly so many are wanted. Split at every byte, lost, repeated, reordered; too
# long, malformed, incomplete. Lists, events and getsockopt() have all of them, and the header of a
# chain names the client of the last one.
set -euo pipefail
# shellcheck source=selftests/lib/header.sh
. "${BASH_SOURCE[0]%/*}/../lib/header.sh"
# shellcheck source=selftests/lib/stacked.sh
. "${BASH_SOURCE[0]%/*}/../lib/stacked.sh"

need jq nft python3 tc
module_require
topo_lb 4
nat_dnat_masq
KIND=accept

begin_listening() {
	:
}

awaited() {
	backend_ppctl -j list-connections | jq -e 'any(.[]; .state == "header-awaited")' >/dev/null
}

# The gateway of the chain needs a route to clients
nsip lb route replace default via 10.0.1.2
nsip lb -6 route replace default via fd00:1::2

# The host that takes the headers out forwards the connection to a tagged backend
chained() {
	backend_ppctl flush-rules
	lb_ppctl add-rule accept to "$VIP" port 80 from "$BALANCER" stacked 2 >/dev/null
	lb_ppctl add-rule send to "$BACKEND" port 8080 >/dev/null
	start_bg reader backend "$pp_selftests/tools/read_header.py" "$BACKEND" 8080 1
	wait_listening reader
	is "$(ns client timeout 30 bash -c "exec 3<>/dev/tcp/$VIP/80
		printf '$(escaped "$1")hello\n' >&3; head -n 1 <&3")" hello
	wait_bg reader
	lb_ppctl flush-rules
	is "$(grep '^{' "$PP_TMP/bg/reader.out" | jq -c '[.source, .destination, .tlvs]')" "$2"
}

cookies() {
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	stacked_rule stacked 2
	VERSION=2 many --chunk "$1" --no-delay
	ns_sysctl backend net.ipv4.tcp_syncookies=1
}

for family in 4 6; do
	stacked_family $family
	stacked_good
	stacked_bad
	check "accept: IPv$family, 2 headers -> both in lists, events and getsockopt" stacked_shown
	check "accept: IPv$family, LOCAL ends the row -> TLVs of the header before it" stacked_local_tlvs
	check "accept: IPv$family, another rule amid the headers -> as the connection began" changed_amid
	check "accept: IPv$family, 2 headers, chain -> the client of the last one, and its TLVs" \
		chained "$first$last" "[[\"$REAL\",4711],[\"$ASKED\",443],[[\"0xe2\",\"6c617374\"]]]"
	check "accept: IPv$family, a header and LOCAL, chain -> the client before LOCAL, and its TLVs" \
		chained "$first$(v2 20 00 -)" \
		"[[\"$NEAR\",1111],[\"$ASKED\",80],[[\"0xe1\",\"6669727374\"]]]"
	check "accept: IPv$family, 2 headers, SYN cookies -> all exact" cookies 5000
	check "accept: IPv$family, 2 headers, SYN cookies, in pieces -> all exact" cookies 20
	stacked_impaired
done
