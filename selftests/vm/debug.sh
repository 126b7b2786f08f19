#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Selftests under the debug kernel, behind "make vm-debug": builds the kernel if
# it is not there (debug_kernel.sh), builds the module for it, apart from the one
# in kmod/, and runs the tests in a VM whose kernel panics at the first warning.
# After the module is gone, kmemleak must find nothing.
#
# Usage: debug.sh [--no-leaks] [NAME]...    all selftests, or these
#        debug.sh [--no-leaks] -- COMMAND   something else
#   --no-leaks    without kmemleak: boots and runs in a third of the time
#
# Variables: TIMEOUT, seconds for the whole VM (14400); PP_CACHE, see
# debug_kernel.sh. Exit status: that of run.sh.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tree=${here%/selftests/vm}
build=$tree/build/debug
leaks=on
cd "$tree"
unset MAKEFLAGS MAKELEVEL MFLAGS

if [[ ${1:-} == --no-leaks ]]; then
	leaks=off
	shift
fi

kernel=$("$here/debug_kernel.sh")

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
	--append "panic_on_warn=1 kmemleak=$leaks" -- "$@"
