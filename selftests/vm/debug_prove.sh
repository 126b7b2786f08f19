#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Proves that silence of the debug kernels means something: a module does one thing wrong at a time
# (broken/), and run.sh must find the report of the detector for it in the kernel log. Prints TAP.
#
# Usage: debug_prove.sh     after build_kernel.sh, or it takes as long as that
#        debug_prove.sh --kcsan     the kernel that looks for data races
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

vm=$pp_selftests/vm
build=$pp_tree/build/broken
out=$pp_tree/build/vm/prove

# Lockdep stops after its first report, and at the first report of KASAN
faults=(
	'atomic_sleep	BUG: sleeping function called from invalid context'
	'no_rcu_lock	WARNING: suspicious RCU usage'
	'lock_order	WARNING: possible circular locking dependency detected'
	'active_timer	ODEBUG: free active'
	'rcu_twice	ODEBUG: activate active'
	'refcount_zero	refcount_t: addition on 0; use-after-free'
	'wide_shift	UBSAN: shift-out-of-bounds'
	'list_twice	list_del corruption'
	'header_unset	WARNING: .*skbuff.h'
	'use_after_free	BUG: KASAN: slab-use-after-free|BUG: KASAN: use-after-free'
	'beyond_the_end	BUG: KASAN: slab-out-of-bounds'
	'leak	unreferenced object'
)

in_guest() {
	local fault

	for fault; do
		echo "<6>prove: $fault" >/dev/kmsg
		insmod "$build/broken.ko" fault="$fault"
		rmmod broken
	done
}

# build_for FLAVOUR: the broken module, for this kernel
build_for() {
	kernel=$("$vm/build_kernel.sh" "$1")
	rm -rf "$build" "$out"
	mkdir -p "$out"
	cp -r "$vm/broken" "$build"
	make -s -C "$kernel/build" M="$build" modules
}

# vm_status NAME STATUS APPEND FAULT...: run.sh has to end with STATUS
vm_status() {
	local name=$1 want=$2 append=$3 status=0

	shift 3
	"$vm/run.sh" --kernel "$kernel/vmlinuz" --timeout 3600 --out "$out/$name" \
		--append "$append" -- "$vm/debug_prove.sh" --in-guest "$@" \
		>"$out/$name.log" 2>&1 || status=$?
	is "$status" "$want" || fail "$(tail -n 20 "$out/$name.log")"
}

# Log lines between this fault and the next; kmemleak reports at the end
heard() {
	{
		sed -n "/prove: $1\$/,/prove: /p" "$out/all/dmesg"
		[[ $1 != leak ]] || cat "$out/all/kmemleak"
	} >"$PP_TMP/heard"
	grep -qE "$2" "$PP_TMP/heard" || fail "$(head -n 20 "$PP_TMP/heard")"
	[[ -n $(kernel_log_bad <"$PP_TMP/heard") ]] || fail "run.sh would not see it"
}

panicked() {
	vm_status panic 123 'panic_on_warn=1 kmemleak=off' use_after_free
	grep -q 'Kernel panic .*panic_on_warn' "$out/panic/console" ||
		fail "another panic: $(grep -a 'Kernel panic' "$out/panic/console")"
}

if [[ ${1:-} == --in-guest ]]; then
	shift
	in_guest "$@"
	exit
fi

# shellcheck source=selftests/vm/kernel_log.sh
. "$vm/kernel_log.sh"
if [[ ${1:-} == --kcsan ]]; then
	build_for kcsan
	check "debug: a data race -> status 122" \
		vm_status all 122 'kcsan.early_enable=1 kcsan.skip_watch=100' two_writers
	check "debug: two_writers -> named" heard two_writers 'BUG: KCSAN: data-race in count \[broken\]'
	exit
fi
build_for debug
check "debug: no fault -> status 0" vm_status none 0 'panic_on_warn=1 kmemleak=on'
check "debug: each fault, kernel that goes on -> status 122" \
	vm_status all 122 'kmemleak=on kasan_multi_shot' "${faults[@]%%	*}"
for fault in "${faults[@]}"; do
	check "debug: ${fault%%	*} -> ${fault#*	}" heard "${fault%%	*}" "${fault#*	}"
done
check "debug: a fault, kernel that panics at a warning -> status 123" panicked
