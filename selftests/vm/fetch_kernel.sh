#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fetches Debian's kernel of a series (5.10, 6.1, 6.12, 7.3, ...) with headers
# to build for it, without installing anything: package lists of their own,
# the mirrors of this machine, all unpacked below a cache, and changed there so
# that this machine's compiler can build with it. A kernel of the series that is
# installed serves as it is. The newest of the suite is taken; what is in the
# cache is used again, and when no mirror answers, what is there has to do.
#
# Usage: fetch_kernel.sh [--headers] SERIES
#   --headers    no kernel to boot, only what building needs
#
# Prints the directory of the headers (KDIR) and, without --headers, the kernel
# (vmlinuz) on one line. Variables: PP_CACHE, the cache (/var/cache/proxyproto,
# or the user's own, where that is not ours). Exit status: 75 if something could
# not be fetched, 1 if anything else is wrong.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
headers_only=''

say() {
	printf 'fetch_kernel: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

not_fetched() {
	say "$*"
	exit 75
}

usage() {
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

default_cache() {
	if [[ $(id -u) == 0 ]]; then
		echo /var/cache/proxyproto
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/proxyproto"
	fi
}

# ---- which kernel

# Where Debian has which series; later ones pass through the newest backports
suites_of() {
	case $1 in
	5.10) echo bullseye-security ;;
	6.1) echo bookworm bookworm-security ;;
	6.12) echo bookworm-backports ;;
	*) echo trixie-backports ;;
	esac
}

