#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Counters for monitoring systems: promtool takes them, a parser of OpenMetrics reads them, and
# node_exporter passes them on with their types. Rules are labels.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need promtool prometheus-node-exporter curl python3
module_require
topo_lb 4
pp_net=$(ns_name lb)
file=$PP_TMP/metrics/proxyproto.prom
mkdir "$PP_TMP/metrics"

rules() {
	pp add-rule send to "$BACKEND" port 8080 comment 'a "b" \ c' >/dev/null
	pp add-rule accept to fd00::2 port 22,80-90 from any >/dev/null
	TARGET=$BACKEND PORT=8080 transfer 3 --header v2 "${names_client[@]}" --
	wait_until 10 acked 3
}

acked() {
	[[ $(stats acked) == "$1" ]]
}

# has NAME VALUE: a sample in the file
has() {
	grep -qxF "$1 $2" "$file" || fail "no $1 $2 in: $(<"$file")"
}

written() {
	pp show-stats --format prometheus --output "$file"
	is "$(stat -c %a "$file")" 644
	is "$(ls "$PP_TMP/metrics")" proxyproto.prom
	has proxyproto_tagged_total 3
	has proxyproto_rules 2
	has 'proxyproto_limits{limit="pending"}' 131072
	has "proxyproto_rule_acked_total{id=\"1\",direction=\"send\",to=\"$BACKEND\",ports=\"8080\",comment=\"a \\\"b\\\" \\\\ c\"}" 3
	has 'proxyproto_rule_refused_total{id="2",direction="accept",to="fd00::2",ports="22,80-90",comment=""}' 0
	is "$(grep -c '^proxyproto_[a-z_]*\(_total\)\? [0-9]*$' "$file")" "$(pp -j show-stats | jq '.[] | length')"
}

checked() {
	is "$(promtool check metrics <"$file" 2>&1)" ''
}

# With a parser that is strict about names, types and the end
openmetrics() {
	python3 -c 'import prometheus_client' 2>/dev/null || return 0
	pp show-stats --format openmetrics >"$PP_TMP/open"
	python3 - "$PP_TMP/open" >"$PP_TMP/types" <<-'END'
		import sys
		from prometheus_client.openmetrics.parser import text_string_to_metric_families
		for family in text_string_to_metric_families(open(sys.argv[1]).read()):
		    print(family.name, family.type)
	END
	is "$(grep -c ' gauge$' "$PP_TMP/types")" 5
	grep -qx 'proxyproto_tagged counter' "$PP_TMP/types"
	is "$(tail -n 1 "$PP_TMP/open")" '# EOF'
}

served() {
	start_bg exporter lb prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		"--collector.textfile.directory=$PP_TMP/metrics" --web.listen-address=10.0.2.1:9100
	wait_port lb 9100
	ns lb curl -s http://10.0.2.1:9100/metrics >"$PP_TMP/served"
	grep -qx 'proxyproto_tagged_total 3' "$PP_TMP/served"
	grep -qx '# TYPE proxyproto_tagged_total counter' "$PP_TMP/served"
	grep -qx '# TYPE proxyproto_handshakes gauge' "$PP_TMP/served"
	grep -qx 'node_textfile_scrape_error 0' "$PP_TMP/served"
	grep -q '^proxyproto_rule_tagged_total{comment="a \\"b\\" \\\\ c",direction="send",id="1",' "$PP_TMP/served"
}

check "metrics: two rules, three connections -> counted" rules
check "metrics: show-stats --format prometheus -> in the file, which others may read" written
check "metrics: promtool -> nothing to say" checked
check "metrics: show-stats --format openmetrics -> a strict parser takes it" openmetrics
check "metrics: node_exporter -> passes them on with their types" served
