#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs each fuzz target over the inputs of corpus/, with gcc's sanitizers, so that a mended fault
# stays mended. Prints TAP; takes seconds. fuzz.sh looks for new inputs.
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

need make gcc pkg-config
cd "$pp_selftests/fuzz"
unset MAKEFLAGS MAKELEVEL MFLAGS

# replay TARGET INPUT...: in an empty directory, for the same result on every machine
replay() {
	make -s "OUT=$PP_TMP/fuzz" "$PP_TMP/fuzz/$1.replay"
	"$PP_TMP/fuzz/$1.replay" "${@:2}"
}

for corpus in corpus/*/; do
	target=$(basename "$corpus")
	inputs=("$corpus"*)
	check "fuzz: $target, ${#inputs[@]} inputs of the corpus -> no disagreement" \
		replay "$target" "${inputs[@]}"
done
