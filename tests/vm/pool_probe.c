/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests /dev/matlang-pool from user space, without a camera. Prints "ok NAME", "not ok NAME: why".
 *
 *   pool_probe memory FILE          what the memory is good for; FILE: made on a disk, for O_DIRECT
 *   pool_probe lifetime             descriptors, mappings and slices go away in every order
 *   pool_probe limits               the pool's limit, and what is refused
 *   pool_probe killed               a process is killed after each step: nothing is left behind
 *   pool_probe hold                 keeps a mapped slice, and nothing else, until it is killed
 *   pool_probe cgroup DIR           DIR: a memory cgroup of version 2 with nobody in it
 *   pool_probe fuzz SEED SECONDS    random and nearly valid ioctls on both kinds of descriptors
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kmod/uapi.h"

#define PAGE  4096ul
#define STATS "/sys/class/misc/matlang-pool/"

static int failures;

static void result(bool good, const char *name, const char *why, ...)
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

static unsigned long long stat_of(const char *name)
{
	char path[128];
	unsigned long long v = ~0ull;
	FILE *f;

	snprintf(path, sizeof(path), STATS "%s", name);
	f = fopen(path, "r");
	if (f && fscanf(f, "%llu", &v) != 1)
		v = ~0ull;
	if (f)
		fclose(f);
	return v;
}

static bool pool_empty(void)
{
	return !stat_of("slabs") && !stat_of("slices") && !stat_of("bytes_used");
}

/* The kernel frees some things only after the process is gone. */
static bool pool_becomes_empty(void)
{
	for (int i = 0; i < 100 && !pool_empty(); i++)
		usleep(100000);
	return pool_empty();
}

static int pool_open(void)
{
	int fd = open(MATLANG_POOL_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("not ok pool: %s: %s\n", MATLANG_POOL_DEVICE, strerror(errno));
		exit(1);
	}
	return fd;
}

static int alloc(int pool, __u64 size, __u64 run)
{
	struct matlang_pool_alloc a = {.size = size, .node = -1, .nr_runs = run ? 1 : 0};
	int fd;

	a.run[0] = run;
	fd = ioctl(pool, MATLANG_POOL_ALLOC, &a);
	return fd < 0 ? -errno : fd;
}

static int slice(int slab, __u64 offset, __u64 size)
{
	struct matlang_pool_slice s = {.offset = offset, .size = size};
	int fd = ioctl(slab, MATLANG_POOL_SLICE, &s);

	return fd < 0 ? -errno : fd;
}

static unsigned char *map(int fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void fill(unsigned char *at, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
}

/* ---- memory ---- */

/* One WRITE_FIXED from registered memory, or a plain O_DIRECT write when `ring` is NULL. */
static int write_out(struct io_uring *ring, int file, unsigned char *from, size_t size)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int res;

	if (!ring)
		return pwrite(file, from, size, 0) == (ssize_t)size ? 0 : -errno;
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_write_fixed(sqe, file, from, (unsigned)size, 0, 0);
	io_uring_submit(ring);
	if (io_uring_wait_cqe(ring, &cqe))
		return -EIO;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res == (int)size ? 0 : res < 0 ? res : -EIO;
}

static void check_write(const char *name, struct io_uring *ring, const char *path,
			unsigned char *from, size_t size)
{
	int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
	unsigned char *back = aligned_alloc(PAGE, size);
	int err = write_out(ring, file, from, size);

	if (!err && pread(file, back, size, 0) != (ssize_t)size)
		err = -EIO;
	result(!err && !memcmp(back, from, size), name, "%s", err ? strerror(-err) : "contents");
	free(back);
	close(file);
}

