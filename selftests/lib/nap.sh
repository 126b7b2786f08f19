# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Short waits, for loops that poll.

# Nothing is ever written to it. Opened at once: it changes $!, which a wait must not
exec {pp_never}<> <(:)

# nap SECONDS: sleeps without a process. Starting one is slow on an emulated processor, and a burden
# when three VMs poll.
nap() {
	read -rt "$1" -u "$pp_never" || true
}
