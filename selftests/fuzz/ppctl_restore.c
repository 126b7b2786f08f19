// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz target: the file of ppctl restore.
 *
 * The input is the file. Rules that are restored must be saved as a text of
 * which restore makes the same rules.
 */
#include "fake_nl.h"
#include "fuzz.h"
#include "ppctl.h"
#include "ppctl_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	text_quiet();
	if (text_restore(data, size) == STATUS_OK)
		text_round_trip();
	fake_reset();
	return 0;
}
