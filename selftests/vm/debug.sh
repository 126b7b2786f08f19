#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Selftests under a debug kernel, behind "make vm-debug" and "make vm-kcsan":
# builds the kernel if it is not there (debug_kernel.sh), builds the module for it,
# apart from the one in kmod/, and runs the tests in a VM whose kernel panics at
# the first warning. After the module is gone, kmemleak must find nothing.
#
# Usage: debug.sh [OPTION] [NAME]...    all selftests, or these
#        debug.sh [OPTION] -- COMMAND   something else
#   --no-leaks    without kmemleak: boots and runs in a third of the time
#   --kcsan       the kernel that looks for data races, and nothing else; of what
#                 it reports, only that of the module counts, and it goes on
#
# Variables: TIMEOUT, seconds for the whole VM (14400); PP_CACHE, see
# debug_kernel.sh. Exit status: that of run.sh.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tree=${here%/selftests/vm}
build=$tree/build/debug
append='panic_on_warn=1 kmemleak=on'
flavour=()
cd "$tree"
unset MAKEFLAGS MAKELEVEL MFLAGS

case ${1:-} in
--no-leaks)
	append='panic_on_warn=1 kmemleak=off'
	shift
	;;
--kcsan)
	append='kcsan.early_enable=1 kcsan.skip_watch=100'
	flavour=(--kcsan)
	build=$tree/build/kcsan
	shift
	;;
esac

kernel=$("$here/debug_kernel.sh" ${flavour[@]+"${flavour[@]}"})

# In a copy, so that modules for other kernels stay what they are
mkdir -p "$build"
find Kbuild kmod -type f \( -name '*.[ch]' -o -name Kbuild \) ! -name '*.mod.c' \
	-exec cp -p -u --parents -t "$build" {} +
make -s -C "$kernel/build" M="$build" modules

export PP_MODULE=$build/kmod/proxyproto.ko
export PP_TIMEOUT=${PP_TIMEOUT:-3600} PP_SLOW=${PP_SLOW:-5}
if [[ ${1:-} == -- ]]; then
	shift
else
	set -- selftests/run_tests.sh "$@"
fi
exec "$here/run.sh" --kernel "$kernel/vmlinuz" --memory 4096 --timeout "${TIMEOUT:-14400}" \
	--append "$append" -- "$@"
