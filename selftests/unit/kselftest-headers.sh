#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prints the directory that holds the kernel's own test harness,
# kselftest_harness.h and what it includes. The harness is not part of this
# tree: it is taken out of Debian's newest kernel source package, once, and kept
# in the user's cache.
set -euo pipefail

source_dir=${KERNEL_SOURCE_DIR:-/usr/src}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/proxyproto/kselftest

tarball=$(find "$source_dir" -maxdepth 1 -name 'linux-source-*.tar.xz' 2>/dev/null |
	sort -V | tail -n 1) || true
if [[ -z $tarball ]]; then
	echo "$0: no linux-source-*.tar.xz in $source_dir: apt install linux-source" >&2
	exit 1
fi

release=$(basename "$tarball" .tar.xz)
if [[ ! $cache/$release -nt $tarball ]]; then
	mkdir -p "$cache"
	fresh=$(mktemp -d "$cache/.fresh.XXXXXX")
	trap 'rm -rf "$fresh"' EXIT
	tar -xJf "$tarball" -C "$fresh" --strip-components=4 --touch --wildcards \
		'*/tools/testing/selftests/kselftest*.h'
	test -s "$fresh/kselftest_harness.h"
	chmod 755 "$fresh"
	touch "$fresh"
	rm -rf "${cache:?}/$release"
	mv -T "$fresh" "$cache/$release"
fi
echo "$cache/$release"
