# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the shell selftests share: TAP, network namespaces with random names,
# the standard topology of client, load balancer and backend, NAT for it,
# captures, background processes and waiting with a deadline. Sourced first;
# what a test started and made goes when it ends, by a trap on EXIT.
#
# A test file looks like this:
#
#	#!/bin/bash
#	# SPDX-License-Identifier: GPL-2.0
#	set -euo pipefail
#	. "${BASH_SOURCE[0]%/*}/lib.sh"
#
#	need curl nginx
#	module_require
#	topo_lb 4
#	nat_dnat_masq
#	check "send: rule for another port -> no header" no_header
#
# check runs its command in a subshell with "set -e": a function fails at its
# first command that fails, and what it prints is shown if it does. Variables
# set in it are lost; background processes, namespaces and captures are known
# by name everywhere.
#
# The topology of topo_lb (interface names in parentheses):
#
#	client                    lb                        backend
#	10.0.1.2 (eth0) ---- (front) 10.0.1.1
#	                     (back)  10.0.2.1 ---- (eth0) 10.0.2.2
#	fd00:1::2            fd00:1::1, fd00:2::1           fd00:2::2

export LC_ALL=C

pp_selftests=$(readlink -f "${BASH_SOURCE[0]%/*}")
pp_tree=${pp_selftests%/*}

# shellcheck source=selftests/module.sh
. "$pp_selftests/module.sh"

# The tool under test, and the program that plays client and server
PPCTL=${PPCTL:-$pp_tree/tools/ppctl/ppctl}
PEER=${PEER:-$pp_selftests/pp_peer}
export PPCTL PEER

# Scratch directory, and part of the name of every namespace of this run
PP_TMP=$(mktemp -d "${TMPDIR:-/tmp}/pp.XXXXXX")
PP_ID=${PP_TMP##*.}
mkdir "$PP_TMP"/{bg,ns,cap}

# ---- TAP

pp_count=0 pp_failed=0 pp_planned=''

# Announces the number of results; without it the plan comes at the end
pp_plan() {
	pp_planned=$1
	echo "1..$1"
}

ok() {
	((++pp_count))
	echo "ok $pp_count - $1"
}

not_ok() {
	((++pp_count))
	((++pp_failed))
	echo "not ok $pp_count - $1"
}

# skip NAME REASON: one case that cannot run here
skip() {
	((++pp_count))
	echo "ok $pp_count - $1 # SKIP $2"
}

# Nothing of this file can run here
skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

# Prints its arguments, or stdin, as TAP diagnostics
diag() {
	if (($#)); then
		printf '%s\n' "$*"
	else
		cat
	fi | sed 's/^/# /'
}

# Says why, and fails: for the end of a test function
fail() {
	printf '%s\n' "$*"
	return 1
}

# check NAME COMMAND [ARGUMENT]...: one result. Not to be used as a condition
# (if, &&, ||), where bash would ignore the "set -e" inside.
check() {
	local name=$1 output=$PP_TMP/check.$BASHPID.out status errexit=$-

	shift
	set +e
	(
		trap - EXIT
		set -e
		"$@"
	) >"$output" 2>&1 </dev/null
	status=$?
	[[ $errexit != *e* ]] || set -e
	if ((status == 0)); then
		ok "$name"
	else
		not_ok "$name"
		diag "status $status of: $*"
		diag <"$output"
	fi
}

# Compares two values, for use in test functions
is() {
	[[ $1 == "$2" ]] || fail "got '$1', want '$2'${3:+ ($3)}"
}

need() {
	local command

	for command in "$@"; do
		type -P "$command" >/dev/null || skip_all "$command is not installed"
	done
}

need_root() {
	[[ $(id -u) == 0 ]] || skip_all "needs root"
}

# The module, loaded if it is not
module_require() {
	need_root
	if ! module_load; then
		echo "Bail out! cannot load the module"
		exit 1
	fi
}

# ---- waiting

# wait_until SECONDS COMMAND...: until it succeeds, which it is given 0.05 s
# apart; fails at the deadline
wait_until() {
	local now deadline

	printf -v deadline '%.0f' "${1}e3"
	printf -v now '%.0f' "${EPOCHREALTIME/,/.}e3"
	((deadline += now))
	shift
	until "$@" >/dev/null 2>&1; do
		printf -v now '%.0f' "${EPOCHREALTIME/,/.}e3"
		if ((now > deadline)); then
			echo "timed out waiting for: $*"
			return 1
		fi
		sleep 0.05
	done
}

# For wait_until: not COMMAND...
not() {
	! "$@"
}

# ---- background processes, known by name

# start_bg NAME NS COMMAND...: runs a program in a namespace ("-": where we
# are); its output goes to $PP_TMP/bg/NAME.out, its status to NAME.status
start_bg() {
	local name=$1 ns=$2 base=$PP_TMP/bg/$1

	shift 2
	rm -f "$base".{pid,status}
	[[ $ns == - ]] || set -- ip netns exec "$(ns_name "$ns")" "$@"
	(
		trap - EXIT
		set +e
		"$@" </dev/null >"$base.out" 2>&1 &
		echo $! >"$base.tmp"
		mv "$base.tmp" "$base.pid"
		wait $!
		echo $? >"$base.tmp"
		mv "$base.tmp" "$base.status"
	) </dev/null >/dev/null 2>&1 &
	wait_until 10 test -e "$base.pid" || fail "cannot start $name"
}

bg_pid() {
	cat "$PP_TMP/bg/$1.pid"
}

bg_output() {
	cat "$PP_TMP/bg/$1.out"
}

# wait_bg NAME [SECONDS]: until it ends (default 60 s); returns its status,
# and prints its output if that is not 0
wait_bg() {
	local base=$PP_TMP/bg/$1 status

	wait_until "${2:-60}" test -e "$base.status" || {
		echo "$1 still runs; its output so far:"
		cat "$base.out"
		return 1
	}
	status=$(<"$base.status")
	if ((status)); then
		echo "$1 ended with $status:"
		cat "$base.out"
	fi
	return "$status"
}

# stop_bg NAME [SIGNAL]: ends it, by force if it does not listen
stop_bg() {
	local base=$PP_TMP/bg/$1 signal=${2:-TERM} pid

	[[ -e $base.pid ]] || return 0
	if [[ ! -e $base.status ]]; then
		pid=$(<"$base.pid")
		kill "-$signal" "$pid" 2>/dev/null || true
		if ! wait_until 5 test -e "$base.status" >/dev/null; then
			kill -KILL "$pid" 2>/dev/null || true
			wait_until 5 test -e "$base.status" >/dev/null || true
		fi
	fi
	rm -f "$base.pid"
}

# ---- namespaces and links

# Full name of a namespace of this run
ns_name() {
	echo "pp-$PP_ID-$1"
}

# ns_make NAME...: with loopback up and IPv6 addresses usable at once
ns_make() {
	local name full

	for name in "$@"; do
		full=$(ns_name "$name")
		ip netns add "$full"
		: >"$PP_TMP/ns/$name"
		ns_sysctl "$name" net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
			net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
		ip -n "$full" link set lo up
	done
}

# ns NAME COMMAND...: runs a program there; not a shell function
ns() {
	ip netns exec "pp-$PP_ID-$1" "${@:2}"
}

# nsip NAME ARGUMENT...: ip(8) there
nsip() {
	ip -n "pp-$PP_ID-$1" "${@:2}"
}

ns_sysctl() {
	ns "$1" sysctl -qw "${@:2}"
}

ns_delete() {
	local name pids

	for name in "$@"; do
		[[ -e $PP_TMP/ns/$name ]] || continue
		# Daemons that left our sight: whoever is in a namespace of ours is ours
		pids=$(ip netns pids "$(ns_name "$name")" 2>/dev/null || true)
		# shellcheck disable=SC2086 # a list
		[[ -z $pids ]] || kill -KILL $pids 2>/dev/null || true
		ip netns del "$(ns_name "$name")" || true
		rm -f "$PP_TMP/ns/$name"
	done
}

# veth_make NS1 DEV1 NS2 DEV2: a cable
veth_make() {
	ip link add "$2" netns "$(ns_name "$1")" type veth peer name "$4" netns "$(ns_name "$3")"
	nsip "$1" link set "$2" up
	nsip "$3" link set "$4" up
}

# addr_add NS DEV ADDRESS/LENGTH...
addr_add() {
	local name=$1 dev=$2 address

	shift 2
	for address in "$@"; do
		case $address in
		*:*) nsip "$name" addr add "$address" dev "$dev" nodad ;;
		*) nsip "$name" addr add "$address" dev "$dev" ;;
		esac
	done
}

# Segments and checksums as on a wire: no GSO, GRO, nor checksums left undone
veth_offload_off() {
	ns "$1" ethtool -K "$2" tx off rx off gso off gro off tso off >/dev/null
}

# netem NS DEV ARGUMENT...: loss, delay and the like of what leaves there;
# "none" ends it
netem() {
	local name=$1 dev=$2

	shift 2
	if [[ $* == none ]]; then
		ns "$name" tc qdisc del dev "$dev" root
	else
		ns "$name" tc qdisc replace dev "$dev" root netem "$@"
	fi
}

port_open() {
	[[ -n $(ns "$1" ss -Hltn "sport = :$2") ]]
}

# wait_port NS PORT [SECONDS]: until something listens there
wait_port() {
	wait_until "${3:-20}" port_open "$1" "$2"
}

# ---- topology and NAT

# topo_family 4|6: the addresses of the topology, in one family. VIP is what
# clients connect to, LB what the backend sees without us; the _URL ones have
# brackets if they need them.
topo_family() {
	case $1 in
	4) CLIENT=10.0.1.2 VIP=10.0.1.1 LB=10.0.2.1 BACKEND=10.0.2.2 ;;
	6) CLIENT=fd00:1::2 VIP=fd00:1::1 LB=fd00:2::1 BACKEND=fd00:2::2 ;;
	*) fail "family $1?" ;;
	esac
	FAMILY=$1 VIP_URL=$VIP BACKEND_URL=$BACKEND
	if [[ $1 == 6 ]]; then
		VIP_URL="[$VIP]" BACKEND_URL="[$BACKEND]"
	fi
	export FAMILY CLIENT VIP LB BACKEND VIP_URL BACKEND_URL
}

# topo_lb [4|6]: builds the topology above, always with both families, and
# sets the addresses of one of them (4)
topo_lb() {
	ns_make client lb backend
	veth_make client eth0 lb front
	veth_make lb back backend eth0
	addr_add client eth0 10.0.1.2/24 fd00:1::2/64
	addr_add lb front 10.0.1.1/24 fd00:1::1/64
	addr_add lb back 10.0.2.1/24 fd00:2::1/64
	addr_add backend eth0 10.0.2.2/24 fd00:2::2/64
	ns_sysctl lb net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	nsip client route add default via 10.0.1.1
	nsip client -6 route add default via fd00:1::1
	nsip backend route add default via 10.0.2.1
	nsip backend -6 route add default via fd00:2::1
	topo_family "${1:-4}"
}

# nat_dnat [VIP-PORT [BACKEND-PORT]]: the load balancer sends connections to
# VIP:80 on to BACKEND:8080, in both families; the backend sees the client
nat_dnat() {
	local vport=${1:-80} bport=${2:-8080}

	ns lb nft -f - <<-END
		table inet pp_nat {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				ip daddr 10.0.1.1 tcp dport $vport dnat ip to 10.0.2.2:$bport
				ip6 daddr fd00:1::1 tcp dport $vport dnat ip6 to [fd00:2::2]:$bport
			}
			chain postrouting {
				type nat hook postrouting priority 100; policy accept;
			}
		}
	END
}

# nat_dnat_masq [VIP-PORT [BACKEND-PORT]]: the same, and the backend sees the
# load balancer
nat_dnat_masq() {
	local bport=${2:-8080}

	nat_dnat "$@"
	ns lb nft -f - <<-END
		add rule inet pp_nat postrouting ip daddr 10.0.2.2 tcp dport $bport ct status dnat masquerade
		add rule inet pp_nat postrouting ip6 daddr fd00:2::2 tcp dport $bport ct status dnat masquerade
	END
}

# Connections from the load balancer itself to VIP go to the backend, too
nat_output() {
	local vport=${1:-80} bport=${2:-8080}

	ns lb nft -f - <<-END
		table inet pp_nat {
			chain output {
				type nat hook output priority -100; policy accept;
				ip daddr 10.0.1.1 tcp dport $vport dnat ip to 10.0.2.2:$bport
				ip6 daddr fd00:1::1 tcp dport $vport dnat ip6 to [fd00:2::2]:$bport
			}
		}
	END
}

nat_flush() {
	ns lb nft delete table inet pp_nat
}

# ppctl in the load balancer's namespace
lb_ppctl() {
	ns lb "$PPCTL" "$@"
}

# ---- captures

# cap_start NAME NS DEV [FILTER]...: returns when tcpdump is listening
cap_start() {
	local name=$1 ns=$2 dev=$3

	shift 3
	rm -f "$(cap_file "$name")"
	start_bg "cap-$name" "$ns" tcpdump -Z root --immediate-mode -B 8192 -s 0 -n -U \
		-i "$dev" -w "$(cap_file "$name")" "$@"
	wait_until 20 grep -q 'listening on' "$PP_TMP/bg/cap-$name.out" || {
		bg_output "cap-$name"
		return 1
	}
}

# cap_stop NAME: ends it when the file has stopped growing
cap_stop() {
	local file size=-1 last=-2 i

	file=$(cap_file "$1")
	for ((i = 0; i < 100 && size != last; i++)); do
		last=$size
		sleep 0.2
		size=$(stat -c %s "$file")
	done
	stop_bg "cap-$1"
}

cap_file() {
	echo "$PP_TMP/cap/$1.pcap"
}

# cap_read NAME ARGUMENT...: tcpdump's text, with absolute sequence numbers
cap_read() {
	local file

	file=$(cap_file "$1")
	shift
	tcpdump -n -S -r "$file" "$@" 2>/dev/null
}

# ---- end

pp_cleanup() {
	local status=$? file

	trap - EXIT
	set +e
	for file in "$PP_TMP"/bg/*.pid; do
		[[ ! -e $file ]] || stop_bg "$(basename "$file" .pid)"
	done
	for file in "$PP_TMP"/ns/*; do
		[[ ! -e $file ]] || ns_delete "${file##*/}"
	done
	if [[ -n ${PP_KEEP:-} ]]; then
		diag "kept: $PP_TMP"
	else
		rm -rf "$PP_TMP"
	fi
	((status == 0)) || exit "$status"
	[[ -n $pp_planned ]] || echo "1..$pp_count"
	((pp_failed == 0)) || exit 1
	exit 0
}
trap pp_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
