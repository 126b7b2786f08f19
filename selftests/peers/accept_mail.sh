#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Postfix without PROXY support switched on, behind an accept rule and HAProxy: its log shows the
# client and its port, and the client's address decides who may relay, not the load balancer's.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"
# shellcheck source=selftests/lib/mail.sh
. "${BASH_SOURCE[0]%/*}/../lib/mail.sh"

need jq curl haproxy postfix
log=$PP_TMP/bg/postfix.out
module_require

postfix_mail() {
	local sent

	front 2525
	sent=$(send_mail "$FRONT_URL:${VERSION}2525")
	logged "$log" " connect from unknown[$USER_IP]:$sent"
	logged "$log" ": client=unknown[$USER_IP]:$sent"
	all_accepted 1
}

postfix_refused() {
	local status=0

	front 2525
	backend_ppctl flush-rules
	send_mail "$FRONT_URL:32525" || status=$?
	is "$status" 55 'the recipient is refused'
	logged "$log" " connect from unknown[$BALANCER]:"
}

topo_users
haproxy_start 2525
check 'peers: Postfix -> listens' postfix_start '203.0.113.2 [2001:db8:3::2]' \
	2525 '2525 inet n - n - - smtpd'
for family in 4 6; do
	accept_setting $family 2
	check "peers: Postfix, IPv$FAMILY, no header, mynetworks for the client -> refused" postfix_refused
	for version in 2 1; do
		accept_setting $family $version
		check "peers: Postfix, $WHERE, mynetworks for the client -> relayed, logged exactly" postfix_mail
	done
done
