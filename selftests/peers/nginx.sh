#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A stock nginx behind the load balancer, "listen ... proxy_protocol": its log shows the client's
# own address and port, and the destination that it connected to; http, http with real_ip, stream;
# both families and versions.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need nft jq curl nginx
stream_module=/usr/lib/nginx/modules/ngx_stream_module.so
conf=$PP_TMP/nginx.conf www=$PP_TMP/www
access=$PP_TMP/access.log errors=$PP_TMP/error.log stream=$PP_TMP/stream.log
module_require

http_conf() {
	cat <<-END
		http {
			client_body_temp_path $PP_TMP/body;
			client_max_body_size 2m;
			log_format peers '\$uri \$proxy_protocol_addr \$proxy_protocol_port'
				' \$proxy_protocol_server_addr \$proxy_protocol_server_port'
				' \$remote_addr \$connection_requests';
			log_format peer '\$uri \$remote_addr \$remote_port \$realip_remote_addr';
			access_log $access peers;
			root $www;
			server {
				listen 10.0.2.2:8080 proxy_protocol;
				listen [fd00:2::2]:8080 proxy_protocol;
				location / { return 200 "hello\n"; }
				location /files/ { dav_methods PUT; }
			}
			server {
				listen 10.0.2.2:8081 proxy_protocol;
				listen [fd00:2::2]:8081 proxy_protocol;
				set_real_ip_from 10.0.2.1;
				set_real_ip_from fd00:2::1;
				real_ip_header proxy_protocol;
				access_log $access peer;
				location / { return 200 "hello\n"; }
			}
			server {
				listen 127.0.0.1:8090;
				access_log off;
				location / { return 200 "hello\n"; }
			}
		}
	END
}

stream_conf() {
	[[ -e $stream_module ]] || return 0
	cat <<-END
		stream {
			log_format peers '\$proxy_protocol_addr \$proxy_protocol_port'
				' \$proxy_protocol_server_addr \$proxy_protocol_server_port \$remote_addr';
			access_log $stream peers;
			server {
				listen 10.0.2.2:8082 proxy_protocol;
				listen [fd00:2::2]:8082 proxy_protocol;
				proxy_pass 127.0.0.1:8090;
			}
		}
	END
}

write_conf() {
	[[ ! -e $stream_module ]] || echo "load_module $stream_module;"
	cat <<-END
		pid $PP_TMP/nginx.pid;
		error_log $errors info;
		worker_processes 1;
		events {}
	END
	http_conf
	stream_conf
}

without_rule() {
	lb_ppctl flush-rules
	: >"$errors"
	refused "http://$VIP_URL/refused"
	wait_until 10 grep -q 'broken header: "GET /refused' "$errors"
	not grep -q '^/refused' "$access"
}

one() {
	local socket

	rule to "$BACKEND" port 8080 version "$VERSION"
	socket=$(fetch "http://$VIP_URL/$FAMILY/$VERSION/one")
	is "${socket% *}" "$CLIENT"
	is "$(log_line "$access" "/$FAMILY/$VERSION/one")" "$socket $VIP 80 $LB 1"
	all_sent 1
}

keepalive() {
	local path=/$FAMILY/$VERSION/keepalive sockets socket

	rule to "$BACKEND" port 8080 version "$VERSION"
	sockets=$(client_curl -f -w "%{stderr}%{num_connects} $own\n" \
		"http://$VIP_URL$path/"{1,2,3} 2>&1 >/dev/null)
	socket=$(sed -n '1s/^1 //p' <<<"$sockets")
	is "$sockets" "1 $socket"$'\n'"0 $socket"$'\n'"0 $socket"
	for i in 1 2 3; do
		is "$(log_line "$access" "$path/$i")" "$socket $VIP 80 $LB $i"
	done
	all_sent 1
}

many() {
	local path=/$FAMILY/$VERSION/many

	rule to "$BACKEND" port 8080 version "$VERSION"
	each_logged_own "http://$VIP_URL$path" "$PP_TMP/many.$FAMILY.$VERSION" "$access" " $VIP 80 $LB 1"
	all_sent 100
}

megabyte() {
	local url=http://$VIP_URL/files/$FAMILY.$VERSION

	rule to "$BACKEND" port 8080 version "$VERSION"
	is "$(client_curl -o /dev/null -w '%{http_code}' -T "$PP_TMP/random" "$url")" 201
	same_hash "$PP_TMP/random" "$www/files/$FAMILY.$VERSION"
	client_curl -f -o "$PP_TMP/came" "$url"
	same_hash "$PP_TMP/random" "$PP_TMP/came"
	all_sent 2
}

real_ip() {
	local socket

	rule to "$BACKEND" port 8081 version "$VERSION"
	socket=$(fetch "http://$VIP_URL:81/$FAMILY/$VERSION/real")
	is "$(log_line "$access" "/$FAMILY/$VERSION/real")" "$socket $LB"
	all_sent 1
}

