/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Camera shake: the shift of a picture against the background, from the sums of its columns and
 * rows (projections). The differences of neighbouring sums are matched over +-SHAKE_MAX pixels by
 * mean absolute difference, with a parabola through the best three for the fraction. What moves in
 * a part of the picture moves a part of each sum only. Source: projection matching as used for
 * digital image stabilisation (Ratakonda, 1998).
 */
#ifndef ANALYZE_SHAKE_H
#define ANALYZE_SHAKE_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/motion_dsp.h"

#define SHAKE_MAX 10 /* reduced pixels */

/* Shift of `now` against `model` in sixteenths of a pixel; 0 when none explains it better. */
int shake_estimate(const uint32_t *now, const uint32_t *model, unsigned n);

/*
 * Moves a picture back by (dx, dy) sixteenths, in place. `temp` holds w + 2 * (SHAKE_MAX + 2)
 * bytes. Pixels that come from outside the picture repeat its edge.
 */
void shake_undo(const struct motion_dsp *dsp, uint8_t *picture, size_t stride, unsigned w,
		unsigned h, int dx, int dy, uint8_t *temp);

#endif
