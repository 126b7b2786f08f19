#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets that the endpoints ignore, from an attacker who writes both addresses of an honest
# connection: SYNs inside it, and resets with any number. The connection goes on as it does without
# a rule. A copy of a SYN that conntrack does not know, and that leaves ahead of the SYN itself,
# does not decide what the header says.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft python3 jq
module_require
topo_lb 4
raw_init

# spoofed CASE: the case of spoof_packets.py, with and without conntrack
spoofed() {
	local target=$VIP port=80

	[[ $NAT == yes ]] || target=$BACKEND port=8080
	rule to "$BACKEND" port 8080
	serve_begin
	ns client "$pp_selftests/tools/spoof_packets.py" "$1" "$CLIENT" "$raw_port" "$target" "$port"
	headers_name "$target"
}

serve_begin() {
	stop_bg server KILL
	start_bg server backend "$pp_selftests/tools/spoof_packets.py" server "$BACKEND" 8080
	wait_until 20 bg_says server ready
}

# headers_name TARGET: the server has seen one header, which names this target
headers_name() {
	wait_until 5 bg_says server 'header'
	is "$(grep -E 'header|nothing' "$PP_TMP/bg/server.out")" "header $CLIENT $1"
}

backend_forgot() {
	[[ -z $(ns backend ss -Htn state established sport = :8080) ]]
}

# The client's own reset still reaches the backend unchanged
spoofed_then_reset() {
	spoofed syn_then_reset
	wait_until 3 backend_forgot || {
		ns backend ss -tnao
		lb_ppctl show-stats
		return 1
	}
}

# block TABLE MATCH...: at the backend
block() {
	ns backend nft -f - <<-END
		table inet $1
		delete table inet $1
		table inet $1 {
			chain prerouting {
				type filter hook prerouting priority -350; policy accept;
				${*:2} drop
			}
		}
	END
}

unblock() {
	ns backend nft delete table inet "$1"
}

# The header and its retransmissions are lost for six seconds
spoofed_waiting() {
	local longest=76

	[[ $FAMILY == 4 ]] || longest=96
	block pp_wait "tcp dport 8080 tcp flags & syn == 0 meta length > $longest"
	(sleep 6 && unblock pp_wait) &
	spoofed reset_waiting
}

# The same, and the resets are in the backend's name. Where the entry is kept for a shorter time
# because of them, the header is not sent again.
answered_waiting() {
	local tool=$pp_selftests/tools/spoof_packets.py isn seq target=$VIP port=80

	[[ $NAT == yes ]] || target=$BACKEND port=8080
	rule to "$BACKEND" port 8080
	serve_begin
	block pp_wait 'tcp dport 8080 tcp flags & syn == 0'
	start_bg answered client "$tool" answer_reset "$CLIENT" "$raw_port" "$target" "$port"
	wait_until 10 bg_says answered numbers
	read -r _ isn seq <"$PP_TMP/bg/answered.out"
	wait_until 5 header_waits
	ns backend "$tool" reset_answer "$BACKEND" 8080 "$CLIENT" "$raw_port" "$isn" "$seq"
	header_waits || fail 'the resets were believed'
	wait_until 20 bg_says answered request
	unblock pp_wait
	wait_bg answered
	headers_name "$target"
}

ages() {
	while bg_runs repeated; do
		lb_ppctl -j list-connections | jq ".[] | select(.client_port == $raw_port) | .age_ms"
		sleep 1
	done
}

# A packet that is only repeated does not prolong an entry
repeated() {
	local oldest

	rule to "$BACKEND" port 8080
	block pp_all 'tcp dport 8080'
	start_bg repeated client "$pp_selftests/tools/spoof_packets.py" syn_repeated "$CLIENT" "$raw_port" \
		"$VIP" 80
	oldest=$(ages | sort -n | tail -n 1)
	wait_bg repeated
	unblock pp_all
	((oldest > 30000 && oldest < 63000)) || fail "an entry lasted for $oldest ms"
}

