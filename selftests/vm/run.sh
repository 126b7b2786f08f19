#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs a command as root under a kernel of its own, in a guest that sees this machine's files,
# streams the command's output and returns its exit status. The files are read-only, with an overlay
# in memory, so that no write reaches this machine. The kernel log is part of the verdict. The
# machine is QEMU (machine_qemu.sh), or user-mode Linux in simulated time (machine_uml.sh) if the
# kernel is a program made by build_kernel.sh. init and guest.sh run in the guest.
#
# Usage: run.sh [OPTION]... -- COMMAND [ARGUMENT]...
#   --kernel VMLINUZ|VERSION  kernel to boot; default: the running one if it is
#                     in /boot and /lib/modules, else the newest that is
#   --modules DIR     its modules (.../lib/modules/VERSION); default: found from
#                     the kernel; "none": all that is needed is built in
#   --root DIR        its files, where they are not this machine's: an unpacked system
#                     of arm64, with this tree at the same path
#   --memory M        MiB of memory (3072)
#   --cpus N          processors (2)
#   --append ARGS     more kernel parameters
#   --icount N        time is instructions: each lasts 2^N ns, whatever else this
#                     machine does (implies one
#                     processor and TCG)
#   --show DIR        make DIR of this machine visible, even if it is below a
#                     directory that the guest has of its own (/tmp, /run, /dev)
#   --timeout S       seconds until the guest counts as hung (1800)
#   --out DIR         where output, dmesg, console and status go
#                     (build/vm/DATE-PID)
#
# The command starts in the current directory, with nothing on stdin, and with
# the variables PP_* of the caller. PP_RESULTS is DIR of --out: the one place
# where the guest writes to this machine. PP_VM_ACCEL=kvm uses KVM; without it
# QEMU emulates (TCG), which works everywhere.
#
# Exit status: the command's; 122 if it ended with 0 but the kernel log has a
# warning, a bug, a stall or a leak in it; 123 if the guest crashed or did not
# come up; 124 if it hung; 125 if this script could not do its work.
set -euo pipefail

self=$(readlink -f "$0")
tree=${self%/selftests/vm/*}
# shellcheck source=selftests/vm/kernel_log.sh
. "$tree/selftests/vm/kernel_log.sh"
# shellcheck source=selftests/lib/nap.sh
. "$tree/selftests/lib/nap.sh"

die() {
	printf 'vm: %s\n' "$*" >&2
	exit 125
}

say() {
	printf 'vm: %s\n' "$*" >&2
}

usage() {
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "$self"
}

kernel='' modules='' root='' memory=3072 cpus=2 append='' icount='' timeout=1800 out=''
show=()
while (($#)); do
	case $1 in
	--kernel | --modules | --root | --memory | --cpus | --append | --icount | --show | --timeout | --out)
		(($# > 1)) || die "$1 wants a value"
		if [[ $1 == --show ]]; then
			show+=("$2")
		else
			printf -v "${1#--}" '%s' "$2"
		fi
		shift 2
		;;
	-h | --help)
		usage
		exit 0
		;;
	--)
		shift
		break
		;;
	-*)
		die "unknown option $1 (see --help)"
		;;
	*)
		break
		;;
	esac
done
(($#)) || die "no command given (see --help)"
[[ $memory =~ ^[1-9][0-9]*$ ]] || die "--memory wants a number of MiB"
[[ $cpus =~ ^[1-9][0-9]*$ ]] || die "--cpus wants a number"
[[ $icount =~ ^([0-9]|10)?$ ]] || die "--icount wants a number, 0 to 10"
[[ $timeout =~ ^[1-9][0-9]*$ ]] || die "--timeout wants a number of seconds"

# User-mode Linux is a program
if [[ $kernel == */* && $(head -c 4 "$kernel" 2>/dev/null | tr -d '\0') == $'\177ELF' ]]; then
	# shellcheck source=selftests/vm/machine_uml.sh
	. "$tree/selftests/vm/machine_uml.sh"
