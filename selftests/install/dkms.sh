#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# DKMS takes the module from a source tree to an installed module and back, as it does when a kernel
# is upgraded, for the kernel named by KDIR (default: as the Makefile chooses). Runs on the build
# machine: sources, objects, modules and the signing key are in a scratch directory, and nothing
# else on the machine changes.
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

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

# What the module needs of a kernel
read -ra options <<<"$(sed -n 's/^BUILD_EXCLUSIVE_CONFIG="\(.*\)"$/\1/p' "$pp_tree/dkms.conf")"

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

# No object of the tree is copied: it could be for another kernel
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

# headers_of VERSION [OPTION]...: headers that have a configuration and nothing else
headers_of() {
	local dir=$PP_TMP/headers-$1 option

	mkdir -p "$dir/include"
	for option in "${@:2}"; do
		printf '%s=y\n' "$option"
	done >"$dir/.config"
}

# for_kernel VERSION ACTION...: sets status and output
for_kernel() {
	status=0
	output=$(dkms "${trees[@]}" --no-depmod "${@:2}" -k "$1" \
		--kernelsourcedir "$PP_TMP/headers-$1" 2>&1) || status=$?
}

# DKMS has a status of its own for this, and prints the reason. Its autoinstall skips such a kernel
# from 3.0.11 on; older ones report an error.
is_skipped() {
	local status output

	headers_of "$@"
	for_kernel "$1" build -m proxyproto -v "$version"
	is "$status" 77 "status of dkms build for $1: $output"
	[[ $output == *BUILD_EXCLUSIVE* ]] || fail "dkms build does not say why: $output"
	for_kernel "$1" autoinstall
	[[ $(dkms --version) == *-3.0.10 ]] || is "$status" 0 "status of dkms autoinstall for $1: $output"
	[[ $output != *"Bad return status"* ]] || fail "dkms autoinstall builds: $output"
}

skip_old_kernels() {
	local old

	for old in 4.19.0-27-amd64 5.4.0-100-generic 5.9.16; do
		is_skipped "$old" "${options[@]}"
	done
}

skip_lacking_kernels() {
	local lacking

	for lacking in "${!options[@]}"; do
		is_skipped "6.1.$lacking" "${options[@]:0:lacking}" "${options[@]:lacking+1}"
	done
}

# Nothing to build with: any status but that of a skip
no_skip_of_others() {
	local new status output

	for new in 5.10.0-46-amd64 5.15.0-100-generic 6.1.0-rt 7.3.4+deb13-amd64 10.0.1; do
		headers_of "$new" "${options[@]}"
		for_kernel "$new" build -m proxyproto -v "$version"
		[[ $status != 77 && $output != *BUILD_EXCLUSIVE* ]] || fail "$new is skipped: $output"
	done
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
check "dkms: kernels before 5.10 -> skipped" skip_old_kernels
check "dkms: kernels without netfilter, conntrack, IPv6 -> skipped" skip_lacking_kernels
check "dkms: kernels from 5.10 on -> not skipped" no_skip_of_others
check "dkms: remove -> nothing left" remove_module
