#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A transparent proxy on the load balancer: nft's tproxy hands it connections to any address, it
# binds the client's address for its connection to the backend, and masquerade replaces that again.
# The header names the client all the same.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq haproxy
module_require
topo_lb 4

# The client connects to an address that no host has: the proxy takes the connection
WANTED4=10.0.9.9 WANTED6=fd00:9::9

# The client's packets to the proxy, and answers to the address that it has bound, are for this host
divert() {
	ns lb nft -f - <<-END
		table inet pp_divert {
			chain prerouting {
				type filter hook prerouting priority -150; policy accept;
				ct direction reply ct mark 0x77 meta mark set 0x77
				iif front ip daddr $WANTED4 tcp dport 80 tproxy ip to :3129 meta mark set 0x77
				iif front ip6 daddr $WANTED6 tcp dport 80 tproxy ip6 to :3129 meta mark set 0x77
			}
			chain output {
				type filter hook output priority -150; policy accept;
				tcp dport 8080 ct mark set 0x77
			}
			chain postrouting {
				type nat hook postrouting priority 100; policy accept;
				tcp dport 8080 masquerade
			}
		}
	END
}

divert_routes() {
	for family in 4 6; do
		nsip lb -$family rule add fwmark 0x77 lookup 100
		nsip lb -$family route add local default dev lo table 100
	done
}

write_conf() {
	cat <<-END
		defaults
			mode tcp
			timeout connect 10s
			timeout client 30s
			timeout server 30s
	END
	for family in 4 6; do
		topo_family $family
		cat <<-END
			listen transparent$family
				bind ${bind[$family]} transparent
				source ${any[$family]} usesrc client
				server backend $BACKEND_URL:8080
		END
	done
}

# tagged VERSION COUNT: to the backend, whose peer is the load balancer
tagged() {
	local version=$1 count=$2

	rule to "$BACKEND" port 8080 version "$version"
	transfer "$count" --header "v$version" --src-addr client --src-port client \
		--dst-addr "$BACKEND" --dst-port 8080 --peer-addr "$LB" -- -j 20
	is "$(rule_stat tagged)" "$count"
	is "$(rule_stat acked)" "$count"
	is "$(lb_ppctl -j list-connections)" '[]'
}

untagged() {
	transfer 2 --header none --peer-addr "$LB" --
}

declare -A bind=([4]=0.0.0.0:3129 [6]='[::]:3129 v6only') any=([4]=0.0.0.0 [6]='[::]')
write_conf >"$PP_TMP/haproxy.cfg"
divert 2>"$PP_TMP/why" || skip_all 'no tproxy in this kernel'
divert_routes
start_bg haproxy lb haproxy -db -f "$PP_TMP/haproxy.cfg"
wait_port lb 3129

for family in 4 6; do
	topo_family $family
	what="peers: HAProxy, IPv$family, tproxy, client's address bound, masquerade"
	TARGET=$WANTED4
	[[ $family == 4 ]] || TARGET=$WANTED6
	lb_ppctl flush-rules
	check "$what, no rule -> no header" untagged
	check "$what, v2 -> the client's address and port" tagged 2 5
	BOTH='--order server --size 300k' check "$what, v1, server first, 300 kB -> exact" tagged 1 3
done
