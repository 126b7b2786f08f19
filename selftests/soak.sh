#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many connections on networks of every kind, behind "make soak N=": batches, each with a random
# network, size, order and so on. Each batch runs once with rules and once without, on the same
# links, in turns. With rules no byte may be wrong, and no header missing, doubled or another
# connection's; and no more connections may fail, by time or reset, than without.
#
# If a client is shown with another port because the backend had an older connection of its own
# port, it is counted separately. SYN cookies (tcp_syncookies=2) make such connections without any
# rule: an ACK that arrives after the end opens one that no client knows.
#
# Ways: "send", over NAT to a server that reads headers; "accept", with a header to an application
# that does not know it; "chain", over NAT with a send rule to a host with an accept rule, and its
# application. Without rules there are no headers.
#
# Usage: soak.sh N SEED         N connections with rules, and as many without
#        soak.sh --sum FILE...  what came of batches that were run
#
# Writes soak.jsonl to PP_RESULTS (build), a line for each batch as it ends; batches in the file
# already are not run again. --sum writes soak.json and soak.md. Status 1 if anything was wrong.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/lib/accept.sh"

results=${PP_RESULTS:-$pp_tree/build}
raw=$results/soak.jsonl
pp_planned=0
way='' network='' timestamps='' syncookies=''

# pick NAME VALUE...: one of them
pick() {
	local name=$1

	shift
	printf -v "$name" '%s' "${@:RANDOM % $# + 1:1}"
}

# The parameters of a batch; fewer batches have long messages or bad networks
draw() {
	pick way send accept chain
	pick family 4 6
	pick version 1 2
	pick order client client server both
	pick size 0 1 1000 1000 20k 200k 5M
	pick network 'none' 'delay 5ms' 'loss 1%' 'loss 1% delay 2ms' 'loss 5%' 'loss 20%' \
		'delay 4ms 3ms reorder 30% 50%' 'duplicate 10%' 'corrupt 2%' \
		'loss 2% duplicate 3% corrupt 1% delay 3ms 2ms reorder 20%'
	pick timestamps 0 1 1
	pick syncookies 0 1 2
	# Half of them at a time: most of them wait most of the time
	batch=$((total < 5000 ? 40 : 400))
	count=$batch
	[[ $size != 200k ]] || count=$((batch / 4))
	[[ $size != 5M ]] || count=$((batch / 20 < 5 ? batch / 20 : 5))
	[[ $network != *20%* || $size != 5M ]] || size=20k
}

network() {
	local link

	for link in client:eth0 lb:front lb:back backend:eth0; do
		if [[ $1 == none ]]; then
			ns "${link%:*}" tc qdisc del dev "${link#*:}" root 2>/dev/null || true
		else
			# shellcheck disable=SC2086 # words
			netem "${link%:*}" "${link#*:}" limit 10000 $1
		fi
	done
}

settings() {
	local name

	for name in client backend; do
		ns_sysctl "$name" net.ipv4.tcp_timestamps="$timestamps" net.ipv4.tcp_syncookies="$syncookies"
	done
}

# rules yes|no: sets the rules, and the options of both ends, in $server and $client
rules() {
	lb_ppctl flush-rules
	backend_ppctl flush-rules
	server=() client=() target=("$VIP" 80)
	[[ $way != accept ]] || target=("$BACKEND" 8080)
	[[ $1 == yes ]] || return 0
	case $way in
	send) server=(--header "v$version" "${names_client[@]}") ;;
	accept)
		server=(--peer-addr "$REAL")
		client=(--send-header "v$version,$REAL,0,$ASKED,443")
		accept_rule to "$BACKEND" port 8080 from "$BALANCER"
		;;
	chain)
		server=(--peer-addr client --peer-port client)
		accept_rule to "$BACKEND" port 8080 from "$LB"
		;;
	esac
	[[ $way == accept ]] || rule to "$BACKEND" port 8080 version "$version"
}

# Ports of clients that the backend has a connection of, without TIME_WAIT
taken_ports() {
	ns backend ss -Htan 'sport = :8080' |
		awk '$1 != "LISTEN" && $1 != "TIME-WAIT" { sub(/.*:/, "", $5); print $5 }'
}

