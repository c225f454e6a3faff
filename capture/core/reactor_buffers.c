/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reactor's table of registered buffers, and which places in it are free. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/core/reactor_impl.h"

#define REACTOR_BUFFERS    4096 /* places in the table */
#define REACTOR_BUFFER_MAX ((size_t)1 << 30)

int reactor_buffers_init(struct reactor *r)
{
	r->free_buffers = calloc(REACTOR_BUFFERS, sizeof(r->free_buffers[0]));
	if (!r->free_buffers)
		return -ENOMEM;
	/* A kernel without sparse tables (before 5.19) costs WRITE_FIXED, nothing else. */
	r->sparse = io_uring_register_buffers_sparse(&r->ring, REACTOR_BUFFERS) == 0;
	while (r->sparse && r->nfree < REACTOR_BUFFERS) {
		r->free_buffers[r->nfree] = (uint16_t)(REACTOR_BUFFERS - 1 - r->nfree);
		r->nfree++;
	}
	return 0;
}

static int update_buffer(struct reactor *r, unsigned index, void *addr, size_t len)
{
	struct iovec iov = {.iov_base = addr, .iov_len = len};
	__u64 tag = 0;
	int n = io_uring_register_buffers_update_tag(&r->ring, index, &iov, &tag, 1);

	return n == 1 ? 0 : n < 0 ? n : -EINVAL;
}

int reactor_buffer_register(struct reactor *r, void *addr, size_t len, int *out_index)
{
	unsigned index;
	int err;

	if (!addr || !len || len > REACTOR_BUFFER_MAX ||
	    (uintptr_t)addr % (uintptr_t)sysconf(_SC_PAGESIZE))
		return -EINVAL;
	if (!r->sparse)
		return -EOPNOTSUPP;
	if (!r->nfree)
		return -ENOSPC;
	index = r->free_buffers[r->nfree - 1];
	err = update_buffer(r, index, addr, len);
	if (err)
		return err;
	r->nfree--;
	reactor_count(&r->registered, 1);
	*out_index = (int)index;
	return 0;
}

void reactor_buffer_unregister(struct reactor *r, int index)
{
	if (index < 0)
		return;
	/* Emptying a place allocates a little in the kernel. If even that fails the place is given
	 * up and its memory stays pinned until the ring goes: never handed out twice. */
	if (update_buffer(r, (unsigned)index, NULL, 0) == 0)
		r->free_buffers[r->nfree++] = (uint16_t)index;
	atomic_fetch_sub_explicit(&r->registered, 1, memory_order_relaxed);
}
