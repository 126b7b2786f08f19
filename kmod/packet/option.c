// SPDX-License-Identifier: GPL-2.0
/*
 * TCP options: finding them, and the few ways to change one.
 *
 * Owns the walk through options, what a SYN or SYN-ACK offers, and the checksum when an option
 * changes.
 */
#include <linux/bitops.h>
#include <linux/unaligned.h>
#include <net/checksum.h>
#include <net/tcp.h>
#include "packet/option.h"
#include "packet/packet.h"

/**
 * pp_packet_next_option - walk through TCP options
 * @th: TCP header with all its options in linear memory
 * @opt: zeroed before the first call; the option found
 *
 * Context: any; takes no lock.
 * Return: whether there is another option; false at a malformed one, too
 */
bool pp_packet_next_option(const struct tcphdr *th, struct pp_option *opt)
{
	const u8 *bytes = (const u8 *)th;
	unsigned int end = th->doff * 4;
	unsigned int off = opt->off ? opt->off + opt->len : sizeof(*th);

	while (off < end && bytes[off] == TCPOPT_NOP)
		off++;
	if (off + 1 >= end || bytes[off] == TCPOPT_EOL)
		return false;
	opt->off = off;
	opt->kind = bytes[off];
	opt->len = bytes[off + 1];
	return opt->len >= 2 && off + opt->len <= end;
}

/**
 * pp_packet_is_plain_option - whether any connection may have an option
 * @kind: kind of the option
 *
 * Context: any; takes no lock.
 * Return: true for MSS, window scale, SACK permitted and timestamps
 */
bool pp_packet_is_plain_option(u8 kind)
{
	return kind == TCPOPT_MSS || kind == TCPOPT_WINDOW || kind == TCPOPT_SACK_PERM ||
	       kind == TCPOPT_TIMESTAMP;
}

/**
 * pp_packet_read_options - read what a SYN or SYN-ACK offers
 * @th: its TCP header with all options in linear memory
 * @opts: result
 *
 * Context: any; takes no lock.
 */
void pp_packet_read_options(const struct tcphdr *th, struct pp_syn_options *opts)
{
	const u8 *bytes = (const u8 *)th;
	struct pp_option opt = {};

	*opts = (struct pp_syn_options){ .wscale = PP_NO_WSCALE };
	while (pp_packet_next_option(th, &opt)) {
		if (opt.kind == TCPOPT_MD5SIG || opt.kind == PP_TCPOPT_AO) {
			opts->is_signed = true;
		} else if (opt.kind == TCPOPT_WINDOW && opt.len == TCPOLEN_WINDOW) {
			opts->wscale = min_t(u8, bytes[opt.off + 2], TCP_MAX_WSCALE);
		} else if (opt.kind == TCPOPT_SACK_PERM && opt.len == TCPOLEN_SACK_PERM) {
			opts->sack = true;
		} else if (opt.kind == TCPOPT_TIMESTAMP && opt.len == TCPOLEN_TIMESTAMP) {
			opts->timestamps = true;
			opts->ts_val = get_unaligned_be32(bytes + opt.off + 2);
		} else if (opt.kind == TCPOPT_MSS && opt.len == TCPOLEN_MSS) {
			opts->has_mss = true;
			opts->mss = get_unaligned_be16(bytes + opt.off + 2);
		} else if (!pp_packet_is_plain_option(opt.kind)) {
			opts->others = true;
		}
	}
}

/**
 * pp_packet_nop_option - overwrite a TCP option with NOPs
 * @pkt: packet
 * @th: its writable TCP header
 * @opt: option
 *
 * Context: any; takes no lock.
 */
void pp_packet_nop_option(struct pp_packet *pkt, struct tcphdr *th,
			  const struct pp_option *opt)
{
	u8 *bytes = (u8 *)th;
	unsigned int i;
	u16 old, new;

	for (i = opt->off; i < opt->off + opt->len; i++) {
		/* The checksum adds 16-bit words: a byte at an even offset is the high one */
		old = i % 2 ? bytes[i] : bytes[i] << 8;
		new = i % 2 ? TCPOPT_NOP : TCPOPT_NOP << 8;
		inet_proto_csum_replace2(&th->check, pkt->skb, htons(old), htons(new), false);
		bytes[i] = TCPOPT_NOP;
	}
}

/**
 * pp_packet_change_option - change a 32-bit number in a TCP option
 * @change: collects the change
 * @th: writable TCP header
 * @off: offset of the number in the TCP header
 * @by: what is added to the number, host byte order
 *
 * Context: any; takes no lock.
 */
void pp_packet_change_option(struct pp_change *change, struct tcphdr *th, unsigned int off,
			     u32 by)
{
	u8 *bytes = (u8 *)th + off;
	__be32 old = get_unaligned((__be32 *)bytes), new = htonl(ntohl(old) + by);

	put_unaligned(new, (__be32 *)bytes);
	/* The checksum adds 16-bit words that begin at even offsets */
	if (off % 2) {
		old = (__force __be32)ror32((__force u32)old, 8);
		new = (__force __be32)ror32((__force u32)new, 8);
	}
	pp_packet_change_be32(&change->fields, &old, new);
}
