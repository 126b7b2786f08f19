/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP options: finding them, and the few ways to change one.
 *
 * For send/ and accept/. Owns the walk through options, and what a SYN or SYN-ACK offers.
 */
#ifndef _PP_PACKET_OPTION_H
#define _PP_PACKET_OPTION_H

#include <linux/tcp.h>
#include <net/tcp.h>

struct pp_change;
struct pp_packet;

#define PP_TCPOPT_AO	29

/* Value of a window scale: the SYN has no such option */
#define PP_NO_WSCALE	0xff

/**
 * struct pp_option - a TCP option
 * @off: offset in the TCP header; 0 before the first option
 * @kind: its kind
 * @len: its length, with the bytes for kind and length
 */
struct pp_option {
	u8 off;
	u8 kind;
	u8 len;
};

/**
 * struct pp_syn_options - what a SYN or SYN-ACK offers
 * @is_signed: it has an MD5 or AO option
 * @others: it has options that are not copied to another SYN
 * @timestamps: it has a timestamp option
 * @sack: it permits selective acknowledgements
 * @has_mss: it has an MSS option
 * @wscale: window scale, at most TCP_MAX_WSCALE, or PP_NO_WSCALE
 * @mss: maximum segment size if @has_mss
 * @ts_val: timestamp if @timestamps
 */
struct pp_syn_options {
	bool is_signed;
	bool others;
	bool timestamps;
	bool sack;
	bool has_mss;
	u8 wscale;
	u16 mss;
	u32 ts_val;
};

/* Whether the options are two NOPs and a timestamp (RFC 7323, appendix A), as in most packets */
static inline bool pp_packet_has_timestamp_only(const struct tcphdr *th)
{
	return th->doff * 4 == sizeof(*th) + TCPOLEN_TSTAMP_ALIGNED &&
	       *(const __be32 *)(th + 1) == htonl(TCPOPT_NOP << 24 | TCPOPT_NOP << 16 |
						  TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP);
}

bool pp_packet_next_option(const struct tcphdr *th, struct pp_option *opt);
void pp_packet_nop_option(struct pp_packet *pkt, struct tcphdr *th,
			  const struct pp_option *opt);
void pp_packet_change_option(struct pp_change *change, struct tcphdr *th, unsigned int off,
			     u32 by);
bool pp_packet_is_plain_option(u8 kind);
void pp_packet_read_options(const struct tcphdr *th, struct pp_syn_options *opts);

#endif /* _PP_PACKET_OPTION_H */
