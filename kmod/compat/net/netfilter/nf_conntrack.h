/* SPDX-License-Identifier: GPL-2.0 */
/* A kernel may be built without connection marks; since 5.16 its count is a refcount_t */
#ifndef _PP_COMPAT_NET_NETFILTER_NF_CONNTRACK_H
#define _PP_COMPAT_NET_NETFILTER_NF_CONNTRACK_H

#include_next <net/netfilter/nf_conntrack.h>

static inline u32 pp_nf_ct_mark(const struct nf_conn *ct, u32 otherwise)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK_MARK)
	if (ct)
		return READ_ONCE(ct->mark);
#endif
	return otherwise;
}

/* Whether somebody else than the caller refers to an entry that is not confirmed */
static inline bool pp_nf_ct_is_shared(const struct nf_conn *ct)
{
#ifdef PP_HAVE_CT_REFCOUNT
	return refcount_read(&ct->ct_general.use) > 1;
#else
	return atomic_read(&ct->ct_general.use) > 1;
#endif
}

#endif /* _PP_COMPAT_NET_NETFILTER_NF_CONNTRACK_H */
