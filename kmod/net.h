/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network namespaces: their hooks, and the beginning and end of their state.
 *
 * For code that adds and removes rules, and for code that ends connections, since
 * the last connection may unregister the hooks.
 */
#ifndef _PP_NET_H
#define _PP_NET_H

#include "pernet.h"

int pp_net_hook(struct pp_net *pn, const struct pp_rules *rules);
void pp_net_unhook_idle(struct pp_net *pn);
int pp_net_init(void);
void pp_net_exit(void);

#endif /* _PP_NET_H */
