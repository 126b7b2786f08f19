#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fetches ynl, the kernel's own client for netlink specifications, with the schemas that
# specifications have to pass, from Debian's linux-source package, and prints the directory, which
# is laid out as in the kernel. The package (140 MB) is fetched once; 2 MB of it are kept.
#
# Usage: fetch_ynl.sh [--cached]     --cached: fetches nothing
#
# Variables: PP_CACHE, where it is kept (/var/cache/proxyproto). Exit status: 75 if it is not there
# and could not be fetched, 1 if anything else is wrong.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=selftests/vm/debian.sh
. "$here/debian.sh"
export LC_ALL=C
series=7.3

unpack() {
	local deb

	deb=$(compgen -G "$dir.new/*.deb")
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards '*/linux-source-*.tar.xz' |
		tar -xJ -C "$dir.new" --strip-components=1 --wildcards \
			'*/Documentation/netlink/*.yaml' '*/tools/net/ynl/pyynl' || die "cannot unpack $deb"
	find "$dir.new/Documentation/netlink/specs" -type f ! -name nlctrl.yaml -delete
	rm -f "$deb"
}

cache=${PP_CACHE:-$(default_cache)}
dir=$cache/ynl-$series
if [[ ! -d $dir && ${1:-} == --cached ]]; then
	not_fetched "$dir is missing: run selftests/vm/fetch_ynl.sh"
fi
if [[ ! -d $dir ]]; then
	mkdir -p "$cache"
	exec 9>"$cache/.ynl.lock"
	flock 9
fi
if [[ ! -d $dir ]]; then
	use_lists "$(suites_of $series)" || not_fetched "cannot read the package list: $(apt_complaint)"
	rm -rf "$dir.new"
	download "$dir.new" "linux-source-$series"
	unpack
	mv "$dir.new" "$dir"
fi
echo "$dir"
