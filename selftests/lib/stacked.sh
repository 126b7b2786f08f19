# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Several headers in a row, and what becomes of the connections that begin with them: for selftests
# of accept rules and of listeners that take the headers themselves. The test file says by $KIND
# which of them it is.

# shellcheck source=selftests/lib/header.sh
declare -F seen_as >/dev/null || . "${BASH_SOURCE[0]%/*}/header.sh"

# stacked_family FAMILY: header_family, and a proxy between the client and the load balancer. $first
# is the header that the load balancer writes, $last the one of that proxy.
# shellcheck disable=SC2034 # for the test files
stacked_family() {
	header_family "$1"
	NEAR=203.0.113.9
	[[ $1 == 4 ]] || NEAR=2001:db8:9::9
	near_ends="$NEAR,1111,$ASKED,80"
	first=$(v2 21 "$TCP" "$near_ends" e1=6669727374)
	last=$(v2 21 "$TCP" "$ends" e2=6c617374)
	near_line=$(v1 "PROXY TCP$FAMILY $NEAR $ASKED 1111 80")
	line=$(v1 "PROXY TCP$FAMILY $REAL $ASKED 4711 443")
}

# stacked_rule WORD...: the only rule, of the load balancer
stacked_rule() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" "$@"
}

# row NAME ADDRESS PORT COUNTER HEX: in one segment, in pieces, and if the server speaks first
row() {
	check "$KIND: IPv$FAMILY, $1 -> exact" seen_as "${@:2}" --size 100k
	check "$KIND: IPv$FAMILY, $1, byte by byte -> exact" seen_as "${@:2}" --chunk 1 --no-delay \
		--size 300
	BOTH='--order server' check "$KIND: IPv$FAMILY, $1, server first -> exact" seen_as "${@:2}"
}

# refused_row NAME COUNTER [OPTION of the client]...
refused_row() {
	LISTENER=${ulp_option:-} check \
		"$KIND: IPv$FAMILY, $1 -> reset, nothing reaches the application" refused_with "${@:2}"
}