through_stream() {
	local socket

	rule to "$BACKEND" port 8082 version "$VERSION"
	socket=$(fetch "http://$VIP_URL:82/$FAMILY/$VERSION/stream")
	is "$(log_line "$stream" "$socket")" "$VIP 82 $LB"
	all_sent 1
}

# A header that the client sends comes behind ours: nginx takes it for a request
forged() {
	local answer

	rule to "$BACKEND" port 8080 version "$VERSION"
	answer=$(client_curl -o /dev/null -w "%{http_code} $own" --haproxy-protocol \
		"http://$VIP_URL/forged")
	is "${answer%% *}" 400
	not grep -q '^/forged' "$access"
	wait_until 10 grep -q "^[^ ]* ${answer#* } $VIP 80 $LB 1\$" "$access"
}

# The load balancer's own connections have no client: v2 says LOCAL; v1 has no such word and names
# the socket's addresses
local_connection() {
	local socket told path=/$FAMILY/$VERSION/local

	rule to "$BACKEND" port 8080 version "$VERSION"
	socket=$(CLIENT_NS=lb fetch "http://$BACKEND_URL:8080$path")
	is "${socket% *}" "$LB"
	case $VERSION in
	1) told="$socket $BACKEND 8080" ;;
	2) told='- - - -' ;;
	esac
	is "$(log_line "$access" "$path")" "$told $LB 1"
	all_sent 1
}

# A second nginx on the load balancer itself, where NAT leads port 83
here_conf() {
	cat <<-END
		pid $PP_TMP/here.pid;
		error_log $PP_TMP/here.errors;
		worker_processes 1;
		events {}
		http {
			client_body_temp_path $PP_TMP/here.body;
			log_format peers '\$uri \$proxy_protocol_addr \$proxy_protocol_port'
				' \$proxy_protocol_server_addr \$proxy_protocol_server_port \$remote_addr';
			access_log $PP_TMP/here.log peers;
			server {
				listen 10.0.2.1:8080 proxy_protocol;
				listen [fd00:2::1]:8080 proxy_protocol;
				location / { return 200 "hello\n"; }
			}
		}
	END
}

here_start() {
	here_conf >"$PP_TMP/here.conf"
	ns lb nft -f - <<-END
		table inet pp_here {
			chain prerouting {
				type nat hook prerouting priority -101; policy accept;
				ip daddr 10.0.1.1 tcp dport 83 dnat ip to 10.0.2.1:8080
				ip6 daddr fd00:1::1 tcp dport 83 dnat ip6 to [fd00:2::1]:8080
			}
		}
	END
	start_bg here lb nginx -c "$PP_TMP/here.conf" -g 'daemon off; user root;'
	wait_port lb 8080
}

here() {
	local socket path=/$FAMILY/$VERSION/here

	rule to "$LB" port 8080 version "$VERSION"
	socket=$(fetch "http://$VIP_URL:83$path")
	is "$(log_line "$PP_TMP/here.log" "$path")" "$socket $VIP 83 $CLIENT"
	all_sent 1
}

mkdir -p "$www/files"
random_bytes 1000000 >"$PP_TMP/random"
touch "$access" "$stream"
write_conf >"$conf"
topo_lb 4
# Not the client's ports, which masquerading keeps
ns_sysctl lb net.ipv4.ip_local_port_range='20000 30000'
nat_dnat_masq
nat_dnat_masq 81 8081
nat_dnat_masq 82 8082
start_bg nginx backend nginx -c "$conf" -g 'daemon off; user root;'
wait_port backend 8090
here_start

for family in 4 6; do
	setting $family 2
	check "peers: nginx, IPv$FAMILY, no rule -> refused" without_rule
	for version in 2 1; do
		setting $family $version
		check "peers: nginx, $WHERE -> logs client and VIP" one
		check "peers: nginx, $WHERE, 3 requests kept alive -> one header, all logged alike" keepalive
		check "peers: nginx, $WHERE, 100 at once -> each by its own port" many
		check "peers: nginx, $WHERE, PUT and GET of 1 MB -> exact" megabyte
		check "peers: nginx, $WHERE, real_ip -> remote_addr is the client" real_ip
		if [[ -e $stream_module ]]; then
			check "peers: nginx, $WHERE, stream -> logs client and VIP" through_stream
		else
			skip "peers: nginx, $WHERE, stream -> logs client and VIP" "no stream module"
		fi
		check "peers: nginx, $WHERE, header made up by the client -> is no header" forged
		check "peers: nginx, $WHERE, from the load balancer -> served as itself" local_connection
		check "peers: nginx, $WHERE, on the load balancer -> logs client and VIP" here
	done
done
