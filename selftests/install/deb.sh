#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The Debian packages as "make deb" builds them: lintian, then installed, upgraded, removed and
# purged by dpkg, with DKMS building the module for the kernels that have headers here. All that
# dpkg changes is in a layer over the file system of this machine, which is thrown away. The layer
# is seen by this process alone, and has devices of its own.
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

# The mounts go with the process. They are not in PP_TMP, which is emptied at the end.
[[ -n ${PP_OWN_MOUNTS:-} ]] ||
	PP_OWN_MOUNTS=1 exec unshare --mount --pid --fork --kill-child --propagation private "$0"

need dpkg-buildpackage dh_dkms lintian dkms make unshare modinfo git
need_root

unset MAKEFLAGS MAKELEVEL MFLAGS KDIR
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$pp_tree/dkms.conf")
next=${version%.*}.$((${version##*.} + 1))
layer=/mnt
root=$layer/root

# build TREE: its packages, in TREE/build/deb
build() {
	make -C "$1" deb
	[[ -f $1/build/deb/ppctl_${2}-1_$(dpkg --print-architecture).deb ]]
	[[ -f $1/build/deb/proxyproto-dkms_${2}-1_all.deb ]]
}

# This tree as it is, without git, as from a tarball
copy_tree() {
	mkdir "$PP_TMP/now"
	make -s -C "$pp_tree" dist DIST="$PP_TMP/now.tar.xz"
	tar -C "$PP_TMP/now" --strip-components=1 -xf "$PP_TMP/now.tar.xz"
	cp -r "$PP_TMP/now" "$PP_TMP/next"
	sed -i "s/$version/$next/" "$PP_TMP/next/"{dkms.conf,kmod/main.c}
	sed -i "1s/$version/$next/" "$PP_TMP/next/tools/package/debian/changelog"
}

clean_for_lintian() {
	local -a as_root=(--allow-root)

	lintian "${as_root[@]}" --fail-on error,warning --profile debian \
		"$PP_TMP/now/build/deb/"*.changes >"$PP_TMP/lintian" 2>&1 ||
		fail "$(<"$PP_TMP/lintian")"
}

make_layer() {
	mount -t tmpfs layer "$layer" || return
	mkdir "$layer"/{upper,work,root}
	mount -t overlay layer "$root" -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" || return
	mount -t tmpfs tmp "$root/tmp" || return
	mount -t proc proc "$root/proc" || return
	mount -t tmpfs dev "$root/dev" || return
	mknod -m 666 "$root/dev/null" c 1 3 || return
	mknod -m 666 "$root/dev/zero" c 1 5 || return
	mknod -m 666 "$root/dev/urandom" c 1 9 || return
	ln -s /proc/self/fd "$root/dev/fd"
	# No service is started
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"
	rm -rf "$root"/usr/src/proxyproto-* "$root"/var/lib/dkms/proxyproto
}

in_layer() {
	chroot "$root" "$@"
}

# install_debs TREE
install_debs() {
	rm -f "$root"/tmp/*.deb
	cp "$1"/build/deb/{ppctl_,proxyproto-dkms_}*.deb "$root/tmp/"
	in_layer env DEBIAN_FRONTEND=noninteractive sh -c 'dpkg -i /tmp/*.deb'
}

# The module of VERSION alone, for each kernel that DKMS built it for; one at least
module_is() {
	local file found=0

	for file in "$root"/lib/modules/*/updates/dkms/proxyproto.ko*; do
		is "$(modinfo -F version "$file")" "$1" "$file"
		((++found))
	done
	((found)) || fail "no module in: $(in_layer dkms status)"
	is "$(cd "$root/usr/src" && echo proxyproto-*)" "proxyproto-$1"
	is "$(in_layer dkms status -m proxyproto | sed 's/^proxyproto.\([^,]*\),.*/\1/' | sort -u)" "$1"
}

installed() {
	install_debs "$PP_TMP/now"
	module_is "$version"
	is "$(in_layer /usr/sbin/ppctl --version)" "ppctl $version"
	in_layer test -f /usr/include/linux/proxyproto.h
	is "$(in_layer systemctl is-enabled proxyproto.service)" enabled
	is "$(in_layer systemctl is-enabled proxyproto-metrics.timer || true)" disabled
	grep -qx 'ExecStart=/usr/sbin/ppctl restore /etc/proxyproto.rules' \
		"$root/usr/lib/systemd/system/proxyproto.service"
}

upgraded() {
	echo '# mine' >"$root/etc/proxyproto.rules"
	in_layer systemctl disable proxyproto.service 2>/dev/null
	install_debs "$PP_TMP/next"
	module_is "$next"
	is "$(in_layer /usr/sbin/ppctl --version)" "ppctl $next"
	# What the administrator chose stays
	is "$(in_layer systemctl is-enabled proxyproto.service || true)" disabled
	is "$(<"$root/etc/proxyproto.rules")" '# mine'
}

removed() {
	in_layer dpkg -s ppctl proxyproto-dkms
	in_layer dpkg -r ppctl proxyproto-dkms
	is "$(find "$root"/lib/modules -name 'proxyproto.ko*')" ''
	is "$(find "$root/usr/src" -name 'proxyproto-*')" ''
	[[ ! -e $root/usr/sbin/ppctl ]]
}

# Nothing is left but what the administrator wrote
purged() {
	in_layer dpkg -P ppctl proxyproto-dkms
	is "$(cd "$layer/upper" && find . \( -name '*proxyproto*' -o -name '*ppctl*' \) \
		! -type c ! -path './var/lib/dpkg/*' ! -path './var/log/*')" \
		./etc/proxyproto.rules
	is "$(<"$root/etc/proxyproto.rules")" '# mine'
}

check "package: sources without git -> copied" copy_tree
check "package: make deb -> packages of module and ppctl" build "$PP_TMP/now" "$version"
check "package: lintian -> no error, no warning" clean_for_lintian
check "package: the next version -> packages, too" build "$PP_TMP/next" "$next"
if make_layer; then
	check "package: installed -> module for DKMS, ppctl, unit enabled, metrics not" installed
	check "package: upgraded -> the new module alone, the administrator's choices stay" upgraded
	check "package: removed -> no module, no ppctl" removed
	check "package: purged -> nothing is left but the administrator's rules" purged
else
	skip "package: installed, upgraded, removed" "no overlay file system here"
fi
