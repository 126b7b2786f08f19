#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Connections with a header and an nft flowtable on the load balancer: a flow is offloaded, but not
# before its header is acknowledged. With and without a flowtable, conntrack finds no packet
# invalid.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq tc
module_require
topo_lb 4

# forwarding [RULE]: the chain forward, which counts packets
forwarding() {
	ns lb nft -f - <<-END
		table inet pp_forward
		delete table inet pp_forward
		table inet pp_forward {
			counter seen { }
			counter invalid { }
			flowtable f {
				hook ingress priority 0
				devices = { front, back }
			}
			chain forward {
				type filter hook forward priority 0; policy accept;
				counter name seen
				ct state invalid counter name invalid
				${1:-}
			}
		}
	END
}

# counted NS TABLE COUNTER: packets
counted() {
	ns "$1" nft -j list counter inet "$2" "$3" |
		jq '.nftables[] | select(.counter) | .counter.packets'
}

none_invalid() {
	is "$(counted lb pp_forward invalid)" 0 'invalid packets'
	(($(counted lb pp_forward seen) > 0)) || fail "no packets at all"
}

# received: packets that the load balancer received
received() {
	nsip lb -j -s link show | jq '[.[] | select(.ifname != "lo") | .stats64.rx.packets] | add'
}

# drop_chain RULE...: the backend drops packets before its stack sees them
drop_chain() {
	ns backend nft -f - <<-END
		table inet pp_drop {
			counter headers { }
			set once { type inet_service; size 65535; }
			set twice { type inet_service; size 65535; }
			chain prerouting {
				type filter hook prerouting priority -350; policy accept;
				$(printf '%s\n' "$@")
			}
		}
	END
}

drop_end() {
	ns backend nft -f - <<-END
		table inet pp_drop
		delete table inet pp_drop
	END
}

# Segments to the backend with payload: longer than ACKs with SACK blocks
segment() {
	if [[ $FAMILY == 4 ]]; then
		echo 'tcp dport 8080 meta length > 76'
	else
		echo 'tcp dport 8080 meta length > 100'
	fi
}

# exact COUNT [OPTION of the client]...: an exact header each, no packet invalid
exact() {
	local count=$1

	shift
	rule to "$BACKEND" port 8080 version "$version"
	transfer "$count" --header "v$version" "${names_client[@]}" -- "$@"
	is "$(rule_stat acked)" "$count"
	none_invalid
}

# first_lost SET...: of 10 connections the first segment with a header is lost, or with two sets the
# first two
first_lost() {
	local name rules=() lost

	for name in "$@"; do
		rules+=("$(segment) tcp sport != @$name add @$name { tcp sport } counter name headers drop")
	done
	drop_chain "${rules[@]}"
	exact 10 -j 10
	lost=$(counted backend pp_drop headers)
	is "$lost" $((10 * $#)) 'headers lost'
	(($(rule_stat resent) >= lost)) || fail "$(rule_stat resent) headers sent again"
}

# An offloaded flow: the chain sees few of its packets
past_netfilter() {
	local before after

	before=$(received)
	forwarding "$offload"
	exact "$@"
	after=$(received)
	(($(counted lb pp_forward seen) * 2 < after - before)) ||
		fail "$(counted lb pp_forward seen) of $((after - before)) packets seen"
}

lossy_exact() {
	local dev

	for dev in front back; do
		netem lb $dev loss 5%
	done
	exact "$@"
	for dev in front back; do
		netem lb $dev none
	done
}

# The conntrack entry of a connection from port 30001
entry() {
	ns lb grep 'sport=30001 dport=80 ' /proc/net/nf_conntrack
}

offloaded() {
	entry | grep -q '\[OFFLOAD\]'
}

header_lost() {
	(($(counted backend pp_drop headers) >= $1))
}

no_handshake() {
	[[ $(lb_ppctl -j list-connections) == '[]' ]]
}

# The client has the answer, which the server gives after all data
answered() {
	local bytes

	bytes=$(ns client ss -Htin dport = :80 | sed -n 's/.*bytes_received:\([0-9]*\).*/\1/p')
	((bytes > 1000))
}

# While the backend does not get the header, the flow is not offloaded
offload_waits() {
	rule to "$BACKEND" port 8080
	drop_chain "$(segment) counter name headers drop"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --header v2 \
		"${names_client[@]}" --end none
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 --bind-port 30001 --end none
	wait_until 20 header_lost 3
	is "$(lb_ppctl -j list-connections | jq -r '.[].state')" header-sent
	wait_until 5 entry
	if offloaded; then
		fail "offloaded before the header is acknowledged"
	fi
	drop_end
	wait_until 20 no_handshake
	wait_until 20 offloaded
	wait_until 20 answered
	stop_bg client
	wait_bg server
	none_invalid
}

for family in 4 6; do
	topo_family $family
	nat_dnat_masq
	forwarding
	for version in 1 2; do
		BOTH='--order both --size 300k' \
			check "send: IPv$FAMILY, v$version, no flowtable -> exact, no packet invalid" exact 4 -j 4
	done

	offload='meta l4proto tcp flow add @f'
	forwarding "$offload"
	check "send: IPv$FAMILY, flowtable, header not acknowledged -> not offloaded until it is" \
		offload_waits
	# A case that failed leaves these behind
	drop_end
	stop_bg client
	stop_bg server
	for version in 1 2; do
		for order in client server both; do
			BOTH="--order $order" check \
				"send: IPv$FAMILY, flowtable, v$version, $order first -> exact, no packet invalid" \
				exact 4 -j 2
		done
	done
	BOTH='--size 3M' check "send: IPv$FAMILY, flowtable, 3 MB both ways -> exact, past netfilter" \
		past_netfilter 2 -j 2
	BOTH='--end half-close --size 300k' \
		check "send: IPv$FAMILY, flowtable, half-close -> exact, no packet invalid" exact 4 -j 4

	BOTH='--order server' \
		check "send: IPv$FAMILY, flowtable, server first, first header lost -> 10 of 10 exact" \
		first_lost once
	drop_end
	BOTH='--order client --size 50k' \
		check "send: IPv$FAMILY, flowtable, client first, two headers lost -> 10 of 10 exact" \
		first_lost once twice
	drop_end
	BOTH='--order both --size 30k' check "send: IPv$FAMILY, flowtable, 5 % loss -> exact" \
		lossy_exact 10 -j 10
	nat_flush

	TARGET=$BACKEND PORT=8080
	BOTH='--size 300k' check "send: IPv$FAMILY, flowtable, plain routing -> exact, past netfilter" \
		past_netfilter 2 -j 2
	unset TARGET PORT
done
