#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration, inside the VM: client, load balancer and backend in
# network namespaces, DNAT and masquerade by nft, a stock nginx. Its log shows
# the load balancer's address for every client, until one rule is added. Then
# Redis, which knows nothing of headers, and a second rule, on the backend. Each
# command that matters is printed before it runs, after the machine's name.
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

need nginx curl nft tcpdump redis-server redis-cli
www=$PP_TMP/www
conf=$PP_TMP/nginx.conf
log=$PP_TMP/access.log
chmod 755 "$PP_TMP"
# The plan of TAP is not needed here
pp_planned=0

heading() {
	printf '\n== %s\n\n' "$1"
}

# show MACHINE COMMAND...: prints it as the reader would type it, and runs it
show() {
	local machine=$1

	shift
	printf '%s # %s\n' "$machine" "$*"
	case $1 in
	ppctl) shift && set -- "$PPCTL" "$@" ;;
	esac
	ns "$machine" "$@" | sed 's/^/    /'
}

topology() {
	cat <<-END

	  +----------+        +------------------------+        +--------------+
	  |  client  |        |           lb           |        |   backend    |
	  | 10.0.1.2 |------->| 10.0.1.1      10.0.2.1 |------->|   10.0.2.2   |
	  +----------+        |                        |        | nginx, :8080 |
	                      | nft: 10.0.1.1:80 dnat  |        +--------------+
	                      |  to 10.0.2.2:8080,     |
	                      |  masquerade            |
	                      +------------------------+
	END
	printf '\nkernel %s, %s, unmodified; all in network namespaces of one VM\n' \
		"$(uname -r)" "$(nginx -v 2>&1 | sed 's/^.*: //')"
}

# nginx with a usual configuration. From the second part on it reads the header, and believes it if
# it comes from the load balancer.
write_conf() {
	cat >"$conf" <<-END
		pid $PP_TMP/nginx.pid;
		error_log $PP_TMP/error.log;
		worker_processes 1;
		events {}
		http {
			log_format demo '\$remote_addr "\$request" \$status'
			                ' proxy_protocol=\$proxy_protocol_addr:\$proxy_protocol_port';
			access_log $log demo;
			server {
				listen 10.0.2.2:8080$1;
				$2
				root $www;
			}
		}
	END
}

log_has() {
	(($(wc -l <"$log") >= $1))
}

request() {
	local lines

	lines=$(wc -l <"$log")
	show client curl -s http://10.0.1.1/
	wait_until 5 log_has $((lines + 1))
	printf 'backend # tail -n 1 access.log\n'
	tail -n 1 "$log" | sed 's/^/    /'
}

# The demonstration is a test, too
logged() {
	is "$(tail -n 1 "$log" | cut -d' ' -f1)" "$1" "address that nginx logged"
}

# Payload of the first segment that begins like a header of version 2, as hex
header_bytes() {
	local hex ihl doff

	hex=$(cap_read header -x -c 1 'tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x0d0a0d0a' |
		sed -n 's/^\t0x[0-9a-f]*: *//p' | tr -d ' \n')
	ihl=$((16#${hex:1:1} * 4))
	doff=$((16#${hex:ihl*2+24:1} * 4))
	hex=${hex:(ihl + doff) * 2:56}
	# shellcheck disable=SC2001
	sed 's/../& /g' <<<"$hex"
}

show_header() {
	local bytes

	bytes=$(header_bytes)
	[[ ${#bytes} == 84 ]] || {
		echo "no header seen on the wire" >&2
		return 1
	}
	printf '    %s  signature\n' "${bytes:0:36}"
	printf '    %-36s  version 2, PROXY; TCP over IPv4; 12 bytes follow\n' "${bytes:36:12}"
	printf '    %-36s  from %d.%d.%d.%d to %d.%d.%d.%d\n' "${bytes:48:24}" \
		$((16#${bytes:48:2})) $((16#${bytes:51:2})) $((16#${bytes:54:2})) $((16#${bytes:57:2})) \
		$((16#${bytes:60:2})) $((16#${bytes:63:2})) $((16#${bytes:66:2})) $((16#${bytes:69:2}))
	printf '    %-36s  from port %d to port %d\n' "${bytes:72:12}" \
		$((16#${bytes:72:2}${bytes:75:2})) $((16#${bytes:78:2}${bytes:81:2}))
}

mkdir "$www"
echo 'hello from nginx' >"$www/index.html"
chmod 755 "$www"
: >"$log"
topo_lb 4
nat_dnat_masq
write_conf '' ''
start_bg nginx backend nginx -c "$conf" -g 'daemon off; user root;'
wait_port backend 8080

topology

heading 'Today: to nginx every client is the load balancer'
request
logged "$LB"

heading 'One rule on the load balancer, "proxy_protocol" on the listen line of nginx'
printf 'lb # insmod kmod/proxyproto.ko\n'
module_load
show lb ppctl add-rule send to 10.0.2.2 port 8080
write_conf ' proxy_protocol' 'set_real_ip_from 10.0.2.1; real_ip_header proxy_protocol;'
printf 'backend # grep -E "listen|real_ip" nginx.conf\n'
grep -E 'listen|real_ip' "$conf" | sed 's/^[[:space:]]*/    /'
printf 'backend # nginx -s reload\n'
old=$(pgrep -P "$(bg_pid nginx)")
ns backend nginx -c "$conf" -s reload
wait_until 10 not kill -0 "$old"

heading 'Now: nginx knows the client'
cap_start header backend eth0 tcp port 8080
request
logged "$CLIENT"
cap_stop header
show lb ppctl list-rules

heading 'What the load balancer put in front of the connection (28 bytes, by tcpdump)'
show_header

# redis_peer WANTED: the client asks Redis who it is
redis_peer() {
	show client redis-cli -h 10.0.1.1 client list >"$PP_TMP/redis"
	sed 's/ fd=.*//' "$PP_TMP/redis"
	is "$(sed -n 's/.* addr=\([^ ]*\):[0-9]* .*/\1/p' "$PP_TMP/redis")" "$1" 'address that Redis sees'
}

heading 'Software that never heard of the protocol: Redis, behind the same load balancer'
start_bg redis backend redis-server --bind 10.0.2.2 --port 6379 --protected-mode no --save '' \
	--dir "$PP_TMP"
wait_port backend 6379
nat_dnat_masq 6379 6379
redis_peer "$LB"

heading 'One rule on the load balancer, one on the backend; Redis is left as it is'
show lb ppctl add-rule send to 10.0.2.2 port 6379
show backend ppctl add-rule accept to 10.0.2.2 port 6379 from 10.0.2.1

heading 'Now: Redis sees the client'
redis_peer "$CLIENT"
show backend ppctl list-rules
echo
