#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Accepted connections that last: more data than sequence numbers can tell apart, and long silence,
# with each kind of socket that the application can have. Variable: PP_STRESS_MIB of data, really
# sent to an application, which takes a minute for a GiB.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq python3 socat
module_require
topo_lb 4
raw_init

mib=${PP_STRESS_MIB:-0}

header() {
	"$pp_selftests/tools/make_header.py" 21 $((FAMILY == 4 ? 11 : 21)) "$REAL,$port,$ASKED,443"
}

# Numbers seem to be before the header after 2 GiB, and come round after 4
bulk() {
	next_port
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	start_bg server backend "$pp_selftests/tools/bulk_app.py" server "$BACKEND" 8080
	wait_until 20 bg_says server ready
	start_bg client client "$pp_selftests/tools/bulk_app.py" client "$BACKEND" 8080 "$(header)" "$1"
	wait_bg client 300
	is "$(bg_output client)" "$1 $REAL $port"
	wait_bg server
}

# The same without the data between: a gateway, which checks no window, lets four segments pass
# without touching their data
far() {
	ns backend nft -f - <<-END
		table netdev pp_far {
			counter whole { }
			chain ingress {
				type filter hook ingress device eth0 priority 0; policy accept;
				tcp dport 8080 meta length $((FAMILY == 4 ? 80 : 100)) counter name whole
			}
		}
	END
	((++raw_port))
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --timeout 20
	wait_listening server
	lb_ppctl add-rule accept to "$BACKEND" port 8080 from "$BALANCER" >/dev/null
	ns client "$pp_selftests/tools/forge_header.py" far "$BALANCER" "$raw_port" "$BACKEND" 8080
	# The first segment is the data behind the header
	is "$(first_of packets ns backend nft -j list counter netdev pp_far whole)" 5 'whole segments'
	ns backend nft delete table netdev pp_far
	lb_ppctl flush-rules
	stop_bg server
}

# Ports of sockets, and the ports that clients connect to
sockets() {
	local name only port option

	redirect backend 8082 9082
	for family in 4 6; do
		accept_family $family
		backend_ppctl add-rule accept to "$BACKEND" port 8081-8083 from "$BALANCER" >/dev/null
		only=''
		[[ $family == 4 ]] || only=,ipv6only=1
		while read -r name port option; do
			start_bg "$name$family" backend socat "TCP$family-LISTEN:$port,reuseaddr$only$option" \
				"SYSTEM:echo \$SOCAT_PEERADDR \$SOCAT_PEERPORT; exec cat"
		done <<-END
			plain 8081
			redirected 9082
			bound 8083 ,so-bindtodevice=eth0
		END
		for port in 8081 9082 8083; do
			wait_until 20 listens "$port"
		done
	done
}

listens() {
	[[ -n $(ns backend ss -"$FAMILY" -Htln "sport = :$1") ]]
}

# silence NAME PORT: longer than the garbage collection takes to look at all entries, and then a
# line
silence() {
	next_port
	echo "$port" >"$PP_TMP/$1$FAMILY.port"
	start_bg "$1$FAMILY-client" client bash -c "exec 3<>/dev/tcp/$BACKEND/$2
		printf '$(escaped "$(header)")' >&3; read -r who <&3; echo \$who
		sleep 50; echo word >&3; read -rt 20 word <&3; echo \$word"
}

spoke() {
	wait_bg "$1$FAMILY-client" 90
	is "$(bg_output "$1$FAMILY-client" | sed '1s/^\[\(.*\)\]/\1/' | paste -sd ' ')" \
		"$SEEN $(<"$PP_TMP/$1$FAMILY.port") word"
	is "$(backend_ppctl -j list-connections | jq -c "map(select(.client_port ==
		$(<"$PP_TMP/$1$FAMILY.port"))) | length")" 1
}

sockets
for family in 4 6; do
	accept_family $family
	silence plain 8081
	silence redirected 8082
	silence bound 8083
done
for family in 4 6; do
	accept_family $family
	SEEN=$REAL
	[[ $family == 4 ]] || SEEN=2001:0db8:0000:0000:0000:0000:0000:0077
	for name in plain redirected bound; do
		check "accept: IPv$family, socket, $name, 50 s of silence -> goes on" spoke $name
	done
done
for name in plain redirected bound; do
	stop_bg ${name}4
	stop_bg ${name}6
done
backend_ppctl flush-rules
nsip lb route add default via 10.0.1.2
nsip lb -6 route add default via fd00:1::2
for family in 4 6; do
	accept_family $family
	check "accept: IPv$family, 1, 2, 3 and nearly 4 GiB behind the header -> nothing is taken for it" far
done
accept_family 4
((mib == 0)) ||
	check "accept: $mib MiB to the application -> all of it, once" bulk $((mib << 20))
