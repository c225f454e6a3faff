/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments with motion, merged into stretches of time. */
#ifndef MATLANG_STRETCH_H
#define MATLANG_STRETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "storage/record.h"

struct stretch {
	uint32_t camera_id;
	int64_t from_ns, to_ns; /* UTC of the first and the last moment */
	int64_t peak_ns;        /* of the moment with most cells (the first of equals) */
	uint32_t frames, peak_cells;
	enum record_clock clock; /* the worst of its moments */
};

struct stretches {
	struct stretch *item;
	size_t count, room;
	int64_t merge_ns; /* moments at most so far apart belong together */
	size_t *open;     /* by camera number: 1 + index of its last stretch; 0: none */
	size_t nopen;
};

void stretches_init(struct stretches *s, int64_t merge_ns);
void stretches_free(struct stretches *s);
/* A moment of a camera, in any order of cameras. One that lies before the camera's last stretch (a
 * clock that was set back) begins a stretch of its own. -ENOMEM. */
int stretches_add(struct stretches *s, uint32_t camera_id, int64_t utc_ns, uint32_t cells,
		  enum record_clock clock) MUST_CHECK;
/* The moment last added of this camera lasted until `to_ns`, over so many more frames. */
void stretches_extend(struct stretches *s, uint32_t camera_id, int64_t to_ns, uint32_t frames);
/* Orders by begin, then camera. Nothing may be added afterwards. */
void stretches_sort(struct stretches *s);

/* A rectangle in pixels of the full picture. */
struct region {
	uint32_t x, y, w, h;
};
/* "x,y,w,h", w and h at least 1, all at most 65535. -EINVAL with message. */
int region_parse(const char *text, struct region *out, struct errmsg *em) MUST_CHECK;
/*
 * How many of the set cells touch the region (NULL: all of them). Cell (x, y) is bit
 * y * cols + x, least significant first; `bits` holds (cols * rows + 7) / 8 bytes.
 */
uint32_t region_cells(const struct region *region, const uint8_t *bits, uint16_t cols,
		      uint16_t rows, uint16_t cell_px);

#endif