static void check_one_memory(int pool, const char *path, size_t size, size_t run)
{
	int slab = alloc(pool, size, run);
	unsigned char *at = slab < 0 ? NULL : map(slab, size);
	struct iovec iov = {.iov_base = at, .iov_len = size};
	struct io_uring ring;
	unsigned char *part;
	size_t nonzero = 0;
	int fd, err;

	printf("# slab of %zu KiB in runs of %zu KiB\n", size >> 10, run >> 10);
	if (!at) {
		result(false, "allocate and map", "%s", strerror(slab < 0 ? -slab : errno));
		return;
	}
	for (size_t i = 0; i < size; i++)
		nonzero += at[i] != 0;
	result(!nonzero, "memory is zeroed", "%zu bytes are not", nonzero);
	fill(at, size, 1);
	check_write("O_DIRECT write", NULL, path, at + 3 * PAGE, size / 2);
	err = io_uring_queue_init(8, &ring, 0);
	if (!err)
		err = io_uring_register_buffers(&ring, &iov, 1);
	result(!err, "register with io_uring", "%s", strerror(-err));
	if (!err)
		check_write("WRITE_FIXED", &ring, path, at + 5 * PAGE, size / 2);

	fd = slice(slab, 3 * PAGE, 7 * PAGE);
	part = fd < 0 ? NULL : map(fd, 7 * PAGE);
	result(part && !memcmp(part, at + 3 * PAGE, 7 * PAGE), "a slice is a part of the slab",
	       "fd %d", fd);
	if (part) {
		struct dma_buf_sync sync = {DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};

		err = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
		part[PAGE + 5] ^= 0xff;
		sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
		err |= ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
		result(!err && part[PAGE + 5] == at[4 * PAGE + 5], "both see a write", "%d", err);
		/* Dropped from the page tables, it comes back as it was. */
		madvise(at, size, MADV_DONTNEED);
		result(part[PAGE + 5] == at[4 * PAGE + 5], "contents outlive MADV_DONTNEED",
		       "gone");
		munmap(part, 7 * PAGE);
	}
	result(mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED,
	       "a slice maps no further than it goes", "it does");
	result(mmap(NULL, size + PAGE, PROT_READ, MAP_SHARED, slab, 0) == MAP_FAILED,
	       "nor does a slab", "it does");
	result(mmap(NULL, size, PROT_READ, MAP_PRIVATE, slab, 0) == MAP_FAILED,
	       "no private mapping", "there is one");
	result(ftruncate(slab, 0) && ftruncate(slab, (off_t)size * 2), "no truncation", "worked");
	result(fallocate(slab, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), "no holes",
	       "punched");
	{
		char self[64], c = 1;

		snprintf(self, sizeof(self), "/proc/self/fd/%d", slab);
		result(open(self, O_RDWR) < 0, "no opening anew", "opened");
		result(read(slab, &c, 1) < 0 && write(slab, &c, 1) < 0, "no read, no write", "did");
		lseek(slab, 0, SEEK_END);
	}
	if (fd >= 0)
		close(fd);
	io_uring_queue_exit(&ring);
	munmap(at, size);
	close(slab);
	result(pool_becomes_empty(), "nothing is left", "%llu bytes", stat_of("bytes_used"));
}

static void memory(const char *path)
{
	int pool = pool_open();
	struct matlang_pool_info info;

	result(!ioctl(pool, MATLANG_POOL_INFO, &info) && info.version == MATLANG_POOL_VERSION &&
		       info.bytes_max == stat_of("bytes_max") && info.run_max >= 1 << 20,
	       "info", "version %u", info.version);
	check_one_memory(pool, path, 8 << 20, 0);
	check_one_memory(pool, path, 8 << 20, 2 << 20);
	check_one_memory(pool, path, 36 * PAGE * 8, 36 * PAGE);
	close(pool);
}

/* ---- lifetime ---- */

enum { HELD_POOL, HELD_SLAB, HELD_MAP, HELD_SLICE, HELD_SLICE_MAP, HELD };

/* Lets the five go in the order `turn` gives; whatever is still there must still work. */
static const char *let_go(const int turn[HELD])
{
	int fd[HELD] = {-1, -1, -1, -1, -1};
	unsigned char *at, *part;
	const char *why = NULL;

	fd[HELD_POOL] = pool_open();
	fd[HELD_SLAB] = alloc(fd[HELD_POOL], 16 * PAGE, 0);
	fd[HELD_SLICE] = slice(fd[HELD_SLAB], 4 * PAGE, 4 * PAGE);
	at = map(fd[HELD_SLAB], 16 * PAGE);
	part = map(fd[HELD_SLICE], 4 * PAGE);
	if (!at || !part)
		return "set-up failed";
	fill(at, 16 * PAGE, 7);
	for (int i = 0; i < HELD; i++) {
		switch (turn[i]) {
		case HELD_MAP:
			munmap(at, 16 * PAGE);
			at = NULL;
			break;
		case HELD_SLICE_MAP:
			munmap(part, 4 * PAGE);
			part = NULL;
			break;
		default: close(fd[turn[i]]);
		}
		if (at && part && memcmp(at + 4 * PAGE, part, 4 * PAGE))
			why = "mappings differ";
		if (part)
			part[0] = (unsigned char)i;
		if ((at || part) && stat_of("bytes_used") != 16 * PAGE)
			why = "memory in use is not counted";
	}
	return pool_becomes_empty() ? why : "memory is left";
}

static void lifetime(void)
{
	const char *why = NULL;
	int orders = 0;

	/* All 120 orders of five things. */
	for (int code = 0; code < HELD * HELD * HELD * HELD * HELD && !why; code++) {
		int turn[HELD], seen = 0;

		for (int i = 0, c = code; i < HELD; i++, c /= HELD) {
			turn[i] = c % HELD;
			seen |= 1 << turn[i];
		}
		if (seen != (1 << HELD) - 1)
			continue;
		orders++;
		why = let_go(turn);
	}
	result(!why && orders == 120, "descriptors, mappings and slices go in any order",
	       "order %d: %s", orders, why ? why : "not all tried");
}

