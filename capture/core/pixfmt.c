/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/core/pixfmt.h"

#include <strings.h>

#define PIXFMT_MAX_SIDE 16384u

/* clang-format off */
static const struct pixfmt table[] = {
	/*  fourcc        codec            mem col hs vs off step v_first name */
	{ PIXFMT_MJPEG, PIXFMT_CODEC_MJPEG, 1, 1, 1, 1, 0, 0, false, "MJPEG" },
	{ PIXFMT_JPEG,  PIXFMT_CODEC_MJPEG, 1, 1, 1, 1, 0, 0, false, "JPEG" },
	{ PIXFMT_H264,  PIXFMT_CODEC_H264,  1, 1, 1, 1, 0, 0, false, "H264" },
	{ PIXFMT_HEVC,  PIXFMT_CODEC_HEVC,  1, 1, 1, 1, 0, 0, false, "HEVC" },
	{ PIXFMT_GREY,  PIXFMT_RAW,         1, 1, 1, 1, 0, 1, false, "GREY" },
	{ PIXFMT_NV12,  PIXFMT_RAW,         1, 2, 2, 2, 0, 1, false, "NV12" },
	{ PIXFMT_NV21,  PIXFMT_RAW,         1, 2, 2, 2, 0, 1, true,  "NV21" },
	{ PIXFMT_NV16,  PIXFMT_RAW,         1, 2, 2, 1, 0, 1, false, "NV16" },
	{ PIXFMT_NM12,  PIXFMT_RAW,         2, 2, 2, 2, 0, 1, false, "NM12" },
	{ PIXFMT_NM21,  PIXFMT_RAW,         2, 2, 2, 2, 0, 1, true,  "NM21" },
	{ PIXFMT_NM16,  PIXFMT_RAW,         2, 2, 2, 1, 0, 1, false, "NM16" },
	{ PIXFMT_YU12,  PIXFMT_RAW,         1, 3, 2, 2, 0, 1, false, "YU12" },
	{ PIXFMT_YV12,  PIXFMT_RAW,         1, 3, 2, 2, 0, 1, true,  "YV12" },
	{ PIXFMT_YM12,  PIXFMT_RAW,         3, 3, 2, 2, 0, 1, false, "YM12" },
	{ PIXFMT_YM21,  PIXFMT_RAW,         3, 3, 2, 2, 0, 1, true,  "YM21" },
	{ PIXFMT_YUYV,  PIXFMT_RAW,         1, 1, 2, 1, 0, 2, false, "YUYV" },
	{ PIXFMT_UYVY,  PIXFMT_RAW,         1, 1, 2, 1, 1, 2, false, "UYVY" },
};
/* clang-format on */

const struct pixfmt *pixfmt_at(size_t index)
{
	return index < ARRAY_SIZE(table) ? &table[index] : NULL;
}

const struct pixfmt *pixfmt_find(uint32_t fourcc)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].fourcc == fourcc)
			return &table[i];
	}
	return NULL;
}

const struct pixfmt *pixfmt_find_name(const char *name)
{
	char code[5];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		pixfmt_fourcc_text(code, table[i].fourcc);
		if (!strcasecmp(table[i].name, name) || !strcasecmp(code, name))
			return &table[i];
	}
	return NULL;
}

void pixfmt_fourcc_text(char out[static 5], uint32_t fourcc)
{
	for (int i = 0; i < 4; i++) {
		char c = (char)(fourcc >> (8 * i));

		out[i] = c > ' ' && c < 0x7f ? c : '.';
	}
	out[4] = '\0';
}

size_t pixfmt_plane_size(const struct pixfmt *pf, unsigned plane, uint32_t width, uint32_t height)
{
	size_t luma, cw, ch, chroma;

	if (pf->codec != PIXFMT_RAW || plane >= pf->mem_planes || !width || !height ||
	    width > PIXFMT_MAX_SIDE || height > PIXFMT_MAX_SIDE)
		return 0;
	if (pf->luma_step == 2) /* packed: two pixels share four bytes */
		return (size_t)ALIGN_UP(width, 2u) * 2 * height;
	luma = (size_t)width * height;
	if (pf->colour_planes == 1)
		return luma;
	cw = (width + pf->hsub - 1) / pf->hsub;
	ch = (height + pf->vsub - 1) / pf->vsub;
	chroma = cw * ch; /* one of U and V */
	if (pf->mem_planes == 1)
		return luma + 2 * chroma;
	if (plane == 0)
		return luma;
	return pf->mem_planes == 2 ? 2 * chroma : chroma;
}
