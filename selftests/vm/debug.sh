#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Selftests under a debug kernel, behind "make vm-debug" and "make vm-kcsan":
# builds the kernel if it is not there (build_kernel.sh), builds the module for it
# (build_module.sh), and runs the tests in a VM whose kernel panics at
# the first warning. After the module is gone, kmemleak must find nothing.
#
# Usage: debug.sh [OPTION] [NAME]...    all selftests, or these
#        debug.sh [OPTION] -- COMMAND   something else
#   --no-leaks    without kmemleak: takes a third of the time
#   --kcsan       the kernel that looks for data races alone; it does not panic, and
#                 only reports about the module count
#
# Variables: TIMEOUT, seconds for the whole VM (14400); PP_CACHE, see
# build_kernel.sh. Exit status: that of run.sh.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tree=${here%/selftests/vm}
build=$tree/build/debug
append='panic_on_warn=1 kmemleak=on'
flavour=debug
cd "$tree"
unset MAKEFLAGS MAKELEVEL MFLAGS

case ${1:-} in
--no-leaks)
	append='panic_on_warn=1 kmemleak=off'
	shift
	;;
--kcsan)
	append='kcsan.early_enable=1 kcsan.skip_watch=100'
	flavour=kcsan
	build=$tree/build/kcsan
	shift
	;;
esac

kernel=$("$here/build_kernel.sh" "$flavour")
PP_MODULE=$("$here/build_module.sh" "$kernel/build" "$build")
export PP_MODULE
export PP_TIMEOUT=${PP_TIMEOUT:-3600} PP_SLOW=${PP_SLOW:-5}
if [[ ${1:-} == -- ]]; then
	shift
else
	set -- selftests/run_tests.sh "$@"
fi
exec "$here/run.sh" --kernel "$kernel/vmlinuz" --memory 4096 --timeout "${TIMEOUT:-14400}" \
	--append "$append" -- "$@"
