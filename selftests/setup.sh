#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs what make, make demo and make check need, on Debian 12 or 13, with apt-get, as root: only
# what is missing. A package counts as installed if the command or file that we need of it exists,
# so that another package may provide it. No service is started or enabled.
#
# Usage: setup.sh --demo [--check]
#        setup.sh [--bench] [--cross] [--debug] [--fuzz] [--lint] [--sim] [--check]
#   --bench    and what the benchmarks need
#   --cross    and what building and running for arm64 and s390x needs
#   --debug    and what building the debug kernel needs
#   --fuzz     and what fuzzing needs
#   --lint     and what all of lint needs
#   --sim      and what building user-mode Linux needs
#   --demo     what make demo needs, and nothing else
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
debhelper		dh
dh-dkms			dh_dkms
dpkg-dev		dpkg-buildpackage
lintian			lintian
rpm			rpmbuild
rpmlint			rpmlint
elfutils		eu-strip
openssl			openssl
sparse			sparse
shellcheck		shellcheck
mandoc			mandoc
man-db			man
procps			sysctl
psmisc			fuser
iproute2		ss
time			/usr/bin/time
iputils-ping		ping
nftables		nft
iptables		iptables
ipvsadm			ipvsadm
conntrack		conntrack
conntrackd		conntrackd
ethtool			ethtool
wireguard-tools		wg
tcpdump			tcpdump
tshark			tshark
nginx			nginx
python3			python3
python3-pycurl		/usr/lib/python3/dist-packages/pycurl*.so
python3-urllib3		/usr/lib/python3/dist-packages/urllib3
golang-go		go
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
fail2ban		fail2ban-server
etcd-server		etcd
etcd-client		etcdctl
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
zsh			zsh
prometheus		promtool
prometheus-node-exporter	prometheus-node-exporter
python3-prometheus-client	/usr/lib/python3/dist-packages/prometheus_client
python3-jsonschema	/usr/lib/python3/dist-packages/jsonschema
python3-yaml		/usr/lib/python3/dist-packages/yaml
fish			fish
'

# Packages that cannot be installed beside the others: they are unpacked below this directory, and
# the libraries that they need are installed
unpack_dir=/var/cache/proxyproto
unpacked='
exim4-daemon-heavy	usr/sbin/exim4
'

bench_packages='go-mmproxy	go-mmproxy
'

sim_packages='
bc			bc
bison			bison
flex			flex
'

debug_packages=$sim_packages'
libelf-dev		/usr/include/gelf.h
'

cross_packages='
gcc-aarch64-linux-gnu	aarch64-linux-gnu-gcc
qemu-system-arm		qemu-system-aarch64
gcc-s390x-linux-gnu	s390x-linux-gnu-gcc
libc6-dev-s390x-cross	/usr/s390x-linux-gnu/include/stdio.h
qemu-user		qemu-s390x
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

# Packages that come with a service of their own
declare -A services=(
	[nginx]=nginx [haproxy]=haproxy [redis-server]=redis-server [postgresql]=postgresql
	[postfix]=postfix [openssh-server]=ssh [dovecot-imapd]=dovecot [varnish]=varnish
	[stunnel4]=stunnel.target [keepalived]=keepalived [bind9]=named [dnsdist]=dnsdist
	[prometheus]=prometheus [prometheus-node-exporter]=prometheus-node-exporter
	[pdns-server]=pdns [unbound]=unbound [conntrackd]=conntrackd
	[fail2ban]=fail2ban [etcd-server]=etcd
)

# Of the packages above, what make demo uses
demo_packages='gcc libc6-dev make xz-utils pkg-config libnl-3-dev libnl-genl-3-dev qemu-system-x86
	busybox-static cpio kmod procps iproute2 nftables ethtool tcpdump nginx redis-server redis-tools
	curl'

# Leaves those of the demo
keep_demo() {
	local name

	# shellcheck disable=SC2086 # words
	packages=$(for name in $demo_packages; do
		grep -E "^${name}[[:space:]]" <<<"$packages"
	done)
	unpacked=''
}

check=''
for option; do
	case $option in
	--demo) keep_demo ;;
	--bench) packages+=$bench_packages ;;
	--debug) packages+=$debug_packages ;;
	--cross) packages+=$cross_packages ;;
	--lint) packages+=$lint_packages ;;
	--fuzz) packages+=$(fuzz_packages)$'\n' ;;
	--sim) packages+=$sim_packages ;;
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

# Daemons must not start: apt asks this file. An existing file is restored at the end.
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

# unpack_package PACKAGE: it is there when all that it needs is there
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
