/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/shake.h"

#include <string.h>

#define PAD (SHAKE_MAX + 2)

/* The light of `model` against that of `now`, Q12: profiles are compared in one light. */
static int64_t light(const uint32_t *now, const uint32_t *model, unsigned n)
{
	uint64_t a = 1, b = 1;

	for (unsigned i = 0; i < n; i++) {
		a += now[i];
		b += model[i];
	}
	return (int64_t)((b << 12) / a);
}

#define SHIFTS (2 * SHAKE_MAX + 1)
#define CHUNK  64 /* places whose differences are worked out at a time */

/* How badly the profiles fit when `now` is read SHAKE_MAX places before .. behind. */
static void misfits(uint64_t cost[static SHIFTS], const uint32_t *now, const uint32_t *model,
		    unsigned n, int64_t gain)
{
	int64_t step[CHUNK + 2 * SHAKE_MAX]; /* of `now`, in the light of the model */

	memset(cost, 0, SHIFTS * sizeof(*cost));
	for (unsigned from = SHAKE_MAX; from + 1 + SHAKE_MAX < n; from += CHUNK) {
		unsigned left = n - 1 - SHAKE_MAX - from, count = left < CHUNK ? left : CHUNK;
		const uint32_t *p = now + from - SHAKE_MAX;

		for (unsigned i = 0; i < count + 2 * SHAKE_MAX; i++)
			step[i] = (((int64_t)p[i + 1] - p[i]) * gain) >> 12;
		for (unsigned i = 0; i < count; i++) {
			int64_t b = (int64_t)model[from + i + 1] - model[from + i];

			for (unsigned k = 0; k < SHIFTS; k++) {
				int64_t a = step[i + k];

				cost[k] += (uint64_t)(a > b ? a - b : b - a);
			}
		}
	}
}

int shake_estimate(const uint32_t *now, const uint32_t *model, unsigned n)
{
	uint64_t cost[SHIFTS], still;
	int64_t gain = light(now, model, n);
	int best = 0, shift;

	if (n < 6 * SHAKE_MAX)
		return 0;
	misfits(cost, now, model, n, gain);
	for (int k = 0; k < SHIFTS; k++)
		if (cost[k] < cost[best])
			best = k;
	still = cost[SHAKE_MAX];
	/* A shift must explain the picture clearly better than standing still. */
	if (cost[best] * 20 >= still * 19)
		return 0;
	shift = (best - SHAKE_MAX) * 16;
	if (best > 0 && best < 2 * SHAKE_MAX) {
		int64_t left = (int64_t)cost[best - 1], right = (int64_t)cost[best + 1];
		int64_t bend = left - 2 * (int64_t)cost[best] + right;

		if (bend > 0)
			shift += (int)(8 * (left - right) / bend);
	} else if (cost[best] * 5 >= still * 4) {
		return 0;
	}
	return shift;
}

/* Floor division by 16 and its rest. */
static int split(int sixteenths, unsigned *rest)
{
	*rest = (unsigned)sixteenths & 15;
	return (sixteenths - (int)*rest) / 16;
}

static unsigned clamp_row(int y, unsigned h)
{
	return y < 0 ? 0 : (unsigned)y >= h ? h - 1 : (unsigned)y;
}

void shake_undo(const struct motion_dsp *dsp, uint8_t *picture, size_t stride, unsigned w,
		unsigned h, int dx, int dy, uint8_t *temp)
{
	unsigned fx, fy;
	int ix = split(dx, &fx), iy = split(dy, &fy);
	/* Rows are read before they are written: downwards when they come from below. */
	int step = iy >= 0 ? 1 : -1;
	int y = iy >= 0 ? 0 : (int)h - 1;
	uint8_t *line = temp + PAD;

	for (unsigned k = 0; k < h; k++, y += step) {
		uint8_t *row = picture + (size_t)y * stride;
		const uint8_t *a = picture + clamp_row(y + iy, h) * stride;
		const uint8_t *b = picture + clamp_row(y + iy + 1, h) * stride;

		dsp->blend(line, a, b, w, fy);
		memset(temp, line[0], PAD);
		memset(line + w, line[w - 1], PAD);
		dsp->blend(row, line + ix, line + ix + 1, w, fx);
	}
}
