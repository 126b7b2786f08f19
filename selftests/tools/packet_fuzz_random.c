// SPDX-License-Identifier: GPL-2.0
/*
 * pp_packet_fuzz: chance, and what it does to the header of a TCP packet. The
 * same seed gives the same decisions.
 */
#include <string.h>

#include "packet_fuzz.h"

static uint64_t state;

void fuzz_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15 | 1;
}

/* xorshift64: not good, but the same everywhere */
uint32_t fuzz_below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 24) % limit;
}

bool fuzz_chance(uint32_t percent)
{
	return fuzz_below(100) < percent;
}

static uint32_t any_number(void)
{
	return fuzz_below(0xffffffff);
}

/* Well-formed options; kind, length, and the rest at random */
static const struct {
	uint8_t kind;
	uint8_t len;
	bool syn;
} kinds[] = {
	{ 1, 1, false },	/* NOP */
	{ 2, 4, true },		/* MSS */
	{ 3, 3, true },		/* window scale */
	{ 4, 2, true },		/* SACK permitted */
	{ 5, 10, false },	/* SACK, one block */
	{ 5, 34, false },	/* SACK, four */
	{ 8, 10, false },	/* timestamps */
	{ 8, 10, true },
	{ 19, 18, false },	/* MD5 */
	{ 29, 16, false },	/* authentication */
	{ 30, 12, true },	/* Multipath TCP, MP_CAPABLE */
	{ 34, 10, true },	/* Fast Open cookie */
	{ 34, 2, true },
	{ 253, 6, false },	/* experiments */
};

static void add_option(struct fuzz_packet *pkt)
{
	unsigned int i = fuzz_below(sizeof(kinds) / sizeof(kinds[0]));
	uint8_t *option = pkt->options + pkt->options_len;

	if (kinds[i].syn && !pkt->th.syn && fuzz_chance(90))
		return;
	if (pkt->options_len + kinds[i].len > FUZZ_OPTIONS_MAX)
		return;
	for (unsigned int at = 0; at < kinds[i].len; at++)
		option[at] = any_number();
	option[0] = kinds[i].kind;
	if (kinds[i].len > 1)
		option[1] = kinds[i].len;
	if (kinds[i].kind == 3)
		option[2] %= 16;
	pkt->options_len += kinds[i].len;
}

/**
 * fuzz_options - gives a packet options that it may have
 * @pkt: packet, its flags set
 */
void fuzz_options(struct fuzz_packet *pkt)
{
	for (unsigned int n = fuzz_below(4); n; n--)
		add_option(pkt);
	while (pkt->options_len % 4)
		pkt->options[pkt->options_len++] = 1;
}

/* Numbers near those where TCP or the module decides something */
static uint32_t near(uint32_t number)
{
	switch (fuzz_below(5)) {
	case 0:
		return number + fuzz_below(7) - 3;
	case 1:
		return number + fuzz_below(1200) - 600;
	case 2:
		return number + fuzz_below(200000) - 100000;
	case 3:
		return number ^ 1u << fuzz_below(32);
	default:
		return any_number();
	}
}

static void mutate_seq(struct fuzz_packet *pkt)
{
	uint32_t seq = ntohl(pkt->th.seq), now = near(seq);

	pkt->th.seq = htonl(now);
	pkt->offset += now - seq;
}

/* SYN takes a number of its own, before the payload */
static void mutate_flags(struct fuzz_packet *pkt)
{
	struct tcphdr *th = &pkt->th;
	unsigned int syn = th->syn;

	switch (fuzz_below(7)) {
	case 0:
		th->fin ^= 1;
		break;
	case 1:
		th->syn ^= 1;
		break;
	case 2:
		th->rst ^= 1;
		break;
	case 3:
		th->ack ^= 1;
		break;
	case 4:
		th->urg ^= 1;
		th->urg_ptr = htons(fuzz_below(2000));
		break;
	case 5:
		th->res2 = fuzz_below(4);
		break;
	default:
		((uint8_t *)th)[13] = any_number();
	}
	pkt->offset += syn - th->syn;
}

static void mutate_window(struct fuzz_packet *pkt)
{
	static const uint16_t windows[] = { 0, 1, 2, 28, 100, 512, 65535 };

	pkt->th.window = htons(windows[fuzz_below(7)]);
}

static void mutate_options(struct fuzz_packet *pkt)
{
	pkt->options_len = fuzz_below(FUZZ_OPTIONS_MAX / 4 + 1) * 4;
	for (size_t i = 0; i < pkt->options_len; i++)
		pkt->options[i] = fuzz_chance(50) ? fuzz_below(12) : any_number();
}

static void mutate_length(struct fuzz_packet *pkt)
{
	static const size_t lengths[] = { 0, 1, 2, 11, 12, 15, 16, 28, 52, 107, 108, 536, 1460,
					  4000, FUZZ_PAYLOAD_MAX };

	pkt->len = lengths[fuzz_below(sizeof(lengths) / sizeof(lengths[0]))];
	if (pkt->len > 1300)
		pkt->gso_size = 1 + fuzz_below(1300);
}

/**
 * fuzz_mutate - make a packet unexpected
 * @pkt: packet
 * @truthful: its payload stays what the stream has at its number
 */
void fuzz_mutate(struct fuzz_packet *pkt, bool truthful)
{
	for (unsigned int n = 1 + fuzz_below(3); n; n--) {
		switch (fuzz_below(truthful ? 6 : 7)) {
		case 0:
			mutate_seq(pkt);
			break;
		case 1:
			pkt->th.ack_seq = htonl(near(ntohl(pkt->th.ack_seq)));
			break;
		case 2:
			mutate_flags(pkt);
			break;
		case 3:
			mutate_window(pkt);
			break;
		case 4:
			mutate_options(pkt);
			break;
		case 5:
			mutate_length(pkt);
			break;
		default:
			pkt->noise = true;
		}
	}
}
