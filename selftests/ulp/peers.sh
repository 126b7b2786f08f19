#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unmodified programs, attached by ppctl without a restart: OpenSSH, Redis, and nginx with three
# reuseport workers, plain and with kTLS. Their logs show the client.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need jq python3 nginx redis-server openssl
need_sshd=$(type -P sshd)
module_require
topo_lb 4

# talk PORT COUNT TEXT [tls]: connections whose headers name $REAL and ports from 4000 on; prints
# what the program answers
talk() {
	ns client python3 - "$BACKEND" "$REAL" "$ASKED" "$@" <<-'END'
		import os, socket, ssl, struct, sys
		host, client, asked, port, count, text = sys.argv[1:7]
		bind = (os.environ["BIND"], 0) if "BIND" in os.environ else None
		family = socket.AF_INET6 if ":" in host else socket.AF_INET
		for n in range(int(count)):
		    body = (socket.inet_pton(family, client) + socket.inet_pton(family, asked) +
		            struct.pack("!HH", 4000 + n, 443))
		    kind = 0x21 if family == socket.AF_INET6 else 0x11
		    sock = socket.create_connection((host, int(port)), 20, bind)
		    sock.sendall(b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, kind, len(body)) + body)
		    if sys.argv[7:]:
		        context = ssl._create_unverified_context()
		        sock = context.wrap_socket(sock)
		    sock.sendall(text.encode().decode("unicode_escape").encode())
		    sys.stdout.write(sock.recv(4096).decode(errors="replace"))
		    sock.close()
	END
}

sshd_shows_client() {
	local dir=$PP_TMP/ssh

	mkdir -p "$dir" /run/sshd
	[[ -e $dir/host ]] || ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	start_bg sshd backend "$need_sshd" -D -e -f /dev/null -o "ListenAddress=$BACKEND" -o Port=2200 \
		-o "HostKey=$dir/host" -o PidFile=none -o UseDNS=no -o LogLevel=VERBOSE
	wait_port backend 2200
	backend_ppctl attach to "$BACKEND" port 2200 from "$BALANCER"
	talk 2200 1 'SSH-2.0-nobody\r\n' | grep -a '^SSH-2.0-OpenSSH'
	wait_until 10 bg_says sshd "Connection from $REAL port 4000 on $BACKEND port 2200"
	stop_bg sshd
}

redis_shows_client() {
	start_bg redis backend redis-server --bind "$BACKEND" --port 6379 --protected-mode no --save '' \
		--dir "$PP_TMP"
	wait_port backend 6379
	backend_ppctl attach to "$BACKEND" port 6379 from "$BALANCER"
	if [[ $FAMILY == 4 ]]; then
		talk 6379 1 'CLIENT LIST\r\n' | grep "addr=$REAL:4000 "
	else
		talk 6379 1 'CLIENT LIST\r\n' | grep -F "addr=[$REAL]:4000 "
	fi
	stop_bg redis
}

nginx_start() {
	local dir=$PP_TMP/nginx

	mkdir -p "$dir"
	[[ -e $dir/key ]] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=backend -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
	cat >"$dir/conf" <<-END
		worker_processes 3;
		pid $dir/pid;
		error_log stderr;
		user root;
		events { worker_connections 100; }
		http {
			log_format pp '\$pid \$remote_addr \$remote_port \$request_uri';
			access_log $dir/access pp;
			server {
				listen 80 reuseport;
				listen $BACKEND_URL:8080 reuseport;
				listen $BACKEND_URL:8443 ssl reuseport;
				ssl_certificate $dir/cert;
				ssl_certificate_key $dir/key;
				ssl_protocols TLSv1.2;
				ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;
				ssl_conf_command Options KTLS;
				return 200 "\$remote_addr\n";
			}
		}
	END
	: >"$dir/access"
	start_bg nginx backend nginx -c "$dir/conf" -g 'daemon off;'
	wait_port backend 8443
}

# logged COUNT: all of these came from the client, and more than one worker has served them
logged() {
	local log=$PP_TMP/nginx/access

	is "$(wc -l <"$log")" "$1"
	is "$(cut -d ' ' -f 2 "$log" | sort -u)" "$REAL"
	is "$(cut -d ' ' -f 3 "$log" | sort -n | paste -sd ' ')" "$(seq -s ' ' 4000 $((3999 + $1)))"
	(($(cut -d ' ' -f 1 "$log" | sort -u | wc -l) > 1)) || fail 'one worker'
}

nginx_shows_client() {
	nginx_start
	backend_ppctl attach to "$BACKEND" port 8080 from "$BALANCER"
	is "$(backend_ppctl -j list-sockets | jq length)" 3
	is "$(talk 8080 30 'GET /x HTTP/1.0\r\n\r\n' | grep -cxF "$REAL")" 30
	logged 30
	stop_bg nginx
}

kernel_tls() {
	ns backend cat /proc/net/tls_stat | awk '$1 == "TlsTxSw" { print $2 }'
}

nginx_has_kernel_tls() {
	local before

	nginx_start
	backend_ppctl attach to "$BACKEND" port 8443 from "$BALANCER"
	before=$(kernel_tls)
	is "$(talk 8443 20 'GET /x HTTP/1.0\r\n\r\n' tls | grep -cxF "$REAL")" 20
	logged 20
	is $(($(kernel_tls) - before)) 20 'connections with kTLS'
	stop_bg nginx
}

# The line of the systemd drop-in that runs after each start, for the load balancer that it names.
# Before the program listens it fails, so that systemd stops the program.
drop_in() {
	local line client=10.0.0.1

	line=$(sed -n 's,^ExecStartPost=/usr/local/sbin/ppctl ,,p' "$pp_tree/docs/examples/attach.conf")
	[[ $line == "attach to any port 80 from $client" ]] || fail "line: $line"
	# shellcheck disable=SC2086 # words of a command
	not backend_ppctl $line
	nsip client addr add $client/32 dev eth0
	nsip lb route add $client/32 via "$BALANCER"
	nginx_start
	for run in first second; do
		# shellcheck disable=SC2086 # words of a command
		backend_ppctl $line
		BIND=$client talk 80 3 'GET /x HTTP/1.0\r\n\r\n' >"$PP_TMP/drop_in"
		is "$(grep -cxF "$REAL" "$PP_TMP/drop_in")" 3 "$run start"
		stop_bg nginx
		[[ $run == second ]] || nginx_start
	done
	nsip lb route del $client/32
	nsip client addr del $client/32 dev eth0
}

for family in 4 6; do
	accept_family $family
	BACKEND_URL=$BACKEND
	[[ $family == 4 ]] || BACKEND_URL="[$BACKEND]"
	check "ulp: IPv$family, sshd attached -> its log shows the client" sshd_shows_client
	check "ulp: IPv$family, Redis attached -> its list shows the client" redis_shows_client
	check "ulp: IPv$family, nginx attached, 3 reuseport workers -> its log shows the clients" \
		nginx_shows_client
	name="ulp: IPv$family, nginx attached, with kTLS -> its log shows the clients"
	if has_kernel_tls; then
		check "$name" nginx_has_kernel_tls
	else
		skip "$name" 'this kernel has no kTLS'
	fi
done
accept_family 4
BACKEND_URL=$BACKEND
check 'ulp: line of the systemd drop-in after each start -> nginx logs the clients' drop_in
