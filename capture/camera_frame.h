/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a filled buffer to a frame: bounds, markers, torn or whole. Private to capture/. */
#ifndef CAPTURE_CAMERA_FRAME_H
#define CAPTURE_CAMERA_FRAME_H

#include "capture/core/frame.h"
#include "capture/core/loss.h"
#include "capture/slab.h"
#include "capture/source.h"

/*
 * Fills the picture's part of `f` (flags, format, planes; not refs, camera, time, slot) from what
 * the device says of slot b->slot. Everything it says is checked against the planes' sizes first.
 *
 * Returns LOSS_NONE: deliver it, with FRAME_TORN in f->flags if it is not whole (the device flagged
 * it, it claims more than its buffer holds, a JPEG without start or end marker, a raw plane shorter
 * than the picture). LOSS_DEVICE_ERROR: flagged and empty. LOSS_TORN: empty without a flag.
 * A JPEG's bytesused is cut to its end marker: what drivers pad with is not picture.
 */
enum loss_cause camera_frame_fill(struct frame *f, const struct source_format *fmt,
				  const struct slab *slab, const struct source_buffer *b);

/* Can storage write the frame from the slot it lies in? SLAB_DRIVER: one plane, page-aligned,
 * with room for the trailer behind the picture. Sets slot and slot_size if so. */
bool camera_frame_in_place(struct frame *f, const struct slab *slab, unsigned slot);

/* Copies the planes into slot `slot` of `spare` (same plane sizes) and makes `f` point there. */
void camera_frame_copy(struct frame *f, const struct slab *spare, unsigned slot);

#endif
