#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Programs that send a header by the ULP, to an nginx with proxy_protocol: the examples of the
# documentation in C, Python and Go; the socket callbacks of libcurl and urllib3, with TLS, too.
# nginx logs the client and the destination that the program has named.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need jq python3 nginx openssl
examples=$pp_tree/docs/examples
dir=$PP_TMP/nginx
module_require
topo_lb 4
topo_family 4

nginx_start() {
	mkdir -p "$dir"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=backend \
		-keyout "$dir/key" -out "$dir/cert" 2>/dev/null
	cat >"$dir/conf" <<-END
		worker_processes 2;
		pid $dir/pid;
		error_log $dir/errors info;
		user root;
		events { worker_connections 100; }
		http {
			client_body_temp_path $dir/body;
			log_format pp '\$uri \$proxy_protocol_addr \$proxy_protocol_port'
				' \$proxy_protocol_server_addr \$proxy_protocol_server_port \$remote_addr';
			access_log $dir/access pp;
			server {
				listen 10.0.2.2:8080 proxy_protocol;
				listen [fd00:2::2]:8080 proxy_protocol;
				listen 10.0.2.2:8443 ssl proxy_protocol;
				listen [fd00:2::2]:8443 ssl proxy_protocol;
				ssl_certificate $dir/cert;
				ssl_certificate_key $dir/key;
				return 200 "hello\n";
			}
		}
	END
	: >"$dir/access"
	start_bg nginx backend nginx -c "$dir/conf" -g 'daemon off;'
	wait_port backend 8443
}

# logs PATH CLIENT CLIENT-PORT DESTINATION PORT
logs() {
	wait_until 10 grep -qxF "$* $LB" "$dir/access" || {
		cat "$dir/access" "$dir/errors"
		return 1
	}
	is "$(grep -c . "$dir/access")" "${LINES_LOGGED:-1}" 'lines'
	not grep -q 'broken header' "$dir/errors"
	: >"$dir/access"
}

# example PROGRAM...
example() {
	ns lb "$@" 10.0.2.2 8080 192.0.2.77 4711 198.51.100.5 443 | grep hello
	logs / 192.0.2.77 4711 198.51.100.5 443
}

build_go() {
	GOCACHE=$PP_TMP/go GO111MODULE=off go build -o "$PP_TMP/send_header_go" "$examples/send_header.go"
	example "$PP_TMP/send_header_go"
}

# by_library NAME URL CLIENT DESTINATION: three requests, each by a connection of its own, the last
# two at once
by_library() {
	local level=0

	[[ $2 != *\[* ]] || level=41
	ns lb /usr/bin/python3 - "$examples" "$1" "$2" "$3" "$4" "$level" <<-'END'
		import concurrent.futures, io, socket, sys
		sys.path.insert(0, sys.argv[1])
		from send_header import named
		library, url, client, asked, level = sys.argv[2:7]
		options = named((client, 4711), (asked, 443), b"\xe0\0\3abc", int(level))

		def by_curl(path):
		    import pycurl
		    def opened(fd, purpose):
		        sock = socket.socket(fileno=fd)
		        for option in options:
		            sock.setsockopt(*option)
		        sock.detach()
		        return 0
		    out, curl = io.BytesIO(), pycurl.Curl()
		    curl.setopt(pycurl.URL, url + path)
		    curl.setopt(pycurl.SOCKOPTFUNCTION, opened)
		    curl.setopt(pycurl.WRITEDATA, out)
		    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
		    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
		    curl.perform()
		    return out.getvalue()

		def by_urllib3(path):
		    import urllib3
		    urllib3.disable_warnings()
		    pool = urllib3.PoolManager(socket_options=options, cert_reqs="CERT_NONE")
		    return pool.request("GET", url + path, retries=False).data

		get = by_curl if library == "curl" else by_urllib3
		assert get("/one") == b"hello\n"
		with concurrent.futures.ThreadPoolExecutor(2) as pool:
		    assert list(pool.map(get, ("/two", "/three"))) == 2 * [b"hello\n"]
	END
	LINES_LOGGED=3 logs /one "$3" 4711 "$4" 443
}

# With a rule for the same backend, nginx gets one header all the same
with_rule() {
	rule to 10.0.2.2 port 8080 version 1 origin proxy
	example "$pp_selftests/tools/send_header"
	is "$(rule_stat tagged)" 0
	lb_ppctl flush-rules
}

nginx_start
check 'ulp: example in C -> nginx logs the client' example "$pp_selftests/tools/send_header"
check 'ulp: example in C, send rule for the backend -> nginx logs the client' with_rule
check 'ulp: example in Python -> nginx logs the client' example "$examples/send_header.py"
if type -P go >/dev/null; then
	check 'ulp: example in Go -> built, nginx logs the client' build_go
else
	skip 'ulp: example in Go -> built, nginx logs the client' 'no go'
fi
for library in curl urllib3; do
	module=$library
	[[ $library != curl ]] || module=pycurl
	/usr/bin/python3 -c "import $module" 2>/dev/null || {
		skip "ulp: $library's sockets -> nginx logs the client" "no python3-$module"
		continue
	}
	for scheme in http:8080 https:8443; do
		for family in 4 6; do
			topo_family $family
			client=192.0.2.77 asked=198.51.100.5
			[[ $family == 4 ]] || client=2001:db8::77 asked=2001:db8:5::5
			check "ulp: $library, ${scheme%:*}, IPv$family -> nginx logs the client" by_library \
				$library "${scheme%:*}://$BACKEND_URL:${scheme#*:}" $client $asked
		done
	done
done
