#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs a command as root under a kernel of its own: a QEMU guest that boots a
# vmlinuz with a small initramfs, sees this machine's files (9p, read only,
# with an overlay in memory, so nothing it writes comes back), streams the
# command's output and hands back its exit status. The kernel log is part of
# the verdict. init and guest.sh are the two halves that run in the guest.
#
# Usage: run.sh [OPTION]... -- COMMAND [ARGUMENT]...
#   --kernel VMLINUZ|VERSION  kernel to boot; default: the running one if it is
#                     in /boot and /lib/modules, else the newest that is
#   --modules DIR     its modules (.../lib/modules/VERSION); default: found from
#                     the kernel; "none": all that is needed is built in
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
# shellcheck source=selftests/nap.sh
. "$tree/selftests/nap.sh"

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

# Version of a bzImage, from its own header
kernel_version() {
	local offset version

	offset=$(od -An -tu2 -j526 -N2 "$1")
	IFS= read -r -d '' version < <(tail -c +$((offset + 513)) "$1") || true
	printf '%s\n' "${version%% *}"
}

# Newest kernel that is whole: vmlinuz and modules
newest_kernel() {
	local dir version

	while IFS= read -r version; do
		dir=/lib/modules/$version
		if [[ -r /boot/vmlinuz-$version && -e $dir/modules.dep ]]; then
			printf '/boot/vmlinuz-%s\n' "$version"
			return
		elif [[ -r $dir/vmlinuz && -e $dir/modules.dep ]]; then
			printf '%s\n' "$dir/vmlinuz"
			return
		fi
	done < <(uname -r; find /lib/modules/ -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -rV)
	die "no kernel in /boot with modules in /lib/modules: name one with --kernel"
}

# The modules that belong to a vmlinuz, be they installed or unpacked anywhere
find_modules() {
	local base dir

	base=$(dirname "$1")
	for dir in "$base" "$base/../lib/modules/$2" "$base/../usr/lib/modules/$2" \
		"/lib/modules/$2"; do
		if [[ -e $dir/modules.dep ]]; then
			readlink -f "$dir"
			return
		fi
	done
	printf 'none\n'
}

kernel='' modules='' memory=3072 cpus=2 append='' icount='' timeout=1800 out=''
show=()
while (($#)); do
	case $1 in
	--kernel | --modules | --memory | --cpus | --append | --icount | --show | --timeout | --out)
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

for tool in qemu-system-x86_64 busybox cpio modprobe gzip; do
	[[ -n $(PATH=$PATH:/usr/sbin:/sbin type -P "$tool") ]] ||
		die "$tool is missing: run selftests/setup.sh as root"
done

case $kernel in
'') kernel=$(newest_kernel) ;;
*/*) ;;
*)
	if [[ -e /boot/vmlinuz-$kernel ]]; then
		kernel=/boot/vmlinuz-$kernel
	elif [[ -e /lib/modules/$kernel/vmlinuz ]]; then
		kernel=/lib/modules/$kernel/vmlinuz
	fi
	;;
esac
[[ -r $kernel ]] || die "cannot read the kernel $kernel"
kernel=$(readlink -f "$kernel")
version=$(kernel_version "$kernel")
[[ $version =~ ^[0-9]+\.[0-9]+ ]] || die "$kernel is not an x86 kernel image"
if [[ -z $modules ]]; then
	modules=$(find_modules "$kernel" "$version")
	[[ $modules != none ]] || say "no modules for $version found: taking it all as built in"
elif [[ $modules != none ]]; then
	modules=$(readlink -f "$modules")
	[[ -e $modules/modules.dep ]] || die "no modules.dep in $modules: run depmod"
fi

# Emulated code is translated again wherever it moves: programs start three
# times as fast where they always have the same addresses. QEMU's TSC never goes
# back, though the kernel suspects so, and reading another clock is slow. A
# processor without AVX and with no fast "rep movsb" (Nehalem) takes a quarter less of
# time than "max": what hardware has for speed is slow to emulate.
case ${PP_VM_ACCEL:-tcg} in
tcg) accel=(-accel "tcg,thread=multi" -cpu Nehalem) append="norandmaps tsc=reliable $append" ;;
kvm) accel=(-accel kvm -cpu host) ;;
*) die "PP_VM_ACCEL is tcg or kvm" ;;
esac

if [[ -n $icount ]]; then
	[[ ${PP_VM_ACCEL:-tcg} == tcg ]] || die "--icount needs TCG"
	accel=(-accel "tcg,thread=single" -cpu max -icount "shift=$icount,sleep=on") cpus=1
fi

out=${out:-$tree/build/vm/$(date +%Y%m%d-%H%M%S)-$$}
mkdir -p "$out"
out=$(readlink -f "$out")
rm -f "$out"/{output,dmesg,console,status,command,kmemleak}

tmp=$(mktemp -d)
qemu='' tail_pid=''

cleanup() {
	if [[ -n $qemu ]]; then
		kill -KILL "$qemu" 2>/dev/null || true
	fi
	if [[ -n $tail_pid ]]; then
		kill "$tail_pid" 2>/dev/null || true
	fi
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Copies one module to the initramfs, uncompressed, numbered in loading order
add_module() {
	local number name=${1##*/}

	number=$(printf '%03d' "$2")
	case $name in
	*.ko) cp "$1" "$tmp/root/modules/$number-$name" ;;
	*.ko.xz) xz -dc "$1" >"$tmp/root/modules/$number-${name%.xz}" ;;
	*.ko.zst) zstd -qdc "$1" >"$tmp/root/modules/$number-${name%.zst}" ;;
	*.ko.gz) gzip -dc "$1" >"$tmp/root/modules/$number-${name%.gz}" ;;
	*) die "cannot unpack the module $1" ;;
	esac
}

