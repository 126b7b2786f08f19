#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What happens to a host while connections begin: processors are switched off and on, and memory is
# nearly used up. Every connection is exact. Variables: PP_STRESS_CONNECTIONS (50) for each case.
set -euo pipefail
# shellcheck source=selftests/lib/stress.sh
. "${BASH_SOURCE[0]%/*}/../lib/stress.sh"

not_in_sim 'it wants two processors'
need nft jq python3
module_require
topo_lb 4
nat_dnat_masq

connections=${PP_STRESS_CONNECTIONS:-50}
cpu=/sys/devices/system/cpu/cpu1/online

# As many connections as it takes for a processor to go and come five times
cpu_hotplug() {
	local times=0 total=0 before

	chain_rules
	before=$(stat_of acked)
	while ((times < 5)); do
		chain_begin "$connections" 50k
		while chain_runs; do
			echo 0 >$cpu
			sleep 0.1
			echo 1 >$cpu
			((++times))
			sleep 0.1
		done
		chain_end
		((total += connections))
	done
	is "$(rule_stat acked)" "$total" 'headers'
	# Counters of a processor that is switched off are not lost
	is $(($(stat_of acked) - before)) "$total" 'acknowledged in all'
	is "$(accept_rule_stat accepted)" "$total" 'accepted'
}

# Takes all memory but so many MiB, and releases what is beyond
hog() {
	start_bg hog - python3 -uc '
import mmap, sys, time
def available():
    for line in open("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) >> 10
spare, taken = int(sys.argv[1]), []
while True:
    if available() > spare + 8:
        taken.append(mmap.mmap(-1, 8 << 20))
        taken[-1].write(bytes([len(taken) % 255 + 1]) * (8 << 20))
        continue
    if available() < spare - 8 and taken:
        taken.pop().close()
    print("full", len(taken))
    time.sleep(0.05)' "$1"
	wait_until 120 bg_says hog full
}

memory() {
	chain_rules
	hog 48
	chain_begin "$connections" 200k
	chain_end
	(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) < 100000)) || fail 'memory was not short'
	stop_bg hog
	is "$(rule_stat acked)" "$connections" 'headers'
}

accept_family 4
if [[ -e $cpu ]]; then
	check "stress: a processor goes and comes -> all exact" cpu_hotplug
else
	skip "stress: a processor goes and comes -> all exact" 'the only processor'
fi
accept_family 6
check "stress: memory is used up -> all exact" memory
