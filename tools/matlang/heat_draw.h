/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A camera's heat as a picture for people: where, over a picture of the camera, and when. */
#ifndef MATLANG_HEAT_DRAW_H
#define MATLANG_HEAT_DRAW_H

#include <libavutil/frame.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "tools/matlang/heat.h"

struct heat_page {
	const struct heat *heat;
	const char *camera;
	int64_t from_ns, to_ns; /* the time the page is about */
	const AVFrame *picture; /* NULL: none of that time is left */
};

/* Writes the PNG. 0 or -errno with message. */
int heat_draw(const struct heat_page *page, const char *path, struct errmsg *em) MUST_CHECK;

#endif
