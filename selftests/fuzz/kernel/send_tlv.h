/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For userspace: what kmod/send/tlv.c takes from kmod/accept/accept.h and kmod/send/internal.h,
 * and what these include, of which nothing can be compiled here. Comes first
 * (-include); the guards keep those headers out.
 */
#ifndef _PP_FUZZ_SEND_TLV_H
#define _PP_FUZZ_SEND_TLV_H

#define _PP_ACCEPT_H
#define _PP_SEND_INTERNAL_H

#include "proto/header.h"
#include "linux/proxyproto.h"

/* The members that send/tlv.c uses, as in kmod/rule/rule.h */
struct pp_rule {
	struct {
		u8 *tlvs;
		u16 tlv_len;
		bool unique_id;
		bool crc32c;
		bool drop_tlvs;
	} send;
};

/* The members that send/tlv.c uses, as in kmod/accept/conn.h */
struct pp_accept {
	unsigned int *net;
	u16 tlv_len;
	const u8 *tlvs;
};

static inline const u8 *pp_accept_find_tlvs(const struct pp_accept *accepted)
{
	return accepted->tlvs;
}

/* Counts in what stands for the namespace */
#define pp_stats_inc(net, name)	(++*(net))

unsigned int pp_send_put_tlvs(const struct pp_rule *rule, const struct pp_accept *accepted,
			      unsigned int room, u8 *buf);
u16 pp_send_finish_tlvs(const struct pp_rule *rule, u8 *header, u16 len);

#endif /* _PP_FUZZ_SEND_TLV_H */
