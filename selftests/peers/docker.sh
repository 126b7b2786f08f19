#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The recipe "Docker": a published port with the userland proxy off, by the iptables rules that
# Docker writes, leads to an nginx in a container behind the bridge docker0. Clients come with a
# header; so does the host itself, with LOCAL.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need iptables-legacy-restore iptables-nft-restore nft jq curl nginx
access=$PP_TMP/access.log
module_require
topo_lb 4

# A container as Docker makes it: behind a port of docker0
container_start() {
	ns_make container
	nsip lb link add docker0 type bridge
	nsip lb addr add 172.17.0.1/16 dev docker0
	nsip lb link set docker0 up
	veth_make container eth0 lb veth1
	addr_add container eth0 172.17.0.2/16 fd00:17::2/64
	nsip lb link set veth1 master docker0
	nsip container route add default via 172.17.0.1
	cat >"$PP_TMP/nginx.conf" <<-END
		pid $PP_TMP/nginx.pid;
		error_log $PP_TMP/error.log info;
		worker_processes 1;
		events {}
		http {
			log_format peers '\$uri \$proxy_protocol_addr \$proxy_protocol_port'
				' \$proxy_protocol_server_addr \$proxy_protocol_server_port \$remote_addr';
			access_log $access peers;
			server {
				listen 172.17.0.2:8080 proxy_protocol;
				location / { return 200 "hello\n"; }
			}
		}
	END
	start_bg nginx container nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
	wait_port container 8080
}

# docker run -p 80:8080, "userland-proxy": false
docker_rules() {
	ns lb "iptables-$1-restore" <<-END
		*nat
		:DOCKER - [0:0]
		-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
		-A POSTROUTING -o docker0 -m addrtype --src-type LOCAL -j MASQUERADE
		-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
		-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 8080 -j MASQUERADE
		-A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8080
		COMMIT
		*filter
		:FORWARD DROP [0:0]
		:DOCKER - [0:0]
		:DOCKER-ISOLATION-STAGE-1 - [0:0]
		:DOCKER-ISOLATION-STAGE-2 - [0:0]
		:DOCKER-USER - [0:0]
		-A FORWARD -j DOCKER-USER
		-A FORWARD -j DOCKER-ISOLATION-STAGE-1
		-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A FORWARD -o docker0 -j DOCKER
		-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
		-A FORWARD -i docker0 -o docker0 -j ACCEPT
		-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 8080 -j ACCEPT
		-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
		-A DOCKER-ISOLATION-STAGE-1 -j RETURN
		-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
		-A DOCKER-ISOLATION-STAGE-2 -j RETURN
		-A DOCKER-USER -j RETURN
		COMMIT
	END
}

docker_rules_end() {
	ns lb "iptables-$1" -t nat -F
	ns lb "iptables-$1" -t nat -X
	ns lb "iptables-$1" -P FORWARD ACCEPT
	ns lb "iptables-$1" -F
	ns lb "iptables-$1" -X
}

path() {
	echo "/$KIND/$VERSION/$1"
}

# A container that is started again may have another address: the rule has the bridge's prefix
one() {
	local socket

	rule to 172.17.0.0/16 port 8080 version "$VERSION"
	socket=$(fetch "http://$VIP_URL$(path one)")
	is "$(log_line "$access" "$(path one)")" "$socket $VIP 80 ${socket% *}"
	all_sent 1
}

many() {
	rule to 172.17.0.0/16 port 8080 version "$VERSION"
	each_logged_own "http://$VIP_URL$(path many)" "$PP_TMP/many.$KIND.$VERSION" "$access"
	all_sent 100
}

# LOCAL has no addresses; in version 1 they are the connection's own
from_host() {
	rule to 172.17.0.0/16 port 8080 version 2
	ns lb curl -sS -f -m 30 -o /dev/null "http://$VIP_URL$(path host)"
	is "$(log_line "$access" "$(path host)")" '- - - - 172.17.0.1'
	all_sent 1
}

check "peers: Docker, nginx in a container -> listens" container_start
for KIND in legacy nft; do
	docker_rules "$KIND"
	for version in 1 2; do
		setting 4 $version
		check "peers: Docker, iptables-$KIND, published port, v$version -> client and host port" one
		check "peers: Docker, iptables-$KIND, 100 clients at once, v$version -> each its own" many
	done
	check "peers: Docker, iptables-$KIND, the host itself -> LOCAL" from_host
	docker_rules_end "$KIND"
done
