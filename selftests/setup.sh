#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs what make, make demo and make check need, on Debian 12 or 13, with
# apt-get, as root: what is missing and nothing else. A package counts as there
# when what we want of it is there, so that another package's is as good. No
# service is started, and none of those that come along is enabled.
#
# Usage: setup.sh [--bench] [--debug] [--fuzz] [--lint] [--check]
#   --bench    and what the benchmarks need
#   --debug    and what building the debug kernel needs
#   --fuzz     and what fuzzing needs
#   --lint     and what all of lint needs
#   --check    only names what is missing; status 1 if anything is
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
policy=/usr/sbin/policy-rc.d
saved=''

# Package, and what we want of it: a command, or a file
packages='
gcc			gcc
libc6-dev		/usr/include/stdio.h
make			make
pkg-config		pkg-config
libnl-3-dev		/usr/include/libnl3/netlink/netlink.h
libnl-genl-3-dev	/usr/include/libnl3/netlink/genl/genl.h
nettle-dev		/usr/include/nettle/sha2.h
linux-source		/usr/src/linux-source-*.tar.xz
qemu-system-x86		qemu-system-x86_64
busybox-static		busybox
cpio			cpio
kmod			modprobe
xz-utils		xz
zstd			zstd
git			git
dkms			dkms
openssl			openssl
sparse			sparse
shellcheck		shellcheck
mandoc			mandoc
man-db			man
procps			sysctl
psmisc			fuser
iproute2		ss
iputils-ping		ping
nftables		nft
iptables		iptables
ipvsadm			ipvsadm
conntrack		conntrack
ethtool			ethtool
wireguard-tools		wg
tcpdump			tcpdump
tshark			tshark
nginx			nginx
python3			python3
haproxy			haproxy
apache2-bin		apache2
openssh-client		ssh
openssh-server		sshd
redis-server		redis-server
redis-tools		redis-cli
postgresql		/usr/lib/postgresql/*/bin/initdb
postgresql-client	psql
postfix			postfix
mariadb-server-core	mariadbd
mariadb-client-core	mariadb
dovecot-imapd		/usr/lib/dovecot/imap
libnginx-mod-stream	/usr/lib/nginx/modules/ngx_stream_module.so
varnish			varnishd
stunnel4		stunnel4
libnginx-mod-mail	/usr/lib/nginx/modules/ngx_mail_module.so
keepalived		keepalived
bind9			named
bind9-dnsutils		dig
dnsdist			dnsdist
pdns-server		pdns_server
pdns-backend-bind	/usr/lib/*/pdns/libbindbackend.so
unbound			unbound
curl			curl
socat			socat
hping3			hping3
jq			jq
'

# Packages that cannot be installed beside those, and are only unpacked, below
# this directory, with the libraries that they need installed as ever
unpack_dir=/var/cache/proxyproto
unpacked='
exim4-daemon-heavy	usr/sbin/exim4
'

bench_packages='go-mmproxy	go-mmproxy
'

debug_packages='
bc			bc
bison			bison
flex			flex
libelf-dev		/usr/include/gelf.h
'

lint_packages='
clang			clang
cppcheck		cppcheck
'

# libFuzzer and the sanitizers of clang, whose package has its version in its name
fuzz_packages() {
	local version

	version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
	printf 'clang	clang\nlibclang-rt-%s-dev	/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a\n' \
		"${version:-14}"
}

# Those of them that come with a service of their own
declare -A services=(
	[nginx]=nginx [haproxy]=haproxy [redis-server]=redis-server [postgresql]=postgresql
	[postfix]=postfix [openssh-server]=ssh [dovecot-imapd]=dovecot [varnish]=varnish
	[stunnel4]=stunnel.target [keepalived]=keepalived [bind9]=named [dnsdist]=dnsdist
	[pdns-server]=pdns [unbound]=unbound
)

