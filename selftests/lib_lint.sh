# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For lint.sh: the checks of other projects' tools, each with what it must not
# say here, and why.

# check_with TOOL NAME COMMAND...: one result, which is a skip without the tool
check_with() {
	if type -P "$1" >/dev/null; then
		check "${@:2}"
	else
		skip "$2" "$1 is not installed"
	fi
}

headers() {
	echo "${KDIR:-$(make -s --no-print-directory print-KDIR)}"
}

# A copy to build in, so that objects of the tree stay
copy_module() {
	mkdir "$1"
	cp -r Kbuild kmod "$1"
	find "$1" \( -name '*.o' -o -name '*.ko' -o -name '*.cmd' -o -name '*.mod*' \) -delete
}

# ---- clang

# Flags of the gcc that Debian's kernel is configured for, which clang has not.
# The rest of the command line are its warnings, and GNU C, which is the kernel's.
write_clang() {
	cat >"$1" <<-'END'
		#!/bin/bash
		args=()
		for arg; do
			case $arg in
			-mfunction-return=* | -fconserve-stack | -mrecord-mcount) ;;
			-ftrivial-auto-var-init=* | -fmin-function-alignment=*) ;;
			-fzero-init-padding-bits=* | -fsanitize=bounds-strict) ;;
			*) args+=("$arg") ;;
			esac
		done
		exec clang "${args[@]}" -Wno-unknown-warning-option \
			-Wno-unused-command-line-argument -Wno-gnu
	END
	chmod 755 "$1"
}

# Without debug information and what is made of it, which only takes time. What
# objtool says of code without the flags above is not ours.
lint_clang_module() {
	local dir=$PP_TMP/clang output=$PP_TMP/clang.out kdir sources objects

	kdir=$(headers)
	copy_module "$dir"
	write_clang "$PP_TMP/pp-clang"
	make -C "$kdir" M="$dir" CC="$PP_TMP/pp-clang" CONFIG_DEBUG_INFO= \
		CONFIG_DEBUG_INFO_BTF_MODULES= CONFIG_OBJTOOL= modules >"$output" 2>&1 || {
		grep -E '(warning|error):' "$output" | head -n 20
		return 1
	}
	sources=$(find "$dir/kmod" -maxdepth 1 -name '*.c' ! -name '*.mod.c' | wc -l)
	objects=$(grep -c "CC \[M\] .*/kmod/[a-z_0-9]*\.o$" "$output" || true)
	((objects >= sources)) || fail "clang built $objects of $sources files"
	none "$(grep -E "^$dir/kmod/.*\.[ch]:.*(warning|error):" "$output" | sed "s,^$dir/,," || true)"
}

lint_clang_ppctl() {
	local dir=$PP_TMP/clang-ppctl

	mkdir -p "$dir/tools"
	cp -r dkms.conf kmod "$dir"
	cp -r tools/ppctl "$dir/tools"
	make -s -C "$dir/tools/ppctl" clean
	make -s -C "$dir/tools/ppctl" CC=clang CFLAGS='-O2 -Werror'
}

# ---- checkpatch

kernel_source() {
	find "${KERNEL_SOURCE_DIR:-/usr/src}" -maxdepth 1 -name 'linux-source-*.tar.xz' 2>/dev/null |
		sort -V | tail -n 1
}

# Prints the directory of checkpatch.pl, which is taken out of the kernel's source
# once. The word that it is without is good English.
checkpatch_dir() {
	local tarball dir

	tarball=$(kernel_source)
	dir=${PP_CACHE:-/var/cache/proxyproto}/checkpatch-$(basename "$tarball" .tar.xz)
	[[ -w ${dir%/*} || -w ${dir%/*/*} || -d $dir ]] || dir=$PP_TMP/checkpatch
	if [[ ! $dir -nt $tarball ]]; then
		rm -rf "$dir.new" "$dir"
		mkdir -p "$dir.new"
		tar -xJf "$tarball" -C "$dir.new" --strip-components=2 --touch --wildcards \
			'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
			'*/scripts/const_structs.checkpatch'
		sed -i '/^acknowledgement||/d' "$dir.new/spelling.txt"
		mv -T "$dir.new" "$dir"
	fi
	echo "$dir"
}

