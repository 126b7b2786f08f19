#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Clients that know where the header goes, and send a header of their own there. Such a connection
# may fail, but no backend reads a header that does not name the real client.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft conntrack python3 socat
module_require
topo_lb 4
raw_init
mkfifo "$PP_TMP/both"

# attack NAME HEADERS [CONNECTIONS]: at least HEADERS headers reach the backend, all of them right,
# and at most CONNECTIONS connections
attack() {
	local target=$VIP port=80 seen

	[[ $NAT == yes ]] || target=$BACKEND port=8080
	rule to "$BACKEND" port 8080
	stop_bg backend-app # of an attack that failed
	start_bg backend-app backend "$pp_selftests/tools/fuzz_app.py" server "$BACKEND" 8080 d \
		header "$CLIENT" "$target"
	wait_until 20 bg_says backend-app ready
	run_attack "$1" "$CLIENT" "$raw_port" "$target" "$port"
	kill -TERM "$(bg_pid backend-app)" || fail "$(bg_output backend-app)"
	wait_bg backend-app || fail 'the application failed'
	seen=$(bg_output backend-app | sed -n 's/.* \([0-9]*\) headers.*/\1/p')
	((seen >= $2)) || fail "$seen headers"
	seen=$(bg_output backend-app | sed -n 's/^\([0-9]*\) connections.*/\1/p')
	((seen <= ${3:-99})) || fail "$seen connections"
}

# Conntrack forgets the connection in the middle, if the attack asks for it
run_attack() {
	local go=$PP_TMP/go.$raw_port

	mkfifo "$go"
	start_bg attacker client bash -c "exec \"\$@\" <>$go" - "$pp_selftests/tools/forge_header.py" "$@"
	if [[ $1 == again_unknown || $1 == again_lowered ]]; then
		wait_until 20 bg_says attacker forget
		ns lb conntrack -F 2>/dev/null
		echo >"$go"
	fi
	wait_bg attacker || fail 'the attack did not get that far'
}

# The growth of a counter of the load balancer
attack_counted() {
	local counter=$1 want=$2 before

	before=$(stat_of "$counter")
	attack "${@:3}"
	is $(($(stat_of "$counter") - before)) "$want" "$counter"
}

# SYNs with payload that reach the backend
long_syns() {
	ns backend nft -f - <<-END
		table netdev pp_long
		delete table netdev pp_long
		table netdev pp_long {
			counter long { }
			chain ingress {
				type filter hook ingress device eth0 priority 0; policy accept;
				tcp flags & (syn | ack) == syn meta length > $((FAMILY == 4 ? 74 : 94)) counter name long
			}
		}
	END
	attack "$@"
	is "$(first_of packets ns backend nft -j list counter netdev pp_long long)" 0 'SYNs with data'
	ns backend nft delete table netdev pp_long
}

# Conntrack takes all numbers for valid, so the module cannot judge them
liberal() {
	ns lb nft -f - <<-END
		table inet pp_track {
			chain forward {
				type filter hook forward priority 0; policy accept;
				ct state new counter
			}
		}
	END
	ns_sysctl lb net.netfilter.nf_conntrack_tcp_be_liberal=1
	attack_counted forged 1 wrapped 1
	ns_sysctl lb net.netfilter.nf_conntrack_tcp_be_liberal=0
	ns lb nft delete table inet pp_track
}

# A running connection, busy until conntrack has forgotten it, goes on. If the backend sends first,
# the load balancer resets what it does not know, with a rule and without.
forgotten() {
	local both=(-n 2 --order both --size 150k) before

	rule to "$BACKEND" port 8080
	before=$(stat_of picked_up)
	netem client eth0 rate 100kbit
	ns lb nft -f - <<-END
		table inet pp_deaf {
			chain input {
				type filter hook input priority 0; policy accept;
				tcp sport 8080 drop
			}
		}
	END
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 "${both[@]}" --header v2 \
		"${names_client[@]}"
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 "${both[@]}" -j 2
	wait_until 30 all_acked
	ns lb conntrack -F 2>/dev/null
	netem client eth0 none
	wait_bg client
	wait_bg server
	ns lb nft delete table inet pp_deaf
	(($(stat_of picked_up) > before)) || fail 'conntrack knew them'
}

# The backend has forgotten it as well: the client is reset at once
forgotten_by_both() {
	rule to "$BACKEND" port 8080
	start_bg server backend socat -u "TCP$FAMILY-LISTEN:8080,reuseaddr" OPEN:/dev/null
	wait_port backend 8080
	start_bg client client bash -c "exec 3<>/dev/tcp/$VIP/80; echo >&3; read -rt 30 <>$PP_TMP/both
		echo >&3; cat <&3"
	wait_until 30 tagged_one
	ns backend nft -f - <<-END
		table inet pp_deaf {
			chain output {
				type filter hook output priority 0; policy accept;
				tcp sport 8080 drop
			}
		}
	END
	stop_bg server KILL
	ns backend ss -HtnK state all sport = :8080 >/dev/null
	ns backend nft delete table inet pp_deaf
	ns lb conntrack -F 2>/dev/null
	echo >"$PP_TMP/both"
	wait_until 10 not bg_runs client
	bg_output client | grep 'reset by peer' || fail "$(bg_output client)"
}

