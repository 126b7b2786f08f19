/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For a build of the module whose helpers fail when a test wants it: each source file is
 * compiled with this header in front (sim.sh). The kernel's own headers come first, so that
 * only the module's calls are replaced.
 *
 * The module parameter "fail" names the helper that fails, and "failed" counts its calls.
 */
#ifndef _PP_FAILING_H
#define _PP_FAILING_H

#include <linux/moduleparam.h>
#include <linux/net.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include <net/sock.h>
#include <net/tcp.h>

#define PP_FAILING_NAME	32

/* One for the whole module */
char pp_failing_helper[PP_FAILING_NAME] __weak;
unsigned int pp_failing_count __weak;

#ifdef PP_FAILING_PARAMETERS
module_param_string(fail, pp_failing_helper, PP_FAILING_NAME, 0644);
module_param_named(failed, pp_failing_count, uint, 0644);
#endif

static inline bool pp_failing(const char *helper)
{
	if (!sysfs_streq(pp_failing_helper, helper))
		return false;
	pp_failing_count++;
	return true;
}

/* As when the route is being destroyed: the packet has none afterwards */
static inline bool pp_failing_dst(struct sk_buff *skb)
{
	skb_dst_drop(skb);
	return false;
}

/* As on a kernel whose tables are not those that the module knows */
static inline int pp_failing_socket(struct net *net, int domain, int type, int protocol,
				    struct socket **sock)
{
	int err = sock_create_kern(net, domain, type, protocol, sock);

	if (!err)
		(*sock)->sk->sk_state_change = NULL;
	return err;
}

/* As when there is memory for one half alone */
static inline int pp_failing_send(struct sock *sk, struct msghdr *msg, size_t len)
{
	iov_iter_truncate(&msg->msg_iter, len / 2);
	return len / 2 ? tcp_sendmsg_locked(sk, msg, len / 2) : -EAGAIN;
}

#define PP_FAILING(helper, failure, call)	(pp_failing(helper) ? (failure) : (call))

#define skb_dst_force(skb) \
	PP_FAILING("skb_dst_force", pp_failing_dst(skb), skb_dst_force(skb))
#define dst_hold_safe(dst)	PP_FAILING("dst_hold_safe", false, dst_hold_safe(dst))
#define nfct_seqadj(ct)		PP_FAILING("nfct_seqadj", NULL, nfct_seqadj(ct))
#define nfct_seqadj_ext_add(ct) \
	PP_FAILING("nfct_seqadj_ext_add", NULL, nfct_seqadj_ext_add(ct))
#define nf_ct_seq_adjust(skb, ct, info, off) \
	PP_FAILING("nf_ct_seq_adjust", 0, nf_ct_seq_adjust(skb, ct, info, off))
#define skb_ensure_writable(skb, len) \
	PP_FAILING("skb_ensure_writable", -ENOMEM, skb_ensure_writable(skb, len))
#define skb_cow_head(skb, room)	PP_FAILING("skb_cow_head", -ENOMEM, skb_cow_head(skb, room))
#define skb_linearize(skb)	PP_FAILING("skb_linearize", -ENOMEM, skb_linearize(skb))
#define pskb_trim(skb, len)	PP_FAILING("pskb_trim", -ENOMEM, pskb_trim(skb, len))
#define sock_create_kern(net, domain, type, protocol, sock)			\
	(pp_failing("sock_create_kern") ?					\
	 pp_failing_socket(net, domain, type, protocol, sock) :			\
	 sock_create_kern(net, domain, type, protocol, sock))
#define tcp_sendmsg_locked(sk, msg, len)					\
	(pp_failing("tcp_sendmsg_locked") ? pp_failing_send(sk, msg, len) :	\
	 tcp_sendmsg_locked(sk, msg, len))
#define skb_page_frag_refill(len, frag, gfp) \
	PP_FAILING("skb_page_frag_refill", false, skb_page_frag_refill(len, frag, gfp))
#undef alloc_skb
#define alloc_skb(size, gfp) \
	PP_FAILING("alloc_skb", NULL, __alloc_skb(size, gfp, 0, NUMA_NO_NODE))

#endif /* _PP_FAILING_H */