# Types that say nothing of this tree
ignored_everywhere=(
	PREFER_KERNEL_TYPES		# userspace, and the half of header.h that is for it
	COMPLEX_MACRO MACRO_ARG_REUSE	# iterators, initializers, arguments with their comma
	LONG_LINE_STRING		# messages stay in one piece, so that they can be found
	UNNECESSARY_PARENTHESES		# a != (b == c) is read more easily
)
ignored_in_kernel=(
	LINUX_VERSION_CODE CONSTANT_COMPARISON	# compat/, and there alone: lint_versions
	UNCOMMENTED_DEFINITION			# said in the kernel-doc of the structure
	JIFFIES_COMPARISON			# whether it is another one, not which is later
	UNNECESSARY_ELSE			# takes an else if for the last one
)
ignored_in_userspace=(
	PREFER_DEFINED_ATTRIBUTE_MACRO ARRAY_SIZE BIT_MACRO	# the kernel's alone
	USE_NEGATIVE_ERRNO VOLATILE CAMELCASE	# the C library's errno, sig_atomic_t and names
	STATIC_CONST_CHAR_ARRAY FUNCTION_ARGUMENTS EMBEDDED_FUNCTION_NAME # mistaken
	ASSIGN_IN_IF				# mistakes a compound literal for it, and accept() may
	BRACES					# the macros of kselftest are several statements
	STRING_FRAGMENTS			# a hexadecimal escape ends where its string does
	SPLIT_STRING MISSING_SPACE		# alphabets, JSON
)

# checkpatch IGNORED FILE...
checkpatch() {
	local output=$PP_TMP/checkpatch.$BASHPID status=0

	"$(checkpatch_dir)/checkpatch.pl" --no-tree --strict --terse --show-types --no-summary \
		--max-line-length=100 --ignore "$1" -f "${@:2}" >"$output" 2>&1 || status=$?
	none "$(cat "$output")"
	((status == 0)) || fail "checkpatch.pl ended with status $status"
}

joined() {
	local IFS=,

	echo "$*"
}

lint_checkpatch_kernel() {
	local list

	mapfile -t list < <(files | grep -E '^kmod/.*\.[ch]$')
	checkpatch "$(joined "${ignored_everywhere[@]}" "${ignored_in_kernel[@]}")" "${list[@]}"
}

lint_checkpatch_userspace() {
	local list

	mapfile -t list < <(files | grep -E '^(tools|selftests|docs)/.*\.[ch]$')
	checkpatch "$(joined "${ignored_everywhere[@]}" "${ignored_in_userspace[@]}")" "${list[@]}"
}

# ---- cppcheck

# It does not see the kernel's own headers, and so not what these do
suppressed=(
	uninitvar:kmod/rule_index.c		# list_for_each_entry_safe() sets it
	ctuArrayIndex:kmod/craft.c		# PP_TIMESTAMP_LEN is 12
	pointerOutOfBoundsCond:selftests/bench/load.c	# recv() gives no more than there is room
)

# cppcheck_files OPTION... -- FILE...
cppcheck_files() {
	cppcheck --quiet --std=c11 --enable=warning,portability,performance --error-exitcode=1 \
		--suppress=missingInclude "${suppressed[@]/#/--suppress=}" -Ikmod -Ikmod/include/uapi \
		-Itools/ppctl --template='{file}:{line}: {severity}: {message} [{id}]' "$@"
}

# The unit tests with the macros of their harness, as far as they puzzle it
lint_cppcheck() {
	local list tests

	mapfile -t list < <(files | grep -E '\.c$' | grep -v '^selftests/unit/.*_test\.c$')
	mapfile -t tests < <(files | grep '^selftests/unit/.*_test\.c$')
	cppcheck_files "${list[@]}"
	cppcheck_files '-DTH_LOG(...)=' '-DTEST(name)=static void name(void)' \
		-DTEST_HARNESS_MAIN= "${tests[@]}"
}
