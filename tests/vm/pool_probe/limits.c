/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool's limit, a memory cgroup's, and what is refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/vm/pool_probe/probe.h"

static bool set_max(unsigned long long v)
{
	FILE *f = fopen(PROBE_STATS "bytes_max", "w");
	bool good = f && fprintf(f, "%llu\n", v) > 0;

	return f && !fclose(f) && good;
}

static bool refused(int pool, struct matlang_pool_alloc a, int err)
{
	int fd = ioctl(pool, MATLANG_POOL_ALLOC, &a);

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == err;
}

static void refusals(int pool)
{
	const struct matlang_pool_alloc good = {.size = 16 * PROBE_PAGE, .node = -1};
	struct matlang_pool_alloc a;

#define REFUSED(what, error)                                                                     \
	do {                                                                                     \
		a = good;                                                                        \
		what;                                                                            \
		probe_result(refused(pool, a, error), "refused: " #what, "%s", strerror(errno)); \
	} while (0)
	REFUSED(a.size = 0, EINVAL);
	REFUSED(a.size = PROBE_PAGE + 1, EINVAL);
	REFUSED(a.size = ~0ull, EINVAL);
	REFUSED(a.size = ~0xfffull, EINVAL);
	REFUSED(a.flags = 2, EINVAL);
	REFUSED(a.pad = 1, EINVAL);
	REFUSED(a.node = 9999, EINVAL);
	REFUSED(a.node = -2, EINVAL);
	REFUSED(a.nr_runs = 9, EINVAL);
	REFUSED(a.nr_runs = 1, EINVAL);
	REFUSED(a.run[0] = PROBE_PAGE, EINVAL);
	REFUSED((a.nr_runs = 1, a.run[0] = 3 * PROBE_PAGE), EINVAL);
	REFUSED((a.nr_runs = 1, a.run[0] = 100), EINVAL);
	REFUSED((a.nr_runs = 1, a.run[0] = 1ull << 40), E2BIG);
	REFUSED(a.reserved[3] = 1, EINVAL);
}

static void slice_refusals(int slab)
{
	static const struct matlang_pool_slice bad[] = {
		{.size = 0},
		{.size = 17 * PROBE_PAGE},
		{.offset = 16 * PROBE_PAGE, .size = PROBE_PAGE},
		{.offset = ~0xfffull, .size = 2 * PROBE_PAGE},
		{.offset = PROBE_PAGE, .size = ~0xfffull},
		{.offset = 1, .size = PROBE_PAGE},
		{.size = 100},
		{.size = PROBE_PAGE, .flags = 1},
		{.size = PROBE_PAGE, .pad = 1},
		{.size = PROBE_PAGE, .reserved = {0, 0, 1}},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		probe_result(ioctl(slab, MATLANG_POOL_SLICE, &bad[i]) < 0 && errno == EINVAL,
			     "refused: a slice", "case %u", i);
}

void probe_limits(void)
{
	unsigned long long max = probe_stat("bytes_max"), before = probe_stat("failures");
	int pool = probe_pool_open(), a, b, c;

	refusals(pool);
	a = probe_alloc(pool, 16 * PROBE_PAGE, 0);
	slice_refusals(a);
	probe_result(probe_stat("failures") == before + 25, "failures are counted", "%llu",
		     probe_stat("failures") - before);
	probe_result(set_max(48 * PROBE_PAGE), "set bytes_max", "%s", strerror(errno));
	b = probe_alloc(pool, 32 * PROBE_PAGE, 0);
	c = probe_alloc(pool, PROBE_PAGE, 0);
	probe_result(a >= 0 && b >= 0 && c == -ENOSPC, "the limit holds", "%d %d %d", a, b, c);
	close(b);
	set_max(8 * PROBE_PAGE);
	c = probe_alloc(pool, PROBE_PAGE, 0);
	probe_result(c == -ENOSPC, "a limit below what is in use", "%d", c);
	set_max(max);
	close(a);
	close(pool);
	probe_result(probe_pool_becomes_empty(), "nothing is left after refusals", "something is");
}

static const char *group;

static long long group_number(const char *file)
{
	char path[256];
	long long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	f = fopen(path, "r");
	if (f && fscanf(f, "%lld", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

static bool group_write(const char *file, const char *text)
{
	char path[256];
	FILE *f;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	f = fopen(path, "w");
	good = f && fputs(text, f) >= 0;
	return f && !fclose(f) && good;
}

/* As a member of the group, for each way of allocating. */
static void charged(int pool, const char *how, __u64 run)
{
	long long before = group_number("memory.current"), during;
	int slab = probe_alloc(pool, 16 << 20, run);
	char name[64];

	during = group_number("memory.current");
	snprintf(name, sizeof(name), "a slab %s is charged to who makes it", how);
	/* A group's figure is exact to some pages a processor. */
	probe_result(slab >= 0 && during - before > (15 << 20), name, "%d: %lld, then %lld", slab,
		     before, during);
	if (slab >= 0)
		close(slab);
	snprintf(name, sizeof(name), "and %s given back", how);
	for (int i = 0; i < 50 && group_number("memory.current") > before + (1 << 20); i++)
		usleep(100000);
	probe_result(group_number("memory.current") <= before + (1 << 20), name, "%lld",
		     group_number("memory.current"));
	slab = probe_alloc(pool, 128 << 20, run);
	snprintf(name, sizeof(name), "beyond the group's limit, %s: ENOMEM", how);
	probe_result(slab == -ENOMEM, name, "%d", slab);
}

void probe_cgroup(const char *dir)
{
	pid_t pid;
	int status = -1;

	group = dir;
	if (!group_write("memory.max", "67108864")) {
		probe_result(false, "a memory cgroup", "%s: %s", dir, strerror(errno));
		return;
	}
	group_write("memory.swap.max", "0");
	pid = fork();
	if (!pid) {
		int pool;

		probe_forget_failures();
		if (!group_write("cgroup.procs", "0"))
			_exit(1);
		pool = probe_pool_open();
		charged(pool, "of single pages", 0);
		charged(pool, "in runs", 1 << 20);
		_exit(probe_failures() ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	probe_result(WIFEXITED(status) && !WEXITSTATUS(status) && probe_pool_becomes_empty(),
		     "nobody is killed for it, nothing is left", "status %x, %llu bytes", status,
		     probe_stat("bytes_used"));
}
