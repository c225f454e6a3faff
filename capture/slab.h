/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slab is one camera's frame memory, cut into slots. A slot is page-aligned and has room for
 * all planes and for the record's trailer (FRAME_TRAILER_ROOM): the device fills it, the analyser
 * reads it, the disk is written from it.
 *
 *   slab:  | slot 0                                        | slot 1 ...
 *   slot:  | plane 0, page-aligned | plane 1 | ... | trailer room |
 *
 * Kinds, best first: SLAB_POOL (slices of matlang_pool, the kernel frame pool of
 * kmod/: serves every kind of V4L2 queue), SLAB_UDMABUF (over a
 * 4 KiB-page memfd, never hugetlb: the kernel maps a huge page's first 4 KiB again and again),
 * SLAB_USERPTR (anonymous memory), SLAB_DRIVER (the driver's own MMAP buffers; planes are not in
 * one slot then, and a frame of several planes or without trailer room is copied, and counted).
 * Threads: made and destroyed on opener threads; read anywhere in between.
 */
#ifndef CAPTURE_SLAB_H
#define CAPTURE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/pixfmt.h"

enum slab_kind { SLAB_AUTO = 0, SLAB_POOL, SLAB_UDMABUF, SLAB_USERPTR, SLAB_DRIVER, SLAB_KINDS };

struct slab_slot {
	uint8_t *plane[PIXFMT_MAX_PLANES];           /* mapped start of each plane's buffer */
	int plane_fd[PIXFMT_MAX_PLANES];             /* dma-buf to import, -1 when none */
	uint32_t plane_fd_offset[PIXFMT_MAX_PLANES]; /* the plane's start in that dma-buf */
	uint8_t *base;                               /* slot start; NULL for SLAB_DRIVER */
};

struct slab {
	enum slab_kind kind;
	unsigned nslots;
	unsigned nplanes;
	size_t plane_size[PIXFMT_MAX_PLANES];
	size_t slot_size; /* multiple of 4096, trailer room included; 0 for SLAB_DRIVER */
	uint8_t *base;    /* whole slab mapped; NULL for SLAB_DRIVER */
	size_t size;
	int memfd;              /* SLAB_UDMABUF: what the dma-bufs are made of; -1 otherwise */
	struct slab_slot *slot; /* nslots entries */
};

/* "pool", "udmabuf", "userptr", "mmap"; "auto". */
const char *slab_kind_name(enum slab_kind kind);
/* The kind by its name; -EINVAL when unknown. */
int slab_kind_parse(const char *name, enum slab_kind *out) MUST_CHECK;

/*
 * Makes a slab. Sizes are checked against overflow and 4 GiB. SLAB_DRIVER allocates only the
 * table. Errors: -EOPNOTSUPP (kind not available here: no /dev/udmabuf, no pool), -ENOMEM, -EINVAL.
 */
int slab_create(struct slab **out, enum slab_kind kind, unsigned nslots, unsigned nplanes,
		const size_t plane_size[], struct errmsg *em) MUST_CHECK;
/* No slot may be in use by device or frame. NULL is fine. */
void slab_destroy(struct slab *s);

#endif
