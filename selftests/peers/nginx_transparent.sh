#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The recipe "nginx in front of http backends": nginx on the load balancer, which has no header for
# its http upstreams, binds the client's address (proxy_bind ... transparent). Masquerade replaces it
# again, so that answers need no routes, and a send rule adds the header. An nginx as the backend
# logs client, port and destination.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need nft jq curl nginx
access=$PP_TMP/access.log
module_require
topo_lb 4

# conf NAME: what both programs have
conf() {
	cat <<-END
		pid $PP_TMP/$1.pid;
		error_log $PP_TMP/$1.error info;
		worker_processes 1;
		events {}
	END
}

backend_start() {
	{
		conf backend
		cat <<-END
			http {
				client_body_temp_path $PP_TMP/body;
				log_format peers '\$uri \$proxy_protocol_addr \$proxy_protocol_port'
					' \$proxy_protocol_server_addr \$proxy_protocol_server_port \$remote_addr';
				access_log $access peers;
				root $PP_TMP/www;
				client_max_body_size 2m;
				server {
					listen 10.0.2.2:8080 proxy_protocol;
					listen [fd00:2::2]:8080 proxy_protocol;
					location / { return 200 "hello\n"; }
					location /files/ { dav_methods PUT; }
				}
			}
		END
	} >"$PP_TMP/backend.conf"
	mkdir -p "$PP_TMP/www/files"
	start_bg backend backend nginx -c "$PP_TMP/backend.conf" -g 'daemon off; user root;'
	wait_port backend 8080
}

# The configuration of docs/recipes.md
proxy_start() {
	{
		conf proxy
		cat <<-END
			http {
				access_log off;
				client_body_temp_path $PP_TMP/proxy.body;
				proxy_temp_path $PP_TMP/proxy.temp;
				client_max_body_size 2m;
				map \$remote_addr \$user {
					~: [\$remote_addr]:\$remote_port;
					default \$remote_addr:\$remote_port;
				}
				proxy_bind \$user transparent;
				server {
					listen 10.0.1.1:80;
					location / { proxy_pass http://10.0.2.2:8080; }
				}
				server {
					listen [fd00:1::1]:80;
					location / { proxy_pass http://[fd00:2::2]:8080; }
				}
			}
		END
	} >"$PP_TMP/proxy.conf"
	start_bg proxy lb nginx -c "$PP_TMP/proxy.conf" -g 'daemon off; user root;'
	wait_port lb 80
}

# Answers to the address that nginx has bound are for this host
divert() {
	ns lb nft -f - <<-END
		table inet transparent {
			chain prerouting {
				type filter hook prerouting priority -150;
				ct direction reply ct mark 0x77 meta mark set 0x77
			}
			chain output {
				type filter hook output priority -150;
				ip daddr 10.0.2.2 tcp dport 8080 ct mark set 0x77
				ip6 daddr fd00:2::2 tcp dport 8080 ct mark set 0x77
			}
			chain postrouting {
				type nat hook postrouting priority 100;
				ct mark 0x77 masquerade
			}
		}
	END
	for family in 4 6; do
		nsip lb "-$family" rule add fwmark 0x77 lookup 100
		nsip lb "-$family" route add local default dev lo table 100
	done
}

path() {
	echo "/$FAMILY/$VERSION/$1"
}

one() {
	local socket

	rule to "$BACKEND" port 8080 version "$VERSION"
	socket=$(fetch "http://$VIP_URL$(path one)")
	is "$(log_line "$access" "$(path one)")" "$socket $BACKEND 8080 $LB"
	all_sent 1
}

many() {
	rule to "$BACKEND" port 8080 version "$VERSION"
	each_logged_own "http://$VIP_URL$(path many)" "$PP_TMP/many.$FAMILY.$VERSION" "$access"
	all_sent 100
}

bodies() {
	local file=$PP_TMP/sent name

	name=/files/$FAMILY$VERSION
	rule to "$BACKEND" port 8080 version "$VERSION"
	head -c 1M /dev/urandom >"$file"
	client_curl -f -o /dev/null -T "$file" "http://$VIP_URL$name"
	same_hash "$file" "$PP_TMP/www$name"
	client_curl -f -o "$PP_TMP/got" "http://$VIP_URL$name"
	same_hash "$file" "$PP_TMP/got"
}

# Without the rule nothing names the client, and the backend refuses what comes
without_rule() {
	lb_ppctl flush-rules
	client_curl -o /dev/null -w '%{http_code}' "http://$VIP_URL/none" >"$PP_TMP/code" || true
	is "$(<"$PP_TMP/code")" 502
	grep -q 'broken header' "$PP_TMP/backend.error"
}

check "peers: nginx, http backend -> listens" backend_start
check "peers: nginx, http proxy -> listens" proxy_start
divert 2>"$PP_TMP/why"
for family in 4 6; do
	for version in 1 2; do
		setting $family $version
		check "peers: nginx proxy_bind transparent, $WHERE -> the client's address and port" one
		check "peers: nginx proxy_bind transparent, $WHERE, 100 clients at once -> each its own" many
		check "peers: nginx proxy_bind transparent, $WHERE, 1 MB both ways -> exact" bodies
	done
	check "peers: nginx proxy_bind transparent, IPv$family, no rule -> refused" without_rule
done
