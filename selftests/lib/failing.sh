# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For faults_*: a build of the module where a helper of the kernel fails when its name is written to
# a parameter (vm/failing.h, make sim).

need_root
[[ -n ${PP_MODULE_FAILING:-} ]] || skip_all 'the module was not built with helpers that fail'
# shellcheck disable=SC2034 # the module as it is, for those who source this
original=${PP_MODULE:-}
parameters=/sys/module/proxyproto/parameters

use_module() {
	module_unload
	PP_MODULE=$1
	module_load
}

fail_helper() {
	printf %s "${1:-none}" >"$parameters/fail"
	echo 0 >"$parameters/failed"
}

# has_failed [TIMES]: more often than that
has_failed() {
	(($(<"$parameters/failed") > ${1:-0}))
}
