#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Second half of the guest's start, process 1, run by init on the final root:
# mounts the rest, makes modules loadable, runs the command that run.sh wrote
# to the share, saves the kernel log and the exit status there, and ends the
# guest. Never run it by hand: the last thing it does is a reboot.
set -euo pipefail

[[ $$ == 1 ]] || exit 1

share=/run/vm
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root USER=root LOGNAME=root LANG=C.UTF-8 TERM=dumb SHELL=/bin/bash
export PP_RESULTS=$share
vm_modules=none vm_version='' vm_time=0 vm_cwd=/ vm_command=(false)

# Ends the guest at once, by a reset. A power-off would first remove the 9p devices under processes
# that may still use them; run.sh has QEMU exit when the guest resets. User-mode Linux would boot
# again after a reset. It is powered off by a worker, and this process has to wait for it. No
# program can be executed from here on.
end() {
	if [[ $vm_version == *-uml* ]]; then
		echo o >/proc/sysrq-trigger
		read -r _ <>/run/vm.output
	fi
	echo b >/proc/sysrq-trigger
	while :; do :; done
}
trap end EXIT

mount_rest() {
	mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
	ln -sfn /proc/self/fd /dev/fd
	ln -sfn fd/0 /dev/stdin
	ln -sfn fd/1 /dev/stdout
	ln -sfn fd/2 /dev/stderr
	mount -t debugfs debugfs /sys/kernel/debug || true
	[[ ! -d /sys/kernel/tracing ]] || mount -t tracefs tracefs /sys/kernel/tracing || true
	mount -t cgroup2 cgroup2 /sys/fs/cgroup || true
	mkdir -p /run/netns /run/lock /run/user
}

# Makes modules from wherever they are available where modprobe looks
show_modules() {
	[[ $vm_modules != none && ! $vm_modules -ef /lib/modules/$vm_version ]] || return 0
	mkdir -p "/lib/modules/$vm_version"
	mount --bind "$vm_modules" "/lib/modules/$vm_version"
}

settle() {
	if (($(date +%s) < vm_time)); then
		date -s "@$vm_time" >/dev/null
	fi
	echo vm >/proc/sys/kernel/hostname
	grep -qsw vm /etc/hosts || echo '127.0.0.1 vm' >>/etc/hosts
	ip link set lo up
}

# A kernel with kmemleak: forget the objects of booting
leaks_clear() {
	[[ -w /sys/kernel/debug/kmemleak ]] || return 0
	echo clear >/sys/kernel/debug/kmemleak 2>/dev/null || true
}

# An object counts as leaked when two scans some time apart find it so
leaks_save() {
	[[ -w /sys/kernel/debug/kmemleak ]] || return 0
	echo scan >/sys/kernel/debug/kmemleak 2>/dev/null || return 0
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak >"$share/kmemleak"
}

# Waits up to $1 tenths of a second for a command to succeed
wait_tenths() {
	local i tenths=$1

	shift
	for ((i = 0; i < tenths; i++)); do
		! "$@" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

gone() {
	! kill -0 "$1"
}

run_command() {
	cd "$vm_cwd" 2>/dev/null || cd /
	exec "${vm_command[@]}"
}

mount_rest
# shellcheck source=/dev/null
. "$share/command"
show_modules
settle
leaks_clear
stdbuf -oL dmesg --follow >"$share/dmesg" 2>/dev/null &
dmesg_pid=$!

# Through a pipe, since a program that opens /dev/stderr anew would truncate a
# plain file
mkfifo /run/vm.output
cat /run/vm.output >>"$share/output" &
cat_pid=$!
status=0
(run_command) </dev/null >/run/vm.output 2>&1 || status=$?

# Processes that the command has left may hold the pipe: emptying it is enough
wait_tenths 20 gone "$cat_pid" || true
leaks_save
echo '<6>vm: the command has ended' >/dev/kmsg
wait_tenths 50 grep -q 'vm: the command has ended' "$share/dmesg" || dmesg >"$share/dmesg"
kill "$dmesg_pid" 2>/dev/null || true
sync
echo "$status" >"$share/status"
end
