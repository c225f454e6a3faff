/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that does what the test says. "fake:N" is the N-th of FAKE_MAX; the test fills buffers,
 * sets faults and looks at what was called. A frame that finds no free slot is dropped and counted,
 * as a driver does.
 */
#ifndef TESTS_FAKE_SOURCE_H
#define TESTS_FAKE_SOURCE_H

#include <pthread.h>

#include "capture/source.h"

#define FAKE_MAX   4
#define FAKE_SLOTS 16

struct fake {
	/* protects: everything here; openers and the test's thread both come */
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* what the test sets */
	struct source_format fmt;
	enum slab_kind kinds[SOURCE_KINDS_MAX];
	int open_err, start_err, dequeue_err, enqueue_err;
	unsigned refuse_kinds; /* bit k: start says -EOPNOTSUPP for kind k */
	bool hang_open;        /* open waits until this is false */
	bool read_only;        /* SLAB_DRIVER: buffers that cannot be pinned for writing, as those
				* of dma-contig drivers cannot be pinned at all */

	/* what happened */
	unsigned opens, starts, stops, closes, dequeues;
	enum slab_kind kind;

	/* the device's own state */
	bool is_open, streaming;
	int fd;
	struct slab *slab;
	bool free_slot[FAKE_SLOTS];
	struct source_buffer filled[FAKE_SLOTS];
	unsigned nfilled;
	uint8_t *driver_memory;
	size_t driver_size;
	void *driver_view; /* read_only: what the camera sees of it */
	uint64_t dropped;
	uint8_t *last_data; /* where the last filled buffer's picture was put */
};

struct fake *fake_get(unsigned n);
/* As new: 640x480 MJPEG at 100/s, 4 slots, USERPTR. */
void fake_reset(struct fake *f);
const struct source_ops *fake_find(const char *uri, const char **rest, struct errmsg *em);

/* A buffer as the device would hand it over: `b` without its slot. `data` (bytes) goes to plane 0
 * behind data_offset; other planes are filled with their number. False: no free slot. */
bool fake_fill(struct fake *f, struct source_buffer b, const void *data, size_t bytes);
/* A whole JPEG (markers only), number and time as given. */
bool fake_jpeg(struct fake *f, uint32_t sequence, int64_t mono_ns);
/* A fault that shows at the next call; wakes the poll. */
void fake_fault(struct fake *f, int *field, int err);
/* Reads a counter under the lock. */
unsigned fake_count(struct fake *f, const unsigned *field);

#endif
