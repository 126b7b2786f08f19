#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The spec file for RPM: rpmlint takes it, and rpmbuild makes packages of it that hold what "make
# install" installs. What they need beside is known to RPM only where libnl comes as RPM, too.
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

need rpmbuild rpm rpmlint eu-strip make

unset MAKEFLAGS MAKELEVEL MFLAGS
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$pp_tree/dkms.conf")
spec=$pp_tree/tools/package/proxyproto.spec

taken_by_rpmlint() {
	local said

	said=$(rpmlint "$spec") || fail "$said"
	grep -q ' 1 specfiles checked; 0 errors' <<<"$said" || fail "$said"
}

build() {
	mkdir "$PP_TMP/tree"
	make -s -C "$pp_tree" dist DIST="$PP_TMP/dist.tar.xz"
	tar -C "$PP_TMP/tree" --strip-components=1 -xf "$PP_TMP/dist.tar.xz"
	make -C "$PP_TMP/tree" rpm RPMFLAGS=--nodeps
}

# holds PACKAGE FILE...
holds() {
	local file=("$PP_TMP/tree/build/rpm/RPMS/"*/"$1-$version"-*.rpm) path

	rpm -qlp "${file[0]}" >"$PP_TMP/list"
	for path in "${@:2}"; do
		grep -qx "$path" "$PP_TMP/list" || fail "no $path in: $(<"$PP_TMP/list")"
	done
}

# The sources of the module are those that DKMS gets from "make dkms-install"
same_sources() {
	make -s -C "$pp_tree" dkms-install DESTDIR="$PP_TMP/dkms"
	is "$(sed -n "s,^/usr/src/,,p" "$PP_TMP/list" | while read -r path; do
		[[ ! -f $PP_TMP/dkms/usr/src/$path ]] || echo "$path"
	done | sort)" "$(cd "$PP_TMP/dkms/usr/src" && find . -type f -printf '%P\n' | sort)"
}

check "package: spec file -> rpmlint finds no error" taken_by_rpmlint
check "package: make rpm -> packages" build
check "package: RPM of ppctl -> tool, manual pages, units, header" holds ppctl \
	/usr/sbin/ppctl '/usr/share/man/man8/ppctl\.8.*' '/usr/share/man/man7/proxyproto\.7.*' \
	'.*/system/proxyproto\.service' '.*/system/proxyproto@\.service' \
	/usr/include/linux/proxyproto.h
check "package: RPM of the module -> sources for DKMS" holds proxyproto-dkms \
	"/usr/src/proxyproto-$version/dkms.conf" "/usr/src/proxyproto-$version/kmod/Kbuild"
check "package: RPM of the module -> those that make dkms-install installs" same_sources
