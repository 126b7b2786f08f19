# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What counts as a fault in a kernel log. Sourced by run.sh, which looks at the log of a whole boot,
# and by run_tests.sh, which looks at the lines that each test file adds. A stack trace alone is no
# fault: fault injection prints one for each failure that it makes.

kernel_log_pattern='WARNING:|BUG:|BUG |Oops|Kernel panic|general protection|double fault'
kernel_log_pattern+='|unable to handle|hung task|INFO: task |INFO: trying to register'
kernel_log_pattern+='|INFO: possible |INFO: suspicious|suspicious RCU usage|rcu.*stall|soft lockup|hard LOCKUP'
kernel_log_pattern+='|possible circular locking|inconsistent lock state|bad unlock balance|DEBUG_LOCKS_WARN_ON'
kernel_log_pattern+='|sleeping function called|scheduling while atomic|list_(add|del) corruption'
kernel_log_pattern+='|KASAN:|KFENCE:|KMSAN:|KCSAN:|UBSAN:|ODEBUG:|refcount_t:|unregister_netdevice: waiting'
kernel_log_pattern+='|kmemleak: .*(suspected|leaks)|unreferenced object|Unknown symbol|disagrees about version'
kernel_log_pattern+='|Out of memory|invoked oom-killer|segfault at|nobody cared'

# Linux 6.1 walks nft's lists under a mutex that RCU does not know of: leaves out the first line of
# such a report, which its third line identifies
without_nft_lists() {
	awk 'function release() {
			if (held != "")
				print held
			held = ""
		}
		NR <= last && /nf_tables_api\.c:[0-9]+ RCU-list traversed in non-reader section/ { held = "" }
		NR > last || /suspicious RCU usage/ { release() }
		/suspicious RCU usage/ { held = $0; last = NR + 3; next }
		{ print }
		END { release() }'
}

# Prints the bad lines of the log on stdin; no line is no error. The kernel has data races of its
# own, many of them on purpose: only those that name a module count.
kernel_log_bad() {
	without_nft_lists | grep -aE "$kernel_log_pattern" | grep -avE 'KCSAN: [^[]*$' || true
}

# Prints the objects of kmemleak's report on stdin that count. Linux 6.1 leaks a name if a slab
# cache cannot be shown in sysfs for lack of memory.
kernel_log_leaks() {
	awk 'function release() {
			if (object != "" && !(object ~ /kobject_set_name_vargs/ && object ~ /sysfs_slab_add/))
				printf "%s", object
			object = ""
		}
		/^unreferenced object/ { release() }
		{ object = object $0 "\n" }
		END { release() }'
}
