#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Kernel helpers that fail while a connection begins, in a build of the module where a helper fails
# when its name is written to a parameter (vm/failing.h, make sim). The packet at hand may be lost;
# the connection is exact, and the kernel unharmed.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq ethtool
# shellcheck source=selftests/lib/failing.sh
. "$pp_selftests/lib/failing.sh"

# exact_with HELPER [OPTION of both sides]...: the helper fails until it has been called, and for
# SECONDS_MORE after that
exact_with() {
	local helper=$1

	shift
	rule to "$BACKEND" port 8080 version "$version"
	fail_helper "$helper"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --header "v$version" \
		"${names_client[@]}" "$@"
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 "$@"
	wait_until 20 has_failed
	[[ -z ${SECONDS_MORE:-} ]] || sleep "$SECONDS_MORE"
	fail_helper ''
	wait_bg client
	wait_bg server
	is "$(rule_stat acked)" 1
}

# fails HELPER WHAT [OPTION of both sides]...
fails() {
	check "faults: IPv$FAMILY, v$version, $1() fails, $2 -> exact" exact_with "$1" "${@:3}"
	fail_helper ''
	stop_bg client
	stop_bg server
}

topo_lb 4
for end in client:eth0 lb:front lb:back backend:eth0; do
	veth_offload_off "${end%:*}" "${end#*:}"
done
use_module "$PP_MODULE_FAILING"
# Masquerading takes a reference on the route itself
nat_dnat
for family in 4 6; do
	topo_family $family
	version=$((family == 4 ? 2 : 1))
	fails dst_hold_safe 'ACK that would wait'
done
nat_flush
nat_dnat_masq
for family in 4 6; do
	topo_family $family
	version=$((family == 4 ? 2 : 1))
	fails nfct_seqadj 'whole handshake'
	SECONDS_MORE=5 fails nfct_seqadj 'all of the connection' --chunk 1000 --size 20k
	fails nfct_seqadj_ext_add 'SYN'
	fails skb_ensure_writable 'SYN'
	SECONDS_MORE=3 fails skb_ensure_writable 'repeated SYN'
	fails skb_cow_head 'header before the data'
	lose $at_backend 1 payload
	fails alloc_skb 'header ahead of the data' --size 100k
	lose_end $at_backend
	fails skb_ensure_writable 'server first' --order server
done
use_module "$original"
