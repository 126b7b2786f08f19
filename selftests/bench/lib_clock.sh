# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For scripts that start a benchmark in a VM whose clock counts instructions.

# clock_of NAME [N]: prints N: an instruction of this benchmark takes 2^N ns (3). The clients of
# send have to be as fast as on a real processor, or ACKs wait for them in vain.
clock_of() {
	case $1 in
	send) echo 0 ;;
	*) echo "${2:-3}" ;;
	esac
}
