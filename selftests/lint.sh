#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What can be judged without running anything: the module by sparse and clang,
# all C by checkpatch and cppcheck, every script by shellcheck, the man pages,
# and rules of this tree (versions, where kernel versions may be asked for,
# licences, white space). Prints TAP. Changes nothing in the tree; KDIR names the
# kernel headers. What checkpatch, clang and cppcheck need is in lib_lint.sh.
#
# Usage: lint.sh [--quick]       without clang, checkpatch and cppcheck, which take
#                                most of the time
set -euo pipefail
# shellcheck source=selftests/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=selftests/lib_lint.sh
. "${BASH_SOURCE[0]%/*}/lib_lint.sh"

need make sparse shellcheck mandoc python3
cd "$pp_tree"
# Of the make that may have called us
unset MAKEFLAGS MAKELEVEL MFLAGS

# Files of the tree, as git would commit them; without git all but the built
files() {
	if [[ -e .git ]] && git ls-files -co --exclude-standard 2>/dev/null >"$PP_TMP/files"; then
		sort -u "$PP_TMP/files"
	else
		find . \( -name .git -o -path ./build \) -prune -o -type f -printf '%P\n' |
			grep -vE '\.(o|ko|d|cmd|mod|mod\.c|order|symvers)$' | sort
	fi | grep -v '/fuzz/corpus/' | tr '\n' '\0' | xargs -0 grep -lI '' 2>/dev/null || true
}

none() {
	if [[ -n $1 ]]; then
		fail "$1"
	fi
}

scripts() {
	local file

	while IFS= read -r file; do
		case $(head -n 2 "$file" | tr '\n' ' ') in
		'#!/bin/bash'* | '#!/bin/sh'* | '#!/usr/bin/env bash'* | '# shellcheck shell='*)
			printf '%s\n' "$file"
			;;
		esac
	done < <(files)
}

lint_shell() {
	local list

	mapfile -t list < <(scripts)
	((${#list[@]})) || fail "no scripts found"
	printf '%s\0' "${list[@]}" | xargs -0 -P "$(nproc)" -n 8 shellcheck -x --
}

# In a copy, so that objects of the tree stay. Only what it says of our own
# files counts: the kernel's headers have warnings of their own.
lint_sparse() {
	local dir=$PP_TMP/sparse output=$PP_TMP/sparse.out kdir sources checked

	kdir=$(headers)
	copy_module "$dir"
	make -j "$(nproc)" -C "$kdir" M="$dir" C=2 modules \
		>"$output" 2>&1 || {
		grep -E '(warning|error):' "$output" | sed "s,^$dir/,,"
		return 1
	}
	sources=$(find "$dir/kmod" -maxdepth 1 -name '*.c' ! -name '*.mod.c' | wc -l)
	checked=$(grep -c "CHECK .*/kmod/[a-z_0-9]*\.c$" "$output" || true)
	((checked >= sources)) || fail "sparse saw $checked of $sources files"
	none "$(grep -E "^$dir/.*(warning|error):" "$output" | sed "s,^$dir/,," || true)"
}

lint_versions() {
	none "$(grep -rnE 'LINUX_VERSION_CODE|KERNEL_VERSION *\(|linux/version\.h|RHEL_RELEASE' \
		--include='*.[ch]' --include=Kbuild kmod | grep -v '^kmod/compat/' || true)"
}

lint_package_version() {
	local want

	want=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
	[[ $want =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "PACKAGE_VERSION is '$want'"
	is "$(sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' kmod/*.c)" "$want" MODULE_VERSION
	if [[ -x tools/ppctl/ppctl ]]; then
		is "$(tools/ppctl/ppctl -V)" "ppctl $want" "ppctl -V"
	else
		grep -q 'PPCTL_VERSION.*VERSION' tools/ppctl/Makefile || fail "ppctl has no version"
	fi
}

# A source that is not listed is not built by anybody
lint_objects() {
	local file

	while IFS= read -r file; do
		grep -qwE "${file%.c}\.o" kmod/Kbuild || fail "kmod/$file is not in kmod/Kbuild"
	done < <(files | sed -n 's,^kmod/\([^/]*\.c\)$,\1,p')
}

lint_man() {
	local list page

	mapfile -t list < <(files | grep -E '/man/[^/]*\.[1-9]$')
	((${#list[@]})) || fail "no man pages found"
	mandoc -T lint -W warning "${list[@]}"
	if type -P man >/dev/null; then
		for page in "${list[@]}"; do
			none "$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "./$page" \
				2>&1 >/dev/null)"
		done
	fi
}

lint_licences() {
	none "$(files | grep -vE '(^COPYING|\.gitignore|\.(md|json|pcap|txt))$' | tr '\n' '\0' |
		xargs -0 awk 'FNR == 1 && name != "" && !found { print name }
			FNR == 1 { name = FILENAME; found = 0 }
			FNR <= 3 && /SPDX-License-Identifier: .*GPL-2.0/ { found = 1 }
			END { if (!found) print name }')"
}

# Blanks at the end of a line or before a tab, and files whose last line is empty,
# or has no end
lint_space() {
	none "$(files | grep -v '^COPYING$' | python3 -c '
import re, sys
for name in sys.stdin.read().split("\n")[:-1]:
    text = open(name, encoding="utf-8").read()
    if text and not text.endswith("\n"):
        print(f"{name}: no newline at its end")
    if text.endswith("\n\n"):
        print(f"{name}: empty line at its end")
    for number, line in enumerate(text.split("\n"), 1):
        if re.search(r"[ \t\r]$|^ +\t", line):
            print(f"{name}:{number}: {line}")')"
}

slow_checks() {
	check_with clang "lint: clang, module -> built without warnings of our files" lint_clang_module
	check_with clang "lint: clang, ppctl -> built without warnings" lint_clang_ppctl
	if [[ -n $(kernel_source) ]]; then
		check_with perl "lint: checkpatch, kmod -> nothing to say" lint_checkpatch_kernel
		check_with perl "lint: checkpatch, userspace -> nothing to say" lint_checkpatch_userspace
	else
		skip "lint: checkpatch -> nothing to say" "linux-source is not installed"
	fi
	check_with cppcheck "lint: cppcheck -> nothing to say" lint_cppcheck
}

check "lint: sparse -> no warnings in our files" lint_sparse
[[ ${1:-} == --quick ]] || slow_checks
check "lint: shellcheck -> nothing to say" lint_shell
check "lint: kernel versions -> asked for in kmod/compat only" lint_versions
check "lint: dkms.conf, MODULE_VERSION, ppctl -> one version" lint_package_version
check "lint: kmod/*.c -> all in kmod/Kbuild" lint_objects
check "lint: man pages -> render without warnings" lint_man
check "lint: SPDX -> in every source" lint_licences
check "lint: white space -> none astray" lint_space