# Each number of bytes in the first segment
each_split() {
	local at

	for ((at = 1; at <= ${#first} / 2 + ${#last} / 2; at++)); do
		seen_as "$REAL" 4711 accepted "$first$last" --chunk "$at" --no-delay --size 20 ||
			fail "split at byte $at"
	done
}

# further HEX ADDRESS PORT: these headers are taken out, and the one behind them is data
further() {
	accept_transfer 1 --header v2 --src-addr "$REAL" --src-port 1 --dst-port 2 \
		--peer-addr "$2" --peer-port "$3" -- --send-raw "$1$(v2 21 "$TCP" "$REAL,1,$ASKED,2")"
}

filler() {
	v2 21 "$TCP" "$near_ends" "e0:$1"
}

stacked_good() {
	local near=("$NEAR" 1111 accepted) real=("$REAL" 4711 accepted)
	local local_header

	local_header=$(v2 20 00 -)
	stacked_rule stacked 2
	row '2 headers, the last one names the client' "${real[@]}" "$first$last"
	row '2 headers, v1 before v2' "${real[@]}" "$near_line$last"
	row '2 headers, v2 before v1' "${real[@]}" "$first$line"
	row '2 headers of v1' "${real[@]}" "$near_line$line"
	row 'first header of the other family' "${real[@]}" "$(v2 21 "$other_tcp" "$other")$last"
	check "$KIND: IPv$FAMILY, 2 headers with CRC32C -> exact" seen_as "${real[@]}" \
		"$(v2 21 "$TCP" "$near_ends" crc)$(v2 21 "$TCP" "$ends" 01=6832 crc)"
	row 'LOCAL first' "$BALANCER" client accepted_own "$local_header"
	row 'UNKNOWN first' "$BALANCER" client accepted_own "$(v1 'PROXY UNKNOWN')"
	row 'LOCAL behind a header' "${near[@]}" "$first$local_header"
	row 'UNKNOWN behind a header' "${near[@]}" "$first$(v1 'PROXY UNKNOWN')"
	row 'UNIX behind a header' "${near[@]}" "$first$(v2 21 31 "$(printf '%0432d' 0)")"
	check "$KIND: IPv$FAMILY, a third header -> data" further "$first$last" "$REAL" 4711
	check "$KIND: IPv$FAMILY, a header behind LOCAL -> data" further "$local_header" "$BALANCER" client
	[[ $FAMILY == 6 ]] ||
		check "$KIND: IPv4, 2 headers in 2 segments, split at every byte -> exact" each_split
	check "$KIND: IPv$FAMILY, 4096 bytes of headers -> exact" seen_as "${real[@]}" \
		"$(filler $((4096 - 2 * fixed - 3)))$(v2 21 "$TCP" "$ends")" --chunk 700 --no-delay
	stacked_rule stacked 3
	check "$KIND: IPv$FAMILY, LOCAL as the second of 3, then a header -> data" \
		further "$first$local_header" "$NEAR" 1111
	stacked_rule stacked 8
	row '8 headers' "${real[@]}" "$first$near_line$first$first$near_line$first$first$last"
}

stacked_bad() {
	stacked_rule stacked 2
	refused_row 'one header and data' bad_header --send-raw "$last"
	refused_row 'one header and data, byte by byte' bad_header --send-raw "$last" --chunk 1 --no-delay
	refused_row 'no header' bad_header
	refused_row 'FIN between the headers' abandoned --no-data --send-raw "$first"
	refused_row 'FIN amid the second header' abandoned --no-data --send-raw "$first${last:0:30}"
	refused_row 'wrong CRC32C in the first header' bad_crc \
		--send-raw "$(v2 21 "$TCP" "$near_ends" badcrc)$last"
	refused_row 'wrong CRC32C in the last header' bad_crc \
		--send-raw "$first$(v2 21 "$TCP" "$ends" badcrc)"
	refused_row 'second header malformed' bad_header --send-raw "$first$(v2 31 "$TCP" "$ends")"
	refused_row '4097 bytes of headers' bad_header \
		--send-raw "$(filler $((4096 - 2 * fixed - 2)))$(v2 21 "$TCP" "$ends")" --chunk 700 --no-delay
	refused_row 'v1 line that ends behind 4096 bytes' bad_header \
		--send-raw "$(filler $((4096 - fixed - 3 - ${#line} / 2 + 1)))$line" --chunk 700 --no-delay
	stacked_rule stacked 2 header optional timeout 3
	check "$KIND: IPv$FAMILY, optional, 2 headers -> exact" seen_as "$REAL" 4711 accepted "$first$last"
	check "$KIND: IPv$FAMILY, optional, no header -> as it is" seen_as "$BALANCER" client passed ''
	BOTH='--order server' check "$KIND: IPv$FAMILY, optional, no header, server first -> as it is" \
		seen_as "$BALANCER" client passed ''
	refused_row 'optional, one header and data' bad_header --send-raw "$last"
	refused_row 'optional, FIN between the headers' abandoned --no-data --send-raw "$first"
	PATIENCE=90 refused_row 'optional, nothing behind the first header' timeout --no-data --end none \
		--send-raw "$first"
}

# talk LAST AMID LOOK: an application that asks for the headers is served. The client sends $first and
# half of LAST, the function AMID runs, the rest follows, and LOOK runs while the connection lasts.
talk() {
	local half=$((${#1} / 2))

	((half -= half % 2, 1))

	rm -f "$PP_TMP"/go.*
	start_bg asker backend "$pp_selftests/tools/ask_header.py" "$BACKEND" 8080 1
	wait_listening asker
	begin_listening
	start_bg caller client bash -c "exec 3<>/dev/tcp/$BACKEND/8080
		printf '$(escaped "$first${1:0:half}")' >&3
		until [[ -e $PP_TMP/go.on ]]; do sleep 0.1; done
		printf '$(escaped "${1:half}")hello\n' >&3; head -n 1 <&3
		until [[ -e $PP_TMP/go.off ]]; do sleep 0.1; done"
	wait_until 10 awaited
	"$2"
	touch "$PP_TMP/go.on"
	wait_until 20 has_answer
	"$3"
	touch "$PP_TMP/go.off"
	wait_bg caller
	wait_bg asker
	is "$(<"$PP_TMP/bg/caller.out")" hello
}

has_answer() {
	grep -q '^{' "$PP_TMP/bg/asker.out"
}

# asked FILTER: of what the application was told
asked() {
	grep '^{' "$PP_TMP/bg/asker.out" | jq -c "$1"
}

# conn_of FILTER: of the connection in the list that is alive
conn_of() {
	backend_ppctl -j list-connections | jq -c ".[] | select(.client_port == $port) | $1"
}

# named_last: sets $last to a header with a client port of its own
named_last() {
	next_port
	last=$(v2 21 "$TCP" "$REAL,$port,$ASKED,443" e2=6c617374)
}

# The rule is another one before the last header is complete
changed_amid() {
	local last

	named_last
	stacked_rule stacked 2
	talk "$last" one_header :
	is "$(asked '[.peer, .header]')" "[[\"$REAL\",$port],\"$first$last\"]"
}

one_header() {
	stacked_rule stacked 1
}

watching() {
	stacked_rule stacked 2
	grep -q rule-added "$PP_TMP/bg/monitor.out"
}

listed() {
	local conn='[.client, .original_destination_port, .header_bytes, .tlv_bytes,
		(.stacked | map([.client, .client_port, .original_destination_port])),
		(.tlvs | map(.value))]'
	local want="[\"$REAL\",443,$(((${#first} + ${#last}) / 2)),7,[[\"$NEAR\",1111,80],[\"$REAL\",$port,443]],[\"0x6c617374\"]]"

	is "$(conn_of "$conn")" "$want" 'list-connections'
	backend_ppctl list-connections | grep -F "$port" | grep -qF " $NEAR,$REAL" ||
		fail "$(backend_ppctl list-connections)"
	wait_until 10 bg_says monitor '"accepted"'
	is "$(jq -c "select(.event == \"accepted\").connection | $conn" "$PP_TMP/bg/monitor.out")" \
		"$want" 'event'
	is "$(asked '[.peer, .header, .original]')" \
		"[[\"$REAL\",$port],\"$first$last\",[\"$ASKED\",443]]" 'getsockopt'
}

# All that is known of the headers, while the connection lasts
stacked_shown() {
	local last

	named_last
	start_bg monitor backend "$PPCTL" -j monitor
	wait_until 10 watching
	talk "$last" : listed
	stop_bg monitor
}

# A header without addresses ends the row: the TLVs are those of the header that names the client
stacked_local_tlvs() {
	local first

	next_port
	first=$(v2 21 "$TCP" "$NEAR,$port,$ASKED,80" e1=6669727374)
	stacked_rule stacked 3
	talk "$(v2 20 00 - 04:70)" : listed_local
}

listed_local() {
	is "$(conn_of '[.client, (.stacked | map(.client)), (.tlvs | map(.value))]')" \
		"[\"$NEAR\",[\"$NEAR\",null],[\"0x6669727374\"]]"
	backend_ppctl list-connections | grep -F "$port" | grep -qF " $NEAR,-" ||
		fail "$(backend_ppctl list-connections)"
}

# many [OPTION of the client]...: connections at a time, each with a client port of its own
many() {
	accept_transfer 40 --peer-addr "$REAL" --peer-port client -- -j 40 \
		--send-raw "$first" --send-header "v$VERSION,$REAL,0,$ASKED,443" "$@"
	(($(accept_rule_stat accepted) >= 40)) || fail "$(backend_ppctl list-rules)"
}

# impaired_row NAME NETEM-ARGUMENT... -- [OPTION of the client]...
impaired_row() {
	local name=$1

	shift
	stacked_rule stacked 2 timeout 120
	BOTH="--order ${ORDER:-client} --timeout 120" check_impaired \
		"$KIND: IPv$FAMILY, 2 headers, ${ORDER:-client} first, $name -> all exact" many "$@"
}

stacked_impaired() {
	VERSION=2 impaired_row '10 % loss' loss 10% --
	VERSION=1 impaired_row '10 % loss, in pieces' loss 10% -- --chunk 20 --no-delay
	VERSION=1 ORDER=server impaired_row '10 % loss' loss 10% --
	VERSION=2 impaired_row 'reordering, in pieces' delay 20ms reorder 40% 50% -- --chunk 20 --no-delay
	VERSION=2 impaired_row 'every third packet twice, in pieces' duplicate 33% -- --chunk 20 --no-delay
}
