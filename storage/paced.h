/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading at a settable rate: a back end of the I/O seam over another one, for readers in the
 * background. Reads wait for their turn, and end with -ECANCELED once they are to stop. For reading
 * only: writing and flushing are refused with -EROFS.
 *
 * Threads: what it opens, as the I/O seam says; rate and stop: any.
 */
#ifndef STORAGE_PACED_H
#define STORAGE_PACED_H

#include <stdatomic.h>

#include "storage/io.h"

/* The `ctx` of storage_io_paced. One thread at a time reads through all that is opened with it. */
struct paced {
	const struct storage_io_ops *ops; /* below */
	void *ctx;
	atomic_ullong rate; /* bytes a second, 0: no limit */
	atomic_ullong read; /* bytes so far */
	atomic_bool stop;
	int64_t next_ns; /* when the next read may begin, monotonic */
};

extern const struct storage_io_ops storage_io_paced;

#endif
