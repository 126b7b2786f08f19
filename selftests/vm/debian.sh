# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Packages of Debian's suites without installing them: package lists of their own, from the mirrors
# of this machine, below a cache; and messages with the script's name. use_lists comes first; it sets
# "lists", the directory that apt() works with. Packages are those of "arch"; if that is foreign,
# packages of this machine's architecture are NAME:amd64.
arch=${arch:-amd64}

say() {
	printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

not_fetched() {
	say "$*"
	exit 75
}

# The cache for everything that is fetched or built
default_cache() {
	if [[ $(id -u) == 0 ]]; then
		echo /var/cache/proxyproto
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/proxyproto"
	fi
}

# Debian's suite for each series; later series pass through the newest backports
suites_of() {
	case $1 in
	5.10) echo bullseye-security ;;
	6.1) echo bookworm bookworm-security ;;
	6.12) echo bookworm-backports ;;
	*) echo trixie-backports ;;
	esac
}

apt() {
	local command=$1

	shift
	"$command" -qq -o Dir::Etc::SourceList="$lists/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$lists/lists" -o Dir::State::Status=/dev/null \
		-o Dir::Cache="$lists" -o Acquire::Languages=none -o Acquire::Retries=1 \
		-o Acquire::http::Timeout=20 -o APT::Update::Error-Mode=any \
		-o APT::Sandbox::User=root -o APT::Architecture="$arch" \
		-o APT::Architectures::="$arch" -o APT::Architectures::=amd64 "$@"
}

# The archive for a suite: the one that this machine gets its own security updates or packages from
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

# use_lists SUITE...: apt() uses the lists of these suites, a day old at most
use_lists() {
	lists=$(readlink -m "${PP_CACHE:-$(default_cache)}/kernels/.lists/${*// /,}${arch#amd64}")
	mkdir -p "$lists/lists/partial" "$lists/archives/partial"
	[[ ! -e $lists/stamp || -n $(find "$lists/stamp" -mmin +1440) ]] || return 0
	write_sources "$@" >"$lists/sources.list"
	apt apt-get update >"$lists/log" 2>&1 || return
	touch "$lists/stamp"
}

# The last message of apt, on one line
apt_complaint() {
	grep -E '^[EW]:' "$lists/log" | head -n 1 || true
}

version_of() {
	apt apt-cache show --no-all-versions "$1" | sed -n 's/^Version: //p'
}

# download DIR PACKAGE...: continues an interrupted download
download() {
	local dir=$1

	shift
	mkdir -p "$dir"
	(cd "$dir" && apt apt-get download "$@" >"$lists/log" 2>&1) ||
		not_fetched "cannot download $*: $(apt_complaint)"
}
