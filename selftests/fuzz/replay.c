// SPDX-License-Identifier: GPL-2.0
/*
 * The main function of a fuzz target without libFuzzer: runs the target once
 * for each file that it is given, and names the one that it ended at.
 */
#include <sanitizer/common_interface_defs.h>
#include <signal.h>

#include "fuzz.h"

/* Longer inputs are cut, as libFuzzer does */
#define INPUT_MAX	65536

static const char *current;

static void name_input(void)
{
	dprintf(STDERR_FILENO, "input: %s\n", current ? current : "none");
}

static void on_abort(int number)
{
	name_input();
	signal(number, SIG_DFL);
}

/* In memory of just its size, so that reads beyond it are seen */
static int run_file(const char *name)
{
	static uint8_t buffer[INPUT_MAX];
	FILE *file = fopen(name, "rb");
	uint8_t *input;
	size_t len, i;

	if (!file) {
		perror(name);
		return 1;
	}
	current = name;
	len = fread(buffer, 1, sizeof(buffer), file);
	fclose(file);
	input = malloc(len ? len : 1);
	for (i = 0; i < len; i++)
		input[i] = buffer[i];
	LLVMFuzzerTestOneInput(input, len);
	free(input);
	return 0;
}

int main(int argc, char **argv)
{
	int i, failed = 0;

	signal(SIGABRT, on_abort);
	__sanitizer_set_death_callback(name_input);
	for (i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	current = NULL;
	return failed;
}
