# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the benchmarks share: the programs, settings that keep the machine's limits out of the
# figures, and functions of jq for their summaries.

bench=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=selftests/lib/accept.sh
. "$bench/../lib/accept.sh"
# No TAP
# shellcheck disable=SC2034 # lib.sh's
pp_planned=0

# shellcheck disable=SC2034,SC2016 # used by those who source this; words of jq
{
	rounds=${PP_BENCH_ROUNDS:-5}
	seconds=${PP_BENCH_SECONDS:-1}
	connections=${PP_BENCH_CONNECTIONS:-32}
	results=${PP_RESULTS:-$pp_tree/build}
	raw=$PP_TMP/raw
	bench_jq='
		def middle: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
		# of many rounds, half lie between low and high; of few, all
		def spread: sort as $all | (if length > 20 then length / 4 | floor else 0 end) as $i |
			{ median: middle, low: $all[$i], high: $all[length - 1 - $i] };
		def lowest_highest($rounds): if $rounds > 20 then "half of them" else "least to most" end;
		def row: "| " + join(" | ") + " |";
		def n: round | tostring;
		def r: . * 1000 | round | . / 1000 | tostring;
		def within: "\(.median | r) (\(.low | r) to \(.high | r))";
		# the work of all CPUs, in ms: ticks are too coarse for short runs
		def busy($cpus): [.seconds * 1000 * $cpus - .idle_ms, 1] | max;
		def derived($cpus): map(. + { rate: (.good / .seconds),
			cpu_us: (busy($cpus) * 1000 / ([.good, 1] | max)),
			mb_per_s: (.bytes / 1e6 / .seconds),
			cpu_s_per_gb: (busy($cpus) * 1e6 / ([.bytes, 1] | max)) });
		def key($k; $v): { key: $k, value: $v };
	'
	# The unit of time: instructions, if each lasts 2^PP_BENCH_ICOUNT ns
	unit=ns
	[[ -z ${PP_BENCH_ICOUNT:-} ]] || unit=instructions
	ns_per_unit=$((1 << ${PP_BENCH_ICOUNT:-0}))
}

# bench_turns N: by time, N rounds of a tenth of a second each. Load of other machines on the same
# hardware lasts seconds, so it is the same for a whole round.
# shellcheck disable=SC2034 # used by those who source this
bench_turns() {
	[[ -z ${PP_BENCH_ICOUNT:-} ]] || return 0
	rounds=${PP_BENCH_ROUNDS:-$1}
	seconds=${PP_BENCH_SECONDS:-0.1}
}

die() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

# bench_need COMMAND...: requires these, and the programs of the benchmarks
bench_need() {
	local command

	for command in "$@" "$bench/load" "$bench/sink"; do
		type -P "$command" >/dev/null ||
			die "$command is missing (selftests/setup.sh --bench, make -C selftests/bench)"
	done
}

# bench_record FIELDS RESULT: one figure, a line of JSON with some fields before it. jq takes longer
# under emulation than the measurement, and runs at the end.
bench_record() {
	printf '{%s,%s\n' "$1" "${2#\{}" | tee -a "$raw"
}

# bench_total RESULT: the number of its connections, good and failed
bench_total() {
	echo $(($(json_first good <<<"$1") + $(json_first failed <<<"$1")))
}

# bench_tune NAMESPACE...: neither ports nor connections of conntrack run out
bench_tune() {
	local ns

	for ns in "$@"; do
		ns_sysctl "$ns" net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='1024 65535' \
			net.ipv4.tcp_max_tw_buckets=262144 net.core.somaxconn=4096 \
			net.ipv4.tcp_max_syn_backlog=4096
	done
	sysctl -qw net.netfilter.nf_conntrack_max=262144
}

# bench_forwarder NAMESPACE...: hosts that forward packets between two tun devices; packets without
# a route of their own leave in front
bench_forwarder() {
	local ns dev

	modprobe -q tun || true
	ns_make "$@"
	for ns in "$@"; do
		ns_sysctl "$ns" net.ipv4.ip_forward=1 net.ipv6.conf.default.disable_ipv6=1
		for dev in front back; do
			nsip "$ns" tuntap add dev "$dev" mode tun
			nsip "$ns" link set "$dev" up
		done
		addr_add "$ns" front 10.0.1.1/24
		addr_add "$ns" back 10.0.2.1/24
		nsip "$ns" route add default dev front
		nsip "$ns" route add 10.128.0.0/9 dev back
		first_of[$ns]=0
	done
}

# packets NAMESPACE COUNT [-f|-k|-p] KIND DESTINATION PORT: JSON, from ports that no earlier
# connection has used
# connection before had
declare -A first_of=()
packets() {
	local ns=$1 count=$2

	shift 2
	ns "$ns" "$bench/packets" "$@" "${first_of[$ns]}" "$count"
}

# bench_haproxy NAMESPACE LISTEN BACKEND: HAProxy in this namespace, from one address and port to
# another, with a header
bench_haproxy() {
	cat >"$PP_TMP/haproxy.cfg" <<-END
		global
			maxconn 4000
		defaults
			mode tcp
			timeout connect 20s
			timeout client 60s
			timeout server 60s
		listen bench
			bind $2
			server backend $3 send-proxy-v2
	END
	start_bg haproxy "$1" haproxy -db -f "$PP_TMP/haproxy.cfg"
	wait_port "$1" "${2#*:}"
}
