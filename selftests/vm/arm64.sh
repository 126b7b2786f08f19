#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Selftests on Debian's arm64 kernel: builds module, ppctl and test programs with the cross
# compiler, without a warning, and boots them in QEMU (TCG) with a system of arm64 packages, which
# are only unpacked, below the cache. make_system lists what a system needs besides.
#
# Usage: arm64.sh SERIES [TEST]...
#   SERIES       Debian's kernel, as fetch_kernel.sh takes it
#   TEST         as for run_tests.sh
set -euo pipefail

arch=arm64
tree=$(readlink -f "${BASH_SOURCE[0]%/*}/../..")
# shellcheck source=selftests/vm/debian.sh
. "$tree/selftests/vm/debian.sh"
export LC_ALL=C.UTF-8
# Of the make that may have called us
unset MAKEFLAGS MAKELEVEL MFLAGS

gnu=aarch64-linux-gnu
# Packages that the tests need, and the libraries of their programs
packages=(bash coreutils grep sed mawk findutils util-linux mount kmod procps psmisc hostname
	dash base-files base-passwd libc-bin netbase busybox-static python3 iproute2 nftables
	iptables conntrack ethtool tcpdump jq socat iputils-ping
	libc6-dev libnl-genl-3-dev nettle-dev)

# What the packages' own scripts do, as far as it is needed
finish_system() {
	local program

	cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
	cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
	ln -sf mawk "$1/usr/bin/awk"
	[[ -e $1/usr/bin/sh ]] || ln -s dash "$1/usr/bin/sh"
	for program in iptables ip6tables iptables-save iptables-restore; do
		ln -sf xtables-nft-multi "$1/usr/sbin/$program"
	done
}

# make_system DIR: makes it unless it is complete
make_system() {
	local new=$1.new dir file

	[[ ! -e $1 ]] || return 0
	say "unpacking a system of ${suite}"
	use_lists "$suite" || not_fetched "cannot read the package list of $suite: $(apt_complaint)"
	apt apt-get install --download-only -y --no-install-recommends "${packages[@]}" \
		>"$lists/log" 2>&1 || not_fetched "cannot download packages: $(apt_complaint)"
	rm -rf "$new"
	for dir in bin sbin lib; do
		mkdir -p "$new/usr/$dir"
		ln -s "usr/$dir" "$new/$dir"
	done
	mkdir -p "$new"/{proc,sys,dev,run,tmp,root}
	for file in "$lists"/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$file" | tar -x -C "$new" --keep-directory-symlink \
			--no-same-owner --exclude='./usr/share/doc' --exclude='./usr/share/man' ||
			die "cannot unpack ${file##*/}"
	done
	finish_system "$new"
	rm -f "$lists"/archives/*.deb
	mv "$new" "$1"
}

# add_modules KERNEL: copies modules to the place where modprobe looks
add_modules() {
	version=$(cd "${kdir%/usr/src/*}/lib/modules" && echo *)
	mkdir -p "$system/lib/modules"
	rm -rf "$system/lib/modules/$version"
	cp -al "${kdir%/usr/src/*}/lib/modules/$version" "$system/lib/modules"
}

# Warnings are errors, here and in the two make files for user space
build() {
	local copy=$system$tree flags="-Werror --sysroot=$system"

	mkdir -p "$copy"
	rm -rf "$copy"/{kmod,tools,selftests,docs}
	cp -rp "$tree"/{dkms.conf,Kbuild,kmod,tools,selftests,docs} "$copy"
	"$copy/selftests/vm/build_module.sh" "$kdir" "$copy/build/module" ARCH=arm64 \
		CROSS_COMPILE="$gnu-" W=1 KCFLAGS=-Werror >&2
	export PKG_CONFIG_LIBDIR=$system/usr/lib/$gnu/pkgconfig PKG_CONFIG_SYSROOT_DIR=$system
	make -s -C "$copy/tools/ppctl" clean all CC="$gnu-gcc" CFLAGS="-O2 $flags"
	make -s -C "$copy/selftests" clean all CC="$gnu-gcc" CFLAGS="-O2 $flags"
}

(($#)) || die "name a kernel, such as 6.1 (see the head of this file)"
[[ -n $(type -P "$gnu-gcc") ]] || die "$gnu-gcc is missing: run selftests/setup.sh --cross as root"
series=$1
shift
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
read -r kdir kernel < <("$tree/selftests/vm/fetch_kernel.sh" --arch arm64 "$series") ||
	die "no kernel $series"
system=$(readlink -m "${PP_CACHE:-$(default_cache)}/arm64-$suite")
make_system "$system"
add_modules
build
say "$version"
export PP_MODULE=$tree/build/module/kmod/proxyproto.ko PP_SLOW=${PP_SLOW:-4}
exec "$tree/selftests/vm/run.sh" --timeout "${TIMEOUT:-7200}" --root "$system" --kernel "$kernel" \
	--modules "$system/lib/modules/$version" -- selftests/run_tests.sh "$@"
