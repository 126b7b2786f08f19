// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting by socket: listeners with the ULP.
 *
 * Owns their list, and whom a listener trusts: sources of its own, which only CAP_NET_ADMIN may
 * name, or those of the namespace's accept rules. Otherwise anyone could hand a privileged service
 * a socket whose getpeername() lies.
 *
 * A listener keeps the ULP until it is closed, since TCP reads a socket's ULP without a lock. A
 * listener that is detached trusts nobody.
 */
#include <linux/slab.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/l3mdev.h>
#include <net/tcp.h>
#include "accept/accept.h"
#include "ulp/internal.h"

static LIST_HEAD(listeners);
static DEFINE_SPINLOCK(listeners_lock);

/**
 * pp_ulp_find_policy - find what a listener trusts a load balancer by
 * @sk: listening socket
 * @key: the connection, L > V
 * @in: device that its packets come by, or NULL if that is gone
 *
 * Context: under RCU.
 * Return: a rule, or the listener's own policy; NULL: the source is not trusted
 */
struct pp_rule *pp_ulp_find_policy(const struct sock *sk, const struct pp_conn_key *key,
				   const struct net_device *in)
{
	const struct pp_ulp_attached *listener = pp_ulp_attached_of(sk);
	struct pp_rule *policy;

	if (!listener)
		return NULL;
	policy = rcu_dereference(listener->policy);
	if (!policy)
		return READ_ONCE(listener->by_rule) ?
		       pp_accept_find_rule(pp_net_of(sock_net(sk)), key, in) : NULL;
	return pp_rule_believes(policy, key->family, &key->src) ? policy : NULL;
}

/**
 * pp_ulp_serves - whether the listener of a connection takes the header itself
 * @pn: namespace
 * @key: the connection, L > V
 * @in: device that its packets come by
 *
 * Context: under RCU.
 * Return: true: packet rules leave the connection alone
 */
bool pp_ulp_serves(struct pp_net *pn, const struct pp_conn_key *key, const struct net_device *in)
{
	int dif = in->ifindex, vrf = l3mdev_master_ifindex_rcu(in);
	struct sock *sk;

	if (!atomic_read(&pn->ulp.listeners))
		return false;
	if (key->family == PP_IPV6)
		sk = pp_inet6_lookup_listener(pn->net, &key->src.in6, key->sport, &key->dst.in6,
					      ntohs(key->dport), dif, vrf);
	else
		sk = pp_inet_lookup_listener(pn->net, key->src.ip, key->sport, key->dst.ip,
					     ntohs(key->dport), dif, vrf);
	return sk && pp_ulp_find_policy(sk, key, in);
}

static bool is_admin(const struct sock *sk)
{
	return ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN);
}

static bool has_accept_rules(struct pp_net *pn)
{
	const struct pp_rules *rules;
	bool has;

	rcu_read_lock();
	rules = rcu_dereference(pn->rules);
	has = READ_ONCE(rules->of_family[PP_DIRECTION_ACCEPT][PP_IPV4]) ||
	      READ_ONCE(rules->of_family[PP_DIRECTION_ACCEPT][PP_IPV6]);
	rcu_read_unlock();
	return has;
}

/* TCP would reset what waits for its header */
static int check_overflow(const struct sock *sk)
{
	return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_abort_on_overflow) ? -EBUSY : 0;
}

/**
 * pp_ulp_listener_check - whether a socket with the ULP may listen
 * @sk: socket
 *
 * Return: 0, or an error as the uapi header says
 */
int pp_ulp_listener_check(const struct sock *sk)
{
	if (!is_admin(sk) && !has_accept_rules(pp_net_of(sock_net(sk))))
		return -EPERM;
	return check_overflow(sk);
}

/**
 * pp_ulp_listener_add - a socket is listening, or about to
 * @attached: socket, locked; may be a listener already
 */
void pp_ulp_listener_add(struct pp_ulp_attached *attached)
{
	spin_lock_bh(&listeners_lock);
	if (list_empty(&attached->node)) {
		list_add_tail_rcu(&attached->node, &listeners);
		atomic_inc(&pp_net_of(sock_net(attached->sk))->ulp.listeners);
	}
	spin_unlock_bh(&listeners_lock);
}

