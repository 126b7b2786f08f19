// SPDX-License-Identifier: GPL-2.0
/*
 * The module: its beginning and its end.
 *
 * Loading it does nothing to any packet: see net.c for when hooks are
 * registered. Netlink comes last and goes first, so that no command finds the
 * module half there.
 */
#include <linux/module.h>
#include "accept.h"
#include "net.h"
#include "netlink.h"

static int __init pp_init(void)
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
	pr_info("proxyproto %s: PROXY protocol for connections to tagged backends\n",
		THIS_MODULE->version);
	return 0;

exit_sockopt:
	pp_accept_sockopt_exit();
exit_net:
	pp_net_exit();
	return err;
}

static void __exit pp_exit(void)
{
	pp_netlink_exit();
	pp_accept_sockopt_exit();
	pp_net_exit();
}

module_init(pp_init);
module_exit(pp_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("PROXY protocol headers for TCP connections, in the kernel");
MODULE_AUTHOR("proxyproto authors");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_GENL_FAMILY(PP_GENL_NAME);
