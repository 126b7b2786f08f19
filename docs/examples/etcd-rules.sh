#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Puts the rules that stand in etcd into force: each key below a prefix has one line of rules, as
# "ppctl add-rule" reads it. On each host, at every change, and once when the watch has begun:
#
#	etcdctl watch --prefix PREFIX -- etcd-rules.sh PREFIX FILE
#	etcd-rules.sh PREFIX FILE
#
# FILE is what proxyproto.service restores at boot, when etcd may not be there. It changes only if
# the rules are in force. ETCDCTL_ENDPOINTS says where etcd is.
set -eu

prefix=$1 file=$2
new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT

# One revision of etcd, so that a transaction is seen as a whole
etcdctl get --prefix "$prefix" --print-value-only >"$new"
# If a rule is wrong, or there is none at all, the rules in force stay. That is no failure: etcdctl
# would stop watching.
if ppctl restore "$new"; then
	mv "$new" "$file"
fi
