/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For userspace: what kmod/send_tlv.c takes from kmod/accept.h and kmod/send.h,
 * and what these include, of which nothing can be compiled here. Comes first
 * (-include); the guards keep those headers out.
 */
#ifndef _PP_FUZZ_SEND_TLV_H
#define _PP_FUZZ_SEND_TLV_H

#define _PP_ACCEPT_H
#define _PP_SEND_H

#include "header.h"
#include "linux/proxyproto.h"

/* The members that send_tlv.c uses, as in kmod/rule.h */
struct pp_rule {
	u8 *tlvs;
	u16 tlv_len;
	bool unique_id;
	bool crc32c;
	bool drop_tlvs;
};

/* The members that send_tlv.c uses, as in kmod/accept.h */
struct pp_accept {
	unsigned int *net;
	u16 tlv_len;
	const u8 *tlvs;
};

static inline const u8 *pp_accept_tlvs(const struct pp_accept *accepted)
{
	return accepted->tlvs;
}

/* Counts in what stands for the namespace */
#define pp_stats_inc(net, name)	(++*(net))

unsigned int pp_send_tlvs(const struct pp_rule *rule, const struct pp_accept *accepted,
			  unsigned int room, u8 *buf);
u16 pp_send_finish_tlvs(const struct pp_rule *rule, u8 *header, u16 len);

#endif /* _PP_FUZZ_SEND_TLV_H */
