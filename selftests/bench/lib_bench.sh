# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the benchmarks share: the programs, settings that keep the machine's limits
# out of the figures, and words of jq for their summaries.

bench=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=selftests/lib_accept.sh
. "$bench/../lib_accept.sh"
# No TAP
# shellcheck disable=SC2034 # lib.sh's
pp_planned=0

# shellcheck disable=SC2034 # used by those who source this
{
	seconds=${PP_BENCH_SECONDS:-3}
	connections=${PP_BENCH_CONNECTIONS:-32}
	results=${PP_RESULTS:-$pp_tree/build}
	raw=$PP_TMP/raw
	bench_jq='
		def middle: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
		def spread: { median: middle, min: min, max: max };
		def row: "| " + join(" | ") + " |";
		def n: round | tostring;
		def r: . * 1000 | round | . / 1000 | tostring;
		def within: "\(.median | r) (\(.min | r) to \(.max | r))";
	'
}

die() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

# bench_need COMMAND...: these, and the programs of the benchmarks
bench_need() {
	local command

	for command in "$@" "$bench/load" "$bench/sink"; do
		type -P "$command" >/dev/null ||
			die "$command is missing (selftests/setup.sh --bench, make -C selftests/bench)"
	done
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
