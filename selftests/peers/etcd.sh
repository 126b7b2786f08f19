#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The recipe "Rules in etcd": two hosts watch an etcd, and put its rules into force by "ppctl restore"
# (docs/examples/etcd-rules.sh). A change of several keys in one transaction is one change of the
# rules; rules that stay keep their counters; rules that are wrong, or none at all, change nothing.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need etcd etcdctl jq nft
module_require
topo_lb 4
topo_family 4
nat_dnat_masq
prefix=/proxyproto/
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=http://10.0.1.2:2379

# In the namespace "client"; the hosts are "lb" and "backend"
etcd_start() {
	start_bg etcd client etcd --name pp --data-dir "$PP_TMP/etcd" --logger zap --log-level error \
		--listen-client-urls "$ETCDCTL_ENDPOINTS" --advertise-client-urls "$ETCDCTL_ENDPOINTS" \
		--listen-peer-urls http://127.0.0.1:2380 \
		--initial-advertise-peer-urls http://127.0.0.1:2380 \
		--initial-cluster pp=http://127.0.0.1:2380 --unsafe-no-fsync
	wait_port client 2379 60
	wait_until 60 etcd_is_healthy
}

etcd_is_healthy() {
	sleep 1
	ns client etcdctl endpoint health >/dev/null 2>&1
}

# transaction LINE...: requests of one transaction
transaction() {
	{
		echo
		printf '%s\n' "$@"
		printf '\n\n'
	} | ns client etcdctl txn >/dev/null
}

# rules_of HOST: without ids and counters, in their order in etcd
rules_of() {
	"$PPCTL" -n "$(ns_name "$1")" list-rules | sed 's/^[0-9]*: //; s/ *#.*//' | sort
}

# With all changes that the rules of each host see
watch_start() {
	local host

	for host in lb backend; do
		start_bg "events-$host" "$host" "$PPCTL" -j monitor
		start_bg "watch-$host" "$host" env "PATH=${PPCTL%/*}:$PATH" etcdctl watch --prefix "$prefix" -- \
			"$pp_tree/docs/examples/etcd-rules.sh" "$prefix" "$PP_TMP/$host.rules"
	done
	for host in lb backend; do
		wait_until 30 watches "$host"
	done
}

watches() {
	sleep 1
	transaction "put ${prefix}web1 \"send to 10.0.2.2 port 8080\"" \
		"put ${prefix}web2 \"send to 10.0.2.3 port 8080\""
	has_rules "$1" 'send to 10.0.2.2 port 8080 version 2
send to 10.0.2.3 port 8080 version 2'
}

has_rules() {
	[[ $(rules_of "$1") == "$2" ]]
}

# both RULES: on both hosts
both() {
	wait_until 30 has_rules lb "$1"
	wait_until 30 has_rules backend "$1"
}

# The changes of the transaction are the last ones, and nothing in between was seen
at_once() {
	local host

	for host in lb backend; do
		is "$(jq -r 'select(.event == "rule-removed" or .event == "rule-added") |
			select(.rule.to == "10.0.2.3" or .rule.to == "10.0.2.4" or .rule.to == "10.0.2.5") |
			"\(.event) \(.rule.to)"' "$PP_TMP/bg/events-$host.out" | tail -n 3 | sort)" \
			'rule-added 10.0.2.4
rule-added 10.0.2.5
rule-removed 10.0.2.3'
	done
}

changed() {
	transfer 1 --header v2 --
	transaction "del ${prefix}web2" "put ${prefix}web3 \"send to 10.0.2.4 port 8080\"" \
		"put ${prefix}web4 \"send to 10.0.2.5 port 8080\""
	both 'send to 10.0.2.2 port 8080 version 2
send to 10.0.2.4 port 8080 version 2
send to 10.0.2.5 port 8080 version 2'
	at_once
	is "$(lb_ppctl -j list-rules | jq '.[] | select(.to == "10.0.2.2") | .tagged')" 1 'counter'
	transfer 1 --header v2 --
	is "$(cat "$PP_TMP/lb.rules")" 'send to 10.0.2.2 port 8080
send to 10.0.2.4 port 8080
send to 10.0.2.5 port 8080'
}

# unchanged TEXT REQUEST...: the watchers refuse it with this text, and nothing changes
unchanged() {
	local before file

	before=$(rules_of lb)
	file=$(<"$PP_TMP/lb.rules")
	transaction "${@:2}"
	wait_until 30 grep -q "$1" "$PP_TMP/bg/watch-lb.out"
	is "$(rules_of lb)" "$before"
	is "$(<"$PP_TMP/lb.rules")" "$file" 'file'
}

wrong() {
	unchanged nonsense "put ${prefix}web5 \"send to nonsense\"" "del ${prefix}web3"
	transaction "del ${prefix}web5"
	both 'send to 10.0.2.2 port 8080 version 2
send to 10.0.2.5 port 8080 version 2'
}

none() {
	unchanged 'has no rule' "del ${prefix}web1" "del ${prefix}web4"
}

check "peers: etcd -> serves" etcd_start
check "peers: etcd, two hosts -> have its rules" watch_start
check "peers: etcd, a transaction -> one change on both hosts, counters stay" changed
check "peers: etcd, a rule is wrong -> nothing changes; put right -> it does" wrong
check "peers: etcd, no rules any more -> those in force stay" none
