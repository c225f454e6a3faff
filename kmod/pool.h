/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MATLANG_POOL_H
#define MATLANG_POOL_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "uapi.h"

#define POOL_SLAB_MAX (16ULL << 30)

/*
 * A slab lives exactly as long as its file. Its descriptors, its mappings and its slices each
 * hold that file, so they may go in any order; the last one frees the memory.
 */
struct pool_slab {
	struct file *file;
	struct page **pages; /* one reference on each is ours */
	unsigned long nr_pages;
	/* The file operations its memory's own file system gave it; NULL: memory of our own. */
	const struct file_operations *backing_fops;
};

/* pool_main.c: the sums that sysfs shows, and the limit. */
int pool_reserve(u64 bytes); /* counts a slab too */
void pool_unreserve(u64 bytes);
void pool_count_slice(int by);
void pool_count_failure(void);

/* pool_pages.c */
int pool_pages_alloc(struct page **pages, unsigned long nr, const struct matlang_pool_alloc *how,
		     gfp_t gfp);
void pool_pages_free(struct page **pages, unsigned long nr);
u64 pool_run_max(void);

/* pool_slab.c */
int pool_slab_create(const struct matlang_pool_alloc *how);
/* The part of the slab from page @first on, @nr pages long, behind a vma of that size. */
int pool_slab_map(struct pool_slab *slab, struct vm_area_struct *vma, unsigned long first,
		  unsigned long nr);

/* pool_slice.c */
int pool_slice_create(struct pool_slab *slab, const struct matlang_pool_slice *what);

#endif
