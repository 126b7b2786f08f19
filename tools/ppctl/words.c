// SPDX-License-Identifier: GPL-2.0
/*
 * The words of a line of a file, quoted as in a shell: 'as it is', "with \" and \\",
 * \x for x. A # that begins a word begins a comment. Nothing is ever expanded.
 */
#include <stdbool.h>
#include <string.h>

#include "ppctl.h"
#include "words.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Moves the text up to the closing quote to @to; returns NULL if there is none */
static char *copy_quoted(char *from, char quote, char **to)
{
	for (; *from && *from != quote; from++) {
		if (quote == '"' && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		*(*to)++ = *from;
	}
	return *from ? from + 1 : NULL;
}

/* Moves one word to @to, without its quotes; returns what follows, or NULL */
static char *copy_word(char *from, char **to)
{
	while (from && *from && !is_blank(*from)) {
		if (*from == '\'' || *from == '"') {
			from = copy_quoted(from + 1, *from, to);
			continue;
		}
		if (*from == '\\' && from[1])
			from++;
		*(*to)++ = *from++;
	}
	return from;
}

/**
 * words_split - split a line into words
 * @line: is changed: the words are stored in it
 * @words: are set, with a NULL at the end
 * @room: members of @words
 *
 * A word is never longer than with its quotes, so each word is moved to its place or to a
 * place before it.
 */
int words_split(char *line, char **words, size_t room)
{
	size_t count = 0;
	char *to;
	bool last;

	for (;;) {
		while (is_blank(*line))
			line++;
		if (!*line || *line == '#')
			break;
		if (count + 1 == room)
			return usage_error("the line has too many words");
		words[count++] = line;
		to = line;
		line = copy_word(line, &to);
		if (!line)
			return usage_error("a quote is not closed");
		last = !*line;
		*to = '\0';
		if (last)
			break;
		line++;
	}
	words[count] = NULL;
	return STATUS_OK;
}
