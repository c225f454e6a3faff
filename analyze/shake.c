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

/* How badly the profiles fit when `now` is read `k` places further on. */
static uint64_t misfit(const uint32_t *now, const uint32_t *model, unsigned n, int k, int64_t gain)
{
	uint64_t sum = 0;

	for (unsigned i = SHAKE_MAX; i + 1 + SHAKE_MAX < n; i++) {
		int64_t a = (((int64_t)now[(int)i + 1 + k] - now[(int)i + k]) * gain) >> 12;
		int64_t b = (int64_t)model[i + 1] - model[i];

		sum += (uint64_t)(a > b ? a - b : b - a);
	}
	return sum;
}

int shake_estimate(const uint32_t *now, const uint32_t *model, unsigned n)
{
	uint64_t cost[2 * SHAKE_MAX + 1], still;
	int64_t gain = light(now, model, n);
	int best = 0, shift;

	if (n < 8 * SHAKE_MAX)
		return 0;
	for (int k = -SHAKE_MAX; k <= SHAKE_MAX; k++) {
		cost[k + SHAKE_MAX] = misfit(now, model, n, k, gain);
		if (cost[k + SHAKE_MAX] < cost[best])
			best = k + SHAKE_MAX;
	}
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
