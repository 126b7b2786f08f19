# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For lint.sh: the checks of other projects' tools, each with the checks that are switched off here,
# and why.

# check_with TOOL NAME COMMAND...: one result, skipped if the tool is missing
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

# own_messages DIR: the compiler's warnings and errors on stdin that name a file of the copy
# in DIR, by their path in it. The kernel's own headers are not ours. Before 6.13 kbuild
# names a file by its full path, since 6.13 by the path from DIR.
own_messages() {
	sed -nE "\\,^($1/|\./)?kmod/[^ ]*:.*(warning|error):,s,^($1/|\./)?,,p"
}

# compiled STEP SUFFIX: how many files of kmod/ the output on stdin says were done
compiled() {
	grep -cE "^ +$1 +([^ ]*/)?kmod/[a-z_0-9/]*\.$2\$" || true
}

# ---- clang

# Flags of the gcc that Debian's kernel is configured for, which clang does not have. The other
# differences are warnings, and GNU C, which the kernel uses.
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

# Without debug information and its products, which only take time, and without objtool, which
# complains of code without the flags above.
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
	sources=$(find "$dir/kmod" -name '*.c' ! -name '*.mod.c' | wc -l)
	objects=$(compiled 'CC \[M\]' o <"$output")
	((objects >= sources)) || fail "clang built $objects of $sources files"
	none "$(own_messages "$dir" <"$output")"
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

# Prints the directory of checkpatch.pl, which is unpacked from the kernel's source once. The word
# that is removed from its list of misspellings is good English.
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

# Types that do not apply to this tree
ignored_everywhere=(
	PREFER_KERNEL_TYPES		# userspace, and the half of header.h that is for it
	COMPLEX_MACRO MACRO_ARG_REUSE	# iterators, initializers, arguments with their comma
	LONG_LINE_STRING		# messages stay in one piece, so that they can be found
	UNNECESSARY_PARENTHESES		# a != (b == c) is read more easily
)
ignored_in_kernel=(
	UNCOMMENTED_DEFINITION			# said in the kernel-doc of the structure
	JIFFIES_COMPARISON			# whether it is another one, not which is later
	UNNECESSARY_ELSE			# takes an else if for the last one
	CONST_STRUCT				# copies of the kernel's tables are filled in
	CAMELCASE				# names of the kernel's, such as IPV6_ADDR_COMPATv4
)
ignored_in_tracepoints=(
	TRAILING_SEMICOLON FUNCTION_ARGUMENTS	# TRACE_DEFINE_ENUM() is no function
	PARENTHESIS_ALIGNMENT OPEN_ENDED_LINE	# as in the kernel's own tracepoints
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

	mapfile -t list < <(files | grep -E '^kmod/.*\.[ch]$' | grep -vx kmod/trace/state.h)
	checkpatch "$(joined "${ignored_everywhere[@]}" "${ignored_in_kernel[@]}")" "${list[@]}"
	checkpatch "$(joined "${ignored_everywhere[@]}" "${ignored_in_tracepoints[@]}")" \
		kmod/trace/state.h
}

lint_checkpatch_userspace() {
	local list

	mapfile -t list < <(files | grep -E '^(tools|selftests|docs)/.*\.[ch]$')
	checkpatch "$(joined "${ignored_everywhere[@]}" "${ignored_in_userspace[@]}")" "${list[@]}"
}

# ---- cppcheck

# It does not see the kernel's own headers, and so does not know what their macros do
suppressed=(
	uninitvar:kmod/rule/index.c		# list_for_each_entry_safe() sets it
	ctuArrayIndex:kmod/packet/segment.c		# PP_TIMESTAMP_LEN is 12
	pointerOutOfBoundsCond:selftests/bench/load.c	# recv() gives no more than there is room
)

# cppcheck_files OPTION... -- FILE...
cppcheck_files() {
	cppcheck --quiet --std=c11 --enable=warning,portability,performance --error-exitcode=1 \
		--suppress=missingInclude "${suppressed[@]/#/--suppress=}" -Ikmod/include/uapi \
		--template='{file}:{line}: {severity}: {message} [{id}]' "$@"
}

# The unit tests have the macros of their harness replaced, as far as cppcheck misreads them. ppctl
# is checked without kmod/, whose netlink/ would hide libnl's.
lint_cppcheck() {
	local list tests tool

	mapfile -t list < <(files | grep -E '\.c$' | grep -vE '^(selftests/unit/.*_test\.c$|tools/)')
	mapfile -t tests < <(files | grep '^selftests/unit/.*_test\.c$')
	mapfile -t tool < <(files | grep -E '^tools/.*\.c$')
	cppcheck_files -Ikmod "${list[@]}"
	cppcheck_files -Itools/ppctl "${tool[@]}"
	cppcheck_files -Ikmod '-DTH_LOG(...)=' '-DTEST(name)=static void name(void)' \
		-DTEST_HARNESS_MAIN= "${tests[@]}"
}
