// SPDX-License-Identifier: GPL-2.0
/*
 * The module: loading and unloading it.
 *
 * Loading it changes no packet: net.c registers hooks with the first rule. Netlink is
 * registered last but for the ULP, and unregistered first but for it, so that no command and no
 * socket finds half a module.
 */
#include <linux/module.h>
#include <net/tcp.h>
#include "accept/accept.h"
#include "net.h"
#include "netlink/netlink.h"
#include "ulp/ulp.h"

static int __init proxyproto_init(void)
{
	int err;

	err = pp_net_init();
	if (err)
		return err;
	err = pp_accept_sockopt_init();
	if (err)
		goto exit_net;
	err = pp_netlink_init();
	if (err)
		goto exit_sockopt;
	err = pp_ulp_init();
	if (err)
		goto exit_netlink;
	pr_info("proxyproto %s: PROXY protocol for connections to tagged backends\n",
		THIS_MODULE->version);
	return 0;

exit_netlink:
	pp_netlink_exit();
exit_sockopt:
	pp_accept_sockopt_exit();
exit_net:
	pp_net_exit();
	return err;
}

static void __exit proxyproto_exit(void)
{
	pp_ulp_exit();
	pp_netlink_exit();
	pp_accept_sockopt_exit();
	pp_net_exit();
}

module_init(proxyproto_init);
module_exit(proxyproto_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("PROXY protocol headers for TCP connections, in the kernel");
MODULE_AUTHOR("proxyproto authors");
MODULE_VERSION("1.0.0");
MODULE_ALIAS_GENL_FAMILY(PP_GENL_NAME);
MODULE_ALIAS_TCP_ULP(PP_ULP_NAME);
