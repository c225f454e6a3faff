/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The user-space interface of matlang_pool. docs/KMOD.md tells the rules of lifetime.
 *
 *	pool = open("/dev/matlang-pool", O_RDWR);
 *	slab = ioctl(pool, MATLANG_POOL_ALLOC, &alloc);		a descriptor to mmap and to slice
 *	fd = ioctl(slab, MATLANG_POOL_SLICE, &part);	a dma-buf of a part of the slab
 *
 * New descriptors are close-on-exec. Reserved fields must be zero, sizes and offsets multiples
 * of the page size. Fields are little structs of fixed width: 32-bit programs use the same.
 */
#ifndef MATLANG_UAPI_H
#define MATLANG_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Counts up when something is added; nothing is ever taken away or changes its meaning. */
#define MATLANG_POOL_VERSION 1
#define MATLANG_POOL_DEVICE "/dev/matlang-pool"

/**
 * struct matlang_pool_info - what this pool is
 * @version: MATLANG_POOL_VERSION of the module
 * @flags: zero
 * @bytes_max: limit on all slabs together
 * @bytes_used: sum of all slabs
 * @run_max: longest physically contiguous run that can be asked for
 * @reserved: zero
 */
struct matlang_pool_info {
	__u32 version;
	__u32 flags;
	__u64 bytes_max;
	__u64 bytes_used;
	__u64 run_max;
	__u64 reserved[4];
};

#define MATLANG_POOL_RUNS_MAX 8
/* Memory below 4 GiB, for devices that reach no further. */
#define MATLANG_POOL_ALLOC_DMA32 0x1

/**
 * struct matlang_pool_alloc - a slab to make
 * @size: bytes, up to 16 GiB
 * @flags: MATLANG_POOL_ALLOC_*
 * @node: NUMA node the memory should come from, -1: any
 * @nr_runs: entries in @run; 0: the pages lie anywhere
 * @pad: zero
 * @run: lengths of physically contiguous runs, in bytes, that repeat over the whole slab: @size
 *	is a multiple of their sum. Entries from @nr_runs on are zero.
 * @reserved: zero
 *
 * The ioctl returns the slab's descriptor. The memory is zeroed, charged to the caller's memory
 * cgroup, and never swapped or moved.
 *
 * Errors: EINVAL (a rule above is broken), E2BIG (a run is longer than run_max), ENOSPC (the
 * pool's limit), ENOMEM (no such memory now; without runs it may still be had), EMFILE, ENFILE.
 */
struct matlang_pool_alloc {
	__u64 size;
	__u32 flags;
	__s32 node;
	__u32 nr_runs;
	__u32 pad;
	__u64 run[MATLANG_POOL_RUNS_MAX];
	__u64 reserved[4];
};

/**
 * struct matlang_pool_slice - a part of a slab to make a dma-buf of
 * @offset: first byte in the slab
 * @size: bytes
 * @flags: zero
 * @pad: zero
 * @reserved: zero
 *
 * The ioctl returns the dma-buf's descriptor. Slices may overlap. A slice keeps its slab alive.
 *
 * Errors: EINVAL, ENOMEM, EMFILE, ENFILE.
 */
struct matlang_pool_slice {
	__u64 offset;
	__u64 size;
	__u32 flags;
	__u32 pad;
	__u64 reserved[3];
};

#define MATLANG_POOL_INFO _IOR('m', 0x60, struct matlang_pool_info)
#define MATLANG_POOL_ALLOC _IOW('m', 0x61, struct matlang_pool_alloc)
#define MATLANG_POOL_SLICE _IOW('m', 0x62, struct matlang_pool_slice)

#endif
