#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the Debian packages proxyproto-dkms and ppctl from the last commit, or from the files of
# this tree if git does not know it, with Debian's own tools. They are in build/deb then, beside
# their source package.
set -euo pipefail

package=$(readlink -f "${BASH_SOURCE[0]%/*}")
tree=${package%/tools/package}
out=$tree/build/deb
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$tree/dkms.conf")
dir=$out/proxyproto-$version

for command in dpkg-buildpackage dh dh_dkms; do
	if ! type -P "$command" >/dev/null; then
		echo "deb.sh: no $command: apt install debhelper dh-dkms dpkg-dev" >&2
		exit 1
	fi
done
rm -rf "$out"
mkdir -p "$out"
make -s -C "$tree" dist DIST="$out/proxyproto_$version.orig.tar.xz"
tar -C "$out" -xf "$out/proxyproto_$version.orig.tar.xz"
cp -r "$dir/tools/package/debian" "$dir/"
unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR PREFIX KDIR
cd "$dir"
dpkg-buildpackage -us -uc
rm -r "$dir"
ls "$out"/*.deb
