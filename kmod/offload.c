// SPDX-License-Identifier: GPL-2.0
/*
 * Keeping a connection from flow offload: while its header is on the way, or for
 * as long as its packets have to be translated.
 *
 * Owns the flag that nft flowtables and act_ct look at. They take a flow at the
 * client's first ACK. After that the hooks would not see replies, and a lost header
 * could not be sent again. They do not take a flow whose sequence numbers conntrack
 * adjusts. So these connections have that flag, with offsets that are all zero.
 */
#include <linux/errno.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include "offload.h"

/*
 * Return: 1; 0: the entry is too old; -ENOMEM
 */
static int set_flag(struct nf_conn *ct)
{
	if (!nfct_seqadj(ct)) {
		if (nf_ct_is_confirmed(ct))
			return 0;
		if (!nfct_seqadj_ext_add(ct))
			return -ENOMEM;
	}
	set_bit(IPS_SEQ_ADJUST_BIT, &ct->status);
	return 1;
}

/**
 * pp_offload_deny - keep a connection from flow offload
 * @ct: its conntrack entry, of the packet at hand; on success a reference is
 *	taken
 *
 * With the flag but without the extension, older kernels would follow a NULL pointer.
 * The extension can only be added before the entry is confirmed, that is at the first
 * SYN. So a connection that is older than its rule cannot be kept from flow offload.
 *
 * Return: 1: denied, to be undone with pp_offload_allow(); 0: the entry is too
 * old; -ENOMEM
 */
int pp_offload_deny(struct nf_conn *ct)
{
	int ret = set_flag(ct);

	if (ret > 0)
		nf_conntrack_get(&ct->ct_general);
	return ret;
}

/**
 * pp_offload_deny_for_good - keep a connection from flow offload until it is over
 * @ct: its conntrack entry, of the first packet
 *
 * Return: whether it is kept from it
 */
bool pp_offload_deny_for_good(struct nf_conn *ct)
{
	return set_flag(ct) > 0;
}

/**
 * pp_offload_is_denied - whether a connection is kept from flow offload
 * @ct: conntrack entry
 */
bool pp_offload_is_denied(const struct nf_conn *ct)
{
	return test_bit(IPS_SEQ_ADJUST_BIT, &ct->status);
}

/*
 * A NAT helper or SYNPROXY may need the flag for itself by now. An entry that is not confirmed
 * yet loses its extension when a module with conntrack extensions is unloaded (5.19 on).
 */
static bool really_adjusted(const struct nf_conn *ct)
{
	const struct nf_conn_seqadj *seqadj = nfct_seqadj(ct);
	int dir;

	if (!seqadj)
		return false;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++)
		if (seqadj->seq[dir].offset_before || seqadj->seq[dir].offset_after)
			return true;
	return false;
}

/**
 * pp_offload_is_adjusted - whether conntrack changes sequence numbers
 * @ct: conntrack entry
 *
 * The flag alone is no proof: see pp_offload_deny().
 */
bool pp_offload_is_adjusted(const struct nf_conn *ct)
{
	return test_bit(IPS_SEQ_ADJUST_BIT, &ct->status) && really_adjusted(ct);
}

/**
 * pp_offload_allow - let a connection be offloaded again
 * @ct: conntrack entry that pp_offload_deny() took a reference on
 * @denied_for_good: pp_offload_deny_for_good() has denied it, too
 */
void pp_offload_allow(struct nf_conn *ct, bool denied_for_good)
{
	spin_lock_bh(&ct->lock);
	if (!denied_for_good && !really_adjusted(ct))
		clear_bit(IPS_SEQ_ADJUST_BIT, &ct->status);
	spin_unlock_bh(&ct->lock);
	nf_ct_put(ct);
}
