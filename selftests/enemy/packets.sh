#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random, overlapping, truncated, contradictory TCP packets on both sides of both hooks, beside
# honest connections. No application finds a byte in its stream that was not sent to it, no
# connection comes without its header, and honest connections are exact.
#
# Without SYN cookies on the accepting side, which let in the last packet of a handshake
# whose sender has taken it back.
#
# Variables: PP_FUZZ_PACKETS (250) for each of the ten fuzzers; PP_FUZZ_ONLY, the cases to run ("4
# send", or a pattern); PP_SEED, the seed (the time).
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq python3
module_require
topo_lb 4

packets=${PP_FUZZ_PACKETS:-250}
# Failed handshakes and silent connections have to make room: the fuzzers have 64 ports each
export PP_FUZZ_PATIENCE=1 PP_FUZZ_CONNECTIONS=64
ns_sysctl backend net.ipv4.tcp_synack_retries=1 net.ipv4.tcp_max_syn_backlog=65536 \
	net.core.somaxconn=65536
ulimit -n 65536
# Seconds between honest connections: with many packets, the processor is for these
rest=$((packets < 10000 ? packets / 500 : 20))
seed=${PP_SEED:-$(date +%s)}
FUZZ=$pp_selftests/tools/pp_packet_fuzz
APP=$pp_selftests/tools/fuzz_app.py
diag "PP_SEED=$seed"
ns_sysctl backend net.ipv4.tcp_syncookies=0 net.ipv4.tcp_orphan_retries=1
ns_sysctl client net.ipv4.tcp_orphan_retries=1

# The kernels know nothing of the fuzzer's connections, and must not reset them
no_resets() {
	ns "$1" nft -f - <<-END
		table inet pp_fuzz {
			chain output {
				type filter hook output priority 0; policy accept;
				$2 tcp flags & rst == rst drop
			}
		}
	END
}

# hop NS DEV: the address of a link
hop() {
	first_of address nsip "$1" -j link show "$2"
}

# fuzz NAME NS OPTION...: PP_FUZZ_PACKETS packets, from NS to the load balancer
fuzz() {
	local name=$1 ns=$2 device=lb:front

	shift 2
	[[ $ns == client ]] || device=lb:back
	start_bg "$name" "$ns" "$FUZZ" -i eth0 -m "$(hop "${device%:*}" "${device#*:}")" \
		-n "$packets" -s "$((++seed))" "$@"
	wait_until 20 bg_says "$name" ready || fail "$(bg_output "$name")"
}

# app NAME NS ARGUMENT...
app() {
	start_bg "$1" "$2" "$APP" "${@:3}"
	wait_until 20 bg_says "$1" ready
}

app_was_right() {
	kill -TERM "$(bg_pid "$1")"
	wait_bg "$1"
	bg_output "$1" >>"$PP_TMP/seen"
}

# honest COMMAND...: repeats until the fuzzers have ended, and at least once
honest() {
	local name

	"$@"
	for name in "${fuzzers[@]}"; do
		while bg_runs "$name"; do
			nap "$rest"
			"$@"
		done
		wait_bg "$name"
		bg_output "$name" >>"$PP_TMP/seen"
	done
}

honest_send() {
	transfer 10 --header "v$VERSION" "${names_client[@]}" -- -j 10
}

honest_accept() {
	next_port
	named "$port"
}

# ---- send

# Real servers behind fuzzing clients, fuzzing servers before real clients, and both
send() {
	VERSION=2 fuzzers=(clients servers both-clients)
	rule to "$BACKEND" port 8080-8083 tlv 0xe0=11223344
	app right-server backend server "$BACKEND" 8081 d header "$CLIENT" "$VIP"
	fuzz clients client -l "$CLIENT" -r "$VIP" -p 81 -t d
	fuzz servers backend -S -l "$BACKEND" -r "$LB" -p 8082 -t s
	app right-client client client "$VIP" 82 s
	fuzz both-servers backend -S -l "$BACKEND" -r "$LB" -p 8083 --noise
	fuzz both-clients client -l "$CLIENT" -r "$VIP" -p 83 --noise
	honest honest_send
	stop_bg both-servers
	app_was_right right-server
	app_was_right right-client
	(($(rule_stat acked) > packets / 80)) || fail "$(lb_ppctl list-rules)"
}

# ---- accept

header() {
	"$pp_selftests/tools/make_header.py" "$@"
}

# Headers that name ports which the fuzzer also sends from, as if it were the client
right_headers() {
	local i

	for i in 1 2 3 4; do
		echo -b "$(header 21 "$tcp" "$REAL,$((31744 + i)),$ASKED,443")"
		echo -b "$(header 21 "$tcp" "$REAL,$((31744 + i)),$ASKED,443" 02=6162 04:700 crc)"
		echo -b "$(printf 'PROXY TCP%s %s %s %s 443\r\n' "$FAMILY" "$REAL" "$ASKED" $((31744 + i)) |
			od -An -v -tx1 | tr -d ' \n')"
	done
}

