#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nginx and Apache httpd with plain listeners behind an accept rule: their logs show the client that
# the header names, with headers of curl and HAProxy; both families and versions.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need jq curl nginx apache2 haproxy
modules=/usr/lib/apache2/modules www=$PP_TMP/www access=$PP_TMP/access.log
module_require

nginx_conf() {
	cat <<-END
		pid $PP_TMP/nginx.pid;
		error_log $PP_TMP/error.log info;
		worker_processes 1;
		events {}
		http {
			client_body_temp_path $PP_TMP/body;
			client_max_body_size 2m;
			log_format peers '\$uri \$remote_addr \$remote_port \$connection_requests';
			access_log $access peers;
			root $www;
			server {
				listen 10.0.2.2:8080;
				listen [fd00:2::2]:8080;
				location / { return 200 "hello\n"; }
				location /files/ { dav_methods PUT; }
			}
		}
	END
}

# Debian's httpd refuses to serve as root
apache_conf() {
	local module

	for module in mpm_event authz_core dav dav_fs alias; do
		echo "LoadModule ${module}_module $modules/mod_$module.so"
	done
	cat <<-END
		ServerName backend
		ServerRoot $PP_TMP
		DefaultRuntimeDir $PP_TMP
		PidFile $PP_TMP/httpd.pid
		User www-data
		Group www-data
		Listen 10.0.2.2:8081
		Listen [fd00:2::2]:8081
		ErrorLog $PP_TMP/error.log
		LogFormat "%U %a %{remote}p %k %{c}a" peers
		CustomLog $access peers
		DocumentRoot $www
		DavLockDB $PP_TMP/dav/lock
		AliasMatch "^/Apache/" $www/index.html
		<Directory $www>
			Require all granted
			Dav On
		</Directory>
	END
}

# serve NAME: of the next cases; URL lacks the path
serve() {
	case $1 in
	nginx) PORT=8080 FIRST=1 LAST='' ;;
	Apache) PORT=8081 FIRST=0 LAST=" $USER_IP" ;;
	esac
	URL=http://$FRONT_URL:$VERSION$PORT SERVER=$1
	accept_rule to "$BACKEND" port "$PORT" from "$BALANCER"
}

# HAProxy sends no header, and the log shows the balancer
without_rule() {
	local path=/$SERVER/$FAMILY/plain

	serve "$SERVER"
	backend_ppctl flush-rules
	fetch "http://$FRONT_URL:3$PORT$path"
	[[ $(log_line "$access" "$path") == "$BALANCER "* ]]
}

keepalive() {
	local path=/$SERVER/$FAMILY/$VERSION/one sockets socket i

	serve "$SERVER"
	sockets=$(client_curl -f -w "%{stderr}%{num_connects} $own\n" "$URL$path/"{0,1,2} \
		2>&1 >/dev/null)
	socket=$(sed -n '1s/^1 //p' <<<"$sockets")
	is "${socket% *}" "$USER_IP"
	is "$sockets" "1 $socket"$'\n'"0 $socket"$'\n'"0 $socket"
	for i in 0 1 2; do
		is "$(log_line "$access" "$path/$i")" "$socket $((FIRST + i))$LAST"
	done
	all_accepted 1
}

many() {
	local path=/$SERVER/$FAMILY/$VERSION/many

	serve "$SERVER"
	each_logged_own "$URL$path" "$PP_TMP/many.$SERVER.$FAMILY.$VERSION" "$access" " $FIRST$LAST"
	all_accepted 100
}

megabyte() {
	local path=/files/$SERVER.$FAMILY.$VERSION

	serve "$SERVER"
	is "$(client_curl -o /dev/null -w '%{http_code}' -T "$PP_TMP/random" "$URL$path")" 201
	same_hash "$PP_TMP/random" "$www$path"
	client_curl -f -o "$PP_TMP/came" "$URL$path"
	same_hash "$PP_TMP/random" "$PP_TMP/came"
	all_accepted 2
}

# curl's own header names its own socket: the application's peer is the same
curl_header() {
	local path=/$SERVER/$FAMILY/curl socket

	serve "$SERVER"
	socket=$(CLIENT_NS=client fetch --haproxy-protocol "http://$BACKEND_URL:$PORT$path")
	is "${socket% *}" "$BALANCER"
	is "$(log_line "$access" "$path")" "$socket $FIRST${LAST:+ $BALANCER}"
	is "$(accept_rule_stat accepted)" 1
}

curl_clientip() {
	local path=/$SERVER/$FAMILY/clientip socket

	serve "$SERVER"
	socket=$(CLIENT_NS=client fetch --haproxy-clientip "$REAL" "http://$BACKEND_URL:$PORT$path")
	is "$(log_line "$access" "$path")" "$REAL ${socket#* } $FIRST${LAST:+ $REAL}"
	all_accepted 1
}

chmod 755 "$PP_TMP"
mkdir -p "$www/files" "$PP_TMP/dav"
echo 'hello' >"$www/index.html"
random_bytes 1000000 >"$PP_TMP/random"
touch "$access"
chown -R www-data "$www" "$PP_TMP/dav"
nginx_conf >"$PP_TMP/nginx.conf"
apache_conf >"$PP_TMP/httpd.conf"
topo_users
haproxy_start 8080 8081
start_bg nginx backend nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
start_bg apache backend apache2 -f "$PP_TMP/httpd.conf" -DFOREGROUND
wait_port backend 8080
wait_port backend 8081

for family in 4 6; do
	for SERVER in nginx Apache; do
		accept_setting $family 1
		where="$SERVER, plain, IPv$FAMILY"
		check "peers: $where, no rule, no header -> logs the load balancer" without_rule
		check "peers: $where, curl's own header -> logs curl" curl_header
		if curl --help all | grep -q haproxy-clientip; then
			check "peers: $where, curl names another client -> logs that" curl_clientip
		else
			skip "peers: $where, curl names another client -> logs that" 'curl before 8.2'
		fi
		for version in 2 1; do
			accept_setting $family $version
			where="$SERVER, plain, $WHERE"
			check "peers: $where, HAProxy, 3 requests kept alive -> logs the client" keepalive
			check "peers: $where, HAProxy, 100 at once -> each by its own port" many
			check "peers: $where, HAProxy, PUT and GET of 1 MB -> exact" megabyte
		done
	done
done
