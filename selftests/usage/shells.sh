#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: completion in zsh and fish. complete.sh has bash, and all candidates. Here each shell calls
# the function as for a user, and its answer is compared.
set -euo pipefail
# shellcheck source=selftests/lib/complete.sh
. "${BASH_SOURCE[0]%/*}/../lib/complete.sh"

completion=$pp_tree/tools/ppctl/completion
mkdir "$PP_TMP/home" "$PP_TMP/files"
touch "$PP_TMP/files/rules"
cd "$PP_TMP/files"
export HOME=$PP_TMP/home

# in_fish LINE: the candidates for the end of a line
in_fish() {
	fish --no-config -c "function ppctl; $PPCTL \$argv; end
		source $completion/ppctl.fish
		complete -C '$1'" | sort | paste -sd ' '
}

fish_is() {
	is "$(in_fish "$1")" "$2"
}

# in_zsh WORD...: what the function gives to zsh, whose own part is replaced: a shell without a
# terminal completes nothing
in_zsh() {
	# shellcheck disable=SC2016 # for zsh
	zsh -fc '
		_call_program() { eval "${(@)argv[2,-1]}" }
		_files() { print FILES }
		_describe() { print -l -- "${(@P)argv[-1]}" }
		ppctl() { $PPCTL "$@" }
		words=("$@") CURRENT=$#
		source '"$completion/_ppctl" -- "$@" | paste -sd ' '
}

zsh_is() {
	is "$(in_zsh "${@:2}")" "$1"
}

if type -P fish >/dev/null; then
	check "ppctl: completion in fish of a command -> that command" fish_is 'ppctl add' add-rule
	check "ppctl: completion in fish of a value -> the values" \
		fish_is 'ppctl add-rule send version ' '1 2'
	check "ppctl: completion in fish of an option -> that option" fish_is 'ppctl list-rules --js' --json
	check "ppctl: completion in fish of a file -> the file" fish_is 'ppctl save ru' rules
else
	skip "ppctl: completion in fish -> as in bash" "fish is not installed"
fi
if type -P zsh >/dev/null; then
	check "ppctl: completion in zsh of a command -> that command" zsh_is add-rule ppctl add
	check "ppctl: completion in zsh of a value -> the values" \
		zsh_is '1 2' ppctl add-rule send version ''
	check "ppctl: completion in zsh behind a quoted word -> as ever" \
		zsh_is crc32c ppctl add-rule send comment 'a b "x' crc
	check "ppctl: completion in zsh of an option -> that option" zsh_is --json ppctl list-rules --js
	check "ppctl: completion in zsh of a file -> left to zsh" zsh_is FILES ppctl save ru
else
	skip "ppctl: completion in zsh -> as in bash" "zsh is not installed"
fi