else
	# shellcheck source=selftests/vm/machine_qemu.sh
	. "$tree/selftests/vm/machine_qemu.sh"
fi
machine_kernel

out=${out:-$tree/build/vm/$(date +%Y%m%d-%H%M%S)-$$}
mkdir -p "$out"
out=$(readlink -f "$out")
rm -f "$out"/{output,dmesg,console,status,command,kmemleak}

tmp=$(mktemp -d)
machine='' tail_pid=''

# With its helpers, if it is a process group of its own
kill_machine() {
	kill -KILL -- "-$machine" 2>/dev/null || kill -KILL "$machine" 2>/dev/null || true
}

cleanup() {
	if [[ -n $machine ]]; then
		kill_machine
	fi
	if [[ -n $tail_pid ]]; then
		kill "$tail_pid" 2>/dev/null || true
	fi
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Directories that the guest's own would hide are bound on top
hidden_paths() {
	local path

	for path in "$tree" "$PWD" "${modules#"$root"}" ${show[@]+"${show[@]}"}; do
		[[ $path != none ]] || continue
		path=$(readlink -f "$path")
		[[ -d $path ]] || path=${path%/*}
		case $path in
		/tmp/* | /run/* | /dev/*) printf '%s\n' "$path" ;;
		esac
	done | sort -u
}

# The command that guest.sh runs, and its environment
write_command() {
	local name

	{
		printf 'vm_modules=%q vm_version=%q vm_time=%q\n' "${modules#"$root"}" "$version" "$(date +%s)"
		while IFS= read -r name; do
			[[ $name == PP_RESULTS ]] || printf 'export %s=%q\n' "$name" "${!name}"
		done < <(compgen -e | grep '^PP_' || true)
		printf 'vm_cwd=%q\n' "$PWD"
		printf 'vm_command=('
		printf ' %q' "$@"
		printf ' )\n'
	} >"$out/command"
}

write_command "$@"
: >"$out/output"
: >"$out/console"

machine_start
tail -s 0.1 --pid="$machine" -c +1 -f "$out/output" </dev/null 2>/dev/null &
tail_pid=$!

hung=''
started=$SECONDS
while kill -0 "$machine" 2>/dev/null; do
	if ((SECONDS - started >= timeout)); then
		hung=1
		kill_machine
		break
	fi
	nap 0.1
done
machine_status=0
wait "$machine" 2>/dev/null || machine_status=$?
machine=''
wait "$tail_pid" || true
tail_pid=''

# Log lines that fail the run: of the saved log, or of the console if the guest has crashed
[[ -e $out/dmesg ]] || : >"$out/dmesg"
bad=$(cat "$out/dmesg" "$out/console" | tr -d '\r' | kernel_log_bad | awk '!seen[$0]++')
if [[ -s $out/kmemleak ]]; then
	leaks=$(kernel_log_leaks <"$out/kmemleak")
	# the log has their number only
	[[ -n $leaks ]] || bad=$(grep -v 'kmemleak: .*suspected' <<<"$bad" || true)
	bad+=${leaks:+$'\n'$leaks}
fi
if [[ -n $bad ]]; then
	say "the kernel log is not clean:"
	printf '%s\n' "$bad" | sed 's/^/vm:   /' >&2
fi

status=''
[[ ! -e $out/status ]] || status=$(<"$out/status")
if [[ ! $status =~ ^[0-9]+$ ]]; then
	if [[ -n $hung ]]; then
		say "the guest did not end within $timeout s"
		result=124
	else
		say "the guest did not come back (status of the machine: $machine_status)"
		result=123
	fi
	sed 's/^/vm:   machine: /' "$tmp/machine" >&2
	say "end of its console:"
	tail -n 30 "$out/console" | tr -d '\r' | sed 's/^/vm:   /' >&2
elif [[ -n $hung ]]; then
	say "the command ended with $status, but the guest did not end within $timeout s"
	result=124
elif [[ -n $bad && $status == 0 ]]; then
	result=122
else
	result=$status
fi
[[ $result == 0 ]] || say "results in $out"
exit "$result"
