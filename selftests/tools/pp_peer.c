// SPDX-License-Identifier: GPL-2.0
/*
 * pp_peer: a TCP client and a TCP server that are exact to the byte.
 *
 * The selftests put them at the two ends of a network in which headers are sent
 * or accepted. Each side verifies all that it receives, the server the header
 * as well, and says so in JSON and by its exit status.
 */
#include <stdio.h>

#include "peer.h"

static const char usage[] =
"Usage: pp_peer server -l ADDR -p PORT [OPTION]...\n"
"       pp_peer client -c ADDR -p PORT [OPTION]...\n"
"\n"
"Each side sends one message on each connection and verifies that of the other:\n"
"magic, length, seed and addresses, pseudo-random data, their SHA-256, and then\n"
"nothing but FIN. One line of JSON for each connection on stdout; a summary on\n"
"stderr. Exit status: 0 every connection was exact, 1 not, 2 usage.\n"
"\n"
"What happens; to be given alike to both sides:\n"
"  -n COUNT           connections (1); server: 0 goes on until SIGTERM, then\n"
"                     waits 2 s for those that are not finished\n"
"  --order WHO        client sends first (default), and the server answers when\n"
"                     it has received all; server sends first, before it reads\n"
"                     anything, and the client answers; both send at once, the\n"
"                     server as soon as it has the header\n"
"  --end HOW          fin: both when all is exchanged (default); half-close: the\n"
"                     client right behind its message; rst: the client resets\n"
"                     when all is exchanged; none: idle until killed or out of\n"
"                     time, which then is no failure\n"
"  --no-data          no messages: FIN, RST or silence right behind the handshake\n"
"                     (and behind the header); a reset may hide the header, or the\n"
"                     whole connection, from the server: give that one -n 0\n"
"  --reset-on-accept  the server resets at once, the client expects it\n"
"\n"
"Of each side:\n"
"  -p PORT            server: 0 takes a free one and tells it on stderr\n"
"  --size BYTES       data to send (1000); k, M and G are powers of 1024\n"
"  --recv-size BYTES  data that the other must send (any)\n"
"  --timeout S        for each connection, and for a server to get the next (60)\n"
"  --chunk BYTES      at most so many in one write\n"
"  --no-delay         TCP_NODELAY\n"
"  --mss BYTES        TCP_MAXSEG\n"
"  --rcvbuf BYTES     SO_RCVBUF\n"
"  --mark VALUE       SO_MARK\n"
"  --md5 KEY          TCP_MD5SIG, for any address\n"
"  --fastopen         TCP Fast Open; the client's JSON tells by \"syn_data\"\n"
"                     whether the SYN carried data\n"
"  --mptcp            IPPROTO_MPTCP\n"
"  --transparent      IP_TRANSPARENT, for a foreign address in -l or -b\n"
"  --ulp              the listener has the TCP ULP of the module; a client sends its\n"
"                     header by it\n"
"\n"
"Of the server:\n"
"  -l ADDR            where to listen\n"
"  --header KIND      the header wanted before the message: none (default), any,\n"
"                     v1 or v2 (with addresses), local (v2), unknown (v1)\n"
"  --src-addr ADDR    what the header must say: an address or a port; any\n"
"  --src-port PORT    (default); or client: what the client told of its own end of\n"
"  --dst-addr ADDR    the socket (src) and of the other (dst), in its message\n"
"  --dst-port PORT\n"
"  --peer-addr ADDR   the same for the other end of the server's own socket\n"
"  --peer-port PORT\n"
"\n"
"Of the client:\n"
"  -c ADDR            where to connect\n"
"  -b ADDR            own address\n"
"  --bind-port PORT   own port, with SO_REUSEADDR\n"
"  -j COUNT           connections at a time (1)\n"
"  --send-header V[,SRC,SPORT,DST,DPORT]\n"
"                     header to send first; V is v1, v2, local or unknown; v1\n"
"                     and v2 without addresses tell those of the socket; SPORT 0 the\n"
"                     socket's own\n"
"  --send-raw HEX     bytes to send first, before a header of the own port\n";

static enum peer_role role_of(const char *word)
{
	if (!strcmp(word, "server"))
		return PEER_SERVER;
	return !strcmp(word, "client") ? PEER_CLIENT : 0;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static struct peer_config cfg;

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return 0;
	}
	cfg.role = argc > 1 ? role_of(argv[1]) : 0;
	if (!cfg.role) {
		fputs(usage, stderr);
		return 2;
	}
	if (peer_options_parse(&cfg, argc - 2, argv + 2))
		return 2;
	return cfg.role == PEER_SERVER ? peer_server(&cfg) : peer_client(&cfg);
}