# A copy of each SYN, to a machine that does not exist, leaves before the SYN itself
copied() {
	local before

	before=$(stat_of replaced)
	ns lb nft -f - <<-END
		table ip$1 pp_copy {
			chain forward {
				type filter hook forward priority 0; policy accept;
				tcp dport 8080 tcp flags & (syn | ack) == syn dup to $2 device back
			}
		}
	END
	rule to "$BACKEND" port 8080
	stop_bg server KILL
	transfer 5 --header v2 "${names_client[@]}" --
	(($(stat_of replaced) - before == 5)) || fail 'no copy came first'
	ns lb nft delete table "ip$1" pp_copy
}

copies() {
	local table='' to=10.0.2.77

	[[ $FAMILY == 4 ]] || table=6 to=fd00:2::77
	check "send: IPv$FAMILY, NAT, a copy of the SYN leaves ahead of it -> original destination" \
		copied "$table" "$to"
}

# part_acked BYTES DATA: data in the backend's name acknowledges so many bytes of the header, which is
# lost. Without a rule the number would be beyond what the client has sent. DATA is what the client
# says of it: "data", or nothing.
part_acked() {
	local tool=$pp_selftests/tools/spoof_packets.py isn seq longest=60

	[[ $FAMILY == 4 ]] || longest=96
	rule to "$BACKEND" port 8080
	serve_begin
	block pp_part "tcp dport 8080 tcp flags & syn == 0 meta length > $longest"
	start_bg part client "$tool" part_acked "$CLIENT" "$raw_port" "$BACKEND" 8080
	wait_until 10 bg_says part numbers
	read -r _ isn seq <"$PP_TMP/bg/part.out"
	wait_until 5 header_waits
	ns backend "$tool" ack_part "$BACKEND" 8080 "$CLIENT" "$raw_port" "$isn" "$seq" "$1"
	wait_bg part
	unblock pp_part
	is "$(sed 1d "$PP_TMP/bg/part.out")" "$2"
}

header_waits() {
	[[ $(lb_ppctl -j list-connections |
		jq -r ".[] | select(.client_port == $raw_port) | .state") == header-sent ]]
}

# Each case has a port of its own, and loses nothing for the one before it
next() {
	((++raw_port))
	ns backend nft flush ruleset
	check "$@"
}

cases() {
	local what="send: IPv$FAMILY, $1,"

	next "$what two SYNs inside a connection -> it goes on" spoofed two_syns
	next "$what SYNs at all numbers inside a connection -> it goes on" spoofed many_syns
	next "$what SYN inside a connection, then its reset -> backend is reset" spoofed_then_reset
	next "$what resets at other numbers in a connection -> it goes on" spoofed reset_running
	next "$what resets at other numbers after the client's FIN -> the answer is whole" \
		spoofed reset_half_closed
	next "$what resets at other numbers while the header is lost -> exact" spoofed_waiting
	next "$what such resets in the backend's name -> exact" answered_waiting
}

NAT=no
for family in 4 6; do
	topo_family $family
	cases 'plain routing'
	next "send: IPv$FAMILY, plain routing, spoofed data, no byte of the header acknowledged -> passes" \
		part_acked 0 data
	next "send: IPv$FAMILY, plain routing, spoofed data, a part of it acknowledged -> dropped" \
		part_acked 2 ''
done
nat_dnat
NAT=yes
for family in 4 6; do
	topo_family $family
	cases NAT
	ns_sysctl lb net.netfilter.nf_conntrack_tcp_be_liberal=1
	next "send: IPv$FAMILY, NAT, SYN after 1.25 GiB of a connection -> it goes on" spoofed syn_late
	ns_sysctl lb net.netfilter.nf_conntrack_tcp_be_liberal=0
	copies
	next "send: IPv$FAMILY, NAT, SYN repeated for 150 s -> its entry lasts for a minute" repeated
done
