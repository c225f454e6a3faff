/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/rack/rack_lost.h"

#include <stddef.h>
#include <string.h>

#define BLUR_PART 60 /* of the width, to either side */
#define SIDE_MAX  8192

/* The mean of what lies within `reach` to either side, in a row of n; `copy` holds n. */
static void blur_line(uint8_t *p, size_t step, uint32_t n, uint32_t reach, uint8_t *copy)
{
	uint32_t sum = 0, in = 0;

	for (uint32_t i = 0; i < n; i++)
		copy[i] = p[i * step];
	for (uint32_t i = 0; i < n + reach; i++) {
		if (i < n) {
			sum += copy[i];
			in++;
		}
		if (i > 2 * reach) {
			sum -= copy[i - 2 * reach - 1];
			in--;
		}
		if (i >= reach)
			p[(i - reach) * step] = (uint8_t)(sum / in);
	}
}

/* Twice, which is near a lens's blur. */
static void blur(uint8_t *luma, uint32_t w, uint32_t h)
{
	uint8_t copy[SIDE_MAX];
	uint32_t reach = w / BLUR_PART + 1;

	if (w > SIDE_MAX || h > SIDE_MAX || reach >= w || reach >= h)
		return;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint32_t y = 0; y < h; y++)
			blur_line(luma + (size_t)y * w, 1, w, reach, copy);
		for (uint32_t x = 0; x < w; x++)
			blur_line(luma + x, w, h, reach, copy);
	}
}

void rack_lost_draw(uint8_t *luma, uint32_t w, uint32_t h, enum rack_fault_kind kind)
{
	if (kind == RACK_FAULT_DEFOCUS) {
		blur(luma, w, h);
		return;
	}
	for (uint32_t y = 0; y < h; y++)
		for (uint32_t x = 0; x < w; x++) {
			uint8_t *p = luma + (size_t)y * w + x;
			/* The low bits of what it hides are noise: it keeps them. */
			uint32_t noise = *p & 3, shade = 24 + 16 * x / w + 8 * y / h;

			*p = (uint8_t)((kind == RACK_FAULT_BLIND ? 232 : shade) + noise);
		}
}