tagged_one() {
	[[ $(rule_stat acked) == 1 ]]
}

all_acked() {
	[[ $(rule_stat acked) == 2 ]]
}

attacks() {
	local what="send: IPv$FAMILY, $1 ->"

	((++raw_port))
	check "$what no forged header: after the handshake" attack below 0
	((++raw_port))
	check "$what no forged header: behind bytes of before" attack overlap 0
	((++raw_port))
	check "$what no forged header: SYN-ACK" attack syn_ack 0
	((++raw_port))
	check "$what no forged header: replaced handshake" attack replaced 0
	((++raw_port))
	check "$what no forged header: an ACK alone behind a SYN without an answer" attack unanswered 0
	for syns in two_syns two_syns_far two_syns_above; do
		((++raw_port))
		check "$what no forged header: ${syns//_/ }" early_attack $syns 0
	done
	# The backend forgets a handshake after 3 s
	ns_sysctl backend net.ipv4.tcp_synack_retries=1
	for far in far_below far_overlap; do
		((++raw_port))
		check "$what no forged header: ${far//_/ }, behind a handshake that ended" attack $far 0
	done
	ns_sysctl backend net.ipv4.tcp_synack_retries=5
	((++raw_port))
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	check "$what no forged header: three syns, SYN cookies" early_attack three_syns 0
	ns_sysctl backend net.ipv4.tcp_syncookies=1
	((++raw_port))
	check "$what no forged header: to be replaced by a signed SYN" attack signed_instead 0
	((++raw_port))
	check "$what no data in a SYN that looks as if it had been moved" long_syns moved 0
	((++raw_port))
	check "$what no forged header: reset that nobody believes" attack reset 0
	((++raw_port))
	check "$what no forged header: signed" attack signed 0
	((++raw_port))
	check "$what keepalive, then a request: its header" attack probe 1
}

# Before the backend answers
early_attack() {
	netem backend eth0 delay 100ms
	(attack "$@") || unheard_without_us "$1"
	netem backend eth0 none
}

# In Linux 5.10, conntrack takes the answer to the lower of two SYNs for no packet of the
# connection. NAT then leaves it unchanged, and no client gets it.
unheard_without_us() {
	bg_output attacker | grep -q 'no SYN-ACK' || fail 'not for want of an answer'
	lb_ppctl flush-rules
	((raw_port += 500))
	if (run_attack "$1" "$CLIENT" "$raw_port" "$VIP" 80); then
		fail 'without a rule there is an answer'
	fi
	bg_output attacker | grep -q 'no SYN-ACK' || fail 'without a rule it failed otherwise'
}

# The place of a handshake that conntrack does not know goes to others, at a limit of 8
evicted_attack() {
	local evicted picked_up

	lb_ppctl set-limit handshakes 8
	evicted=$(stat_of evicted) picked_up=$(stat_of picked_up)
	attack "$1" 0 0
	lb_ppctl set-limit handshakes 65536
	(($(stat_of evicted) > evicted)) || fail 'nothing was evicted'
	[[ $1 == evicted_early || $1 == evicted_above ]] ||
		(($(stat_of picked_up) > picked_up)) || fail 'nothing was found'
}

evicted_attacks() {
	local what="send: IPv$FAMILY, plain routing, evicted" attack cookies

	for cookies in 0 2; do
		ns_sysctl backend net.ipv4.tcp_syncookies=$cookies
		for attack in evicted evicted_below evicted_above evicted_honestly; do
			((++raw_port))
			check "$what, tcp_syncookies=$cookies -> no forged header: ${attack/evicted_/}" \
				evicted_attack $attack
		done
		((++raw_port))
		netem backend eth0 delay 400ms
		check "$what, tcp_syncookies=$cookies -> no forged header: before the answer" \
			evicted_attack evicted_early
		netem backend eth0 none
	done
	ns_sysctl backend net.ipv4.tcp_syncookies=1
}

# With many handshakes in progress, and with cookies that outlive their connection
more_attacks() {
	local what="send: IPv$FAMILY, NAT ->"

	((++raw_port))
	lb_ppctl set-limit handshakes $(($(stat_of handshakes) + 1))
	check "$what no forged header: in a crowd, late" attack late 0
	lb_ppctl set-limit handshakes 65536
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	for again in again again_below again_stray again_stray_above again_closed \
		again_unknown again_lowered; do
		((++raw_port))
		check "$what no forged header: by the cookie of an honest connection, ${again/_/, }" \
			attack "$again" 1
	done
	ns_sysctl backend net.ipv4.tcp_syncookies=1
	check "$what conntrack forgets what runs: exact" forgotten
	check "$what conntrack and backend forget what runs: reset" forgotten_by_both
}

NAT=no
attacks 'plain routing'
for family in 4 6; do
	topo_family $family
	((++raw_port))
	check "send: IPv$family, plain routing -> no forged header: fragments" attack fragments 0
	((++raw_port))
	check "send: IPv$family, plain routing -> only forged headers are dropped: 3.5 GiB further" liberal
	evicted_attacks
done
topo_family 4
nat_dnat_masq
NAT=yes
more_attacks
topo_family 6
attacks NAT
more_attacks
