#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IPsec between load balancer and backend, transport and tunnel mode: the header arrives, a backend
# with an accept rule takes it out, and the policies for the load balancer hold for an accepted
# connection.
set -euo pipefail
# shellcheck source=selftests/lib/tunnel.sh
. "${BASH_SOURCE[0]%/*}/../lib/tunnel.sh"
# shellcheck source=selftests/lib/ipsec.sh
. "${BASH_SOURCE[0]%/*}/../lib/ipsec.sh"

need nft jq socat
module_require
topo_lb 4

esp_talks=lb esp_listens=backend esp_device=tunnel
esp_outer=(10.0.2.1 10.0.2.2)
for family in 4 6; do
	esp_near[family]=${inner_lb[$family]} esp_far[family]=${inner_backend[$family]}
done

# esp_policies NAME: both directions, of both families
esp_policies() {
	local family

	for family in 4 6; do
		if [[ $1 == backend ]]; then
			esp_policy backend "${esp_far[$family]}" "${esp_near[$family]}" out
			esp_policy backend "${esp_near[$family]}" "${esp_far[$family]}" in
			continue
		fi
		esp_policy lb "${esp_near[$family]}" "${esp_far[$family]}" out
		esp_policy lb "${esp_far[$family]}" "${esp_near[$family]}" in
		# The answers that NAT returns to the client
		esp_policy lb "${esp_far[$family]}" "${any[$family]}" fwd
	done
}

# The client's packets are small enough from the beginning: behind masquerade and IPsec a packet
# that is too long is lost silently, with the module and without. The backend learns its size.
clamp_client() {
	ns lb nft -f - <<-END
		table inet pp_clamp {
			chain forward {
				type filter hook forward priority 0; policy accept;
				tcp flags & (syn | ack) == syn | ack tcp option maxseg size set 1300
			}
		}
	END
}

# NAT and IPsec without the module's rules
without_rule() {
	lb_ppctl flush-rules
	backend_ppctl flush-rules
	BOTH='--order client --size 20k --timeout 30' transfer 2 --
}

# For a while the load balancer's packets come without IPsec
some_plain() {
	rule to "$BACKEND" port 8080
	accept_rule to "$BACKEND" port 8080 from "$LB"
	plain_refused "$VIP" 80
	is "$(accept_rule_stat accepted)" 1 'accepted'
}

# The application is here, but NAT leads to it. Packets out of a tunnel come by the device of IPsec,
# whose address "redirect" would use.
redirected() {
	trap 'redirect_end backend' EXIT
	ns backend nft -f - <<-END
		table inet pp_redirect {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				ip daddr ${inner_backend[4]} tcp dport 8080 dnat ip to ${inner_backend[4]}:9090
				ip6 daddr ${inner_backend[6]} tcp dport 8080 dnat ip6 to [${inner_backend[6]}]:9090
			}
		}
	END
	BPORT=9090 accepted
}

nsip lb xfrm state count >/dev/null 2>&1 || skip_all 'this kernel has no IPsec'
nat_to_tunnel
clamp_client
over_device vlan id 7
for esp_mode in transport tunnel; do
	esp_states lb backend
	esp_policies lb
	esp_policies backend
	for family in 4 6; do
		tunnel_family $family
		check "IPsec: IPv$family, $esp_mode mode, no rule -> exact" without_rule
		check "send: IPv$family, IPsec, $esp_mode mode -> header, exact" through_tunnel
		check "accept: IPv$family, IPsec, $esp_mode mode -> client, exact" accepted
		check "accept: IPv$family, IPsec, $esp_mode mode, redirected port -> client, exact" redirected
		[[ $esp_mode != transport ]] ||
			check "accept: IPv$family, some packets without IPsec -> refused, or taken where no policy counts" some_plain
	done
	esp_gone lb backend
done
