/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a `rack:` URI asks for: rack:NAME[?option=value&...]
 *
 *   width, height  1-7680, 1-4320; default 1920x1080 or the camera's limit if that is less
 *   fps            1-1000; default 15 or the camera's limit if that is less
 *   format         any name of pixfmt.h but H264 and HEVC; default mjpeg
 *   frame_kb       1-32768: MJPEG pictures of exactly so many 1000 bytes (padded with comment
 *                  segments; up to 3 bytes less where no segment fits); default about 1 byte to
 *                  20 pixels, not padded
 *   slots          2-64; default 8 raw, 12 MJPEG (pictures are ready-made in the slots: more slots,
 *                  smoother motion, and more frames that may wait for the disk)
 *   seed           0-4294967295: another scene; cameras of one seed share prepared pictures
 *   scene          day or night
 *   objects        0-16 moving things, default 3
 *   active, quiet  0-3600 s: the scene's loop: so long things move, so long nothing does;
 *                  default 8 and 12; where in the loop a camera starts depends on its name
 *   paced          0: a frame is ready whenever a slot is free; default 1, at the rate
 *   faults         see rack_faults.h
 */
#ifndef CAPTURE_RACK_PARAMS_H
#define CAPTURE_RACK_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/pixfmt.h"
#include "capture/rack/rack_faults.h"
#include "capture/source.h"

#define RACK_SLOTS_MAX 64u
#define RACK_NAME_MAX  64

/* What a picture depends on: cameras that agree in it can share prepared ones. */
struct rack_look {
	uint32_t width, height;
	uint32_t fourcc;
	uint32_t frame_bytes; /* 0: as it comes */
	uint32_t seed;
	uint32_t pictures; /* as many as slots */
	uint32_t still;    /* the first so many show the scene at rest; the rest one round */
	uint32_t lost;     /* the last so many show a view that is lost, `lost_kind` why */
	uint32_t lost_kind;
	uint16_t objects;
	uint16_t night;
};

struct rack_params {
	char name[RACK_NAME_MAX];
	struct rack_look look;
	const struct pixfmt *pf;
	uint32_t millihertz; /* frames in 1000 s */
	double active_s, quiet_s;
	bool paced;
	struct rack_faults faults;
};

/* -EINVAL with message. */
int rack_params_parse(const char *rest, const struct source_want *want, struct rack_params *out,
		      struct errmsg *em) MUST_CHECK;

#endif