check=''
for option; do
	case $option in
	--bench) packages+=$bench_packages ;;
	--debug) packages+=$debug_packages ;;
	--lint) packages+=$lint_packages ;;
	--fuzz) packages+=$(fuzz_packages)$'\n' ;;
	--check) check=1 ;;
	*)
		sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
		exit 2
		;;
	esac
done

die() {
	printf 'setup.sh: %s\n' "$*" >&2
	exit 1
}

have() {
	case $1 in
	/*) compgen -G "$1" >/dev/null ;;
	*) type -P "$1" >/dev/null ;;
	esac
}

# A kernel to boot in a VM, with its headers
have_kernel() {
	local dir

	for dir in /lib/modules/*/; do
		dir=${dir%/}
		if [[ -e $dir/modules.dep && -e $dir/build/Makefile ]] &&
			[[ -e /boot/vmlinuz-${dir##*/} || -e $dir/vmlinuz ]]; then
			return
		fi
	done
	return 1
}

find_missing() {
	local package wanted

	while read -r package wanted; do
		[[ -z $package ]] || have "$wanted" || printf '%s\n' "$package"
	done <<<"$packages"
	while read -r package wanted; do
		[[ -z $package || -x $unpack_dir/$package/$wanted ]] || printf '%s\n' "$package"
	done <<<"$unpacked"
	have_kernel || printf '%s\n' linux-image-amd64 linux-headers-amd64
}

# Daemons must not start: apt asks this file. One that is there comes back.
forbid_services() {
	if [[ -e $policy || -L $policy ]]; then
		saved=$policy.proxyproto
		mv "$policy" "$saved"
	fi
	trap allow_services EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
}

allow_services() {
	rm -f "$policy"
	[[ -z $saved ]] || mv "$saved" "$policy"
}

disable_service() {
	systemctl disable --quiet "$1" 2>/dev/null || true
}

install_packages() {
	local package

	apt-get -qq -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "$@" || return
	have systemctl || return 0
	for package in "$@"; do
		[[ -z ${services[$package]:-} ]] || disable_service "${services[$package]}"
	done
}

# unpack_package PACKAGE: it is there when all that it needs is
unpack_package() {
	local new=$unpack_dir/$1.new libraries

	rm -rf "$new" "${unpack_dir:?}/$1"
	mkdir -p "$new/root" || return
	(cd "$new" && apt-get -qq -o APT::Sandbox::User=root download "$1") &&
		dpkg -x "$new/$1"_*.deb "$new/root" && chmod -R ug-s "$new/root" &&
		libraries=$(dpkg-deb -f "$new/$1"_*.deb Depends) || return
	# shellcheck disable=SC2046 # words
	install_packages $(grep -oE '(^|, )lib[^ ,]+' <<<"$libraries" | tr -d ', ') || return
	mv "$new/root" "$unpack_dir/$1" && rm -rf "$new"
}

install_missing() {
	local package names=()

	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
	apt-get -qq -o DPkg::Lock::Timeout=600 update || return
	for package; do
		if [[ $unpacked == *$'\n'"$package"$'\t'* ]]; then
			unpack_package "$package" || return
		else
			names+=("$package")
		fi
	done
	((${#names[@]} == 0)) || install_packages "${names[@]}"
}

mapfile -t missing < <(find_missing)
((${#missing[@]})) || exit 0

if [[ -n $check ]]; then
	printf '%s\n' "${missing[@]}"
	exit 1
fi
have apt-get || die "no apt-get here; install what these packages of Debian hold: ${missing[*]}"
[[ $(id -u) == 0 ]] || die "run as root, to install ${missing[*]}"

log=$(mktemp)
forbid_services
printf 'setup.sh: installing %s\n' "${missing[*]}"
if ! install_missing "${missing[@]}" >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	rm -f "$log"
	die "apt-get failed"
fi
rm -f "$log"
mapfile -t missing < <(find_missing)
((${#missing[@]} == 0)) || die "still missing: ${missing[*]}"
