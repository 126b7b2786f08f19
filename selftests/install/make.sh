#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The files that "make install" installs, as a packager sees it, with DESTDIR and PREFIX. Runs on
# the build machine, needs no root, and installs into a scratch directory only. The tree must be
# built.
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

need make modinfo depmod modprobe

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
	local file

	file=$(cd "$PP_TMP/root" && echo lib/modules/"$kver"/updates/kmod/proxyproto.ko*)
	has "/$file" 644
	is "$(modinfo -F version "$PP_TMP/root/$file")" "$version"
}

tool_there() {
	has "$1/sbin/ppctl" 755
	has "$1/share/man/man8/ppctl.8" 644
	has "$1/share/bash-completion/completions/ppctl" 644
	has "$1/share/zsh/site-functions/_ppctl" 644
	has "$1/share/fish/vendor_completions.d/ppctl.fish" 644
	has "$1/share/man/man7/proxyproto.7" 644
	has "$1/include/linux/proxyproto.h" 644
	has "$1/lib/systemd/system/proxyproto.service" 644
	has "$1/lib/systemd/system/proxyproto@.service" 644
	grep -qx "ExecReload=$1/sbin/ppctl restore /etc/proxyproto.d/%I.rules" \
		"$PP_TMP/root$1/lib/systemd/system/proxyproto@.service"
	grep -qx "ExecStart=$1/sbin/ppctl restore /etc/proxyproto.rules" \
		"$PP_TMP/root$1/lib/systemd/system/proxyproto.service"
}

# Both units take less of the system than nearly all others: "OK" begins below 5.0
units_hardened() {
	local unit

	for unit in "$PP_TMP/root$1/lib/systemd/system/"*.service; do
		grep -q '^CapabilityBoundingSet=CAP_NET_ADMIN$' "$unit"
		sed "s,^Exec.*,ExecStart=/bin/true," "$unit" >"$PP_TMP/${unit##*/}"
		systemd-analyze verify --man=no "$PP_TMP/${unit##*/}" >"$PP_TMP/verify" 2>&1 || true
		is "$(<"$PP_TMP/verify")" '' "${unit##*/}"
		systemd-analyze security --offline=yes --threshold=20 "$PP_TMP/${unit##*/}" |
			tail -n 1
	done
}

# Neither stopping nor restarting deletes a rule
units_leave_rules() {
	if grep -rE '^Exec(Stop|StopPost)=|flush' "$PP_TMP/root$1/lib/systemd/system/" | grep -v ':#'; then
		fail 'rules would be deleted'
	fi
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
# What README and proxyproto(7) say: a blacklist keeps the family's alias from loading it, and
# nothing else
blacklisted() {
	local root=$PP_TMP/modules alias=net-pf-16-proto-16-family-proxyproto ulp=tcp-ulp-proxyproto

	mkdir -p "$root/lib/modules/$kver/updates" "$PP_TMP/none" "$PP_TMP/black"
	cp "$pp_tree/kmod/proxyproto.ko" "$root/lib/modules/$kver/updates/"
	depmod -b "$root" "$kver" 2>/dev/null
	echo 'blacklist proxyproto' >"$PP_TMP/black/proxyproto.conf"
	would_load "$PP_TMP/none" "$alias"
	would_load "$PP_TMP/none" "$ulp"
	! would_load "$PP_TMP/black" "$alias" || fail 'loaded by its alias all the same'
	! would_load "$PP_TMP/black" "$ulp" || fail 'loaded by a socket all the same'
	would_load "$PP_TMP/black" proxyproto
}

# would_load CONFIGURATION NAME
would_load() {
	modprobe -n -v -d "$PP_TMP/modules" -S "$kver" -C "$1" "$2" 2>/dev/null | grep -q proxyproto.ko
}

check "install: blacklist of modprobe.d -> loaded by its name, not by its alias" blacklisted
check "install: units -> stopping them leaves the rules" units_leave_rules /usr/local
if type -P systemd-analyze >/dev/null; then
	check "install: units -> hardened" units_hardened /usr/local
else
	skip "install: units -> hardened" "systemd is not installed"
fi
# No file is left
uninstalled() {
	make -C "$pp_tree" KDIR="$KDIR" uninstall DESTDIR="$PP_TMP/root" "$@"
	is "$(find "$PP_TMP/root" ! -type d)" ''
}

# The sources of the last commit, which build
dist() {
	(($(git -C "$pp_tree" rev-list --count HEAD 2>/dev/null || echo 0))) || return 0
	git clone -q "$pp_tree" "$PP_TMP/clone"
	make -s -C "$PP_TMP/clone" dist
	tar -C "$PP_TMP" -xf "$PP_TMP/clone/proxyproto-$version.tar.xz"
	make -s -C "$PP_TMP/proxyproto-$version" tools
	is "$("$PP_TMP/proxyproto-$version/tools/ppctl/ppctl" --version)" "ppctl $version"
}

check "install: make uninstall -> no file is left" uninstalled
check "install: PREFIX=/usr -> success" install_all PREFIX=/usr
check "install: PREFIX=/usr -> ppctl, man pages, completion and unit in /usr" tool_there /usr
check "install: make uninstall PREFIX=/usr -> no file is left" uninstalled PREFIX=/usr
check "install: make dist -> sources with their version, which build" dist
