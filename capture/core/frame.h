/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame: one picture of one camera, in the slot where the device put it.
 *
 * A frame is a reference count plus a release callback. The camera holds the first reference
 * while it delivers; analysis and storage take their own; whoever drops the last one runs
 * `release`, which gives the slot back to the camera. No byte of the picture is copied on the way.
 *
 * Ownership: the struct lies in the camera's slot table and outlives its references. Everything
 * but `refs` is written before the frame is delivered and read-only afterwards, except the bytes
 * of the slot behind the last plane (`slot + tail`), which belong to storage: it puts the
 * record's trailer there. Threads: frame_ref and frame_unref from any; `release` runs on the
 * thread that dropped the last reference and must not block.
 */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/pixfmt.h"

/* Flags of a frame. Values are stored on disk: never reuse one. */
#define FRAME_KEY        0x0001u /* decodable by itself; always set for raw and MJPEG */
#define FRAME_TORN       0x0002u /* not whole (see loss.h: LOSS_TORN), recorded as evidence anyway */
#define FRAME_GAP        0x0004u /* frames are missing right before this one */
#define FRAME_FULL_RANGE 0x0008u /* raw luma is 0-255 (JPEG range), not 16-235 */

/* Free bytes a slot must have behind its planes' capacity, so that storage can write the frame
 * and its trailer with one block-aligned write: rounding to a block and one block more. */
#define FRAME_TRAILER_ROOM 8192u
#define FRAME_BLOCK        4096u /* slots and planes are aligned to it, in address and offset */

struct frame_plane {
	const uint8_t *data; /* first byte of the picture (data_offset already skipped) */
	size_t bytesused;    /* bytes of picture, data_offset not included */
	uint32_t stride;     /* bytes a row; 0 when compressed */
};

struct frame {
	atomic_uint refs;
	uint32_t camera_id; /* the store's number for the camera; set by the camera's owner */
	uint32_t sequence;  /* the driver's, as it gave it */
	uint32_t flags;     /* FRAME_* */
	int64_t mono_ns;    /* CLOCK_MONOTONIC at capture, by the driver where it tells */
	uint32_t fourcc;    /* PIXFMT_* */
	uint32_t width, height;
	uint32_t nplanes; /* memory planes, 1..PIXFMT_MAX_PLANES */
	struct frame_plane plane[PIXFMT_MAX_PLANES];

	uint8_t *slot;    /* page-aligned start of the slot the planes lie in */
	size_t slot_size; /* bytes, a multiple of FRAME_BLOCK, FRAME_TRAILER_ROOM included */
	int buf_index;    /* the reactor's registered-buffer index of the slab; -1: none */

	void (*release)(struct frame *f);
	void *owner; /* for `release` */
};

void frame_ref(struct frame *f);
/* Drops a reference; the last one calls release. */
void frame_unref(struct frame *f);

/* Offset of the byte behind the last plane, from the slot's start. */
size_t frame_tail(const struct frame *f);
/* Sum of bytesused. */
size_t frame_bytes(const struct frame *f);

#endif
