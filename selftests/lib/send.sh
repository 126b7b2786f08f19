# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the send_* selftests share: transfers that are checked byte by byte,
# through the load balancer or from it, each a function for lib.sh's check.

# Sourced once, though two libraries may ask for it
if [[ -z ${pp_selftests:-} ]]; then
	# shellcheck source=selftests/lib/lib.sh
	. "${BASH_SOURCE[0]%/*}/lib.sh"
fi

# transfer COUNT [OPTION of the server]... -- [OPTION of the client]...: the
# client connects to $TARGET ($VIP) port $PORT (80), the server listens on
# $BACKEND:$BPORT (8080) in namespace $SERVER_NS (backend); options of both
# are in $BOTH
transfer() {
	local count=$1 server=() both=()

	shift
	while [[ $1 != -- ]]; do
		server+=("$1")
		shift
	done
	shift
	read -ra both <<<"${BOTH:-}"
	start_bg server "${SERVER_NS:-backend}" "$PEER" server -l "$BACKEND" -p "${BPORT:-8080}" \
		-n "$count" "${both[@]}" "${server[@]}"
	wait_listening server
	ns "${CLIENT_NS:-client}" "$PEER" client -c "${TARGET:-$VIP}" -p "${PORT:-80}" \
		-n "$count" "${both[@]}" "$@" || {
		stop_bg server
		bg_output server
		lb_ppctl show-stats
		return 1
	}
	wait_bg server
}

# Faults that pp_peer finds and that no bad network, lack of memory or SYN cookie explains
# shellcheck disable=SC2034 # used by those who source this
pp_wrong='no PROXY|the header is|the message|byte [0-9]|digest|address is|port is|bytes after'

# Options of a server that expects the header to name the client's own socket and the address that
# it connected to
# shellcheck disable=SC2034 # used by those who source this
names_client=(--src-addr client --src-port client --dst-addr client --dst-port client)

# rule ARGUMENT...: the only rule there is
rule() {
	lb_ppctl flush-rules
	lb_ppctl add-rule send "$@" >/dev/null
}

# stat_of NAME: a counter
stat_of() {
	first_of "$1" lb_ppctl -j show-stats
}

# rule_stat NAME: a counter of the only rule
rule_stat() {
	first_of "$1" lb_ppctl -j list-rules
}
