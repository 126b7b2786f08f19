#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Big endian, on s390x: unit tests of the codec and the kept inputs of fuzzing run under QEMU's user
# emulation. The module is built for Debian's headers with every warning on, and checked by sparse,
# which knows the byte order of each field. Prints TAP. KERNELS are the series that the module is
# built for (6.1 7.3).
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/lib/lib.sh"
# shellcheck source=selftests/lib/lint.sh
. "${BASH_SOURCE[0]%/*}/lib/lint.sh"

gnu=s390x-linux-gnu
need make sparse "$gnu-gcc" qemu-s390x
unset MAKEFLAGS MAKELEVEL MFLAGS
export QEMU_LD_PREFIX=/usr/$gnu
# The address sanitizer needs more address space than the emulation has
cross=(CC="$gnu-gcc" SANITIZE=undefined)

units() {
	mkdir -p "$PP_TMP/selftests"
	cp -r "$pp_tree/kmod" "$PP_TMP"
	cp -r "$pp_selftests/unit" "$PP_TMP/selftests"
	make -s -C "$PP_TMP/selftests/unit" clean
	make -s -C "$PP_TMP/selftests/unit" run "${cross[@]}" RUN=qemu-s390x
}

# replay TARGET
replay() {
	make -s -C "$pp_selftests/fuzz" "${cross[@]}" "OUT=$PP_TMP/fuzz" "$PP_TMP/fuzz/$1.replay"
	qemu-s390x "$PP_TMP/fuzz/$1.replay" "$pp_selftests/fuzz/corpus/$1"/*
}

# module KDIR
module() {
	local dir=$PP_TMP/module output=$PP_TMP/module.out

	rm -rf "$dir"
	cd "$pp_tree"
	copy_module "$dir"
	make -j "$(nproc)" -C "$1" M="$dir" ARCH=s390 CROSS_COMPILE="$gnu-" W=1 C=2 modules \
		>"$output" 2>&1 || fail "$(grep -E '(warning|error):' "$output" | head -n 20)"
	grep -q 'CHECK .*kmod/main\.c$' "$output" || fail "sparse was not run"
	# Newer kernels name files by paths from the module's directory
	is "$(grep -E '(^|/)kmod/.*(warning|error):' "$output")" ''
}

check "big endian: codec, unit tests -> pass" units
for target in header_read header_write; do
	check "big endian: $target, inputs of the fuzzer -> no disagreement" replay $target
done
for series in ${KERNELS:-6.1 7.3}; do
	name="big endian: module for $series, W=1, sparse -> no warnings"
	if kdir=$("$pp_selftests/vm/fetch_kernel.sh" --headers --arch s390x "$series" 2>"$PP_TMP/fetch"); then
		check "$name" module "$kdir"
	else
		skip "$name" "$(sed -n '$s/^fetch_kernel: //p' "$PP_TMP/fetch")"
	fi
done
