#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fetches Debian's kernel of a series (5.10, 6.1, 6.12, 7.3, ...), or its real-time flavour
# (7.3-rt), with headers to build for it. Nothing is installed: package lists of its own, from the
# mirrors of this machine, and packages unpacked below a cache. The headers are changed so that this
# machine's compiler can build with them. An installed kernel of the series is used as it is.
# Otherwise the newest kernel of the suite is used; without a network, the one in the cache.
#
# Usage: fetch_kernel.sh [--headers] [--arch ARCH] SERIES[-rt]
#   --headers    no kernel to boot, only what building needs
#   --arch ARCH  for another architecture of Debian's, to build with its cross compiler
#
# Prints the directory of the headers (KDIR) and, without --headers, the kernel
# (vmlinuz) on one line. Variables: PP_CACHE, the cache (/var/cache/proxyproto,
# or the user's own, where that is not ours). Exit status: 75 if something could
# not be fetched, 1 if anything else is wrong.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
headers_only=''
# shellcheck source=selftests/vm/debian.sh
. "$(dirname "$(readlink -f "$0")")/debian.sh"

usage() {
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

# ---- which kernel

# Newest installed kernel of the series that is whole
find_installed() {
	local dir

	while IFS= read -r dir; do
		[[ -e $dir/modules.dep && -e $dir/build/Makefile && -e /boot/vmlinuz-${dir##*/} ]] || continue
		printf '%s %s\n' "$dir/build" "/boot/vmlinuz-${dir##*/}"
		return
	done < <(printf '%s\n' /lib/modules/* | grep -xE "/lib/modules/$pattern" | sort -rV)
	return 1
}

# Whether a part (headers, image) of a kernel was unpacked to its end
unpacked() {
	compgen -G "$cache/$1/.$2-*" >/dev/null
}

# Newest in the cache that has all parts that are asked for
find_cached() {
	local version

	while IFS= read -r version; do
		unpacked "$version" headers || continue
		[[ -n $headers_only ]] || unpacked "$version" image || continue
		printf '%s\n' "$version"
		return
	done < <(find "$cache" -maxdepth 1 -printf '%f\n' | grep -xE "$pattern" | sort -rV)
	return 1
}

# The newest for which the list has kernel and headers: one of them may appear first
find_listed() {
	comm -12 <(list_names linux-headers-) <(list_names linux-image-) | sort -V | tail -n 1
}

list_names() {
	apt apt-cache pkgnames "$1" | sed "s/^$1//" | grep -xE "$pattern" | sort || true
}

depends_of() {
	apt apt-cache show --no-all-versions "$1" | sed -n 's/^Depends: //p'
}

# The packages of a kernel for booting, or building: newer ones are split
packages_of() {
	printf '%s\n' "linux-$2-$1"
	case $2 in
	headers) depends_of "linux-headers-$1" | grep -oE 'linux-(headers-[^ ,]*-common(-rt)?|kbuild-[^ ,]*)' |
		sed '/kbuild/s/$/:amd64/' ;;
	image) depends_of "linux-image-$1" | grep -oE "linux-(base|binary|modules)-[^ ,]*" || true ;;
	esac
}

# ---- unpacking

# As on a system where /lib is /usr/lib; without drivers that no VM has
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

# The compiler that the kernel was built with if it is installed, else this machine's
adjust_compiler() {
	local compiler cross='' file=$1/.kernelvariables config=$1/include/config/auto.conf

	case $arch in
	amd64) ;;
	arm64) cross=aarch64-linux-gnu- ;;
	*) cross=$arch-linux-gnu- ;;
	esac
	compiler=$(grep -oE 'gcc-[0-9]+$' "$file" || true)
	if [[ -n $compiler ]] && ! type -P "$cross$compiler" >/dev/null; then
		sed -i 's/gcc-[0-9]*$/gcc/' "$file"
		compiler=gcc
	fi
	# Module BTF needs a matching pahole, and is not needed
	sed -i '/^CONFIG_DEBUG_INFO_BTF_MODULES=/d' "$config"
	if ! "$cross${compiler:-gcc}" -fmin-function-alignment=16 -E -x c /dev/null >/dev/null 2>&1; then
		sed -i '/^CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=/d' "$config"
		# The function tracer of 7.3 on arm64 panics at functions that are not aligned: none
		# is traced
		! grep -q '^CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS=' "$config" ||
			sed -i '/^CONFIG_FUNCTION_TRACER=/d' "$config"
	fi
}

# The headers' own make file has absolute paths
adjust_paths() {
	sed -i "s,\([ =]\)/usr/src/,\1${2//,/\\,}/usr/src/," "$1/Makefile"
}

# Programs of kbuild that need a newer libc get one, by a script in the place of each
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
	local root=$1 arch=amd64 suite lists

	suite=$(suites_of "$series")
	suite=${suite%% *}
	use_lists "${suite%-*}" || not_fetched "cannot read the package list of ${suite%-*}: $(apt_complaint)"
	download "$root/libs/.debs" libc6 libelf1t64 zlib1g libzstd1
	ln -sfn usr/lib64 "$root/libs/lib64"
	unpack "$root/libs"
}

# fetch_part VERSION PART: unless this build of Debian is unpacked already
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

# Sets version: of the list; or of the cache, if there is no list or it no longer has the series.
# Fails if something has to be fetched.
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
	--arch)
		arch=${2:-}
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*) break ;;
	esac
	shift
done
[[ $# == 1 && $1 =~ ^[0-9]+\.[0-9]+(-rt)?$ && $arch =~ ^[a-z0-9]+$ ]] || {
	usage >&2
	exit 1
}
series=${1%-rt}
# Versions of it, as they end the names of packages
pattern="${series/./\\.}\.[0-9][^-]*(-[0-9]+)?${1#"$series"}-$arch"

if result=$(find_installed); then
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
