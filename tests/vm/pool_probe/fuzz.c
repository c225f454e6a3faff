/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random and nearly valid ioctls on both kinds of descriptors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/vm/pool_probe/probe.h"

static __u64 rnd_state;

static __u64 rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

/* Mostly sane sizes, now and then anything at all. */
static __u64 rnd_size(void)
{
	switch (rnd() % 8) {
	case 0: return rnd();
	case 1: return rnd() & ~0xfffull;
	case 2: return rnd() % (8 << 20);
	default: return rnd() % 64 * PROBE_PAGE;
	}
}

static unsigned long random_request(void)
{
	switch (rnd() % 8) {
	case 0: return rnd();
	case 1: return _IOC(rnd() & 3, 'm', 0x60 + rnd() % 4, rnd() % 256);
	case 2: return MATLANG_POOL_INFO;
	case 3:
	case 4:
	case 5: return MATLANG_POOL_ALLOC;
	default: return MATLANG_POOL_SLICE;
	}
}

static void random_argument(unsigned long request, void *arg, size_t size)
{
	memset(arg, 0, size);
	if (request == MATLANG_POOL_ALLOC) {
		struct matlang_pool_alloc *a = arg;

		a->size = rnd_size();
		a->node = rnd() % 4 ? -1 : (int)rnd();
		a->nr_runs = rnd() % 3 ? 0 : (__u32)(rnd() % 10);
		for (unsigned i = 0; i < a->nr_runs && i < MATLANG_POOL_RUNS_MAX; i++)
			a->run[i] = rnd_size();
		if (a->nr_runs == 1 && rnd() % 2)
			a->size = a->run[0] * (rnd() % 5);
	} else if (request == MATLANG_POOL_SLICE) {
		struct matlang_pool_slice *s = arg;

		s->offset = rnd_size();
		s->size = rnd_size();
	}
	if (!(rnd() % 4))
		((unsigned char *)arg)[rnd() % size] ^= (unsigned char)(1 << rnd() % 8);
}

#define FUZZ_FDS 32
static void fuzz(__u64 seed, int seconds)
{
	int fds[FUZZ_FDS], pool = probe_pool_open();
	time_t end = time(NULL) + seconds;
	unsigned long tries = 0, made = 0;

	rnd_state = seed * 2654435761u + 1;
	for (int i = 0; i < FUZZ_FDS; i++)
		fds[i] = i ? -1 : pool;
	while (time(NULL) < end) {
		unsigned char arg[256];
		unsigned long request = random_request();
		int from = fds[rnd() % FUZZ_FDS], *to = &fds[1 + rnd() % (FUZZ_FDS - 1)], got;

		tries++;
		random_argument(request, arg, sizeof(arg));
		got = ioctl(from < 0 ? pool : from, request, rnd() % 64 ? arg : (void *)rnd());
		if (got > 2 && (request == MATLANG_POOL_ALLOC || request == MATLANG_POOL_SLICE)) {
			unsigned char *at = probe_map(got, PROBE_PAGE << rnd() % 6);

			made++;
			if (at && rnd() % 2)
				at[rnd() % PROBE_PAGE] = 1;
			if (at)
				munmap(at, PROBE_PAGE); /* the rest stays mapped */
			if (*to >= 0)
				close(*to);
			*to = got;
		}
	}
	for (int i = 0; i < FUZZ_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	printf("# seed %llu: %lu ioctls, %lu descriptors\n", (unsigned long long)seed, tries, made);
	fflush(stdout);
	_exit(made ? 0 : 1);
}

void probe_fuzz(__u64 seed, int seconds)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		fuzz(seed, seconds);
	waitpid(pid, &status, 0);
	probe_result(WIFEXITED(status) && !WEXITSTATUS(status) && probe_pool_becomes_empty(),
		     "random ioctls leave nothing behind", "status %x, %llu bytes", status,
		     probe_stat("bytes_used"));
}