/* ---- limits ---- */

static bool set_max(unsigned long long v)
{
	FILE *f = fopen(STATS "bytes_max", "w");
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
	const struct matlang_pool_alloc good = {.size = 16 * PAGE, .node = -1};
	struct matlang_pool_alloc a;

#define REFUSED(what, error)                                                               \
	do {                                                                               \
		a = good;                                                                  \
		what;                                                                      \
		result(refused(pool, a, error), "refused: " #what, "%s", strerror(errno)); \
	} while (0)
	REFUSED(a.size = 0, EINVAL);
	REFUSED(a.size = PAGE + 1, EINVAL);
	REFUSED(a.size = ~0ull, EINVAL);
	REFUSED(a.size = ~0xfffull, EINVAL);
	REFUSED(a.flags = 2, EINVAL);
	REFUSED(a.pad = 1, EINVAL);
	REFUSED(a.node = 9999, EINVAL);
	REFUSED(a.node = -2, EINVAL);
	REFUSED(a.nr_runs = 9, EINVAL);
	REFUSED(a.nr_runs = 1, EINVAL);
	REFUSED(a.run[0] = PAGE, EINVAL);
	REFUSED((a.nr_runs = 1, a.run[0] = 3 * PAGE), EINVAL);
	REFUSED((a.nr_runs = 1, a.run[0] = 100), EINVAL);
	REFUSED((a.nr_runs = 1, a.run[0] = 1ull << 40), E2BIG);
	REFUSED(a.reserved[3] = 1, EINVAL);
}

static void slice_refusals(int slab)
{
	static const struct matlang_pool_slice bad[] = {
		{.size = 0},
		{.size = 17 * PAGE},
		{.offset = 16 * PAGE, .size = PAGE},
		{.offset = ~0xfffull, .size = 2 * PAGE},
		{.offset = PAGE, .size = ~0xfffull},
		{.offset = 1, .size = PAGE},
		{.size = 100},
		{.size = PAGE, .flags = 1},
		{.size = PAGE, .pad = 1},
		{.size = PAGE, .reserved = {0, 0, 1}},
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		result(ioctl(slab, MATLANG_POOL_SLICE, &bad[i]) < 0 && errno == EINVAL,
		       "refused: a slice", "case %u", i);
}

static void limits(void)
{
	unsigned long long max = stat_of("bytes_max"), before = stat_of("failures");
	int pool = pool_open(), a, b, c;

	refusals(pool);
	a = alloc(pool, 16 * PAGE, 0);
	slice_refusals(a);
	result(stat_of("failures") == before + 25, "failures are counted", "%llu",
	       stat_of("failures") - before);
	result(set_max(48 * PAGE), "set bytes_max", "%s", strerror(errno));
	b = alloc(pool, 32 * PAGE, 0);
	c = alloc(pool, PAGE, 0);
	result(a >= 0 && b >= 0 && c == -ENOSPC, "the limit holds", "%d %d %d", a, b, c);
	close(b);
	set_max(8 * PAGE);
	c = alloc(pool, PAGE, 0);
	result(c == -ENOSPC, "a limit below what is in use", "%d", c);
	set_max(max);
	close(a);
	close(pool);
	result(pool_becomes_empty(), "nothing is left after refusals", "something is");
}

/* ---- killed ---- */

static int steps_of_life(int last)
{
	int pool = pool_open(), slab = -1, fd[8];
	unsigned char *at = NULL;
	struct io_uring ring;
	struct iovec iov;

	for (int step = 0; step <= last; step++) {
		switch (step) {
		case 0: break;
		case 1: slab = alloc(pool, 4 << 20, 1 << 20); break;
		case 2: at = map(slab, 4 << 20); break;
		case 3: memset(at, 1, 4 << 20); break;
		case 4:
			for (unsigned i = 0; i < 8; i++)
				fd[i] = slice(slab, i << 19, 1 << 19);
			break;
		case 5:
			for (unsigned i = 0; i < 8; i++)
				memset(map(fd[i], 1 << 19), 2, 1 << 19);
			break;
		case 6:
			iov = (struct iovec){at, 4 << 20};
			if (io_uring_queue_init(8, &ring, 0) ||
			    io_uring_register_buffers(&ring, &iov, 1))
				return 1;
			break;
		case 7: /* kept only by slices, mappings and the ring */
			close(pool);
			close(slab);
			break;
		case 8: /* shared with a child that dies later */
			if (!fork()) {
				usleep(200000);
				_exit(0);
			}
			break;
		}
	}
	return 0;
}

static void killed(void)
{
	for (int last = 0; last <= 8; last++) {
		int ready[2], status, err = pipe(ready);
		pid_t pid = err ? -1 : fork();
		char name[64], done = 1;

		if (!pid) {
			done = (char)steps_of_life(last);
			if (write(ready[1], &done, 1) == 1)
				pause();
			_exit(1);
		}
		if (pid < 0 || read(ready[0], &done, 1) != 1)
			done = 1;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(ready[0]);
		close(ready[1]);
		snprintf(name, sizeof(name), "killed after step %d leaves nothing", last);
		result(!done && pool_becomes_empty(), name, "%llu bytes, set-up %d",
		       stat_of("bytes_used"), done);
	}
	/* And in the middle of an allocation. */
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			int pool = pool_open();

			for (;;)
				close(alloc(pool, 64 << 20, i & 1 ? 1 << 20 : 0));
		}
		usleep((unsigned)i * 7000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	result(pool_becomes_empty(), "killed while allocating leaves nothing", "%llu bytes",
	       stat_of("bytes_used"));
}

static void hold(void)
{
	int pool = pool_open(), slab = alloc(pool, 16 * PAGE, 0), fd = slice(slab, 0, PAGE);

	if (!map(fd, PAGE))
		exit(1);
	close(pool);
	close(slab);
	close(fd);
	printf("held\n");
	pause();
}

/* ---- cgroup ---- */

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
	int slab = alloc(pool, 16 << 20, run);
	char name[64];

	during = group_number("memory.current");
	snprintf(name, sizeof(name), "a slab %s is charged to who makes it", how);
	/* A group's figure is exact to some pages a processor. */
	result(slab >= 0 && during - before > (15 << 20), name, "%d: %lld, then %lld", slab, before,
	       during);
	if (slab >= 0)
		close(slab);
	snprintf(name, sizeof(name), "and %s given back", how);
	for (int i = 0; i < 50 && group_number("memory.current") > before + (1 << 20); i++)
		usleep(100000);
	result(group_number("memory.current") <= before + (1 << 20), name, "%lld",
	       group_number("memory.current"));
	slab = alloc(pool, 128 << 20, run);
	snprintf(name, sizeof(name), "beyond the group's limit, %s: ENOMEM", how);
	result(slab == -ENOMEM, name, "%d", slab);
}

static void cgroup(const char *dir)
{
	pid_t pid;
	int status = -1;

	group = dir;
	if (!group_write("memory.max", "67108864")) {
		result(false, "a memory cgroup", "%s: %s", dir, strerror(errno));
		return;
	}
	group_write("memory.swap.max", "0");
	pid = fork();
	if (!pid) {
		int pool;

		failures = 0;
		if (!group_write("cgroup.procs", "0"))
			_exit(1);
		pool = pool_open();
		charged(pool, "of single pages", 0);
		charged(pool, "in runs", 1 << 20);
		_exit(failures ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	result(WIFEXITED(status) && !WEXITSTATUS(status) && pool_becomes_empty(),
	       "nobody is killed for it, nothing is left", "status %x, %llu bytes", status,
	       stat_of("bytes_used"));
}

/* ---- fuzz ---- */

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
	default: return rnd() % 64 * PAGE;
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
	int fds[FUZZ_FDS], pool = pool_open();
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
			unsigned char *at = map(got, PAGE << rnd() % 6);

			made++;
			if (at && rnd() % 2)
				at[rnd() % PAGE] = 1;
			if (at)
				munmap(at, PAGE); /* the rest stays mapped */
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

static void fuzz_child(__u64 seed, int seconds)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		fuzz(seed, seconds);
	waitpid(pid, &status, 0);
	result(WIFEXITED(status) && !WEXITSTATUS(status) && pool_becomes_empty(),
	       "random ioctls leave nothing behind", "status %x, %llu bytes", status,
	       stat_of("bytes_used"));
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "memory") && argc == 3)
		memory(argv[2]);
	else if (!strcmp(what, "lifetime"))
		lifetime();
	else if (!strcmp(what, "limits"))
		limits();
	else if (!strcmp(what, "killed"))
		killed();
	else if (!strcmp(what, "hold"))
		hold();
	else if (!strcmp(what, "cgroup") && argc == 3)
		cgroup(argv[2]);
	else if (!strcmp(what, "fuzz") && argc == 4)
		fuzz_child(strtoull(argv[2], NULL, 0), atoi(argv[3]));
	else {
		fprintf(stderr, "usage: pool_probe memory FILE|lifetime|limits|killed|hold|cgroup "
				"DIR|fuzz SEED S\n");
		return 2;
	}
	return failures ? 1 : 0;
}
