# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The machine of run.sh whose kernel is a program, user-mode Linux, in simulated time: when all of
# the guest waits, its clock jumps to the next timer. It has one processor, everything built in, and
# this machine's files over hostfs. If PP_SEED is set, its kernel's random numbers come from it, by
# seeded_random.so. Sourced by run.sh, whose options it reads.
# shellcheck disable=SC2154,SC2034 # what run.sh has set, and what it reads

# When the guest's clock begins, in nanoseconds since 1970: in 2030, later than any file is
start_time=1900000000000000000

machine_kernel() {
	[[ -x $kernel && -d ${kernel%/*}/build ]] ||
		die "$kernel is no kernel of selftests/vm/build_kernel.sh"
	[[ -z $icount ]] || die "--icount needs QEMU"
	kernel=$(readlink -f "$kernel")
	version=$(<"${kernel%/*}/build/include/config/kernel.release")
	modules=${kernel%/*}
}

# Where the guest's memory is: a file, which on a disk would be written back all the time
memory_dir() {
	local free

	free=$(df --output=avail --block-size=M /dev/shm 2>/dev/null | sed -n '2s/[^0-9]//gp')
	if [[ $(stat -f -c %T /dev/shm 2>/dev/null) == tmpfs ]] && ((${free:-0} > 2 * memory)); then
		echo /dev/shm
	else
		echo "$tmp"
	fi
}

# The kernel and its programs are processes that wait for each other, and do so most quickly on one
# processor. Takes one that no other machine has, by a lock on its directory; if there is none, any.
keep_to_one_processor() {
	local range cpu lock

	# shellcheck disable=SC2013 # words
	for range in $(sed -n '/^Cpus_allowed_list:/{s/.*://; s/,/ /g; p}' /proc/self/status); do
		for ((cpu = ${range%-*}; cpu <= ${range#*-}; cpu++)); do
			exec {lock}<"/sys/devices/system/cpu/cpu$cpu" || continue
			if flock -n "$lock"; then
				taskset -cp "$cpu" $$ >/dev/null || true
				return
			fi
			exec {lock}<&-
		done
	done
}

# The kernel's random numbers also depend on its command line and its clock: neither may differ
# between runs. Everything that differs is in the directory where the program is started.
machine_start() {
	keep_to_one_processor
	[[ $tree != *[[:space:]\"]* ]] || die "the path of this tree has a space in it: $tree"
	mkdir "$tmp/start"
	hidden_paths >"$tmp/start/show"
	printf '%s\n' "$tree/selftests/vm/guest.sh" >"$tmp/start/guest"
	ln -s "$out" "$tmp/start/out"
	# shellcheck disable=SC2086 # words
	(cd "$tmp/start" && exec setsid env ${PP_SEED:+LD_PRELOAD="$tree/selftests/tools/seeded_random.so"} \
		TMPDIR="$(memory_dir)" "$kernel" seccomp=on time-travel=inf-cpu time-travel-start=$start_time \
		"mem=${memory}M" uml_dir=./ umid=uml root=/dev/root rootfstype=hostfs rootflags=/ rw \
		"init=$tree/selftests/vm/init" pp_start=/proc/self/cwd \
		con=null con0=null,fd:1 ssl=null loglevel=5 panic=-1 log_buf_len=8M \
		printk.devkmsg=on net.ifnames=0 $append) </dev/null >"$out/console" 2>"$tmp/machine" &
	machine=$!
}
