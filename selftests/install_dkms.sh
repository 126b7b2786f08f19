#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# DKMS takes the module from a source tree to an installed module and back, as
# it does when a kernel is upgraded, for the kernel named by KDIR (default: as
# the Makefile chooses). Runs on the build machine: sources, objects, modules
# and the signing key go to a scratch directory; the machine's own stay alone.
set -euo pipefail
# shellcheck source=selftests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

need dkms make modinfo openssl
need_root

unset MAKEFLAGS MAKELEVEL MFLAGS
KDIR=${KDIR:-$(make -s --no-print-directory -C "$pp_tree" print-KDIR)}
kver=$(make -s --no-print-directory -C "$pp_tree" KDIR="$KDIR" print-KVER)
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$pp_tree/dkms.conf")
mkdir -p "$PP_TMP"/{dkms,src,"lib/$kver"}
# DKMS 3.2 looks for the headers below the tree that it installs to
ln -s "$(readlink -f "$KDIR")" "$PP_TMP/lib/$kver/build"

# DKMS makes a key where these point, if modules are to be signed
export mok_signing_key=$PP_TMP/mok.key mok_certificate=$PP_TMP/mok.pub

trees=(--dkmstree "$PP_TMP/dkms" --sourcetree "$PP_TMP/src" --installtree "$PP_TMP/lib")

in_tree() {
	make -C "$pp_tree" KDIR="$KDIR" \
		DKMS="dkms ${trees[*]} --no-depmod" DKMS_SRC="$PP_TMP/src" "$@"
}

# status_is PATTERN
status_is() {
	local status

	status=$(dkms "${trees[@]}" status -m proxyproto)
	# shellcheck disable=SC2053 # a pattern
	[[ $status == $1 ]] || fail "dkms status: '$status'"
}

installed_module() {
	find "$PP_TMP/lib" -name 'proxyproto.ko*'
}

install_module() {
	in_tree dkms-install || {
		cat "$PP_TMP"/dkms/proxyproto/*/build/make.log 2>/dev/null
		return 1
	}
	status_is "*proxyproto*$version*$kver*: installed*"
}

module_is_good() {
	local module

	module=$(installed_module)
	[[ $module == "$PP_TMP/lib/$kver/updates/"* ]] || fail "installed as '$module'"
	is "$(modinfo -F version "$module")" "$version" version
	is "$(modinfo -F vermagic "$module" | cut -d' ' -f1)" "$kver" vermagic
}

# No object of the tree may travel along: it could be for another kernel
sources_are_clean() {
	local stray

	stray=$(find "$PP_TMP/src/proxyproto-$version" -type f ! -name '*.[ch]' ! -name Kbuild \
		! -name dkms.conf ! -name COPYING)
	is "$stray" ''
}

# What the hook of a new kernel's package calls
autoinstall_module() {
	dkms "${trees[@]}" --no-depmod remove -m proxyproto -v "$version" -k "$kver"
	dkms "${trees[@]}" --no-depmod add -m proxyproto -v "$version" || true
	is "$(installed_module)" ''
	dkms "${trees[@]}" --no-depmod autoinstall -k "$kver"
	status_is "*proxyproto*$version*$kver*: installed*"
}

remove_module() {
	in_tree dkms-remove
	status_is ''
	is "$(installed_module)" ''
	is "$(ls "$PP_TMP/src")" ''
}

check "dkms: add, build, install -> installed" install_module
check "dkms: installed module -> version of dkms.conf, vermagic of the kernel" module_is_good
check "dkms: source tree -> sources only" sources_are_clean
check "dkms: install once more -> replaces the first" install_module
check "dkms: autoinstall for a new kernel -> built and installed" autoinstall_module
check "dkms: remove -> nothing left" remove_module
