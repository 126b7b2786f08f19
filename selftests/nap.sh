# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Short waits, for what looks at something again and again.

# nap SECONDS: sleep without a process, whose start is slow on an emulated processor,
# and no less a burden where three VMs are waited for
nap() {
	[[ -n ${pp_never:-} ]] || exec {pp_never}<> <(:)
	read -rt "$1" -u "$pp_never" || true
}
