#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds a kernel of a flavour from Debian's linux-source package and prints its directory. This has
# vmlinuz, "build", against which modules are built, and the kernel's modules if there are any. Each
# kernel is built once and kept in a cache, under a name that changes with source, configuration and
# compiler. An interrupted build continues where it stopped.
#
# Usage: build_kernel.sh FLAVOUR
#   debug      x86, with KASAN, lockdep, kmemleak and more, for make vm-debug
#   kcsan      x86, which looks for data races, for make vm-kcsan
#   uml        user-mode Linux with simulated time, for make sim
#   uml-kasan  the same with KASAN, for make sim DEBUG=1
#   uml-debug  and with lockdep, kmemleak and more, for make sim DEBUG=all
#
# The source is the package linux-source of this machine; that of user-mode Linux is
# fetched from Debian, without installing it.
#
# Variables: PP_CACHE, where kernels are kept (/var/cache/proxyproto). A build takes ten
# minutes to half an hour on two cores and 3 GB; 1 GB stays. Exit status: 75 if the
# source could not be fetched, 1 if anything else is wrong.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=selftests/vm/debian.sh
. "$here/debian.sh"
export LC_ALL=C
# Of the make that may have called us
unset MAKEFLAGS MAKELEVEL MFLAGS
uml_series=7.3
needed_kib=4000000

# The configuration of the kernel
config() {
	case $flavour in
	debug) cat "$here/debug.config" ;;
	kcsan)
		sed -e '/^# Detectors/,/^$/d' -e '/KCOV\|KMEMLEAK\|UBSAN/d' "$here/debug.config"
		cat "$here/kcsan.config"
		;;
	uml) cat "$here/uml.config" ;;
	uml-kasan) cat "$here/uml.config" "$here/uml-kasan.config" ;;
	uml-debug) cat "$here/uml.config" "$here/uml-kasan.config" "$here/uml-debug.config" ;;
	esac
}

# ---- the source

