#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What "make install" puts where: as a packager sees it, with DESTDIR and
# PREFIX. Runs on the build machine, needs no root, and installs into a scratch
# directory only. The tree must be built.
set -euo pipefail
# shellcheck source=selftests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

need make modinfo

unset MAKEFLAGS MAKELEVEL MFLAGS
KDIR=${KDIR:-$(make -s --no-print-directory -C "$pp_tree" print-KDIR)}
kver=$(make -s --no-print-directory -C "$pp_tree" KDIR="$KDIR" print-KVER)
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$pp_tree/dkms.conf")

install_all() {
	make -C "$pp_tree" KDIR="$KDIR" \
		install DESTDIR="$PP_TMP/root" "$@"
}

# has FILE MODE
has() {
	[[ -f $PP_TMP/root$1 ]] || fail "no $1 in: $(cd "$PP_TMP/root" && find . -type f)"
	is "$(stat -c %a "$PP_TMP/root$1")" "$2" "mode of $1"
}

module_there() {
	has "/lib/modules/$kver/updates/proxyproto.ko" 644
	is "$(modinfo -F version "$PP_TMP/root/lib/modules/$kver/updates/proxyproto.ko")" "$version"
}

tool_there() {
	has "$1/sbin/ppctl" 755
	has "$1/share/man/man8/ppctl.8" 644
	has "$1/share/bash-completion/completions/ppctl" 644
	has "$1/share/man/man7/proxyproto.7" 644
	has "$1/include/linux/proxyproto.h" 644
	has "$1/lib/systemd/system/proxyproto.service" 644
	grep -qx "ExecStart=$1/sbin/ppctl restore /etc/proxyproto.rules" \
		"$PP_TMP/root$1/lib/systemd/system/proxyproto.service"
}

version_agrees() {
	is "$("$PP_TMP/root/usr/local/sbin/ppctl" -V)" "ppctl $version"
}

no_depmod() {
	is "$(find "$PP_TMP/root" -name 'modules.dep*')" ''
}

check "install: DESTDIR -> success" install_all
check "install: DESTDIR -> module in updates" module_there
check "install: DESTDIR -> no depmod of the packager's machine" no_depmod
check "install: no PREFIX -> ppctl, man pages, completion and unit in /usr/local" tool_there /usr/local
check "install: ppctl -V -> version of dkms.conf" version_agrees
check "install: PREFIX=/usr -> success" install_all PREFIX=/usr
check "install: PREFIX=/usr -> ppctl, man pages, completion and unit in /usr" tool_there /usr
