/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells a change of light from a thing: clouds, lamps, headlights on the road and the soft rest of
 * an exposure that swings back make a part of the picture brighter or darker and leave its pattern;
 * a thing brings edges of its own.
 *
 * The patch now is explained by the background, made brighter by a factor and an offset that fit
 * best (least squares, after the normalisation of Jacques et al., 2006, of grey levels in shadow).
 * What remains, in proportion to the change of the mean, is the contrast: near 0 where the light
 * changed, about 1 and more where the edge of something runs through.
 *
 * Any thread.
 */
#ifndef ANALYZE_CONTRAST_H
#define ANALYZE_CONTRAST_H

#include <stddef.h>
#include <stdint.h>

/* Of w x h pixels (at most 4096) at `now` and `before`, both with rows `stride` bytes apart;
 * `light`: factor by which the whole picture is brighter now. */
float contrast_of(const uint8_t *now, const uint8_t *before, size_t stride, unsigned w, unsigned h,
		  double light);

#endif
