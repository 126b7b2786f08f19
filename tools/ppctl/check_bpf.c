// SPDX-License-Identifier: GPL-2.0
/*
 * ppctl check: eBPF programs on the devices of the rules' connections. A program at XDP or at tc
 * may hand packets on without netfilter, and then the module does not see them. What it does
 * cannot be told from outside.
 */
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "ppctl.h"

/* Of more devices, no programs are looked for */
#define DEVICES_MAX	64
/* BPF_TCX_INGRESS and BPF_TCX_EGRESS of linux/bpf.h, from Linux 6.6 on */
#define TCX_INGRESS	46
#define TCX_EGRESS	47

static unsigned int devices[DEVICES_MAX];
static unsigned int count;

/**
 * check_programs_on - look for programs on the device of a path, too
 */
void check_programs_on(const struct check_path *path)
{
	unsigned int i;

	for (i = 0; i < count && devices[i] != path->device; i++)
		;
	if (i == count && count < DEVICES_MAX && path->device && path->type == RTN_UNICAST)
		devices[count++] = path->device;
}

static int take_link(struct nl_msg *msg, void *found)
{
	struct nlattr *tb[IFLA_MAX + 1], *xdp[IFLA_XDP_MAX + 1];

	if (nlmsg_hdr(msg)->nlmsg_type == RTM_NEWLINK &&
	    !nlmsg_parse(nlmsg_hdr(msg), sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) &&
	    tb[IFLA_XDP] && !nla_parse_nested(xdp, IFLA_XDP_MAX, tb[IFLA_XDP], NULL) &&
	    xdp[IFLA_XDP_ATTACHED] &&
	    nla_get_u8(xdp[IFLA_XDP_ATTACHED]) != XDP_ATTACHED_NONE)
		*(bool *)found = true;
	return NL_OK;
}

static bool has_xdp(unsigned int device)
{
	const struct ifinfomsg link = { .ifi_index = (int)device };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, NLM_F_REQUEST);
	bool found = false;

	if (!msg || nlmsg_append(msg, (void *)&link, sizeof(link), NLMSG_ALIGNTO))
		out_of_memory();
	check_ask(NETLINK_ROUTE, msg, take_link, &found);
	return found;
}

static int take_filter(struct nl_msg *msg, void *found)
{
	struct nlattr *tb[TCA_MAX + 1];

	if (nlmsg_hdr(msg)->nlmsg_type == RTM_NEWTFILTER &&
	    !nlmsg_parse(nlmsg_hdr(msg), sizeof(struct tcmsg), tb, TCA_MAX, NULL) &&
	    tb[TCA_KIND] && !strcmp(nla_get_string(tb[TCA_KIND]), "bpf"))
		*(bool *)found = true;
	return NL_OK;
}

static bool has_tc(unsigned int device, unsigned int parent)
{
	const struct tcmsg filter = {
		.tcm_ifindex = (int)device,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, parent),
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP);
	bool found = false;

	if (!msg || nlmsg_append(msg, (void *)&filter, sizeof(filter), NLMSG_ALIGNTO))
		out_of_memory();
	check_ask(NETLINK_ROUTE, msg, take_filter, &found);
	return found;
}

/* An older kernel does not know these places, and refuses the question */
static bool has_tcx(unsigned int device, unsigned int place)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = device;
	attr.query.attach_type = place;
	return !syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) && attr.query.prog_cnt;
}

static bool check_device(unsigned int device)
{
	bool xdp = has_xdp(device);
	bool in = has_tc(device, TC_H_MIN_INGRESS) || has_tcx(device, TCX_INGRESS);
	bool out = has_tc(device, TC_H_MIN_EGRESS) || has_tcx(device, TCX_EGRESS);
	char name[IF_NAMESIZE];

	if ((!xdp && !in && !out) || !if_indextoname(device, name))
		return false;
	check_say("bpf", CHECK_NOTE, NULL,
		  "%s has eBPF programs at%s%s%s: packets that they redirect, answer or assign to sockets pass neither netfilter nor the module",
		  name, xdp ? " XDP" : "", in ? " tc ingress" : "", out ? " tc egress" : "");
	return true;
}

/**
 * check_programs - look for programs on all these devices
 */
void check_programs(void)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < count; i++)
		any |= check_device(devices[i]);
	if (count && !any)
		check_say("bpf", CHECK_OK, NULL,
			  "no eBPF program is on the devices of the rules' connections");
	count = 0;
}
