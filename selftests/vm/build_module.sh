#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the module of this tree for another kernel, in a copy, so that objects in kmod/ stay as
# they are, and prints the file.
#
# Usage: build_module.sh KDIR DIR [ARGUMENT of make]...
#   KDIR    what modules of that kernel are built against
#   DIR     where the copy is; the next build there goes on from it
set -euo pipefail

tree=$(readlink -f "${BASH_SOURCE[0]%/*}/../..")
kdir=$1 dir=$2
shift 2
# Of the make that may have called us
unset MAKEFLAGS MAKELEVEL MFLAGS

mkdir -p "$dir/kmod"
dir=$(readlink -f "$dir")
cd "$tree"
# One at a time
exec 9>"$dir/.lock"
flock 9
# Removes sources that the tree no longer has
(cd "$dir" && find kmod -type f -name '*.[ch]' ! -name "*.mod.c") |
	while IFS= read -r file; do
		[[ -e $file ]] || rm -f "$dir/$file"
	done
find Kbuild kmod -type f \( -name '*.[ch]' -o -name Kbuild \) ! -name '*.mod.c' \
	-exec cp -p -u --parents -t "$dir" {} +
make -s -j "$(nproc)" -C "$kdir" M="$dir" "$@" modules >&2
printf '%s\n' "$dir/kmod/proxyproto.ko"
