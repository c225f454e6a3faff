/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The specification of the motion kernels: SIMD versions give exactly these results. */
#include "analyze/motion_dsp.h"

static int clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

static int distance(int a, int b)
{
	return a > b ? a - b : b - a;
}

/* Product of two Q15 numbers, rounded (the instruction PMULHRSW). */
static int mul_q15(int a, int b)
{
	return (a * b + 0x4000) >> 15;
}

static void reduce(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, unsigned n, unsigned shift,
		   unsigned step, const uint8_t *end)
{
	unsigned side = 1u << shift;
	uint32_t half = shift ? 1u << (2 * shift - 1) : 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = src + (size_t)i * side * step;
		uint32_t sum = 0;

		for (unsigned y = 0; y < side; y++, p += stride)
			for (unsigned x = 0; x < side; x++)
				sum += p[x * step];
		dst[i] = (uint8_t)((sum + half) >> (2 * shift));
	}
}

static void cell_sums(uint32_t *sums, const uint8_t *row, unsigned n, unsigned shift)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned x = 0; x < 1u << shift; x++)
			sums[i] += *row++;
}

static uint32_t project(uint32_t *columns, const uint8_t *row, unsigned n)
{
	uint32_t sum = 0;

	for (unsigned x = 0; x < n; x++) {
		columns[x] += row[x];
		sum += row[x];
	}
	return sum;
}

static void blend(uint8_t *dst, const uint8_t *a, const uint8_t *b, unsigned n, unsigned f)
{
	for (unsigned x = 0; x < n; x++)
		dst[x] = (uint8_t)((a[x] * (16 - f) + b[x] * f + 8) >> 4);
}

static void derive(uint8_t *mean8, uint8_t *dev8, const uint16_t *mean, const uint16_t *dev,
		   unsigned n)
{
	for (unsigned x = 0; x < n; x++) {
		mean8[x] = (uint8_t)min((mean[x] + MOTION_MEAN_ONE / 2) >> 7, 255);
		dev8[x] = (uint8_t)min(dev[x] >> 5, 255);
	}
}

static void envelope(uint8_t *lo, uint8_t *hi, uint8_t *spread, const uint8_t *const mean8[3],
		     const uint8_t *const dev8[3], unsigned n)
{
	for (unsigned x = 0; x < n; x++) {
		int least = 255, most = 0, wide = 0;

		for (int r = 0; r < 3; r++)
			for (int k = -1; k <= 1; k++) {
				least = min(least, mean8[r][(int)x + k]);
				most = max(most, mean8[r][(int)x + k]);
				wide = max(wide, dev8[r][(int)x + k]);
			}
		lo[x] = (uint8_t)least;
		hi[x] = (uint8_t)most;
		spread[x] = (uint8_t)wide;
	}
}

static void model_pixel(const struct motion_row *r, const struct motion_row_params *p, unsigned x)
{
	int cur = r->cur[x], dev = r->dev[x], mean = r->mean[x];
	/* The picture in the light of the model. */
	int lit = min(2 * mul_q15(cur << 7, p->gain), INT16_MAX);
	int seen = clamp(min(lit + p->offset, INT16_MAX), 0, MOTION_MEAN_MAX);
	/* How far it lies outside what is seen here or right beside. */
	int out = max(max(seen - (r->hi[x] << 7), (r->lo[x] << 7) - seen), 0);
	/* Eighths of a grey level times sixteenths are Q7. */
	int limit = min((r->base[x] << 4) + r->spread[x] * p->factor, INT16_MAX);
	int fg = out > limit;
	int same = distance(cur, r->cand[x]) <= max(p->same, dev >> 8);
	int cand = r->cand[x] + (cur > r->cand[x]) - (cur < r->cand[x]);
	int age = same ? min(r->age[x] + p->tick, 255) : 0;

	r->fg[x] = (uint8_t)fg;
	mean += mul_q15(seen - mean, fg ? p->fg_mean_rate : p->mean_rate);
	dev += mul_q15(2 * min(out, p->dev_cap) - dev, fg ? p->fg_dev_rate : p->dev_rate);
	if (!same)
		cand = cur;
	if (fg && age >= p->absorb) {
		mean = seen;
		dev = p->dev_init;
		age = 0;
	}
	r->mean[x] = (uint16_t)mean;
	r->dev[x] = (uint16_t)dev;
	r->cand[x] = (uint8_t)cand;
	r->age[x] = (uint8_t)age;
}

void motion_dsp_model_tail(const struct motion_row *row, const struct motion_row_params *p,
			   unsigned from)
{
	for (unsigned x = from; x < row->n; x++)
		model_pixel(row, p, x);
}

static void model(const struct motion_row *row, const struct motion_row_params *p)
{
	motion_dsp_model_tail(row, p, 0);
}

const struct motion_dsp motion_dsp_c = {
	.name = "c",
	.reduce = reduce,
	.cell_sums = cell_sums,
	.project = project,
	.blend = blend,
	.derive = derive,
	.envelope = envelope,
	.model = model,
};
