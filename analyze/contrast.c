/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/contrast.h"

#include <math.h>

#define CHANGE_LEAST 4.0 /* grey levels: less change of the mean counts for this much */
#define FLAT         1.0 /* variance the background has at least: it has noise, too */

float contrast_of(const uint8_t *now, const uint8_t *before, size_t stride, unsigned w, unsigned h,
		  double light)
{
	uint32_t n = w * h, sn = 0, sb = 0, snn = 0, sbb = 0, snb = 0;
	double mean_now, mean_before, var_now, var_before, both, factor, rest, change;

	for (unsigned y = 0; y < h; y++, now += stride, before += stride)
		for (unsigned x = 0; x < w; x++) {
			uint32_t a = now[x], b = before[x];

			sn += a;
			sb += b;
			snn += a * a;
			sbb += b * b;
			snb += a * b;
		}
	mean_now = (double)sn / n;
	mean_before = (double)sb / n;
	var_now = (double)snn / n - mean_now * mean_now;
	var_before = (double)sbb / n - mean_before * mean_before;
	both = (double)snb / n - mean_now * mean_before;
	factor = fmax(both, 0) / (var_before + FLAT);
	rest = var_now - 2 * factor * both + factor * factor * var_before;
	change = fabs(mean_now - mean_before * light);
	return (float)(sqrt(fmax(rest, 0)) / fmax(change, CHANGE_LEAST));
}
