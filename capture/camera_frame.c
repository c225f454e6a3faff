/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/camera_frame.h"

#include <string.h>

/* Behind a JPEG's end marker drivers leave zeros (uvcvideo: up to the buffer's size) and some
 * cameras a few bytes of rubbish. */
#define JPEG_TAIL_MAX 4096

/* Cuts `plane` to its end marker. False: no start or no end. */
static bool trim_jpeg(struct frame_plane *plane)
{
	const uint8_t *d = plane->data;
	size_t n = plane->bytesused, stop;

	if (n < 4 || d[0] != 0xff || d[1] != 0xd8)
		return false;
	while (n > 4 && d[n - 1] == 0)
		n--;
	stop = n > JPEG_TAIL_MAX + 4 ? n - JPEG_TAIL_MAX : 4;
	/* From the back: in entropy-coded data 0xff is stuffed, so the last end marker is it. */
	for (; n >= stop; n--) {
		if (d[n - 2] == 0xff && d[n - 1] == 0xd9) {
			plane->bytesused = n;
			return true;
		}
	}
	return false;
}

/* Bytes that plane `p` of a whole raw picture has with the device's stride; the last row needs no
 * padding behind it. */
static size_t raw_plane_need(const struct pixfmt *pf, const struct source_format *fmt, unsigned p)
{
	size_t tight = pixfmt_plane_size(pf, p, fmt->width, fmt->height);
	size_t row = (size_t)fmt->width * pf->luma_step;
	size_t stride = fmt->stride[p];

	if (pf->luma_step == 2)
		row = ALIGN_UP(row, (size_t)4);
	if (p > 0) {
		row = (fmt->width + pf->hsub - 1) / pf->hsub;
		row *= pf->colour_planes == 2 ? 2 : 1;
	}
	if (!row || stride <= row)
		return tight;
	return tight / row * stride - (stride - row);
}

enum loss_cause camera_frame_fill(struct frame *f, const struct source_format *fmt,
				  const struct slab *slab, const struct source_buffer *b)
{
	const struct pixfmt *pf = pixfmt_find(fmt->fourcc);
	bool raw = pf && pf->codec == PIXFMT_RAW;
	bool torn = b->error;

	f->fourcc = fmt->fourcc;
	f->width = fmt->width;
	f->height = fmt->height;
	f->nplanes = slab->nplanes;
	for (unsigned p = 0; p < slab->nplanes; p++) {
		size_t size = slab->plane_size[p];
		size_t offset = b->plane[p].data_offset, used = b->plane[p].bytesused;

		if (used > size) {
			used = size;
			torn = true;
		}
		if (offset > used) {
			torn = torn || used > 0;
			offset = used;
		}
		f->plane[p] = (struct frame_plane){
			.data = slab->slot[b->slot].plane[p] + offset,
			.bytesused = used - offset,
			.stride = raw ? fmt->stride[p] : 0,
		};
		if (raw && f->plane[p].bytesused < raw_plane_need(pf, fmt, p))
			torn = true;
	}
	if (frame_bytes(f) == 0)
		return b->error ? LOSS_DEVICE_ERROR : LOSS_TORN;
	if (pf && pf->codec == PIXFMT_CODEC_MJPEG && !trim_jpeg(&f->plane[0]))
		torn = true;

	f->flags = torn ? FRAME_TORN : 0;
	if (raw || (pf && pf->codec == PIXFMT_CODEC_MJPEG) || b->key)
		f->flags |= FRAME_KEY;
	if (raw && fmt->full_range)
		f->flags |= FRAME_FULL_RANGE;
	return LOSS_NONE;
}

bool camera_frame_in_place(struct frame *f, const struct slab *slab, unsigned slot)
{
	const struct slab_slot *s = &slab->slot[slot];

	if (s->base) {
		f->slot = s->base;
		f->slot_size = slab->slot_size;
		return true;
	}
	f->slot = s->plane[0];
	f->slot_size = slab->plane_size[0] / FRAME_BLOCK * FRAME_BLOCK;
	return slab->nplanes == 1 && (uintptr_t)f->slot % FRAME_BLOCK == 0 &&
	       frame_tail(f) + FRAME_TRAILER_ROOM <= f->slot_size;
}

void camera_frame_copy(struct frame *f, const struct slab *spare, unsigned slot)
{
	for (unsigned p = 0; p < f->nplanes; p++) {
		memcpy(spare->slot[slot].plane[p], f->plane[p].data, f->plane[p].bytesused);
		f->plane[p].data = spare->slot[slot].plane[p];
	}
	f->slot = spare->slot[slot].base;
	f->slot_size = spare->slot_size;
}
