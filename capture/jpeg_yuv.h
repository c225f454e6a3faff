/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A raw frame as the three full-range planes that a JPEG encoder takes. Planes that are already
 * so are passed by reference; the others are rearranged into the scratch buffer.
 */
#ifndef CAPTURE_JPEG_YUV_H
#define CAPTURE_JPEG_YUV_H

#include "capture/core/compiler.h"
#include "capture/core/frame.h"

struct jpeg_yuv {
	const uint8_t *plane[3]; /* Y, U, V; U and V NULL for grey */
	int stride[3];
	unsigned hsub, vsub; /* chroma divisors; 0 for grey */
};

/* Bytes of scratch that jpeg_yuv_convert may need for this picture. */
size_t jpeg_yuv_scratch_size(const struct frame *f);

/* `scratch` stays in use as long as *out. -EINVAL: not raw, or a plane shorter than the picture. */
int jpeg_yuv_convert(const struct frame *f, uint8_t *scratch, struct jpeg_yuv *out) MUST_CHECK;

#endif
