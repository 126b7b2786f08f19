// SPDX-License-Identifier: GPL-2.0
/*
 * getrandom() whose numbers come from a seed, PP_SEED, if there is one, so that a run can
 * be done again. Part of the programs that tests use, where the arguments count as well
 * (SEED_BY_ARGUMENTS): two of them draw different numbers. And preloaded into user-mode
 * Linux, whose kernel asks this machine for its random numbers. Not for anything that has
 * secrets.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool seeded;
static uint64_t state;

/* splitmix64: every seed, 0 as well, gives a good sequence */
static uint64_t next_number(void)
{
	uint64_t z = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15, __ATOMIC_RELAXED);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

ssize_t getrandom(void *buffer, size_t size, unsigned int flags)
{
	unsigned char *bytes = buffer;
	size_t i;

	if (!seeded)
		return syscall(SYS_getrandom, buffer, size, flags);
	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(next_number() >> 32);
	return (ssize_t)size;
}

/* FNV-1a */
static uint64_t hash_of(const char *text, uint64_t hash)
{
	while (*text)
		hash = (hash ^ (unsigned char)*text++) * 0x100000001b3;
	return hash;
}

__attribute__((constructor)) static void seed_from_environment(int argc, char **argv)
{
	const char *seed = getenv("PP_SEED");
	int i;

	if (!seed || !*seed)
		return;
	seeded = true;
	state = hash_of(seed, 0xcbf29ce484222325);
	for (i = 0; i < argc; i++) {
#ifdef SEED_BY_ARGUMENTS
		state = hash_of(argv[i], state);
#else
		(void)argv;
#endif
	}
}
