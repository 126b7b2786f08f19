#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl list-connections and monitor with filters, and list-connections of many connections, which
# takes no more memory than of few.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq python3
module_require
topo_lb 4
accept_family 4
many=${PP_CONNECTIONS:-20000}

# Keeps every connection on two ports, until it is ended
cat >"$PP_TMP/server.py" <<'END'
import resource, select, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (100000, 100000))
listeners = [socket.create_server(("", port), backlog=4096) for port in (8080, 8081)]
kept = []
while True:
    for ready in select.select(listeners, [], [])[0]:
        kept.append(ready.accept()[0])
END

# Connects COUNT times to PORT, with the header of another client each, and stays
cat >"$PP_TMP/client.py" <<'END'
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (100000, 100000))
target, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
kept = []
for i in range(count):
    kept.append(socket.create_connection((target, port)))
    kept[-1].sendall(b"PROXY TCP4 198.51.%d.%d 203.0.113.1 %d 443\r\n" %
                     (i // 250, i % 250 + 1, 1024 + i))
print("all", flush=True)
time.sleep(1000)
END

conns() {
	backend_ppctl list-connections "$@"
}

count_is() {
	[[ $(conns "${@:2}" count) == "$1" ]]
}

connect() {
	local first second

	backend_ppctl add-rule accept to "$BACKEND" port 8080 from any >/dev/null
	backend_ppctl add-rule accept to "$BACKEND" port 8081 from any >/dev/null
	start_bg server backend python3 "$PP_TMP/server.py"
	wait_port backend 8081
	start_bg few client python3 "$PP_TMP/client.py" "$BACKEND" 8080 3
	start_bg one client python3 "$PP_TMP/client.py" "$BACKEND" 8081 1
	wait_until 30 count_is 4 state accepted
	first=$(backend_ppctl list-rules | sed -n '1s/:.*//p') second=$((first + 1))
	is "$(conns rule "$first" count)" 3
	is "$(conns rule "$second" count)" 1
	is "$(conns rule $((second + 1)) count)" 0
	is "$(conns direction send count)" 0
	is "$(conns direction accept state accepted client 198.51.0.0/24 to "$BACKEND" count)" 4
	is "$(conns client 198.51.0.1 count)" 2
	is "$(conns client 198.51.0.1 rule "$second" count)" 1
	is "$(conns to 10.9.9.9 count)" 0
	is "$(conns to fd00::/8 count)" 0
	is "$(conns state header-awaited count)" 0
	is "$(backend_ppctl -j list-connections count)" '[{"count":4}]'
	is "$(backend_ppctl -j list-connections client 198.51.0.3 | jq -c 'map(.client)')" '["198.51.0.3"]'
	is "$(conns client 198.51.0.3 | wc -l)" 2
}

# With no more memory than it needs for a few, and 4 MiB for what waits to be printed
bounded() {
	(
		ulimit -v "$1"
		shift
		backend_ppctl "$@"
	)
}

# The least address space, in KiB, in which a command for four connections ends well
least() {
	local size

	for ((size = 2048; size < 65536; size += 512)); do
		! bounded "$size" list-connections >/dev/null 2>&1 || break
	done
	echo "$size"
}

# 20,000 answers have some 4 MB, and a table that holds them all twice as much
many() {
	local least

	least=$(least)
	diag "$least KiB for four connections"
	start_bg many client python3 "$PP_TMP/client.py" "$BACKEND" 8080 "$many"
	wait_until 300 count_is $((many + 4))
	bounded $((least + 4096)) list-connections >"$PP_TMP/list"
	is "$(wc -l <"$PP_TMP/list")" $((many + 5))
	is "$(awk '{ print NF }' "$PP_TMP/list" | sort -u | wc -l)" 1 'columns of all rows'
	bounded $((least + 4096)) -j list-connections >"$PP_TMP/list"
	is "$(jq length "$PP_TMP/list")" $((many + 4))
}

monitored() {
	local id

	stop_bg few
	stop_bg one
	stop_bg many
	start_bg added backend "$PPCTL" monitor event rule-added
	start_bg sends backend "$PPCTL" monitor direction send
	sleep 1
	backend_ppctl add-rule accept to 10.9.9.1 from any >/dev/null
	id=$(backend_ppctl add-rule send to 10.9.9.2 | sed 's/:.*//')
	start_bg own backend "$PPCTL" monitor rule "$id"
	sleep 1
	backend_ppctl delete-rule "$id"
	backend_ppctl flush-rules
	sleep 1
	stop_bg added
	stop_bg sends
	stop_bg own
	is "$(sed 's/^[^ ]* //; s/ version.*//; s/ header.*//; s/ [0-9]*:/:/' "$PP_TMP/bg/added.out" | paste -sd ,)" \
		'rule-added: accept to 10.9.9.1 from any,rule-added: send to 10.9.9.2'
	is "$(cut -d ' ' -f 2,4 "$PP_TMP/bg/sends.out" | paste -sd ,)" 'rule-added send,rule-removed send'
	is "$(cut -d ' ' -f 2,3 "$PP_TMP/bg/own.out")" "rule-removed $id:"
}

check "ppctl: list-connections with filters -> those, and their number" connect
check "ppctl: list-connections of many -> all, in bounded memory" many
check "ppctl: monitor with filters -> those events alone" monitored