# batch yes|no: one line of JSON
batch() {
	local both=(--order "$order" --size "$size" --timeout 150) out=$PP_TMP/client.json

	rules "$1"
	taken_ports >"$PP_TMP/taken"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 "${both[@]}" "${server[@]}"
	wait_listening server
	ns client "$PEER" client -c "${target[0]}" -p "${target[1]}" -n $count -j $((batch / 2)) "${both[@]}" \
		"${client[@]}" >"$out" 2>/dev/null || true
	stop_bg server
	bg_output server | grep '^{' >"$PP_TMP/server.json" || true
	taken_ports >>"$PP_TMP/taken"
	jq -cn --slurpfile c "$out" --slurpfile s "$PP_TMP/server.json" --arg wrong "$pp_wrong" \
		--slurpfile taken "$PP_TMP/taken" '
		($c + $s | map(.error // "" | select(test($wrong)))) as $errors |
		($errors | map(select(capture("^peer port is [0-9]+, not (?<own>[0-9]+)$").own |
			tonumber | IN($taken[])))) as $remapped |
		{ rules: $ARGS.named.rules, count: ($c | length), failed: ($c | map(select(.ok | not)) | length),
		remapped: ($remapped | length), wrong: ($errors - $remapped),
		errors: ($c | map(select(.ok | not).error) | unique | .[:5]),
		ms: ($c | map(select(.ok).ms)) }' --arg rules "$1" |
		jq -c --arg way "$way" --arg network "$network" \
			--arg what "IPv$family v$version $order $size ts=$timestamps cookies=$syncookies" \
			'. + { way: $way, network: $network, what: $what }' >>"$PP_TMP/batch"
	tail -n 1 "$PP_TMP/batch" | jq -c 'del(.ms)'
}

summary() {
	jq -s '
		def nth($p): sort | .[((length - 1) * $p) | floor];
		def figures: {
			connections: (map(.count) | add), failed: (map(.failed) | add),
			remapped: (map(.remapped // 0) | add), wrong: (map(.wrong[])),
			p50_ms: (map(.ms[]) | nth(0.5)), p99_ms: (map(.ms[]) | nth(0.99)) };
		def both: { with: (map(select(.rules == "yes")) | figures),
			without: (map(select(.rules == "no")) | figures) };
		{ all: both, ways: (group_by(.way) | map({ key: .[0].way, value: both }) | from_entries),
		networks: (group_by(.network) | map({ key: .[0].network, value: both }) | from_entries) }' "$@"
}

markdown() {
	jq -r '
		def row: "| " + join(" | ") + " |";
		def line: [.key, (.value.with.connections | tostring),
			(.value.with.wrong | length | tostring), (.value.with.remapped | tostring),
			"\(.value.with.failed), \(.value.without.failed)",
			"\(.value.with.p50_ms), \(.value.without.p50_ms)",
			"\(.value.with.p99_ms), \(.value.without.p99_ms)"] | row;
		(["", "connections", "wrong", "other port", "failed with rules, without", "p50 ms",
			"p99 ms"] | row),
		(["---", "--:", "--:", "--:", "--:", "--:", "--:"] | row),
		(.ways + .networks + { all: .all } | to_entries[] | line)' "$results/soak.json"
}

# Results of earlier runs, of complete pairs
ended_before() {
	[[ ! -e $raw ]] || jq -s 'map(select(.rules == "no").count) | add // 0' "$raw"
}

run() {
	local total=$1 ended

	need nft jq tc
	module_require
	topo_lb 4
	nat_dnat_masq
	mkdir -p "$results"
	ended=$(ended_before)
	RANDOM=$((($2 + ended) % 32768))
	while ((ended < total)); do
		draw
		accept_family "$family"
		settings
		network "$network"
		: >"$PP_TMP/batch"
		batch yes
		batch no
		cat "$PP_TMP/batch" >>"$raw"
		network none
		((ended += count))
	done
}

sum() {
	summary "$@" >"$results/soak.json"
	markdown | tee "$results/soak.md"
	jq -e '.all | (.with.wrong == []) and
		.with.failed <= .without.failed + 3 + .without.connections / 1000' "$results/soak.json" >/dev/null ||
		fail 'with rules it is worse'
}

case ${1:?how many connections?} in
--sum) sum "${@:2}" ;;
*) run "$1" "$2" ;;
esac
