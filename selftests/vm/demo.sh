#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "make demo": installs what is missing, builds, and shows in a VM what the module does.
# demo_guest.sh runs inside. This machine does not change: the module is loaded in the VM only, and
# the VM writes to memory.
set -euo pipefail

selftests=$(readlink -f "${BASH_SOURCE[0]%/*}/..")
tree=${selftests%/*}
unset MAKELEVEL MFLAGS MAKEFLAGS
cd "$tree"

"$selftests/setup.sh" --demo
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo 'Building the module and ppctl ...'
make -j "$(nproc)" >"$log" 2>&1 || {
	tail -n 40 "$log" >&2
	exit 1
}
echo 'Booting a VM (a quarter of a minute) ...'
PP_MODULE=${PP_MODULE:-$tree/kmod/proxyproto.ko} "$selftests/vm/run.sh" --timeout 300 \
	--kernel "${K:-$(make -s --no-print-directory print-KVER)}" -- \
	"$selftests/vm/demo_guest.sh"
