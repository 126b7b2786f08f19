// SPDX-License-Identifier: GPL-2.0
/*
 * Accepting: how long an accepted connection may be silent.
 *
 * Owns when V's host is asked whether it still has a connection, and when the connection is
 * forgotten. If its socket is on this host, it is forgotten when the socket is gone. Otherwise the
 * table below decides.
 */
#include <linux/jiffies.h>
#include "accept/internal.h"

/**
 * enum accept_phase - phase of an accepted connection whose socket is elsewhere, or behind NAT
 * @PHASE_RESET: conntrack has accepted the reset that ended it
 * @PHASE_CLOSED: both ends have sent a FIN, and V has acknowledged L's
 * @PHASE_DOUBTED: there was a reset whose number nobody has confirmed
 * @PHASE_HALF_CLOSED: V has sent a FIN, or has acknowledged L's
 * @PHASE_OPEN: none of these
 */
enum accept_phase {
	PHASE_RESET,
	PHASE_CLOSED,
	PHASE_DOUBTED,
	PHASE_HALF_CLOSED,
	PHASE_OPEN,
};

/**
 * struct accept_silence - what happens to a connection without packets
 * @ask: V's host is asked after this time, and at each sweep from then on; 0: never
 * @end: the connection is forgotten after this time
 */
struct accept_silence {
	unsigned long ask;
	unsigned long end;
};

/*
 * V's host is asked about a connection that is
 *
 *   open         when TCP would send a keepalive;
 *   half-closed  before conntrack, here and at V, forgets it after 60 s: at the sweep before;
 *   reset        when conntrack forgets it after 10 s, since V may not have got the reset.
 *
 * It is forgotten 300 s later, conntrack's timeout for data that is not acknowledged. After both
 * FINs V's host is not asked: V retransmits its FIN at most 120 s apart.
 */
static const struct accept_silence silences[] = {
	[PHASE_RESET]		= { .ask = 10 * HZ, .end = 310 * HZ },
	[PHASE_CLOSED]		= { .end = 150 * HZ },
	[PHASE_DOUBTED]		= { .ask = 10 * HZ, .end = 310 * HZ },
	[PHASE_HALF_CLOSED]	= { .ask = 25 * HZ, .end = 325 * HZ },
	[PHASE_OPEN]		= { .ask = 7200 * HZ, .end = 7500 * HZ },
};

/* Silence after which the socket of a local connection is looked for */
#define LOCAL_TIMEOUT		(10 * HZ)

static enum accept_phase phase_of(const struct pp_accept *entry)
{
	if (READ_ONCE(entry->is_reset))
		return PHASE_RESET;
	if (pp_accept_is_closed(entry))
		return PHASE_CLOSED;
	if (READ_ONCE(entry->is_doubted))
		return PHASE_DOUBTED;
	if (READ_ONCE(entry->fin_in) || READ_ONCE(entry->fin_out))
		return PHASE_HALF_CLOSED;
	return PHASE_OPEN;
}

/* A socket in TIME_WAIT still answers, so the connection stays */
static bool local_is_over(const struct pp_accept *entry, unsigned long silence)
{
	return silence > LOCAL_TIMEOUT && !pp_accept_has_socket(entry);
}

/**
 * pp_accept_is_silent - ask V's host about a silent connection, or see that it is over
 * @entry: connection, under RCU
 *
 * Context: a work.
 * Return: whether it is to be forgotten
 */
bool pp_accept_is_silent(struct pp_accept *entry)
{
	u32 silence = (u32)jiffies - READ_ONCE(entry->touched);
	const struct accept_silence *row;

	/* Pairs with the release of pp_accept_set_established() */
	if (smp_load_acquire(&entry->state) != PP_ACCEPT_ESTABLISHED || (s32)silence < 0)
		return false;
	if (entry->has_local_socket)
		return local_is_over(entry, silence);
	row = &silences[phase_of(entry)];
	if (silence > row->end)
		return true;
	if (row->ask && silence > row->ask) {
		local_bh_disable();
		pp_accept_ask(entry);
		local_bh_enable();
	}
	return false;
}
