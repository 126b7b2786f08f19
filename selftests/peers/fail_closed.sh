#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The recipe "Fail closed", by the files of docs/examples/fail-closed: as after a boot, new
# connections to tagged backends are dropped as long as the module is not loaded, or the rules cannot
# be restored. After the commands of proxyproto.service they pass, with a header.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need jq nft socat
module_require
topo_lb 4
nat_dnat_masq

# The module is loaded again at the end, as it was before
end() {
	local status=$?

	module_load
	(exit "$status")
	pp_cleanup
}
trap end EXIT

example=$pp_tree/docs/examples/fail-closed
unit=$pp_tree/tools/ppctl/systemd/proxyproto.service

# run_unit FILE KEY: the command of a unit, with the paths of this test
run_unit() {
	local words

	read -ra words <<<"$(sed -n "s/^$2=-\?//p" "$1" | sed -e "s,@SBINDIR@/ppctl,$PPCTL," \
		-e "s,/etc/,$PP_TMP/," -e "s,/usr/sbin/nft,$(type -P nft),")"
	ns lb "${words[@]}"
}

# As the unit does: what stands behind ExecStart= runs only if that has not failed. A command with
# "-" before it may fail.
start_service() {
	run_unit "$unit" ExecStart || return
	run_unit "$example/proxyproto.conf" ExecStartPost || true
}

# guarded FAMILY: the machine has booted: the guard is there, the module is not
guarded() {
	topo_family "$1"
	module_unload
	sed -e '/elements = .*10\.0\.0/s/{.*}/{ 10.0.2.2 . 8080 }/' \
		-e '/elements = .*fd00/s/{.*}/{ fd00:2::2 . 8080 }/' "$example/guard.nft" \
		>"$PP_TMP/proxyproto-guard.nft"
	grep -q "10.0.2.2 . 8080" "$PP_TMP/proxyproto-guard.nft"
	grep -q "fd00:2::2 . 8080" "$PP_TMP/proxyproto-guard.nft"
	run_unit "$example/proxyproto-guard.service" ExecStart
}

# The client's own header would reach the backend if a connection passed
dropped() {
	local status=0

	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --header any -n 0
	wait_listening server
	ns client "$PEER" client -c "$VIP" -p 80 --timeout 5 \
		--send-header "v2,192.0.2.66,1,192.0.2.67,2" >"$PP_TMP/out" 2>&1 || status=$?
	stop_bg server
	is "$status" 1 'status of the client'
	if bg_output server | grep '"ok"'; then
		fail "the backend has a connection"
	fi
}

passes() {
	transfer 1 --header v2 --src-addr "$CLIENT" --src-port client --
}

without_module() {
	guarded "$1"
	dropped
	other_port
}

# It is none of the guard's: nothing listens there, and the backend says so
other_port() {
	ns lb "$PEER" client -c "$BACKEND" -p 8081 --timeout 5 \
		>"$PP_TMP/out" 2>&1 || true
	grep -qi refused "$PP_TMP/out" || fail "$(<"$PP_TMP/out")"
}

# The file of rules cannot be restored
malformed_file() {
	guarded "$1"
	module_load
	echo 'send to nonsense' >"$PP_TMP/proxyproto.rules"
	if start_service >"$PP_TMP/out" 2>&1; then
		fail "restored"
	fi
	dropped
}

restored() {
	guarded "$1"
	dropped
	module_load
	echo "send to $BACKEND port 8080" >"$PP_TMP/proxyproto.rules"
	start_service >"$PP_TMP/out"
	passes
	is "$(ns lb nft list tables | grep -c guard || true)" 0 'guards'
	# Restarting the service, which leaves the rules in force, needs no guard
	start_service >"$PP_TMP/out" 2>&1
	passes
}

# A connection that runs when the guard comes, and a program of the load balancer itself
running_and_own() {
	local status=0

	guarded 4
	ns lb nft delete table inet proxyproto_guard
	start_bg sink backend socat -u "TCP-LISTEN:8080,bind=$BACKEND,reuseaddr" \
		"OPEN:$PP_TMP/sunk,creat,trunc"
	wait_port backend 8080
	start_bg client client bash -c "exec 3<>/dev/tcp/$VIP/80; echo early >&3
		until [[ -e $PP_TMP/go ]]; do sleep 0.1; done; echo late >&3"
	wait_until 10 grep -q early "$PP_TMP/sunk"
	run_unit "$example/proxyproto-guard.service" ExecStart
	ns lb "$PEER" client -c "$BACKEND" -p 8080 --timeout 4 >"$PP_TMP/out" 2>&1 || status=$?
	is "$status" 1 'status of the own client'
	grep -qi 'timed out\|timeout' "$PP_TMP/out" || fail "$(<"$PP_TMP/out")"
	touch "$PP_TMP/go"
	wait_bg client
	wait_bg sink
	is "$(<"$PP_TMP/sunk")" $'early\nlate'
}

for family in 4 6; do
	check "fail closed: IPv$family, no module -> new connections dropped" without_module $family
	check "fail closed: IPv$family, file of rules malformed -> dropped" malformed_file $family
	check "fail closed: IPv$family, rules restored -> connections pass with a header" restored $family
done
check "fail closed: connection that runs -> goes on, new one of the host itself -> dropped" \
	running_and_own
