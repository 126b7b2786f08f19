/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Since 6.14 a handshake's last ACK has to echo a timestamp that was sent. Since 6.10 a reset has a
 * reason. Since 7.1 the highest window ever advertised is remembered.
 */
#ifndef _PP_COMPAT_NET_TCP_H
#define _PP_COMPAT_NET_TCP_H

#include_next <net/tcp.h>

#ifdef PP_HAVE_SNT_TSVAL
static inline void pp_tcp_set_snt_tsval(struct tcp_request_sock *treq, u32 first, u32 last)
{
	treq->snt_tsval_first = first;
	WRITE_ONCE(treq->snt_tsval_last, last);
}

/* An acknowledgement with the timestamp of now is sent */
static inline void pp_tcp_note_tsval(struct tcp_request_sock *treq)
{
	WRITE_ONCE(treq->snt_tsval_last, tcp_rsk_tsval(treq));
}
#else
static inline void pp_tcp_set_snt_tsval(struct tcp_request_sock *treq, u32 first, u32 last)
{
}

static inline void pp_tcp_note_tsval(struct tcp_request_sock *treq)
{
}
#endif

#ifdef PP_HAVE_RST_REASON
#define PP_RST_REASON(before)	before, SK_RST_REASON_NOT_SPECIFIED
#else
#define PP_RST_REASON(before)	before
#endif

/* Bytes before the first byte of a new socket count as received and read */
static inline void pp_tcp_skip(struct tcp_sock *tp, u32 len)
{
	tp->rcv_wup += len;
	WRITE_ONCE(tp->copied_seq, tp->copied_seq + len);
	WRITE_ONCE(tp->rcv_nxt, tp->rcv_nxt + len);
#ifdef PP_HAVE_MWND_SEQ
	tp->rcv_mwnd_seq += len;
#endif
}

#endif /* _PP_COMPAT_NET_TCP_H */
