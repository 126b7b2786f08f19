# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The machine of run.sh that boots an x86 kernel, or, with --root, an arm64 kernel: QEMU, with a
# small initramfs and this machine's files over 9p. Sourced by run.sh, whose options it reads.
# shellcheck disable=SC2154,SC2034 # what run.sh has set, and what it reads

# Version of a bzImage, from its own header. That of arm64 has none, but its modules have.
kernel_version() {
	local offset version

	if [[ -n $root ]]; then
		printf '%s\n' "${modules##*/}"
		return
	fi
	offset=$(od -An -tu2 -j526 -N2 "$1")
	IFS= read -r -d '' version < <(tail -c +$((offset + 513)) "$1") || true
	printf '%s\n' "${version%% *}"
}

# Newest complete kernel: vmlinuz and modules
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

machine_kernel() {
	local tool

	choose_processor
	for tool in "$emulator" busybox cpio modprobe gzip; do
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
}

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

# Modules that the guest needs before it has its root, dependencies first. modprobe expects them
# below lib/modules/VERSION, wherever they are.
add_modules() {
	local name kind path list count=0
	local -A seen=()

	mkdir -p "$tmp/modules/lib/modules"
	ln -s "$modules" "$tmp/modules/lib/modules/$version"
	for name in virtio_pci 9pnet_virtio 9p overlay virtio_rng; do
		if ! list=$(PATH=$PATH:/usr/sbin:/sbin modprobe -C /dev/null \
			-d "$tmp/modules" -S "$version" -D "$name" 2>&1); then
			# A kernel without modules of its own does not list what is built in
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
	[[ -z $root ]] || busybox=$root/bin/busybox
	cp -L "$busybox" "$tmp/root/bin/busybox"
	for lib in $(ldd "$busybox" 2>/dev/null | grep -o '/[^ ]*' || true); do
		mkdir -p "$tmp/root/${lib%/*}"
		cp -L "$lib" "$tmp/root/$lib"
	done
	for lib in sh mount mkdir insmod sleep switch_root; do
		ln -s busybox "$tmp/root/bin/$lib"
	done
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

# Emulated code is translated again if it moves: programs start three times as fast at fixed
# addresses. QEMU's TSC never goes back, though the kernel suspects so, and another clock is slow to
# read. A processor without AVX and without a fast "rep movsb" (Nehalem) takes a quarter less time
# than "max": instructions that are fast in hardware are slow to emulate.
choose_processor() {
	emulator=qemu-system-x86_64 console=ttyS0
	if [[ -n $root ]]; then
		emulator=qemu-system-aarch64 console=ttyAMA0
		accel=(-M virt -accel "tcg,thread=multi" -cpu cortex-a57)
		append="norandmaps $append"
		return
	fi
	case ${PP_VM_ACCEL:-tcg} in
	tcg) accel=(-accel "tcg,thread=multi" -cpu Nehalem) append="norandmaps tsc=reliable $append" ;;
	kvm) accel=(-accel kvm -cpu host) ;;
	*) die "PP_VM_ACCEL is tcg or kvm" ;;
	esac

	if [[ -n $icount ]]; then
		[[ ${PP_VM_ACCEL:-tcg} == tcg ]] || die "--icount needs TCG"
		accel=(-accel "tcg,thread=single" -cpu max -icount "shift=$icount,sleep=on") cpus=1
	fi
}

machine_start() {
	make_initramfs
	"$emulator" "${accel[@]}" -smp "$cpus" -m "$memory" \
		-nodefaults -no-user-config -display none -no-reboot -rtc base=utc \
		-kernel "$kernel" -initrd "$tmp/initramfs" \
		-append "console=$console loglevel=5 panic=-1 oops=panic mitigations=off log_buf_len=8M printk.devkmsg=on net.ifnames=0 $append" \
		-serial "file:$out/console" \
		-object rng-random,id=rng,filename=/dev/urandom -device virtio-rng-pci,rng=rng \
		-fsdev "local,id=root,path=${root:-/},security_model=none,multidevs=remap,readonly=on" \
		-device virtio-9p-pci,fsdev=root,mount_tag=root \
		-fsdev "local,id=out,path=${out//,/,,},security_model=none,multidevs=remap" \
		-device virtio-9p-pci,fsdev=out,mount_tag=out \
		</dev/null >"$tmp/machine" 2>&1 &
	machine=$!
}
