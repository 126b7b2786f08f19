# shellcheck shell=bash disable=SC2153,SC2154
# SPDX-License-Identifier: GPL-2.0
#
# IPsec between two namespaces, in $esp_mode: transport or tunnel. The selftest sets which of the
# two begins, $esp_talks, and which answers, $esp_listens, by its device $esp_device; the family
# $esp_always for which policies hold on any device; the IPv4 addresses between which a tunnel is,
# $esp_outer; the addresses of either family that talk in transport mode, $esp_near and $esp_far;
# and a function esp_policies NAME, for both directions of both families.

# Any address
# shellcheck disable=SC2034 # for the tests
declare -A any=([4]=0.0.0.0/0 [6]=::/0)
declare -a esp_near esp_far

# One direction of a connection: NAME of who adds it, FROM, TO, SPI
esp_state() {
	local both=()

	# IPv6 within IPv4, too
	[[ $esp_mode == transport ]] || both=(flag af-unspec)
	nsip "$1" xfrm state add src "$2" dst "$3" proto esp spi "$4" mode "$esp_mode" \
		aead 'rfc4106(gcm(aes))' "0x$(printf '%040d' "$4")" 128 "${both[@]}"
}

# esp_states NAME...: both directions, in these namespaces
esp_states() {
	local name family

	for name in "$@"; do
		if [[ $esp_mode == tunnel ]]; then
			esp_state "$name" "${esp_outer[0]}" "${esp_outer[1]}" 11
			esp_state "$name" "${esp_outer[1]}" "${esp_outer[0]}" 21
			continue
		fi
		for family in 4 6; do
			esp_state "$name" "${esp_near[$family]}" "${esp_far[$family]}" "1$family"
			esp_state "$name" "${esp_far[$family]}" "${esp_near[$family]}" "2$family"
		done
	done
}

# esp_policy NAME FROM TO in|out|fwd
esp_policy() {
	local template=(tmpl proto esp mode transport) from=0

	# of the sender: the first of $esp_outer belongs to $esp_talks
	[[ $1 == "$esp_talks" ]] || from=1
	[[ $4 == out ]] || from=$((1 - from))
	[[ $esp_mode == transport ]] ||
		template=(tmpl src "${esp_outer[from]}" dst "${esp_outer[1 - from]}" proto esp mode tunnel)
	nsip "$1" xfrm policy add src "$2" dst "$3" proto tcp dir "$4" "${template[@]}"
}

# esp_gone NAME...
esp_gone() {
	local name

	for name in "$@"; do
		nsip "$name" xfrm policy flush
		nsip "$name" xfrm state flush
	done
}

says() {
	echo "$1" >"$PP_TMP/line"
}

heard() {
	grep -qx "$1" "$PP_TMP/line.got"
}

refused_by_policy() {
	# shellcheck disable=SC2016 # awk's
	ns "$esp_listens" awk '/^XfrmIn(TmplMismatch|NoPols|PolBlock)/ { n += $2 } END { print n }' \
		/proc/net/xfrm_stat
}

more_refused() {
	(($(refused_by_policy) > $1))
}

# not_heard LINE: the line is not received if it comes without IPsec and a policy asks for it
not_heard() {
	local before

	before=$(refused_by_policy)
	says "$1"
	wait_until 20 more_refused "$before"
	! heard "$1" || fail "$1: heard without IPsec"
}

no_policy() {
	ns_sysctl "$esp_listens" "net.ipv$FAMILY.conf.$esp_device.disable_policy=$1"
}

# Restores the state before the case, whatever its result
plain_end() {
	no_policy 0
	nsip "$esp_talks" xfrm policy flush
	esp_policies "$esp_talks"
	stop_bg line
	stop_bg line-server
	rm -f "$PP_TMP"/line*
}

# plain_refused HOST PORT [BYTES]: an accepted connection of the client that begins with BYTES, as
# printf reads them; then the sender does not use IPsec for a while
plain_refused() {
	trap plain_end EXIT
	mkfifo "$PP_TMP/line"
	start_bg line-server backend socat -u "TCP$FAMILY-LISTEN:8080,reuseaddr" \
		"OPEN:$PP_TMP/line.got,creat"
	wait_port backend 8080
	start_bg line client bash -c "exec 3<>'$PP_TMP/line' 4>/dev/tcp/$1/$2
		printf '${3:-}' >&4; cat <&3 >&4"
	says first
	wait_until 20 heard first
	# without this it accepts nothing from tunnels that no policy knows
	nsip "$esp_talks" xfrm policy deleteall dir out
	not_heard second
	no_policy 1
	if [[ ${esp_always:-} == "$FAMILY" ]]; then
		not_heard third
	else
		says third
		wait_until 60 heard third
	fi
	no_policy 0
	not_heard fourth
	nsip "$esp_talks" xfrm policy flush
	esp_policies "$esp_talks"
	wait_until 60 heard fourth
	is "$(paste -sd ' ' "$PP_TMP/line.got")" 'first second third fourth'
}