static int begin_locked(struct sock *sk)
{
	struct pp_ulp_attached *attached;
	int err;

	/* It stays, since the caller has the socket's file */
	rcu_read_lock();
	attached = pp_ulp_attached_of(sk);
	rcu_read_unlock();
	if (rcu_access_pointer(attached->sender))
		return -EOPNOTSUPP;
	/* Whoever gave it a policy had the right to */
	err = rcu_access_pointer(attached->policy) ? check_overflow(sk) :
						     pp_ulp_listener_check(sk);
	if (err)
		return err;
	pp_ulp_listener_add(attached);
	pp_ulp_put_on_listener(sk);
	return 0;
}

/**
 * pp_ulp_listener_begin - a socket that has the ULP is about to listen
 * @sk: socket
 *
 * Return: 0, or an error as the uapi header says
 */
int pp_ulp_listener_begin(struct sock *sk)
{
	int err;

	lock_sock(sk);
	err = begin_locked(sk);
	release_sock(sk);
	return err;
}

/**
 * pp_ulp_listener_end - a socket is destroyed
 * @attached: socket; it may never have listened
 */
void pp_ulp_listener_end(struct pp_ulp_attached *attached)
{
	struct pp_rule *policy;

	spin_lock_bh(&listeners_lock);
	if (!list_empty(&attached->node)) {
		list_del_rcu(&attached->node);
		atomic_dec(&pp_net_of(sock_net(attached->sk))->ulp.listeners);
	}
	policy = rcu_replace_pointer(attached->policy, NULL, lockdep_is_held(&listeners_lock));
	spin_unlock_bh(&listeners_lock);
	if (policy)
		pp_rule_retire(policy);
}

static bool read_source(const struct pp_so_source *source, struct pp_from *from)
{
	const u8 max = source->family == AF_INET6 ? 128 : 32;

	if ((source->family != AF_INET && source->family != AF_INET6) ||
	    source->prefix_len > max || source->reserved)
		return false;
	from->families = BIT(source->family == AF_INET6 ? PP_IPV6 : PP_IPV4);
	from->len = source->prefix_len;
	memcpy(&from->prefix, source->addr, max / 8);
	pp_rule_mask_prefix(source->family == AF_INET6 ? PP_IPV6 : PP_IPV4, &from->prefix,
			    from->len);
	return true;
}

/* Return: 0, and *@policy, NULL if accept rules are to decide */
static int read_policy(sockptr_t arg, unsigned int len, struct pp_rule **policy)
{
	struct pp_so_attach head;
	struct pp_so_source source;
	struct pp_rule *rule;
	unsigned int i;

	*policy = NULL;
	if (len < sizeof(head) || copy_from_sockptr(&head, arg, sizeof(head)))
		return len < sizeof(head) ? -EINVAL : -EFAULT;
	if (head.source_count > PP_FROM_MAX || head.stacked > PP_STACKED_MAX ||
	    len != sizeof(head) + head.source_count * sizeof(source))
		return -EINVAL;
	if (!head.source_count)
		return head.header || head.timeout || head.stacked ? -EINVAL : 0;
	if (head.header > PP_HEADER_OPTIONAL || head.timeout < PP_TIMEOUT_MIN ||
	    head.timeout > PP_TIMEOUT_MAX)
		return -EINVAL;
	rule = pp_rule_alloc(0, head.source_count, 0, 0);
	if (!rule)
		return -ENOMEM;
	rule->direction = PP_DIRECTION_ACCEPT;
	rule->families = BIT(PP_IPV4) | BIT(PP_IPV6);
	rule->accept.header_need = head.header;
	rule->accept.stacked = head.stacked ?: 1;
	rule->accept.timeout = head.timeout;
	for (i = 0; i < head.source_count; i++) {
		if (copy_from_sockptr_offset(&source, arg, sizeof(head) + i * sizeof(source),
					     sizeof(source)) ||
		    !read_source(&source, &rule->accept.from[i])) {
			pp_rule_retire(rule);
			return -EINVAL;
		}
	}
	*policy = rule;
	return 0;
}

/*
 * Replace whom a listener trusts.
 *
 * Return: 0; -ENOENT: it has not the ULP
 */
