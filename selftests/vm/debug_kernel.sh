#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds a debug kernel of make vm-debug, of Debian's linux-source package and
# debug.config, or of make vm-kcsan, which has kcsan.config, too, and prints the
# directory with its vmlinuz, its (empty) list of modules, and "build", against
# which modules are built. Once: the kernel is kept in a cache, under a name that
# changes with source, configuration and compiler. A build that was interrupted goes on where it stopped.
#
# Usage: debug_kernel.sh [--kcsan]
#
# Variables: PP_CACHE, where kernels are kept (/var/cache/proxyproto). Takes half
# an hour on two cores, and 3 GB while it builds; 1 GB stays.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
cache=${PP_CACHE:-/var/cache/proxyproto}
flavour=debug
[[ ${1:-} != --kcsan ]] || flavour=kcsan
export LC_ALL=C
# Of the make that may have called us
unset MAKEFLAGS MAKELEVEL MFLAGS

say() {
	printf 'debug_kernel.sh: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

# All that the kernel is to have
config() {
	if [[ $flavour == debug ]]; then
		cat "$here/debug.config"
	else
		sed -e '/^# Detectors/,/^$/d' -e '/KCOV\|KMEMLEAK\|UBSAN/d' "$here/debug.config"
		cat "$here/kcsan.config"
	fi
}

unpack() {
	[[ ! -d $dir/source ]] || return 0
	rm -rf "$dir/unpack" &&
		mkdir "$dir/unpack" &&
		tar -xJf "$tarball" -C "$dir/unpack" --strip-components=1 &&
		mv "$dir/unpack" "$dir/source"
}

# Below the source, so that all paths are relative
kernel_make() {
	nice -n 19 make -C "$dir/source" O=build -j "$(nproc)" "$@"
}

# Nothing that is asked for may get lost on the way
configure() {
	local missing

	config >"$dir/config"
	kernel_make KCONFIG_ALLCONFIG="$dir/config" allnoconfig || return
	missing=$(grep CONFIG_ "$dir/config" | grep -vxFf "$dir/source/build/.config" || true)
	[[ -z $missing ]] || die "this kernel does not take:"$'\n'"$missing"
}

# All in one directory, where run.sh looks for it
install_kernel() {
	local release

	release=$(<"$dir/source/build/include/config/kernel.release") || return
	kernel_make INSTALL_MOD_PATH="$dir" modules_install &&
		cp "$dir/source/build/arch/x86/boot/bzImage" "$dir/lib/modules/$release/vmlinuz" &&
		ln -sfn "lib/modules/$release" "$dir/kernel"
}

# Objects, and the source of what is not ours to build
tidy() {
	find "$dir/source/build" \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name 'vmlinux*' \
		-o -name '.tmp_*' \) -type f -delete
	rm -rf "$dir"/source/{Documentation,drivers,fs,sound,net,samples,crypto,mm,kernel/trace}
}

build() {
	unpack && configure && kernel_make bzImage modules && install_kernel && tidy
}

mapfile -t tarballs < <(compgen -G '/usr/src/linux-source-*.tar.xz' | sort -V)
((${#tarballs[@]})) || die "no /usr/src/linux-source-*.tar.xz: install linux-source"
tarball=${tarballs[-1]}
version=$(basename "$tarball" .tar.xz)
version=${version#linux-source-}
id=$({
	config
	stat -c '%s %Y' "$tarball"
	gcc --version
} | sha256sum | cut -c 1-12)
dir=$cache/$flavour-$version-$id

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
if [[ ! -e $dir/kernel ]]; then
	say "building Linux $version in $dir; the log is there, too"
	if ! (build) >>"$dir/log" 2>&1 </dev/null; then
		tail -n 20 "$dir/log" >&2
		die "the build failed"
	fi
fi
readlink -f "$dir/kernel"
