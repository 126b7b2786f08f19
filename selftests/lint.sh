#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What can be judged without running anything: the module by sparse and clang,
# all C by checkpatch and cppcheck, every script by shellcheck, the man pages,
# and rules of this tree (one version, no question for the kernel's, licences,
# white space). Prints TAP. Changes nothing in the tree; KDIR names the kernel
# headers. What checkpatch, clang and cppcheck need is in lib/lint.sh.
#
# Usage: lint.sh [--quick]       without clang, checkpatch and cppcheck, which take
#                                most of the time
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/lib/lib.sh"
# shellcheck source=selftests/lib/lint.sh
. "${BASH_SOURCE[0]%/*}/lib/lint.sh"

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
		grep -E '(warning|error):' "$output" | head -n 20
		return 1
	}
	sources=$(find "$dir/kmod" -name '*.c' ! -name '*.mod.c' | wc -l)
	checked=$(compiled CHECK c <"$output")
	((checked >= sources)) || fail "sparse saw $checked of $sources files"
	none "$(own_messages "$dir" <"$output")"
}

# What lint_sparse and lint_clang_module look for is found in the output of kbuild before
# and since 6.13, and what is not ours is left out
lint_own_messages() {
	local dir=/tmp/copy output=$PP_TMP/own.out

	cat >"$output" <<-'END'
		  CC [M]  /tmp/copy/kmod/send/syn.o
		  CC [M]  kmod/send/syn.o
		  CC [M]  kmod/main.o
		  CC [M]  kmod/proxyproto.mod.o
		  LD [M]  kmod/proxyproto.o
		  CHECK   kmod/main.c
		  CHECK   /tmp/copy/kmod/main.c
		/tmp/copy/kmod/send/syn.c:12:3: warning: symbol 'a' was not declared
		kmod/send/syn.c:12:3: warning: symbol 'b' was not declared
		./kmod/rule/set.h:7:1: error: c
		kmod/main.c: note: warnings follow
		./include/linux/skbuff.h:12:3: warning: not ours
		/usr/src/linux/kernel/module/kmod.c:12:3: warning: not ours
		/usr/src/linux/kmod/main.c:12:3: warning: not ours
	END
	is "$(own_messages "$dir" <"$output")" "kmod/send/syn.c:12:3: warning: symbol 'a' was not declared
kmod/send/syn.c:12:3: warning: symbol 'b' was not declared
kmod/rule/set.h:7:1: error: c"
	is "$(compiled 'CC \[M\]' o <"$output")" 3 objects
	is "$(compiled CHECK c <"$output")" 2 sources
}

lint_versions() {
	none "$(grep -rnE 'LINUX_VERSION_CODE|KERNEL_VERSION *\(|linux/version\.h|RHEL_RELEASE' \
		--include='*.[ch]' --include=Kbuild kmod || true)"
}

