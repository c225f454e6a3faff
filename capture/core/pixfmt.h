/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Picture formats by V4L2 fourcc: planes, subsampling, and where luma lies. One table; capture,
 * analysis and tools read it, storage keeps only the number.
 */
#ifndef CORE_PIXFMT_H
#define CORE_PIXFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"

#define PIXFMT_MAX_PLANES 4

#define PIXFMT_FOURCC(a, b, c, d) \
	((uint32_t)(a) | ((uint32_t)(b) << 8) | ((uint32_t)(c) << 16) | ((uint32_t)(d) << 24))

#define PIXFMT_MJPEG PIXFMT_FOURCC('M', 'J', 'P', 'G')
#define PIXFMT_JPEG  PIXFMT_FOURCC('J', 'P', 'E', 'G')
#define PIXFMT_H264  PIXFMT_FOURCC('H', '2', '6', '4')
#define PIXFMT_HEVC  PIXFMT_FOURCC('H', 'E', 'V', 'C')
#define PIXFMT_GREY  PIXFMT_FOURCC('G', 'R', 'E', 'Y')
#define PIXFMT_NV12  PIXFMT_FOURCC('N', 'V', '1', '2')
#define PIXFMT_NV21  PIXFMT_FOURCC('N', 'V', '2', '1')
#define PIXFMT_NV16  PIXFMT_FOURCC('N', 'V', '1', '6')
#define PIXFMT_NM12  PIXFMT_FOURCC('N', 'M', '1', '2')
#define PIXFMT_NM21  PIXFMT_FOURCC('N', 'M', '2', '1')
#define PIXFMT_NM16  PIXFMT_FOURCC('N', 'M', '1', '6')
#define PIXFMT_YU12  PIXFMT_FOURCC('Y', 'U', '1', '2')
#define PIXFMT_YV12  PIXFMT_FOURCC('Y', 'V', '1', '2')
#define PIXFMT_YM12  PIXFMT_FOURCC('Y', 'M', '1', '2')
#define PIXFMT_YM21  PIXFMT_FOURCC('Y', 'M', '2', '1')
#define PIXFMT_YUYV  PIXFMT_FOURCC('Y', 'U', 'Y', 'V')
#define PIXFMT_UYVY  PIXFMT_FOURCC('U', 'Y', 'V', 'Y')

enum pixfmt_codec {
	PIXFMT_RAW,
	PIXFMT_CODEC_MJPEG,
	PIXFMT_CODEC_H264,
	PIXFMT_CODEC_HEVC,
};

struct pixfmt {
	uint32_t fourcc;
	enum pixfmt_codec codec;
	uint8_t mem_planes; /* separate memory planes (V4L2 num_planes): 1 for NV12, 2 for NM12 */
	uint8_t colour_planes; /* 1 GREY/packed, 2 semi-planar, 3 planar */
	uint8_t hsub, vsub;    /* chroma subsampling divisors, 1 where there is none */
	uint8_t luma_offset;   /* packed formats: byte of the first luma sample */
	uint8_t luma_step;     /* bytes from one luma sample to the next: 1, or 2 when packed */
	bool v_first;          /* V before U (NV21, YV12, YM21) */
	const char *name;      /* as a person writes it: "NV12", "MJPEG" */
};

/* NULL when the format is not one we record. */
const struct pixfmt *pixfmt_find(uint32_t fourcc);
/* By name, case-insensitive ("mjpeg", "NV12", "h264"); NULL when unknown. */
const struct pixfmt *pixfmt_find_name(const char *name);
/* The table, for listing: NULL past the end. */
const struct pixfmt *pixfmt_at(size_t index);

/* Four characters and a NUL; unprintable ones as '.'. */
void pixfmt_fourcc_text(char out[static 5], uint32_t fourcc);

/*
 * Layout of a raw picture with no padding between rows: byte size of memory plane `plane` for a
 * picture of width x height. 0 for compressed formats or an absent plane. Sizes are checked:
 * width and height at most 16384.
 */
size_t pixfmt_plane_size(const struct pixfmt *pf, unsigned plane, uint32_t width, uint32_t height);

#endif
