// SPDX-License-Identifier: GPL-2.0
/* The pages of a slab: single ones, or contiguous runs cut to single pages. */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "pool.h"

u64 pool_run_max(void)
{
	return (u64)PAGE_SIZE << POOL_ORDER_MAX;
}

void pool_pages_free(struct page **pages, unsigned long nr)
{
	unsigned long i;

	/* Whoever still has a page pinned (a registered buffer, a write under way) keeps it. */
	for (i = 0; i < nr; i++) {
		put_page(pages[i]);
		if (!(i & 1023))
			cond_resched();
	}
}

static int alloc_run(struct page **pages, unsigned long nr, int node, gfp_t gfp)
{
	unsigned int order = get_order(nr << PAGE_SHIFT);
	struct page *page;
	unsigned long i;

	page = alloc_pages_node(node, gfp, order);
	if (!page)
		return -ENOMEM;
	/* Each page gets a life of its own: users take references on single pages. */
	if (order)
		split_page(page, order);
	for (i = 0; i < nr; i++)
		pages[i] = page + i;
	for (; i < 1UL << order; i++)
		__free_page(page + i);
	return 0;
}

int pool_pages_alloc(struct page **pages, unsigned long nr, const struct matlang_pool_alloc *how,
		     gfp_t gfp)
{
	unsigned long done = 0;
	u32 turn = 0;
	int err = 0;

	/* Worth some reclaim and compaction, but not the killing of anybody. */
	gfp |= GFP_USER | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL;
	if (how->flags & MATLANG_POOL_ALLOC_DMA32)
		gfp |= GFP_DMA32;
	while (done < nr && !err) {
		unsigned long run = how->nr_runs ? how->run[turn] >> PAGE_SHIFT : 1;

		err = fatal_signal_pending(current) ? -EINTR : 0;
		if (!err)
			err = alloc_run(pages + done, run, how->node, gfp);
		if (!err)
			done += run;
		if (how->nr_runs)
			turn = (turn + 1) % how->nr_runs;
		cond_resched();
	}
	if (err)
		pool_pages_free(pages, done);
	return err;
}
