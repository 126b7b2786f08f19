#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Postfix behind the load balancer, smtpd and postscreen each with "haproxy" as the upstream
# protocol: the log shows the client's own address and port, that of postscreen the VIP as well, and
# mynetworks is searched for the client. The server sends first.
set -euo pipefail
# shellcheck source=selftests/lib/mail.sh
. "${BASH_SOURCE[0]%/*}/../lib/mail.sh"

need nft jq curl postfix
log=$PP_TMP/bg/postfix.out
module_require

services=(
	'2525 inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy'
	'2526 inet n - n - 1 postscreen -o postscreen_upstream_proxy_protocol=haproxy'
	'smtpd pass - - n - - smtpd'
	'dnsblog unix - - n - 0 dnsblog'
	'tlsproxy unix - - n - 0 tlsproxy'
)

# Both wait for a header until their timeout
without_rule() {
	lb_ppctl flush-rules
	not send_mail "$VIP_URL:$1"
	logged "$log" "$2"
}

smtpd() {
	local sent

	rule to "$BACKEND" port 2525 version "$VERSION"
	sent=$(send_mail "$VIP_URL:25")
	logged "$log" " connect from unknown[$CLIENT]:$sent"
	logged "$log" ": client=unknown[$CLIENT]:$sent"
	all_sent 1
}

# A client in the access list is not tested further, and gets an smtpd at once
postscreen() {
	local sent

	rule to "$BACKEND" port 2526 version "$VERSION"
	sent=$(send_mail "$VIP_URL:26")
	logged "$log" " CONNECT from [$CLIENT]:$sent to [$VIP]:26"
	logged "$log" "LISTED [$CLIENT]:$sent"
	logged "$log" ": client=unknown[$CLIENT]:$sent"
	all_sent 1
}

topo_lb 4
nat_dnat_masq 25 2525
nat_dnat_masq 26 2526
check 'peers: Postfix -> listens' postfix_start '10.0.1.2 [fd00:1::2]' 2526 "${services[@]}"
for family in 4 6; do
	setting $family 2
	check "peers: Postfix smtpd, IPv$FAMILY, no rule -> refused" without_rule 25 \
		'haproxy read: timeout error'
	check "peers: Postfix postscreen, IPv$FAMILY, no rule -> refused" without_rule 26 \
		'haproxy read: time limit exceeded'
	for version in 2 1; do
		setting $family $version
		check "peers: Postfix smtpd, $WHERE, mynetworks for the client -> relayed, logged exactly" smtpd
		check "peers: Postfix postscreen, $WHERE, listed client -> handed on, client and VIP in the log" \
			postscreen
	done
done
