/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Netlink messages to the module as bytes, right or wrong: what ppctl would
 * never send. For the pp_netlink_* programs.
 */
#ifndef _PP_NETLINK_H
#define _PP_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/proxyproto.h>

#define PP_MSG_MAX	32768

/**
 * struct pp_msg - a message that is being made
 * @data: begins with a struct nlmsghdr
 * @len: bytes in use
 */
struct pp_msg {
	union {
		struct nlmsghdr nlh;
		unsigned char data[PP_MSG_MAX];
	};
	size_t len;
};

/**
 * struct pp_answer - the kernel's answer to one message
 * @each: called for every rule, unless NULL; to be set beforehand
 * @data: what it gets
 * @ended: an error, an acknowledgement or the end of a dump came
 * @error: errno, 0 for success
 * @text: of the extended acknowledgement, or empty
 * @replies: other messages
 * @hash: of the attributes of these, in their order
 * @last_id: id of the last rule among them
 * @rising: ids of rules came in rising order
 * @interrupted: NLM_F_DUMP_INTR was set in one of them or in the end
 */
struct pp_answer {
	void (*each)(const struct nlattr *rule, void *data);
	void *data;
	bool ended;
	int error;
	char text[256];
	unsigned int replies;
	uint64_t hash;
	uint32_t last_id;
	bool rising;
	bool interrupted;
};

/* pp_netlink_msg.c */
void pp_msg_begin(struct pp_msg *msg, uint8_t command, uint16_t flags);
void *pp_msg_room(struct pp_msg *msg, size_t len);
size_t pp_msg_put(struct pp_msg *msg, uint16_t type, const void *data, size_t len);
void pp_msg_number(struct pp_msg *msg, uint16_t type, size_t width, uint64_t value);
size_t pp_msg_nest(struct pp_msg *msg, uint16_t type);
void pp_msg_nest_end(struct pp_msg *msg, size_t nest);

/* pp_netlink_text.c */
bool pp_msg_from_text(struct pp_msg *msg, const char *text);

/* pp_netlink_socket.c */
const struct nlattr *pp_attr_find(const void *data, size_t len, uint16_t type);
const void *pp_attr_data(const struct nlattr *attr);
void pp_answer_begin(struct pp_answer *answer);
int pp_socket_open(void);
void pp_socket_stamp(struct pp_msg *msg);
void pp_socket_send_raw(int fd, const struct pp_msg *msg);
void pp_socket_send(int fd, struct pp_msg *msg);
bool pp_socket_receive(int fd, struct pp_answer *answer, bool wait);
void pp_socket_answer(int fd, struct pp_answer *answer);
void pp_socket_ask(int fd, struct pp_msg *msg, struct pp_answer *answer);
void pp_socket_list(int fd, struct pp_answer *answer);
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Modes of pp_netlink_fuzz: exit status */
int pp_fuzz_cases(int fd);
int pp_fuzz_random(int fd, uint64_t seed, unsigned long count);
int pp_fuzz_dump(int fd);

#endif /* _PP_NETLINK_H */