# Modules that the guest needs before it sees its root, dependencies first.
# modprobe wants them below lib/modules/VERSION, wherever they are.
add_modules() {
	local name kind path list count=0
	local -A seen=()

	mkdir -p "$tmp/modules/lib/modules"
	ln -s "$modules" "$tmp/modules/lib/modules/$version"
	for name in virtio_pci 9pnet_virtio 9p overlay virtio_rng; do
		if ! list=$(PATH=$PATH:/usr/sbin:/sbin modprobe -C /dev/null \
			-d "$tmp/modules" -S "$version" -D "$name" 2>&1); then
			# A kernel without modules of its own cannot say what is built in
			[[ $name != virtio_rng ]] || continue
			die "kernel $version lacks $name: $list"
		fi
		while read -r kind path _; do
			[[ $kind == insmod && -z ${seen[$path]:-} ]] || continue
			seen[$path]=1
			add_module "$path" $((++count))
		done <<<"$list"
	done
}

# A busybox that is not static needs its libraries
add_busybox() {
	local busybox lib

	busybox=$(type -P busybox)
	cp -L "$busybox" "$tmp/root/bin/busybox"
	for lib in $(ldd "$busybox" 2>/dev/null | grep -o '/[^ ]*' || true); do
		mkdir -p "$tmp/root/${lib%/*}"
		cp -L "$lib" "$tmp/root/$lib"
	done
	for lib in sh mount mkdir insmod sleep switch_root; do
		ln -s busybox "$tmp/root/bin/$lib"
	done
}

# Directories that the guest would hide behind its own are bound on top
hidden_paths() {
	local path

	for path in "$tree" "$PWD" "$modules" ${show[@]+"${show[@]}"}; do
		[[ $path != none ]] || continue
		path=$(readlink -f "$path")
		[[ -d $path ]] || path=${path%/*}
		case $path in
		/tmp/* | /run/* | /dev/*) printf '%s\n' "$path" ;;
		esac
	done | sort -u
}

make_initramfs() {
	mkdir -p "$tmp/root"/{bin,modules,proc,sys,dev,lower,rw,new,hold}
	add_busybox
	[[ $modules == none ]] || add_modules
	cp "$tree/selftests/vm/init" "$tmp/root/init"
	chmod 755 "$tmp/root/init"
	hidden_paths >"$tmp/root/show"
	printf '%s\n' "$tree/selftests/vm/guest.sh" >"$tmp/root/guest"
	(cd "$tmp/root" && find . | cpio -o -H newc --quiet -R 0:0 | gzip -1) >"$tmp/initramfs"
}

# What guest.sh is to run, and its surroundings
write_command() {
	local name

	{
		printf 'vm_modules=%q vm_version=%q vm_time=%q\n' "$modules" "$version" "$(date +%s)"
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
make_initramfs
: >"$out/output"
: >"$out/console"

qemu-system-x86_64 "${accel[@]}" -smp "$cpus" -m "$memory" \
	-nodefaults -no-user-config -display none -no-reboot -rtc base=utc \
	-kernel "$kernel" -initrd "$tmp/initramfs" \
	-append "console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off log_buf_len=8M printk.devkmsg=on net.ifnames=0 $append" \
	-serial "file:$out/console" \
	-object rng-random,id=rng,filename=/dev/urandom -device virtio-rng-pci,rng=rng \
	-fsdev local,id=root,path=/,security_model=none,multidevs=remap,readonly=on \
	-device virtio-9p-pci,fsdev=root,mount_tag=root \
	-fsdev "local,id=out,path=${out//,/,,},security_model=none,multidevs=remap" \
	-device virtio-9p-pci,fsdev=out,mount_tag=out \
	</dev/null >"$tmp/qemu" 2>&1 &
qemu=$!
tail -s 0.1 --pid="$qemu" -c +1 -f "$out/output" </dev/null 2>/dev/null &
tail_pid=$!

hung=''
started=$SECONDS
while kill -0 "$qemu" 2>/dev/null; do
	if ((SECONDS - started >= timeout)); then
		hung=1
		kill -KILL "$qemu" 2>/dev/null || true
		break
	fi
	nap 0.1
done
qemu_status=0
wait "$qemu" 2>/dev/null || qemu_status=$?
qemu=''
wait "$tail_pid" || true
tail_pid=''

# Log lines that fail the run: of the saved log, and of the console, where a
# crash is all that is left
[[ -e $out/dmesg ]] || : >"$out/dmesg"
bad=$(cat "$out/dmesg" "$out/console" | tr -d '\r' | kernel_log_bad | awk '!seen[$0]++')
if [[ -s $out/kmemleak ]]; then
	leaks=$(kernel_log_leaks <"$out/kmemleak")
	# the log only has their number
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
		say "the guest did not come back (QEMU's status: $qemu_status)"
		result=123
	fi
	sed 's/^/vm:   qemu: /' "$tmp/qemu" >&2
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
