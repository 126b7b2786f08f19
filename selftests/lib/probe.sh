# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Counts calls of a function of the kernel, or of the module, by a kprobe.

tracing=/sys/kernel/tracing
pp_probe=''

# The probe must not outlast this shell; the exit status stays
probe_end() {
	local status=$?

	set +e
	echo 0 >"$tracing/events/pp_probes/$pp_probe/enable"
	echo "-:pp_probes/$pp_probe" >>$tracing/kprobe_events
	return "$status"
}

# probe_begin NAME SYMBOL: until this shell ends
probe_begin() {
	[[ -e $tracing/kprobe_events ]] || skip_all 'no tracefs with kprobe events'
	pp_probe=$1
	echo "p:pp_probes/$1 $2" >>$tracing/kprobe_events
	trap 'probe_end; pp_cleanup' EXIT
	echo 1 >"$tracing/events/pp_probes/$1/enable"
}

# Calls so far
probed() {
	awk -v name="$pp_probe" '$1 == name { print $2 }' $tracing/kprobe_profile
}