static int set_trust(struct sock *sk, struct pp_rule *policy, bool by_rule)
{
	struct pp_ulp_attached *listener;
	struct pp_rule *old = NULL;
	int err = -ENOENT;

	rcu_read_lock();
	spin_lock_bh(&listeners_lock);
	listener = pp_ulp_attached_of(sk);
	if (listener) {
		old = rcu_replace_pointer(listener->policy, policy,
					  lockdep_is_held(&listeners_lock));
		WRITE_ONCE(listener->by_rule, by_rule);
		err = 0;
	}
	spin_unlock_bh(&listeners_lock);
	rcu_read_unlock();
	if (old)
		pp_rule_retire(old);
	return err;
}

static bool is_attached(const struct sock *sk)
{
	const struct pp_ulp_attached *listener;
	bool attached;

	rcu_read_lock();
	listener = pp_ulp_attached_of(sk);
	attached = listener && (rcu_access_pointer(listener->policy) ||
				READ_ONCE(listener->by_rule));
	rcu_read_unlock();
	return attached;
}

static bool has_our_ulp(const struct sock *sk, bool *sends)
{
	const struct pp_ulp_attached *attached;

	rcu_read_lock();
	attached = pp_ulp_attached_of(sk);
	*sends = attached && rcu_access_pointer(attached->sender);
	rcu_read_unlock();
	return attached;
}

static int attach_ulp(struct sock *sk)
{
	static char name[] = PP_ULP_NAME;
	int err = pp_ulp_listener_check(sk);

	return err ?: READ_ONCE(sk->sk_prot)->setsockopt(sk, SOL_TCP, TCP_ULP,
							 KERNEL_SOCKPTR(name), sizeof(name) - 1);
}

/**
 * pp_ulp_listener_attach - PP_SO_ATTACH
 * @sk: TCP socket
 * @arg: struct pp_so_attach with its sources
 * @len: bytes of @arg
 *
 * Return: 0, or an error as the uapi header says
 */
int pp_ulp_listener_attach(struct sock *sk, sockptr_t arg, unsigned int len)
{
	struct pp_rule *policy;
	int err = read_policy(arg, len, &policy);
	bool has_ulp, sends;

	if (err)
		return err;
	has_ulp = has_our_ulp(sk, &sends);
	if (policy && !is_admin(sk))
		err = -EPERM;
	else if (sends || is_attached(sk))
		err = -EALREADY;
	else if (has_ulp && !is_admin(sk))
		err = -EPERM;
	else if (!has_ulp)
		err = attach_ulp(sk);
	if (!err)
		err = set_trust(sk, policy, !policy);
	if (err && policy)
		pp_rule_retire(policy);
	return err;
}

/**
 * pp_ulp_listener_detach - PP_SO_DETACH
 * @sk: TCP socket
 *
 * Return: 0, or an error as the uapi header says
 */
int pp_ulp_listener_detach(struct sock *sk)
{
	if (!is_admin(sk))
		return -EPERM;
	return is_attached(sk) ? set_trust(sk, NULL, false) : -ENOENT;
}

static void describe_listener(const struct pp_ulp_attached *listener,
			      struct pp_ulp_listening *listening)
{
	const struct sock *sk = listener->sk;

	*listening = (struct pp_ulp_listening){
		.local.family = sk->sk_family,
		.local.port = htons(sk->sk_num),
		.policy = rcu_dereference(listener->policy),
	};
	if (sk->sk_family == AF_INET6)
		listening->local.addr.in6 = sk->sk_v6_rcv_saddr;
	else
		listening->local.addr.ip = sk->sk_rcv_saddr;
}

/**
 * pp_ulp_each_listener - call a function for each attached listener of a namespace
 * @pn: namespace
 * @walk: position, zero at first
 * @emit: function; called under RCU; ends the walk by returning anything but 0, and is called again
 *	with the same listener when the walk goes on
 * @arg: argument of @emit
 *
 * Return: 0 at the end, or what @emit has returned
 */
int pp_ulp_each_listener(struct pp_net *pn, struct pp_ulp_walk *walk,
			 int (*emit)(const struct pp_ulp_listening *listening, void *arg),
			 void *arg)
{
	const struct pp_ulp_attached *listener = NULL;
	struct pp_ulp_listening listening;
	unsigned int at = 0;
	int err = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(listener, &listeners, node) {
		if (at++ < walk->skip || sock_net(listener->sk) != pn->net ||
		    listener->sk->sk_state != TCP_LISTEN || !is_attached(listener->sk))
			continue;
		describe_listener(listener, &listening);
		err = emit(&listening, arg);
		if (err)
			break;
		walk->skip = at;
	}
	rcu_read_unlock();
	return err;
}
