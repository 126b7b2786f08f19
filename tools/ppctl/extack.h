/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the kernel ended a request, and how it is reported.
 */
#ifndef _PPCTL_EXTACK_H
#define _PPCTL_EXTACK_H

#include <stddef.h>

struct nlmsghdr;

#define EXTACK_TEXT_MAX	512

/**
 * struct extack - how a request ended
 * @error: an errno, or 0
 * @text: the kernel's text; may be empty
 * @attribute: name of the attribute of a rule or limit that the text is about, or NULL
 */
struct extack {
	int error;
	char text[EXTACK_TEXT_MAX];
	const char *attribute;
};

void extack_read(struct extack *extack, const struct nlmsghdr *answer,
		 const struct nlmsghdr *request);
int extack_report(const struct extack *extack);

#endif /* _PPCTL_EXTACK_H */
