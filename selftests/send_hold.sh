#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The handshake's last ACK waits a moment for the client's first data: what leaves
# then, and that an ACK waits only where that is of use.
set -euo pipefail
# shellcheck source=selftests/lib_loss.sh
. "${BASH_SOURCE[0]%/*}/lib_loss.sh"

need nft jq tc tcpdump python3
module_require
topo_lb 4
nat_dnat_masq
raw_init
header=([4]=28 [6]=52) segment=([4]=1460 [6]=1440)

backend_knows() {
	[[ -n $(ns backend ss -Hant "dport = :$raw_port") ]]
}

# left_with STEP...: what a client that takes these steps makes leave to the
# backend, a line for each packet: flags, place behind the SYN, length
left_with() {
	local syn=''

	cap_start hold lb back "tcp dst port 8080"
	ns client "$pp_selftests/hold_ack.py" "$CLIENT" "$raw_port" "$VIP" 80 "$@"
	cap_stop hold
	while read -r flags seq length; do
		syn=${syn:-$seq}
		echo "$flags +$((seq - syn)) $length"
	done < <(cap_read hold "src port $raw_port" |
		sed -n 's/\(Flags \[[^]]*\)e\]/\1]/; s/.*Flags \(\[[^]]*\]\), seq \([0-9]*\)[:,].* length \([0-9]*\).*/\1 \2 \3/p')
}

# leaves WANT COUNTERS STEP...: the packets behind the SYN, and which counters grow
# by one with it; a machine that stalls between two packets gets other chances
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

# The backend has no connection left of it, not even a half-open one
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

# Where it makes no difference of what family they are
more_cases() {
	local h=${header[$FAMILY]} data=40

	held 'FIN -> header and FIN in one packet' "[FP.] +1 $h" 'ack_held prefixed' ack fin wait
	held 'another ACK -> the header on that one' "[P.] +1 $h" 'ack_held in_ack' ack ack wait
	held 'second segment first -> the header ahead of it' \
		"[P.] +1 $h"$'\n'"[.] +$((1 + h + data)) $data" 'ack_held separate' ack far wait
	held 'the SYN again -> the header on the ACK behind it' "[S] +0 0"$'\n'"[P.] +1 $h" \
		'ack_held ack_held_in_vain in_ack' ack syn wait
	held 'another SYN -> the ACK is gone' "[S] +65536 0" ack_held ack next wait
	checked 'ACK that tells of ECN -> no wait' leaves "[P.] +1 $h" in_ack ace wait
	checked 'data instead of an ACK -> no wait' leaves "[.] +1 $((h + data))" prefixed data wait
}

# ---- Where the server speaks first, ACKs do not wait

# waited COUNTER COMMAND...: how often ACKs did
waited() {
	local before

	before=$(stat_of "$1")
	"${@:2}" >"$PP_TMP/waited.out" || fail "$(<"$PP_TMP/waited.out")"
	echo $(($(stat_of "$1") - before))
}

speak() {
	BOTH="--order $1 --size 100" transfer "$2" --header v2 "${names_client[@]}" --
}

# Two are enough to see it, and one a second at most to see whether it is still so
seldom() {
	local begin=$SECONDS count most

	rule to "$BACKEND" port 8080
	count=$(waited ack_held speak server 40)
	most=$((2 + 2 + SECONDS - begin))
	((count >= 2 && count <= most)) || fail "$count of 40 waited; at most $most wanted"
}

# Two, and then those that come 1, 3, 7, 15 ... seconds later, of 10 that take a second
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

# Soon, too: data takes the time between two that are to see back to a second
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

# Of two rules, one for servers that speak first
of_its_own() {
	rule to "$BACKEND" port 8080
	speak server 10
	lb_ppctl add-rule send to "$BACKEND" port 8081 >/dev/null
	PORT=8081 BPORT=8081 TARGET=$BACKEND again
}

for family in 6 4; do
	topo_family $family
	start_bg sink backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --header v2
	wait_port backend 8080
	# An ACK that should have gone and still waits comes before the header's acknowledgement
	netem backend eth0 delay 20ms
	cases
	[[ $FAMILY == 6 ]] || more_cases
	netem backend eth0 none
	stop_bg sink KILL
	check "send: IPv$FAMILY, client on this host -> no ACK waits" no_wait local_client
done
check "send: server first -> after two in vain, no more than one ACK a second waits" seldom
check "send: server first, one connection a second -> ever fewer of them wait" ever_more_seldom
check "send: then client first -> all of them wait again" wait_until 60 again
nat_flush
check "send: another rule, server first -> ACKs wait as ever" wait_until 30 of_its_own