# Newest linux-source package that is installed
find_source() {
	local tarballs

	mapfile -t tarballs < <(compgen -G '/usr/src/linux-source-*.tar.xz' | sort -V)
	((${#tarballs[@]})) || die "no /usr/src/linux-source-*.tar.xz: install linux-source"
	tarball=${tarballs[-1]}
	version=$(basename "$tarball" .tar.xz)
	version=${version#linux-source-}-$(stat -c '%s %Y' "$tarball" | sha256sum | cut -c 1-6)
}

# Debian's source package; without a network, the newest that was built before
find_uml_source() {
	local suite built

	built=$(find "$cache" -maxdepth 1 -name "$flavour-$uml_series*-$id" -printf '%f\n' | sort -V | tail -n 1)
	if [[ -n $built && -e $cache/$built/kernel ]]; then
		version=${built#"$flavour-"}
		version=${version%-"$id"}
		return
	fi
	suite=$(suites_of "$uml_series")
	use_lists "$suite" || not_fetched "cannot read the package list of $suite: $(apt_complaint)"
	version=$(version_of "linux-source-$uml_series" | tr -c 'a-zA-Z0-9.+\n' _)
	[[ -n $version ]] || not_fetched "$suite has no linux-source-$uml_series (any more)"
}

fetch_uml_source() {
	local deb

	tarball=$dir/linux-source.tar.xz
	[[ ! -e $tarball && ! -d $dir/source ]] || return 0
	say "fetching linux-source-$uml_series"
	download "$dir/deb" "linux-source-$uml_series"
	deb=$(compgen -G "$dir/deb/*.deb")
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards '*/linux-source-*.tar.xz' >"$tarball.new" ||
		die "cannot unpack $deb"
	mv "$tarball.new" "$tarball"
	rm -rf "$dir/deb"
}

unpack() {
	[[ ! -d $dir/source ]] || return 0
	rm -rf "$dir/unpack" &&
		mkdir "$dir/unpack" &&
		tar -xJf "$tarball" -C "$dir/unpack" --strip-components=1 &&
		mv "$dir/unpack" "$dir/source" &&
		rm -f "$dir/linux-source.tar.xz"
}

# In user-mode Linux each page of a process is a mapping of the host, and each fault goes to another
# process and back. Selftests start many programs. So a fork copies the parent's pages at once, as
# the kernel does for pages that a device uses, and leaves none to be copied at a fault.
adapt_source() {
	local file=$dir/source/include/linux/mm.h

	[[ $arch == um ]] || return 0
	sed -i '/^static inline bool folio_needs_cow_for_dma(/,/^}/s/return folio_maybe_dma_pinned(folio)/return true/
		/^static inline bool folio_needs_cow_for_dma(/,/^}/s/!mm_flags_test(MMF_HAS_PINNED, vma->vm_mm)/false/' "$file"
	grep -A 9 '^static inline bool folio_needs_cow_for_dma(' "$file" | grep -q 'return true' ||
		say "this source is not as expected: programs start slowly"
}

# ---- the kernel

# Below the source, so that all paths are relative
kernel_make() {
	nice -n 19 make -C "$dir/source" O=build ${arch:+ARCH="$arch"} -j "$(nproc)" "$@"
}

# Every option that is asked for must be in the result
configure() {
	local missing

	config >"$dir/config"
	kernel_make KCONFIG_ALLCONFIG="$dir/config" allnoconfig || return
	missing=$(sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=n$/# \1 is not set/p; /^CONFIG_.*=n$/!{/CONFIG_/p}' "$dir/config" |
		grep -vxFf "$dir/source/build/.config" | grep -v ' is not set' || true)
	[[ -z $missing ]] || die "this kernel does not take:"$'\n'"$missing"
}

# install_kernel FILE NAME: all in one directory, where run.sh looks for it
install_kernel() {
	local release

	release=$(<"$dir/source/build/include/config/kernel.release") || return
	kernel_make INSTALL_MOD_PATH="$dir" modules_install &&
		cp "$dir/source/build/$1" "$dir/lib/modules/$release/$2" &&
		ln -sfn "lib/modules/$release" "$dir/kernel"
}

# Removes objects, and the source of everything that modules do not need
tidy() {
	find "$dir/source/build" \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name 'vmlinux*' \
		-o -name '.tmp_*' \) -type f -delete
	rm -f "$dir/source/build/linux"
	rm -rf "$dir"/source/{Documentation,drivers,fs,sound,net,samples,crypto,mm,kernel/trace}
}

build() {
	unpack && adapt_source && configure || return
	if [[ $arch == um ]]; then
		kernel_make linux modules && install_kernel linux vmlinux
	else
		kernel_make bzImage modules && install_kernel arch/x86/boot/bzImage vmlinuz
	fi && tidy
}

enough_space() {
	[[ $(df --output=avail -k "$dir" | tail -n 1) -gt $needed_kib ]] ||
		die "$dir needs $((needed_kib / 1000000)) GB to build in: make room, or name another place with PP_CACHE="
}

flavour=${1:-} arch='' tarball='' version=''
case $flavour in
debug | kcsan) ;;
uml | uml-*) arch=um ;;
esac
[[ $# == 1 && -n $(config) ]] || {
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "$0" >&2
	exit 1
}
cache=${PP_CACHE:-$(default_cache)}
mkdir -p "$cache"
cache=$(readlink -f "$cache")
for tool in make gcc flex bison bc; do
	type -P "$tool" >/dev/null || die "$tool is missing: run selftests/setup.sh --debug as root"
done
id=$({
	config
	declare -f adapt_source
	gcc --version
} | sha256sum | cut -c 1-12)
if [[ $arch == um ]]; then
	find_uml_source
else
	find_source
fi
dir=$cache/$flavour-$version-$id

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
if [[ ! -e $dir/kernel ]]; then
	enough_space
	[[ $arch != um ]] || fetch_uml_source
	say "building $flavour of Linux ${version%%[-_]*} in $dir; the log is there, too"
	if ! (build) >>"$dir/log" 2>&1 </dev/null; then
		tail -n 20 "$dir/log" >&2
		die "the build failed"
	fi
fi
readlink -f "$dir/kernel"
