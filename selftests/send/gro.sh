#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets that GRO or the sender has joined: lists of GRO (Linux 6.10 on), in which each segment has
# a header of its own, and BIG TCP, longer than any IP packet. A change holds for all of their
# segments, on a load balancer and on a gateway with an accept rule.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq tc tcpdump ethtool conntrack python3 nstat
module_require
topo_lb 4
accept_family 4

# How many packets longer than $1 bytes pass forward
count_long() {
	ns lb nft -f - <<-END
		table inet pp_long
		delete table inet pp_long
		table inet pp_long {
			counter long { }
			chain forward {
				type filter hook forward priority 0; policy accept;
				ct state invalid counter
				meta length > $1 counter name long
			}
		}
	END
}

long_came() {
	(($(ns lb nft -j list counter inet pp_long long |
		jq '.nftables[].counter.packets // empty') > 0)) || fail 'no such packet'
}

# exact COUNT: connections through the load balancer
exact() {
	rule to "$BACKEND" port 8080 version 2
	transfer "$1" --header v2 "${names_client[@]}" -- -j "$1"
	is "$(rule_stat acked)" "$1"
	long_came
}

# accepted COUNT: connections that the gateway accepts; it changes the numbers of all packets
accepted() {
	gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
	TARGET=$BACKEND PORT=8080 VERSION=2 through "$1" -j "$1"
	long_came
}

# Nothing is lost, and the backend accepts all segments of a packet
accepted_at_once() {
	local before again

	before=$(repeated)
	accepted "$1"
	again=$(($(repeated) - before))
	((again < 10)) || fail "$again segments sent again"
}

repeated() {
	ns client nstat -asz TcpRetransSegs | awk '$1 == "TcpRetransSegs" { print $2 }'
}

# Finds in a capture a packet whose number was lowered, and then, before the backend has answered, a
# packet whose number was not
half_lowered() {
	cap_read "$1" | python3 -c '
import re, sys
isn, lowered, bad, seen = None, False, 0, 0
for line in sys.stdin:
    found = re.search(r" > \S+\.(\d+): Flags \[(\S+)\], (?:seq (\d+))?", line)
    if not found:
        continue
    if found[1] != "8080":
        lowered = False
    elif "S" in found[2]:
        isn = int(found[3])
    elif found[3]:
        if (int(found[3]) - isn) % 2**32 >= 2**31:
            lowered, seen = True, seen + 1
        elif lowered:
            bad += 1
print(seen > 0, bad)'
}

# Conntrack forgets a connection in the middle: until the backend answers, all segments of the
# client's packets get a lowered number
picked_up() {
	local result

	rule to "$BACKEND" port 8080 version 2
	ns_sysctl lb net.netfilter.nf_conntrack_tcp_loose=1
	TARGET=$BACKEND PORT=8080
	netem client eth0 delay 5ms rate 50mbit
	cap_start lowered lb back -s 100 'tcp port 8080'
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --header v2 --size 10
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --size 5M
	wait_until 20 no_handshake
	sleep 0.3
	ns lb conntrack -F >/dev/null 2>&1
	wait_bg client
	wait_bg server
	cap_stop lowered
	netem client eth0 none
	(($(stat_of picked_up) > 0)) || fail 'nothing was picked up'
	result=$(half_lowered lowered)
	is "$result" 'True 0' 'a packet was lowered, number of those that were not'
	long_came
}

no_handshake() {
	[[ $(rule_stat acked) == 1 ]]
}

# cases WHAT: on the load balancer and on the gateway
cases() {
	local family what

	for family in 4 6; do
		accept_family $family
		what="IPv$family, $1"
		nat_dnat_masq
		BOTH='--size 3M' check "send: $what -> exact" exact 2
		lose $at_backend 1 payload
		BOTH='--size 3M' check "send: $what, first header lost -> exact" exact 2
		lose_end $at_backend
		nat_flush
		check "send: $what, conntrack forgets the connection -> all segments of long ago" \
			picked_up
		BOTH='--size 3M' check "accept: $what, on a gateway -> exact, nothing repeated" \
			accepted_at_once 2
		netem lb back loss 5%
		BOTH='--size 500k --timeout 120' check "accept: $what, on a gateway, 5 % loss -> exact" \
			accepted 4
		netem lb back none
	done
}

# offload WORD: on each end of the links
offload() {
	local end

	for end in client:eth0 lb:front lb:back backend:eth0; do
		ns "${end%:*}" ethtool -K "${end#*:}" "$@" >/dev/null
	done
}

nsip lb route add 192.0.2.0/24 via 10.0.1.2
nsip lb route add 2001:db8::/32 via fd00:1::2
count_long 1600
# Segments reach the load balancer as on a network, and its GRO makes lists of them
offload tso off gso off gro off
for dev in front back; do
	ns lb ethtool -K $dev gro on
done
if ns lb ethtool -K front rx-gro-list on 2>/dev/null && ns lb ethtool -K back rx-gro-list on; then
	cases 'lists of GRO'
	offload tx off rx off
	ns lb ethtool -K front gro on rx-gro-list on
	ns lb ethtool -K back gro on rx-gro-list on
	cases 'lists of GRO, no checksum left to the device'
	offload tx on rx on
	ns lb ethtool -K front rx-gro-list off
	ns lb ethtool -K back rx-gro-list off
else
	skip 'send: lists of GRO' 'this kernel has none for TCP'
fi

# long_ipv4 NS DEV: sets what ip(8) can set from 6.3 on
long_ipv4() {
	ns "$1" python3 - "$2" <<-END
		import socket, struct, sys
		# IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE
		attributes = b"".join(struct.pack("=HHI", 8, kind, 200000) for kind in (63, 64))
		index = socket.if_nametoindex(sys.argv[1])
		body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0) + attributes
		link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
		# RTM_NEWLINK; NLM_F_REQUEST, NLM_F_ACK
		link.send(struct.pack("=IHHII", 16 + len(body), 16, 5, 1, 0) + body)
		sys.exit(struct.unpack_from("=i", link.recv(4096), 16)[0] != 0)
	END
}

# big: allows packets above 64 KiB on each end, for IPv6 (5.19 on) and IPv4 (6.3 on)
big() {
	local end

	for end in client:eth0 lb:front lb:back backend:eth0; do
		nsip "${end%:*}" link set "${end#*:}" gso_max_size 200000 gro_max_size 200000 || return
		long_ipv4 "${end%:*}" "${end#*:}" || return
	done
	offload tso on gso on gro on
	for end in client backend; do
		ns_sysctl $end net.ipv4.tcp_rmem='4096 4000000 8000000' \
			net.ipv4.tcp_wmem='4096 4000000 8000000'
	done
}

count_long 66000
if big 2>/dev/null; then
	cases 'BIG TCP'
else
	skip 'send: BIG TCP' 'this kernel or its tools do not have it'
fi
