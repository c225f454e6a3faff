/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drawn scenes for the tests of motion detection: a textured background, noise, a square. */
#ifndef TESTS_ANALYZE_SCENE_H
#define TESTS_ANALYZE_SCENE_H

#include <stdatomic.h>
#include <stdint.h>

#include "capture/core/frame.h"

struct scene {
	uint32_t w, h;
	uint64_t random;
	uint8_t *picture; /* w * h, the last one drawn */
};

/* What is in one picture. A square of side 0 is none. */
struct scene_shot {
	int square_x, square_y, square_side;
	int square_grey;
	int square_add;       /* not 0: the background shows through, this much brighter */
	double gain;          /* light: 1.0 as the background is */
	int noise;            /* grey levels, uniform */
	int shift_x, shift_y; /* the camera moved */
};

void scene_init(struct scene *s, uint32_t w, uint32_t h);
void scene_free(struct scene *s);
const uint8_t *scene_draw(struct scene *s, const struct scene_shot *shot);

/* A GREY frame over bytes; released frames count themselves down in `alive`. */
struct scene_frame {
	struct frame f;
	atomic_int *alive;
	uint8_t *bytes;
};

/* A heap frame with one plane that holds a copy of `size` bytes and one reference. */
struct frame *scene_frame(uint32_t fourcc, uint32_t w, uint32_t h, const uint8_t *bytes,
			  size_t size, uint32_t stride, int64_t mono_ns, atomic_int *alive);

#endif
