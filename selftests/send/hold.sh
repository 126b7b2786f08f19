#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The handshake's last ACK waits a moment for the client's first data. Checks what leaves then, and
# that an ACK waits only where waiting can help.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq tc tcpdump python3 conntrack
module_require
topo_lb 4
nat_dnat_masq
raw_init
header=([4]=28 [6]=52) segment=([4]=1460 [6]=1440)

backend_knows() {
	[[ -n $(ns backend ss -Hant "dport = :$raw_port") ]]
}

# left_with STEP...: the packets to the backend if the client takes these steps, a line for each:
# flags, offset from the SYN, length
left_with() {
	local syn=''

	cap_start hold lb back "tcp dst port 8080"
	ns client "$pp_selftests/tools/hold_ack.py" "$CLIENT" "$raw_port" "$VIP" 80 "$@"
	cap_stop hold
	while read -r flags seq length; do
		syn=${syn:-$seq}
		echo "$flags +$((seq - syn)) $length"
	done < <(cap_read hold "src port $raw_port" |
		sed -n 's/\(Flags \[[^]]*\)e\]/\1]/; s/.*Flags \(\[[^]]*\]\), seq \([0-9]*\)[:,].* length \([0-9]*\).*/\1 \2 \3/p')
}

# leaves WANT COUNTERS STEP...: the packets behind the SYN, and which counters grow by one. A
# machine that stalls between two packets may try again.
leaves() {
	local want=$1 counters=$2 tries=5 left before grew

	shift 2
	while ((tries--)); do
		((++raw_port))
		rule to "$BACKEND" port 8080
		before=$(lb_ppctl -j show-stats)
		left=$(left_with "$@")
		grew=$(jq -rs '.[1][0] as $now | .[0][0] as $before |
			["ack_held", "ack_held_in_vain", "in_ack", "prefixed", "separate"] |
			map(select($now[.] - $before[.] == 1)) | join(" ")' \
			<<<"$before $(lb_ppctl -j show-stats)")
		[[ $left != $'[S] +0 0\n'"$want" || $grew != "$counters" ]] || return 0
		echo "left: $left; counted: $grew"
	done
	return 1
}

# checked NAME COMMAND...
checked() {
	((raw_port += 10)) # what a check counts is forgotten
	check "send: IPv$FAMILY, $1" "${@:2}"
}

# held NAME WANT COUNTERS STEP...
held() {
	checked "ACK held, then $1" leaves "${@:2}"
}

# The backend keeps no connection of it, not even a half-open one
reset_reaches() {
	leaves "$@" || return
	! backend_knows || fail "$(ns backend ss -ant)"
}

cases() {
	local h=${header[$FAMILY]} mss=${segment[$FAMILY]} data=40

	held 'data -> header and data in one packet' "[.] +1 $((h + data))" \
		'ack_held prefixed' ack data wait
	held 'nothing -> the header on the ACK' "[P.] +1 $h" \
		'ack_held ack_held_in_vain in_ack' ack wait
	held 'a full segment -> the header ahead of it' "[P.] +1 $h"$'\n'"[.] +$((1 + h)) $mss" \
		'ack_held separate' ack full wait
	checked 'ACK held, then RST -> where the backend takes it, and nothing behind it' \
		reset_reaches '[R.] +1 0' ack_held ack rst wait
}

# These do not depend on the family
more_cases() {
	local h=${header[$FAMILY]} data=40

	held 'FIN -> header and FIN in one packet' "[FP.] +1 $h" 'ack_held prefixed' ack fin wait
	held 'another ACK -> the header on that one' "[P.] +1 $h" 'ack_held in_ack' ack ack wait
	held 'second segment first -> the header ahead of it' \
		"[P.] +1 $h"$'\n'"[.] +$((1 + h + data)) $data" 'ack_held separate' ack far wait
	held 'the SYN again -> the header on the ACK behind it' "[S] +0 0"$'\n'"[P.] +1 $h" \
		'ack_held ack_held_in_vain in_ack' ack syn wait
	held 'another SYN -> the header on the ACK, then the SYN' "[P.] +1 $h"$'\n'"[S] +65536 0" \
		'ack_held in_ack' ack next wait
	checked 'ACK that tells of ECN -> no wait' leaves "[P.] +1 $h" in_ack ace wait
	checked 'data instead of an ACK -> no wait' leaves "[.] +1 $((h + data))" prefixed data wait
}

# Conntrack loses its entry behind the SYN-ACK: the hook behind ours has to confirm the entry that
# the ACK makes
entry_lost() {
	local before

	((++raw_port))
	rule to "$BACKEND" port 8080
	before=$(stat_of ack_held)
	# shellcheck disable=SC2046 # words
	start_bg late client "$pp_selftests/tools/hold_ack.py" "$CLIENT" "$raw_port" "$BACKEND" 8080 \
		$(printf 'wait %.0s' {1..20}) ack wait
	wait_until 5 in_state syn-recv
	ns lb conntrack -F >/dev/null 2>&1
	wait_bg late
	is "$(stat_of ack_held)" "$before" 'ACKs that waited'
	ns lb conntrack -L -p tcp --sport "$raw_port" 2>/dev/null | grep -q "sport=$raw_port" ||
		fail 'no entry was confirmed'
}

in_state() {
	lb_ppctl -j list-connections | jq -e "any(.client_port == $raw_port and .state == \"$1\")"
}

# ---- Where the server speaks first, ACKs do not wait

# waited COUNTER COMMAND...: how many ACKs waited
waited() {
	local before

	before=$(stat_of "$1")
	"${@:2}" >"$PP_TMP/waited.out" || fail "$(<"$PP_TMP/waited.out")"
	echo $(($(stat_of "$1") - before))
}

speak() {
	BOTH="--order $1 --size 100" transfer "$2" --header v2 "${names_client[@]}" --
}

# Two ACKs are enough to find out, and then one a second at most probes
seldom() {
	local begin=$SECONDS count most

	rule to "$BACKEND" port 8080
	count=$(waited ack_held speak server 40)
	most=$((2 + 2 + SECONDS - begin))
	((count >= 2 && count <= most)) || fail "$count of 40 waited; at most $most wanted"
}

# Two ACKs, and then the probes after 1, 3, 7, 15 ... seconds, of 10 connections that take a second
# or more each
ever_more_seldom() {
	local begin=$SECONDS count most=2 later

	rule to "$BACKEND" port 8080
	count=$(waited ack_held one_a_second 10)
	for ((later = 1; later <= SECONDS - begin + 1; later = 2 * later + 1)); do
		((++most))
	done
	((count >= 2 && count <= most && most < 10)) || fail "$count of 10 waited; at most $most wanted"
}

one_a_second() {
	local i

	for ((i = 0; i < $1; i++)); do
		speak server 1
		sleep 1
	done
}

# After data, the time between two probes is a second again
again() {
	[[ $(waited ack_held speak client 3) == 3 ]]
}

no_wait() {
	is "$(waited ack_held "$@")" 0 'ACKs that waited'
}

# A client on the load balancer
local_client() {
	local TARGET=$BACKEND PORT=8080 CLIENT_NS=lb

	rule to "$BACKEND" port 8080 origin proxy
	transfer 3 --header v2 "${names_client[@]}" -- -j 3
}

# Two rules, one of them for servers that speak first
of_its_own() {
	rule to "$BACKEND" port 8080
	speak server 10
	lb_ppctl add-rule send to "$BACKEND" port 8081 >/dev/null
	PORT=8081 BPORT=8081 TARGET=$BACKEND again
}

for family in 6 4; do
	topo_family $family
	start_bg sink backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --header v2
	wait_listening sink
	# An ACK that should not wait, but does, comes before the header's acknowledgement
	netem backend eth0 delay 20ms
	cases
	[[ $FAMILY == 6 ]] || more_cases
	checked 'ACK that conntrack has no entry of -> no wait' entry_lost
	netem backend eth0 none
	stop_bg sink KILL
	check "send: IPv$FAMILY, client on this host -> no ACK waits" no_wait local_client
done
check "send: server first -> after two in vain, no more than one ACK a second waits" seldom
check "send: server first, one connection a second -> ever fewer of them wait" ever_more_seldom
check "send: then client first -> all of them wait again" wait_until 60 again
nat_flush
check "send: another rule, server first -> ACKs wait as ever" wait_until 30 of_its_own
