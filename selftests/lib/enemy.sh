# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the enemy_* selftests share: pp_enemy between the namespaces of topo_lb. The attacker is at
# the devices of client and backend. Ports 80 and 8080 have a rule, 81 and 8081 have none. Links
# have a delay, so that packets are in flight for some time.
#
# A case is a place, a family and a kind of attack. It runs the trials that have failed once, and
# trials drawn from a seed. A trial that survives without a rule has to survive with it. A trial
# that fails is shrunk and shown. In real time waits are short and trials few.
#
# Variables: PP_ENEMY_TRIALS, trials of each case; PP_SEED, the seed; PP_ENEMY_ONLY, a case
# ("nat 4 rst", or a pattern); PP_ENEMY_TRIAL, numbers of trials, and no others;
# PP_ENEMY_ALL=1, known faults are not skipped; PP_ENEMY_FAILURES, failures to look for.

# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/accept.sh"

known_faults=() found=()
ENEMY=${ENEMY:-$pp_selftests/tools/pp_enemy}

# Each port of a client is used once: an old connection must not affect the next trial
enemy_port=10000

# enemy_topo: topo_lb, and a network of the clients that headers name
enemy_topo() {
	local name link

	topo_lb 4
	ns_make others
	veth_make lb side others eth0
	addr_add lb side 10.0.3.1/24 fd00:3::1/64
	addr_add others eth0 10.0.3.2/24 fd00:3::2/64
	nsip lb route add 192.0.2.0/24 via 10.0.3.2
	nsip lb -6 route add 2001:db8::/64 via fd00:3::2
	for name in client lb backend; do
		ns_sysctl "$name" net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	done
	for link in client:eth0 lb:front lb:back backend:eth0; do
		ns_sysctl "${link%:*}" net.ipv4.conf."${link#*:}".rp_filter=0
		netem "${link%:*}" "${link#*:}" delay 5ms
	done
	# A client may use its port again at once
	ns_sysctl client net.ipv4.tcp_tw_reuse=1
	seed=${PP_SEED:-$((SRANDOM % 1000000000))}
	diag "PP_SEED=$seed"
}

# enemy_target ADDRESS PORT: what clients connect to; without a rule it is the next port
enemy_target() {
	target=$1 target_port=$2
}

# enemy_known PLACE KIND: the reason why a case cannot pass, if one is known
enemy_known() {
	local line place kind reason

	[[ -z ${PP_ENEMY_ALL:-} ]] || return 1
	for line in "${known_faults[@]}"; do
		read -r place kind reason <<<"$line"
		# shellcheck disable=SC2053 # patterns
		if [[ $1 == $place && $2 == $kind ]]; then
			echo "known fault: $reason"
			return 0
		fi
	done
	return 1
}

# enemy_run OPTION...: trials of one seed
enemy_run() {
	local options=() status=0

	in_sim || options=(-w 200)
	[[ $direction == send ]] || options+=(-a)
	[[ $place != socket ]] || options+=(-u)
	"$ENEMY" -C "$(ns_name client)" -S "$(ns_name backend)" -O "$(ns_name others)" -c "$CLIENT" \
		-v "$target" -p "$((target_port + 1)),$target_port" -b "$BACKEND" -q 8081,8080 \
		-k "$kind" -o "$enemy_port" -f "${PP_ENEMY_FAILURES:-1}" "${options[@]}" "$@" |
		tee "$PP_TMP/enemy" || status=$?
	sed -n "s/^# seed /$place IPv$FAMILY $kind, seed /p" "$PP_TMP/enemy" >>"$PP_TMP/enemies"
	return "$status"
}

# Run the trials of this case that have failed once: numbers of seed 1, or SEED:NUMBER
enemy_run_found() {
	local line place_of kind_of numbers number first=()

	for line in "${found[@]}"; do
		read -r place_of kind_of numbers <<<"$line"
		[[ "$place_of $kind_of" == "$place $kind" ]] || continue
		for number in $numbers; do
			if [[ $number == *:* ]]; then
				enemy_run -s "${number%:*}" -t "${number#*:}" || return
			else
				first+=(-t "$number")
			fi
		done
	done
	((${#first[@]} == 0)) || enemy_run -s 1 "${first[@]}"
}

# The trials of a case
enemy_trials() {
	local number numbers=()

	for number in ${PP_ENEMY_TRIAL:-}; do
		numbers+=(-t "$number")
	done
	if ((${#numbers[@]})); then
		enemy_run -s "$seed" -V "${numbers[@]}"
		return
	fi
	enemy_run_found
	enemy_run -s "$seed" -n "$1"
}

# How many trials there were, and how many of them prove nothing
enemy_report() {
	[[ ! -e $PP_TMP/enemies ]] || diag <"$PP_TMP/enemies"
}

# enemy_case DIRECTION PLACE KIND
enemy_case() {
	local direction=$1 place=$2 kind=$3 trials=${PP_ENEMY_TRIALS:-20} name reason before=$pp_failed

	name="enemy: $direction, $place, IPv$FAMILY, $kind -> what survives without a rule survives with it"
	# shellcheck disable=SC2053 # a pattern
	[[ "$place $FAMILY $kind" == ${PP_ENEMY_ONLY:-*} ]] || return 0
	if ! in_sim; then
		[[ $kind == @(none|all) ]] || return 0
		trials=${PP_ENEMY_TRIALS:-4}
	fi
	if reason=$(enemy_known "$place" "$kind"); then
		skip "$name" "$reason"
		return
	fi
	check "$name" enemy_trials "$trials"
	((pp_failed == before)) || diag "again: PP_SEED=$seed PP_ENEMY_ONLY='$place $FAMILY $kind'"
	((enemy_port = 10000 + (enemy_port - 10000 + 1400) % 50000))
}
