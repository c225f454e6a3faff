// SPDX-License-Identifier: GPL-2.0
/* The pictures a rack camera can draw, and how they lie in memory. */
#include <linux/kernel.h>

#include "rack.h"

const struct rack_format rack_formats[] = {
	{V4L2_PIX_FMT_NV12, 1, 1, 1},
	{V4L2_PIX_FMT_GREY, 1, 1, 0},
	{V4L2_PIX_FMT_YUYV, 1, 2, 0},
	{V4L2_PIX_FMT_NV12M, 2, 1, 1},
	{V4L2_PIX_FMT_NV16M, 2, 1, 2},
	{V4L2_PIX_FMT_MJPEG, 1, .compressed = true},
	{V4L2_PIX_FMT_H264, 1, .compressed = true},
};

const unsigned int rack_format_count = ARRAY_SIZE(rack_formats);

const struct rack_format *rack_format_find(u32 fourcc)
{
	unsigned int i;

	for (i = 0; i < rack_format_count; i++)
		if (rack_formats[i].fourcc == fourcc)
			return &rack_formats[i];
	return NULL;
}

void rack_layout_set(struct rack_layout *l, const struct rack_format *f, u32 width, u32 height)
{
	u32 luma = width * f->luma_step * height;
	u32 chroma = luma / 2 * f->chroma;

	*l = (struct rack_layout){.format = f, .width = width, .height = height};
	l->stride[0] = width * f->luma_step;
	l->size[0] = luma;
	if (f->planes == 1) {
		l->size[0] += chroma;
	} else {
		l->stride[1] = width;
		l->size[1] = chroma;
	}
}
