# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Loads and unloads the module on the running kernel, for lib.sh and run_tests.sh. modprobe loads an
# installed module. Otherwise the one built in this tree is loaded, after modprobe has loaded what
# it depends on. PP_MODULE names another file, such as one that was built for another kernel.

module_tree=$(readlink -f "${BASH_SOURCE[0]%/*}/../..")
module_name=proxyproto

PATH=$PATH:/usr/sbin:/sbin

module_loaded() {
	[[ -d /sys/module/$module_name ]]
}

# Prints on stderr why it fails
module_load() {
	local file=${PP_MODULE:-} depends vermagic

	! module_loaded || return 0
	if [[ -z $file ]] && modprobe -n "$module_name" 2>/dev/null; then
		modprobe "$module_name"
		return
	fi
	file=${file:-$module_tree/kmod/$module_name.ko}
	if [[ ! -e $file ]]; then
		echo "$file is not built, and $module_name is not installed" >&2
		return 1
	fi
	vermagic=$(modinfo -F vermagic "$file") || return
	if [[ ${vermagic%% *} != "$(uname -r)" ]]; then
		echo "$file is built for ${vermagic%% *}, this is $(uname -r)" >&2
		return 1
	fi
	depends=$(modinfo -F depends "$file") || return
	if [[ -n $depends ]]; then
		# shellcheck disable=SC2086 # a list
		modprobe -a ${depends//,/ } || return
	fi
	insmod "$file"
}

# If a bad link has lost its last FIN, a socket keeps a deleted namespace, with everything in it,
# for minutes
module_unload() {
	local deadline=$((SECONDS + 200))

	while module_loaded; do
		! rmmod "$module_name" 2>/dev/null || return 0
		if ((SECONDS >= deadline)); then
			rmmod "$module_name"
			return
		fi
		sleep 0.2
	done
}