other_headers() {
	printf -- '-b %s ' "$(header 20 00 -)" "$(header 20 "$tcp" "$REAL,0,$ASKED,0" 04:30)" \
		"$(header 21 00 - 04:3)" "$(header 21 "$tcp" "$REAL,31802,$ASKED,443" badcrc)" \
		"$(header 22 "$tcp" "$REAL,31802,$ASKED,443")" "$(header 21 "$tcp" - 04:2)" \
		"$(header 21 31 "$(printf '%0432d' 0)")" "$(header 21 "$tcp" "$REAL,31802,$ASKED,443" 04:4000)" \
		50524f585920554e4b4e4f574e0d0a 50524f5859205443503420300d0a 485454502f312e31
}

accept() {
	local right other

	mapfile -t right < <(right_headers | tr ' ' '\n')
	read -ra other <<<"$(other_headers) ${right[*]:0:8}"
	VERSION=2 fuzzers=(clients mad)
	accept_rule to "$BACKEND" port 8080-8082 from "$BALANCER"
	app right-server backend server "$BACKEND" 8081 d "$REAL"
	app any-server backend server "$BACKEND" 8082 any
	fuzz clients client -l "$BALANCER" -r "$BACKEND" -x "$REAL" -p 8081 -t d "${right[@]}"
	fuzz mad client -l "$BALANCER" -r "$BACKEND" -x "$REAL" -p 8082 --noise "${other[@]}"
	honest honest_accept
	app_was_right right-server
	app_was_right any-server
	(($(accept_rule_stat accepted) > packets / 80)) || fail "$(backend_ppctl list-rules)"
}

# A case that failed must not leave two applications that answer each other for ever
stop_all() {
	local file

	for file in "$PP_TMP"/bg/*.pid; do
		[[ ! -e $file ]] || stop_bg "$(basename "$file" .pid)"
	done
}

# fuzz_case send|accept TEXT
fuzz_case() {
	# shellcheck disable=SC2053 # a pattern
	[[ "$family $1" == ${PP_FUZZ_ONLY:-*} ]] || return 0
	check "fuzz: IPv$family, $1, $2" "$1"
	stop_all
}

for number in 0 1 2 3; do
	nat_dnat_masq 8$number 808$number
done
for family in 4 6; do
	accept_family $family
	tcp=$((family == 4 ? 11 : 21))
	no_resets client 'tcp sport 31744-31807'
	no_resets backend 'tcp sport 8082-8083'
	fuzz_case send "$packets packets, 3 times -> no wrong byte, no header lost"
	lb_ppctl flush-rules
	ns client nft delete table inet pp_fuzz
	ns backend nft delete table inet pp_fuzz
	no_resets client 'tcp sport 31744-31807'
	fuzz_case accept "$packets packets, twice -> no wrong byte, no header left"
	backend_ppctl flush-rules
	ns client nft delete table inet pp_fuzz
done
[[ ! -e $PP_TMP/seen ]] || diag <"$PP_TMP/seen"
