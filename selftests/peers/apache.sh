#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Apache httpd behind the load balancer, mod_remoteip's "RemoteIPProxyProtocol On": its log shows
# the client's own address and port for %a and %{remote}p, the load balancer's for %{c}a; both
# families and versions.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need nft jq curl apache2
modules=/usr/lib/apache2/modules
conf=$PP_TMP/httpd.conf www=$PP_TMP/www access=$PP_TMP/access.log
[[ -e $modules/mod_remoteip.so ]] || skip_all "no mod_remoteip in $modules"
module_require

# Debian's httpd refuses to serve as root
write_conf() {
	local module

	for module in mpm_event authz_core remoteip dav dav_fs; do
		echo "LoadModule ${module}_module $modules/mod_$module.so"
	done
	cat <<-END
		ServerName backend
		ServerRoot $PP_TMP
		DefaultRuntimeDir $PP_TMP
		PidFile $PP_TMP/httpd.pid
		User www-data
		Group www-data
		Listen 10.0.2.2:8080
		Listen [fd00:2::2]:8080
		RemoteIPProxyProtocol On
		ErrorLog $PP_TMP/error.log
		LogFormat "%U %a %{remote}p %{c}a %k" peers
		CustomLog $access peers
		DocumentRoot $www
		DavLockDB $PP_TMP/dav/lock
		<Directory $www>
			Require all granted
			Dav On
		</Directory>
	END
}

without_rule() {
	lb_ppctl flush-rules
	refused "http://$VIP_URL/refused"
	not grep -q '^/refused' "$access"
}

one() {
	local path=/one.$FAMILY.$VERSION socket

	cp "$www/index.html" "$www$path"
	rule to "$BACKEND" port 8080 version "$VERSION"
	socket=$(fetch "http://$VIP_URL$path")
	is "${socket% *}" "$CLIENT"
	is "$(log_line "$access" "$path")" "$socket $LB 0"
	all_sent 1
}

keepalive() {
	local path=/keepalive.$FAMILY.$VERSION socket sockets

	cp "$www/index.html" "$www$path.0"
	cp "$www/index.html" "$www$path.1"
	rule to "$BACKEND" port 8080 version "$VERSION"
	sockets=$(client_curl -f -w "%{stderr}%{num_connects} $own\n" \
		"http://$VIP_URL$path."{0,1} 2>&1 >/dev/null)
	socket=$(sed -n '1s/^1 //p' <<<"$sockets")
	is "$sockets" "1 $socket"$'\n'"0 $socket"
	for i in 0 1; do
		is "$(log_line "$access" "$path.$i")" "$socket $LB $i"
	done
	all_sent 1
}

many() {
	local path=/many.$FAMILY.$VERSION

	mkdir "$www$path"
	touch "$www$path"/{1..100}
	rule to "$BACKEND" port 8080 version "$VERSION"
	each_logged_own "http://$VIP_URL$path" "$PP_TMP/many.$FAMILY.$VERSION" "$access" " $LB 0"
	all_sent 100
}

megabyte() {
	local url=http://$VIP_URL/put.$FAMILY.$VERSION

	rule to "$BACKEND" port 8080 version "$VERSION"
	is "$(client_curl -o /dev/null -w '%{http_code}' -T "$PP_TMP/random" "$url")" 201
	same_hash "$PP_TMP/random" "$www/put.$FAMILY.$VERSION"
	client_curl -f -o "$PP_TMP/came" "$url"
	same_hash "$PP_TMP/random" "$PP_TMP/came"
	all_sent 2
}

from_lb() {
	local path=/local.$FAMILY.$VERSION socket

	cp "$www/index.html" "$www$path"
	rule to "$BACKEND" port 8080 version "$VERSION"
	socket=$(CLIENT_NS=lb fetch "http://$BACKEND_URL:8080$path")
	is "${socket% *}" "$LB"
	is "$(log_line "$access" "$path")" "$socket $LB 0"
	all_sent 1
}

chmod 755 "$PP_TMP"
mkdir "$www" "$PP_TMP/dav"
echo 'hello' >"$www/index.html"
random_bytes 1000000 >"$PP_TMP/random"
touch "$access"
chown www-data "$www" "$PP_TMP/dav"
write_conf >"$conf"
topo_lb 4
# Not the client's ports, which masquerading keeps
ns_sysctl lb net.ipv4.ip_local_port_range='20000 30000'
nat_dnat_masq
start_bg apache backend apache2 -f "$conf" -DFOREGROUND
wait_port backend 8080

for family in 4 6; do
	setting $family 2
	check "peers: Apache, IPv$FAMILY, no rule -> refused" without_rule
	for version in 2 1; do
		setting $family $version
		check "peers: Apache, $WHERE -> logs the client" one
		check "peers: Apache, $WHERE, 2 requests kept alive -> one header, both logged alike" keepalive
		check "peers: Apache, $WHERE, 100 at once -> each by its own port" many
		check "peers: Apache, $WHERE, PUT and GET of 1 MB -> exact" megabyte
		check "peers: Apache, $WHERE, from the load balancer -> logged as itself" from_lb
	done
done