lint_package_version() {
	local want

	want=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
	[[ $want =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "PACKAGE_VERSION is '$want'"
	is "$(sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' kmod/*.c)" "$want" MODULE_VERSION
	is "$(sed -n '1s/^proxyproto (\(.*\)-1).*/\1/p' tools/package/debian/changelog)" "$want" Debian
	is "$(sed -n 's/^Version: *//p' tools/package/proxyproto.spec)" "$want" RPM
	is "$(grep -m1 -oE '^## [0-9.]+' CHANGELOG.md)" "## $want" CHANGELOG.md
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
		grep -qE "(^| )${file%.c}\.o( |$)" kmod/Kbuild || fail "kmod/$file is not in kmod/Kbuild"
	done < <(files | sed -n 's,^kmod/\(.*\.c\)$,\1,p')
}

lint_layers() {
	none "$(selftests/tools/lint_kmod.py layers kmod || true)"
}

lint_names() {
	none "$(selftests/tools/lint_kmod.py names kmod || true)"
}

# "TEST: REASON" of what tests skip in simulated time, or outside of it
sim_skips_of_tests() {
	grep -HoE "^[[:space:]]*(if |! )*(not_in_sim|sim_skip \"[^\"]*\"|in_sim \|\| skip_all) '[^']*'" \
		selftests/*/*.sh |
		sed -E "s,^selftests/([^/]+)/([^/]+)\.sh:.* '([^']*)'\$,\1_\2: \3,"
}

# The same of the tables in docs/testing.md: each name in the first column, with the last one
sim_skips_of_document() {
	sed -n '/^## Simulated time/,/^## The same/p' docs/testing.md | sed -n 's/^| \(`.*\) |$/\1/p' |
		awk -F ' \\| ' '{
			count = split($1, names, /, /)
			for (i = 1; i <= count; i++)
				print substr(names[i], 2, length(names[i]) - 2) ": " $NF
		}' | sort -u
}

lint_sim_skips() {
	local calls

	calls=$(grep -E '^[^#]*(not_in_sim|sim_skip|in_sim \|\| skip_all) ' selftests/*/*.sh |
		grep -cv '^selftests/lib/')
	is "$(sim_skips_of_tests | wc -l)" "$calls" 'calls with a reason in quotes'
	none "$(diff <(sim_skips_of_tests | sort -u) <(sim_skips_of_document) | grep '^[<>]' || true)"
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

# The files of debian/ have a fixed format; its file "copyright" speaks for them
lint_licences() {
	none "$(files | grep -vE '(^COPYING|^tools/package/debian/.*|\.gitignore|\.(md|json|pcap|txt))$' | tr '\n' '\0' |
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

# What is built belongs into .gitignore
lint_binaries() {
	local file

	[[ -e .git ]] || return 0
	none "$(git ls-files -co --exclude-standard | grep -vE '/fuzz/corpus/|\.pcap$' | while IFS= read -r file; do
		[[ ! -s $file ]] || grep -qI '' "$file" || printf '%s\n' "$file"
	done)"
}

# Every counter of the header has its name in ppctl and in the document
lint_counters() {
	local names

	names=$(sed -n '/^enum pp_stats_attr {/,/^};/s/^\tPP_STATS_ATTR_\([A-Z_0-9]*\),$/\1/p' \
		kmod/include/uapi/linux/proxyproto.h | grep -vx 'UNSPEC\|PAD' | tr '[:upper:]' '[:lower:]' | sort)
	(($(wc -l <<<"$names") > 50)) || fail "only $names"
	is "$(sed -n 's/^\t{ PP_STATS_ATTR_[A-Z_0-9]*, "\([a-z_]*\)".*/\1/p' tools/ppctl/stats.c | sort)" \
		"$names" tools/ppctl/stats.c
	# shellcheck disable=SC2016 # the quotes of Markdown
	is "$(grep '^|' docs/troubleshooting.md | grep -oE '`[a-z_]+`' | tr -d '\`' | sort -u |
		comm -13 - <(echo "$names"))" '' 'not in docs/troubleshooting.md'
}

# The script of the quick start is the file beside it
lint_quickstart() {
	is "$(sed -n '/^for n in client/,/^```/p' docs/quickstart.md | grep -v '^```')" \
		"$(tail -n +2 docs/examples/namespaces.sh)"
}

# Tables and what stands between fences may be longer
lint_prose() {
	none "$(files | grep '\.md$' | python3 -c '
import sys
for name in sys.stdin.read().split("\n")[:-1]:
    fenced = False
    for number, line in enumerate(open(name, encoding="utf-8"), 1):
        fenced ^= line.startswith("```")
        if len(line) > 101 and not fenced and not line.startswith("|"):
            print(f"{name}:{number}: {len(line) - 1} columns")')"
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

check "lint: output of kbuild, old and new -> warnings of our files are found" lint_own_messages
check "lint: sparse -> no warnings in our files" lint_sparse
[[ ${1:-} == --quick ]] || slow_checks
check "lint: shellcheck -> nothing to say" lint_shell
check "lint: kernel versions -> asked for nowhere" lint_versions
check "lint: dkms.conf, MODULE_VERSION, ppctl, packages, CHANGELOG -> one version" lint_package_version
check "lint: kmod/*.c -> all in kmod/Kbuild" lint_objects
check "lint: layers -> kmod/ includes only what lies below" lint_layers
check "lint: names -> functions of the module are told apart" lint_names
check "lint: what simulated time skips -> docs/testing.md says the same" lint_sim_skips
check "lint: man pages -> render without warnings" lint_man
check "lint: SPDX -> in every source" lint_licences
check "lint: white space -> none astray" lint_space
check "lint: files -> none is binary but captures and fuzz inputs" lint_binaries
check "lint: counters -> each in ppctl and in docs/troubleshooting.md" lint_counters
check "lint: quick start -> its script is that of docs/examples" lint_quickstart
check "lint: documents -> prose wraps at 100 columns" lint_prose
