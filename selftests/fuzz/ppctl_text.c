// SPDX-License-Identifier: GPL-2.0
/*
 * For the targets of ppctl: commands that read and print texts in memory, and
 * what must hold of any rules: save prints what restore makes the same rules of.
 */
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_nl.h"
#include "fuzz.h"
#include "out.h"
#include "ppctl.h"
#include "ppctl_text.h"

/**
 * text_quiet - errors are formatted and thrown away, and so is what is printed
 */
void text_quiet(void)
{
	static FILE *nowhere;

	if (nowhere)
		return;
	nowhere = fopen("/dev/null", "w");
	agree(nowhere);
	stdout = nowhere;
	stderr = nowhere;
}

/**
 * text_print - what a command prints
 */
int text_print(int (*command)(char **args), char **args, struct text *text)
{
	FILE *file = open_memstream(&text->data, &text->len);
	int status;

	agree(file);
	out_to(file);
	status = command(args);
	out_to(NULL);
	fclose(file);
	return status;
}

/**
 * text_restore - ppctl restore, of a text
 */
int text_restore(const void *text, size_t len)
{
	char name[] = "/proc/self/fd/0123456789";
	char *args[] = { name, NULL };
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("rules", 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	agree(!ftruncate(fd, 0));
	agree(pwrite(fd, text, len, 0) == (ssize_t)len);
	return cmd_restore(args);
}

/* Byte by byte, but for the command that brought them */
static void compare_rules(const struct replies *a, const struct replies *b)
{
	const struct nlmsghdr *left, *right;
	size_t at;

	agree(a->len == b->len);
	for (at = 0; at < a->len; at += NLMSG_ALIGN(left->nlmsg_len)) {
		left = (const struct nlmsghdr *)(a->data + at);
		right = (const struct nlmsghdr *)(b->data + at);
		agree(left->nlmsg_len == right->nlmsg_len);
		agree(!memcmp((const char *)left + NLMSG_HDRLEN + GENL_HDRLEN,
			      (const char *)right + NLMSG_HDRLEN + GENL_HDRLEN,
			      left->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN));
	}
}

/**
 * text_round_trip - save and restore the rules that there are
 */
void text_round_trip(void)
{
	struct replies before = fake_rules;
	char *none[] = { NULL };
	struct text saved, again;

	agree(text_print(cmd_save, none, &saved) == STATUS_OK);
	memset(&fake_rules, 0, sizeof(fake_rules));
	if (text_restore(saved.data, saved.len) != STATUS_OK)
		disagree("saved, but not restored: %s", saved.data);
	compare_rules(&before, &fake_rules);
	replies_free(&before);
	agree(text_print(cmd_save, none, &again) == STATUS_OK);
	agree(saved.len == again.len && !memcmp(saved.data, again.data, saved.len));
	free(saved.data);
	free(again.data);
}
