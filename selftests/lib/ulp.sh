# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the ulp_* selftests share: as the accept_* selftests, but that the listener of the application
# has the ULP, so that no packet is translated.

# shellcheck source=selftests/lib/header.sh
. "${BASH_SOURCE[0]%/*}/header.sh"

# accept_transfer COUNT [OPTION of the server]... -- [OPTION of the client]...: as in accept.sh
accept_transfer() {
	TARGET=$BACKEND PORT=8080 transfer "$1" --ulp "${@:2}"
}

# has_kernel_tls: loads it, since nginx's workers cannot
has_kernel_tls() {
	[[ -e /proc/net/tls_stat ]] || modprobe -q tls
}
