/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the memory is good for: O_DIRECT, io_uring, slices, and no more than that. */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/vm/pool_probe/probe.h"

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
	unsigned char *back = aligned_alloc(PROBE_PAGE, size);
	int err = write_out(ring, file, from, size);

	if (!err && pread(file, back, size, 0) != (ssize_t)size)
		err = -EIO;
	probe_result(!err && !memcmp(back, from, size), name, "%s",
		     err ? strerror(-err) : "contents");
	free(back);
	close(file);
}

static void check_one_memory(int pool, const char *path, size_t size, size_t run)
{
	int slab = probe_alloc(pool, size, run);
	unsigned char *at = slab < 0 ? NULL : probe_map(slab, size);
	struct iovec iov = {.iov_base = at, .iov_len = size};
	struct io_uring ring;
	unsigned char *part;
	size_t nonzero = 0;
	int fd, err;

	printf("# slab of %zu KiB in runs of %zu KiB\n", size >> 10, run >> 10);
	if (!at) {
		probe_result(false, "allocate and map", "%s", strerror(slab < 0 ? -slab : errno));
		return;
	}
	for (size_t i = 0; i < size; i++)
		nonzero += at[i] != 0;
	probe_result(!nonzero, "memory is zeroed", "%zu bytes are not", nonzero);
	probe_fill(at, size, 1);
	check_write("O_DIRECT write", NULL, path, at + 3 * PROBE_PAGE, size / 2);
	err = io_uring_queue_init(8, &ring, 0);
	if (!err)
		err = io_uring_register_buffers(&ring, &iov, 1);
	probe_result(!err, "register with io_uring", "%s", strerror(-err));
	if (!err)
		check_write("WRITE_FIXED", &ring, path, at + 5 * PROBE_PAGE, size / 2);

	fd = probe_slice(slab, 3 * PROBE_PAGE, 7 * PROBE_PAGE);
	part = fd < 0 ? NULL : probe_map(fd, 7 * PROBE_PAGE);
	probe_result(part && !memcmp(part, at + 3 * PROBE_PAGE, 7 * PROBE_PAGE),
		     "a slice is a part of the slab", "fd %d", fd);
	if (part) {
		struct dma_buf_sync sync = {DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};

		err = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
		part[PROBE_PAGE + 5] ^= 0xff;
		sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
		err |= ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
		probe_result(!err && part[PROBE_PAGE + 5] == at[4 * PROBE_PAGE + 5],
			     "both see a write", "%d", err);
		/* Dropped from the page tables, it comes back as it was. */
		madvise(at, size, MADV_DONTNEED);
		probe_result(part[PROBE_PAGE + 5] == at[4 * PROBE_PAGE + 5],
			     "contents outlive MADV_DONTNEED", "gone");
		munmap(part, 7 * PROBE_PAGE);
	}
	probe_result(mmap(NULL, 8 * PROBE_PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED,
		     "a slice maps no further than it goes", "it does");
	probe_result(mmap(NULL, size + PROBE_PAGE, PROT_READ, MAP_SHARED, slab, 0) == MAP_FAILED,
		     "nor does a slab", "it does");
	probe_result(mmap(NULL, size, PROT_READ, MAP_PRIVATE, slab, 0) == MAP_FAILED,
		     "no private mapping", "there is one");
	probe_result(ftruncate(slab, 0) && ftruncate(slab, (off_t)size * 2), "no truncation",
		     "worked");
	probe_result(fallocate(slab, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PROBE_PAGE),
		     "no holes", "punched");
	{
		char self[64], c = 1;

		snprintf(self, sizeof(self), "/proc/self/fd/%d", slab);
		probe_result(open(self, O_RDWR) < 0, "no opening anew", "opened");
		probe_result(read(slab, &c, 1) < 0 && write(slab, &c, 1) < 0, "no read, no write",
			     "did");
		lseek(slab, 0, SEEK_END);
	}
	if (fd >= 0)
		close(fd);
	io_uring_queue_exit(&ring);
	munmap(at, size);
	close(slab);
	probe_result(probe_pool_becomes_empty(), "nothing is left", "%llu bytes",
		     probe_stat("bytes_used"));
}

void probe_memory(const char *path)
{
	int pool = probe_pool_open();
	struct matlang_pool_info info;

	probe_result(!ioctl(pool, MATLANG_POOL_INFO, &info) &&
			     info.version == MATLANG_POOL_VERSION &&
			     info.bytes_max == probe_stat("bytes_max") && info.run_max >= 1 << 20,
		     "info", "version %u", info.version);
	check_one_memory(pool, path, 8 << 20, 0);
	check_one_memory(pool, path, 8 << 20, 2 << 20);
	check_one_memory(pool, path, 36 * PROBE_PAGE * 8, 36 * PROBE_PAGE);
	close(pool);
}
