/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results, the pool and its figures. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/vm/pool_probe/probe.h"

static int failures;

int probe_failures(void)
{
	return failures;
}

void probe_forget_failures(void)
{
	failures = 0;
}

void probe_result(bool good, const char *name, const char *why, ...)
{
	va_list ap;

	if (good) {
		printf("ok pool: %s\n", name);
		return;
	}
	failures++;
	printf("not ok pool: %s: ", name);
	va_start(ap, why);
	vprintf(why, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

unsigned long long probe_stat(const char *name)
{
	char path[128];
	unsigned long long v = ~0ull;
	FILE *f;

	snprintf(path, sizeof(path), PROBE_STATS "%s", name);
	f = fopen(path, "r");
	if (f && fscanf(f, "%llu", &v) != 1)
		v = ~0ull;
	if (f)
		fclose(f);
	return v;
}

static bool pool_empty(void)
{
	return !probe_stat("slabs") && !probe_stat("slices") && !probe_stat("bytes_used");
}

bool probe_pool_becomes_empty(void)
{
	for (int i = 0; i < 100 && !pool_empty(); i++)
		usleep(100000);
	return pool_empty();
}

int probe_pool_open(void)
{
	int fd = open(MATLANG_POOL_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("not ok pool: %s: %s\n", MATLANG_POOL_DEVICE, strerror(errno));
		exit(1);
	}
	return fd;
}

int probe_alloc(int pool, __u64 size, __u64 run)
{
	struct matlang_pool_alloc a = {.size = size, .node = -1, .nr_runs = run ? 1 : 0};
	int fd;

	a.run[0] = run;
	fd = ioctl(pool, MATLANG_POOL_ALLOC, &a);
	return fd < 0 ? -errno : fd;
}

int probe_slice(int slab, __u64 offset, __u64 size)
{
	struct matlang_pool_slice s = {.offset = offset, .size = size};
	int fd = ioctl(slab, MATLANG_POOL_SLICE, &s);

	return fd < 0 ? -errno : fd;
}

unsigned char *probe_map(int fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

void probe_fill(unsigned char *at, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
}