# Newest installed kernel of the series that is whole
find_installed() {
	local dir

	while IFS= read -r dir; do
		[[ -e $dir/modules.dep && -e $dir/build/Makefile && -e /boot/vmlinuz-${dir##*/} ]] || continue
		printf '%s %s\n' "$dir/build" "/boot/vmlinuz-${dir##*/}"
		return
	done < <(printf '%s\n' "/lib/modules/$1".*-amd64 | grep -vE -- '-(rt|cloud)-' | sort -rV)
	return 1
}

# Whether a part (headers, image) of a kernel was unpacked to its end
unpacked() {
	compgen -G "$cache/$1/.$2-*" >/dev/null
}

# Newest of the cache that has all we want of it
find_cached() {
	local version

	while IFS= read -r version; do
		unpacked "$version" headers || continue
		[[ -n $headers_only ]] || unpacked "$version" image || continue
		printf '%s\n' "$version"
		return
	done < <(find "$cache" -maxdepth 1 -name "$series.*" -printf '%f\n' | sort -rV)
	return 1
}

# The newest for which the list has kernel and headers: one may come first
find_listed() {
	local pattern="$series.[0-9][^-]*(-[0-9]+)?-amd64"

	comm -12 <(list_names linux-headers- "$pattern") <(list_names linux-image- "$pattern") |
		sort -V | tail -n 1
}

list_names() {
	apt apt-cache pkgnames "$1" | sed "s/^$1//" | grep -xE "${2/./\\.}" | sort || true
}

# ---- apt, on lists of its own

apt() {
	local command=$1

	shift
	"$command" -qq -o Dir::Etc::SourceList="$lists/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$lists/lists" -o Dir::State::Status=/dev/null \
		-o Dir::Cache="$lists" -o Acquire::Languages=none -o Acquire::Retries=1 \
		-o Acquire::http::Timeout=20 -o APT::Update::Error-Mode=any \
		-o APT::Sandbox::User=root -o APT::Architecture=amd64 \
		-o APT::Architectures::=amd64 "$@"
}

# Archive that a suite is fetched from: the one that this machine has its own
# security updates or its own packages from
mirror_of() {
	local kind=${1##*-} uris

	# shellcheck disable=SC2016 # for apt to expand
	uris=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages')
	if [[ $kind == security ]]; then
		sed -n 's/^[a-z]*-security //p' <<<"$uris"
	fi
	# shellcheck source=/dev/null
	sed -nE "s/^($(. /etc/os-release && echo "${VERSION_CODENAME:-none}")|(old)*stable) //p" <<<"$uris" |
		if [[ $kind == security ]]; then sed 's,/debian/*$,/debian-security/,'; else cat; fi
}

write_sources() {
	local suite uri option='' keyring

	for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		[[ ! -e $keyring ]] || option="[signed-by=$keyring] "
	done
	for suite; do
		uri=$(mirror_of "$suite" | head -n 1)
		[[ -n $uri ]] || die "found no archive of Debian among the apt sources of this machine"
		printf 'deb %s%s %s main\n' "$option" "$uri" "$suite"
	done
}

# use_lists SUITE...: makes them those of apt(), no older than a day
use_lists() {
	lists=$cache/.lists/${*// /,}
	mkdir -p "$lists/lists/partial" "$lists/archives/partial"
	[[ ! -e $lists/stamp || -n $(find "$lists/stamp" -mmin +1440) ]] || return 0
	write_sources "$@" >"$lists/sources.list"
	apt apt-get update >"$lists/log" 2>&1 || return
	touch "$lists/stamp"
}

# What apt said last, on one line
apt_complaint() {
	grep -E '^[EW]:' "$lists/log" | head -n 1 || true
}

depends_of() {
	apt apt-cache show --no-all-versions "$1" | sed -n 's/^Depends: //p'
}

version_of() {
	apt apt-cache show --no-all-versions "$1" | sed -n 's/^Version: //p'
}

# What a kernel for booting, or building, consists of: newer ones are split
packages_of() {
	printf '%s\n' "linux-$2-$1"
	case $2 in
	headers) depends_of "linux-headers-$1" | grep -oE 'linux-(headers-[^ ,]*-common|kbuild-[^ ,]*)' ;;
	image) depends_of "linux-image-$1" | grep -oE "linux-(base|binary|modules)-[^ ,]*" || true ;;
	esac
}

# ---- unpacking

# download DIR PACKAGE...: goes on where it was interrupted
download() {
	local dir=$1

	shift
	mkdir -p "$dir"
	(cd "$dir" && apt apt-get download "$@" >"$lists/log" 2>&1) ||
		not_fetched "cannot download $*: $(apt_complaint)"
}

# As on a system where /lib is /usr/lib; without the drivers that no VM has
unpack() {
	local file root=$1

	mkdir -p "$root/usr/lib"
	ln -sfn usr/lib "$root/lib"
	for file in "$root"/.debs/*.deb; do
		dpkg-deb --fsys-tarfile "$file" | tar -x -C "$root" --keep-directory-symlink \
			--no-same-owner --exclude='./usr/share' --exclude='*/kernel/sound' \
			--exclude='*/kernel/drivers/gpu' --exclude='*/kernel/drivers/media' \
			--exclude='*/kernel/drivers/net/wireless' || die "cannot unpack ${file##*/}"
	done
	rm -rf "$root/.debs"
}

# The compiler that the kernel was built with, if it is here, else ours
adjust_compiler() {
	local compiler file=$1/.kernelvariables config=$1/include/config/auto.conf

	compiler=$(grep -oE 'gcc-[0-9]+$' "$file" || true)
	if [[ -n $compiler ]] && ! type -P "$compiler" >/dev/null; then
		sed -i 's/gcc-[0-9]*$/gcc/' "$file"
		compiler=gcc
	fi
	# Module BTF needs a fitting pahole, and nobody asks for it
	sed -i '/^CONFIG_DEBUG_INFO_BTF_MODULES=/d' "$config"
	if ! "${compiler:-gcc}" -fmin-function-alignment=16 -E -x c /dev/null >/dev/null 2>&1; then
		sed -i '/^CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=/d' "$config"
	fi
}

# The headers' own make file has absolute paths
adjust_paths() {
	sed -i "s,\([ =]\)/usr/src/,\1${2//,/\\,}/usr/src/," "$1/Makefile"
}

# Programs of kbuild that are made for a newer libc get one, each by a script
# in its place
adjust_helpers() {
	local root=$1 files file

	mapfile -t files < <(too_new "$root")
	((${#files[@]})) || return 0
	fetch_libraries "$root"
	for file in "${files[@]}"; do
		mv "$file" "$file.bin"
		write_wrapper "$root" >"$file"
		chmod 755 "$file"
	done
}

too_new() {
	local file

	find "$1"/usr/lib/linux-kbuild-* -type f -perm -u+x ! -name '*.bin' |
		while IFS= read -r file; do
			! { ldd "$file" 2>&1 || true; } | grep -q 'version .* not found' || printf '%s\n' "$file"
		done
}

write_wrapper() {
	printf '#!/bin/sh\n'
	# shellcheck disable=SC2016 # for the script to expand
	printf 'exec %q --argv0 "$0" --library-path %q "$0.bin" "$@"\n' \
		"$1/libs/usr/lib64/ld-linux-x86-64.so.2" "$1/libs/usr/lib/x86_64-linux-gnu"
}

# In the suite that the backports are for
fetch_libraries() {
	local root=$1 suite lists

	suite=$(suites_of "$series")
	suite=${suite%% *}
	use_lists "${suite%-*}" || not_fetched "cannot read the package list of ${suite%-*}: $(apt_complaint)"
	download "$root/libs/.debs" libc6 libelf1t64 zlib1g libzstd1
	ln -sfn usr/lib64 "$root/libs/lib64"
	unpack "$root/libs"
}

# fetch_part VERSION PART: unless this build of Debian's is there
fetch_part() {
	local version=$1 part=$2 root=$cache/$1 stamp packages

	stamp=$root/.$part-$(version_of "linux-$part-$version")
	[[ ! -e $stamp ]] || return 0
	say "fetching $version: $part"
	rm -f "$root/.$part"-*
	mapfile -t packages < <(packages_of "$version" "$part")
	download "$root/.debs" "${packages[@]}"
	unpack "$root"
	"finish_$part" "$version" "$root"
	touch "$stamp"
}

finish_headers() {
	local kdir=$2/usr/src/linux-headers-$1

	adjust_paths "$kdir" "$2"
	adjust_compiler "$kdir"
	adjust_helpers "$2"
}

finish_image() {
	depmod -b "$2" "$1" || die "depmod failed for $1"
}

# ---- the result

print_result() {
	local root=$cache/$1 vmlinuz

	vmlinuz=$root/boot/vmlinuz-$1
	[[ -e $vmlinuz ]] || vmlinuz=$root/lib/modules/$1/vmlinuz
	printf '%s' "$root/usr/src/linux-headers-$1"
	if [[ -z $headers_only ]]; then
		[[ -e $vmlinuz ]] || die "no vmlinuz in the packages of $1"
		printf ' %s' "$vmlinuz"
	fi
	printf '\n'
}

# Sets version: of the list, or, when that cannot be had or no longer has the
# series, of the cache; fails if nothing is to be fetched, then
choose() {
	local suites problem=''

	read -ra suites <<<"$(suites_of "$series")"
	if ! use_lists "${suites[@]}"; then
		problem="cannot read the package list of ${suites[*]}: $(apt_complaint)"
	else
		version=$(find_listed)
		[[ -n $version ]] || problem="${suites[*]} has no kernel $series (any more)"
	fi
	[[ -n $problem ]] || return 0
	version=$(find_cached) || not_fetched "$problem"
	say "$problem; using $version, which is there"
	return 1
}

while (($#)); do
	case $1 in
	--headers) headers_only=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	*) break ;;
	esac
	shift
done
[[ $# == 1 && $1 =~ ^[0-9]+\.[0-9]+$ ]] || {
	usage >&2
	exit 1
}
series=$1

if result=$(find_installed "$series"); then
	[[ -z $headers_only ]] || result=${result% *}
	printf '%s\n' "$result"
	exit 0
fi
type -P apt-get dpkg-deb >/dev/null || die "no apt-get here: only Debian's kernels can be fetched"
cache=${PP_CACHE:-$(default_cache)}/kernels
mkdir -p "$cache"
cache=$(readlink -f "$cache")
# One at a time
exec 9>"$cache/.lock"
flock 9
if choose; then
	fetch_part "$version" headers
	[[ -n $headers_only ]] || fetch_part "$version" image
fi
print_result "$version"
