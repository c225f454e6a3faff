/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernels of analyze/motion_dsp.h for the harness. */
#include "tests/checkasm/checkasm.h"

#include <stdbool.h>

#define WIDTH          240 /* of a reduced 1080p picture */
#define WIDTHS         200
#define CELL_SHIFT_MIN 2

/* --- reduce: variants are shift and step ------------------------------------------------------ */

#define REDUCE_SHIFTS (MOTION_REDUCE_MAX_SHIFT + 1)

static void prepare_reduce(struct checkasm *c, unsigned variant)
{
	size_t span, bytes;

	c->shift = variant % REDUCE_SHIFTS;
	c->step = 1 + variant / REDUCE_SHIFTS;
	/* From the first sample of a row to its last. */
	span = ((size_t)c->n << c->shift) * c->step - (c->step - 1);
	c->stride = (ptrdiff_t)(span + checkasm_random(c) % 37);
	bytes = (size_t)c->stride * ((1u << c->shift) - 1) + span;
	c->in[0] = checkasm_in(c, 0, bytes);
	/* Half of the time it is said that what lies behind may be touched. */
	c->in[1] = checkasm_random(c) & 1 ? c->in[0] + bytes : NULL;
	checkasm_out(c, c->n, 1, NULL);
}

static void call_reduce(struct checkasm *c, const struct motion_dsp *dsp)
{
	dsp->reduce(checkasm_at(c, 0), c->in[0], c->stride, c->n, c->shift, c->step, c->in[1]);
}

/* --- cell_sums: variants are shifts ------------------------------------------------------------
 */

static void prepare_cell_sums(struct checkasm *c, unsigned variant)
{
	c->shift = CELL_SHIFT_MIN + variant;
	c->in[0] = checkasm_in(c, 0, (size_t)c->n << c->shift);
	checkasm_out(c, c->n * sizeof(uint32_t), sizeof(uint32_t), NULL);
}

static void call_cell_sums(struct checkasm *c, const struct motion_dsp *dsp)
{
	dsp->cell_sums(checkasm_at(c, 0), c->in[0], c->n, c->shift);
}

/* --- project ------------------------------------------------------------------------------------
 */

static void prepare_project(struct checkasm *c, unsigned variant)
{
	(void)variant;
	c->in[0] = checkasm_in(c, 0, c->n);
	checkasm_out(c, c->n * sizeof(uint32_t), sizeof(uint32_t), NULL);
}

static void call_project(struct checkasm *c, const struct motion_dsp *dsp)
{
	c->result[c->side] = dsp->project(checkasm_at(c, 0), c->in[0], c->n);
}

/* --- blend: variants are weights, then the same in place -----------------------------------------
 */

#define BLEND_WEIGHTS 17

static void fill_bytes(struct checkasm *c, uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = checkasm_byte(c);
}

static void prepare_blend(struct checkasm *c, unsigned variant)
{
	c->weight = variant % BLEND_WEIGHTS;
	c->step = variant / BLEND_WEIGHTS; /* 0: apart; 1: a is written; 2: b is */
	c->in[0] = checkasm_in(c, 0, c->n);
	c->in[1] = checkasm_in(c, 1, c->n);
	checkasm_out(c, c->n, 1, fill_bytes);
}

static void call_blend(struct checkasm *c, const struct motion_dsp *dsp)
{
	uint8_t *dst = checkasm_at(c, 0);

	dsp->blend(dst, c->step == 1 ? dst : c->in[0], c->step == 2 ? dst : c->in[1], c->n,
		   c->weight);
}

/* --- derive
 * --------------------------------------------------------------------------------------- */

/* 16-bit numbers up to `most`, of the kind asked for. */
static void words(struct checkasm *c, uint16_t *p, size_t n, uint16_t most)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t any = checkasm_random(c);

		switch (c->kind) {
		case 0: p[i] = (uint16_t)(any % (most + 1u)); break;
		case 1: p[i] = any & 1 ? most : 0; break;
		case 2: p[i] = (uint16_t)(most / 2 + any % 200); break;
		case 3: p[i] = most; break;
		default: p[i] = 0; break;
		}
	}
}

static void fill_mean(struct checkasm *c, uint8_t *p, size_t bytes)
{
	words(c, (uint16_t *)p, bytes / 2, MOTION_MEAN_MAX);
}

static void fill_dev(struct checkasm *c, uint8_t *p, size_t bytes)
{
	words(c, (uint16_t *)p, bytes / 2, INT16_MAX);
}

static void prepare_derive(struct checkasm *c, unsigned variant)
{
	uint8_t *mean = checkasm_in(c, 0, c->n * 2u), *dev = checkasm_in(c, 1, c->n * 2u);

	(void)variant;
	fill_mean(c, mean, c->n * 2u);
	fill_dev(c, dev, c->n * 2u);
	c->in[0] = mean;
	c->in[1] = dev;
	checkasm_out(c, c->n, 1, NULL);
	checkasm_out(c, c->n, 1, NULL);
}

static void call_derive(struct checkasm *c, const struct motion_dsp *dsp)
{
	dsp->derive(checkasm_at(c, 0), checkasm_at(c, 1), (const uint16_t *)c->in[0],
		    (const uint16_t *)c->in[1], c->n);
}

/* --- envelope
 * -------------------------------------------------------------------------------------- */

static void prepare_envelope(struct checkasm *c, unsigned variant)
{
	(void)variant;
	/* One more can be read on either side. */
	for (unsigned i = 0; i < 6; i++)
		c->in[i] = checkasm_in(c, i, c->n + 2) + 1;
	for (unsigned i = 0; i < 3; i++)
		checkasm_out(c, c->n, 1, NULL);
}

static void call_envelope(struct checkasm *c, const struct motion_dsp *dsp)
{
	dsp->envelope(checkasm_at(c, 0), checkasm_at(c, 1), checkasm_at(c, 2), c->in, c->in + 3,
		      c->n);
}

/* --- model: variants are tame and wild parameters
 * ---------------------------------------------------- */

enum { CUR, LO, HI, SPREAD, BASE };
enum { MEAN, DEV, CAND, AGE, FG };

static void random_params(struct checkasm *c, bool wild)
{
	c->params = (struct motion_row_params){
		.gain = (int16_t)(wild ? checkasm_random(c) & INT16_MAX : 16384),
		.offset = (int16_t)(wild ? (int)(checkasm_random(c) & 0xffff) - 0x8000 : 0),
		.factor = (int16_t)(checkasm_random(c) % 128),
		.mean_rate = (int16_t)(checkasm_random(c) & INT16_MAX),
		.dev_rate = (int16_t)(checkasm_random(c) & INT16_MAX),
		.fg_mean_rate = (int16_t)(checkasm_random(c) & 1 ? 0 : checkasm_random(c) & 32767),
		.fg_dev_rate = (int16_t)(checkasm_random(c) & 1 ? 0 : checkasm_random(c) & 32767),
		.dev_cap = (int16_t)(checkasm_random(c) % 16384),
		.dev_init = (int16_t)(checkasm_random(c) & INT16_MAX),
		.same = (uint8_t)(checkasm_random(c) % 16),
		.tick = (uint8_t)(checkasm_random(c) % 4 ? checkasm_random(c) & 1 : 255),
		.absorb = (uint8_t)(1 + checkasm_random(c) % 255),
	};
}

/* Ages near the end of what a byte holds are what saturates. */
static void fill_age(struct checkasm *c, uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(checkasm_random(c) % 3 ? checkasm_random(c) % 220 : 255);
}

static void prepare_model(struct checkasm *c, unsigned variant)
{
	uint8_t *in[5];

	random_params(c, variant & 1);
	for (unsigned i = 0; i < 5; i++)
		c->in[i] = in[i] = checkasm_in(c, i, c->n);
	for (unsigned x = 0; x < c->n; x++) {
		uint8_t a = in[LO][x], b = in[HI][x];

		in[LO][x] = a < b ? a : b;
		in[HI][x] = a < b ? b : a;
		if (!c->kind) {
			in[SPREAD][x] %= 40;
			in[BASE][x] %= 100;
		}
	}
	checkasm_out(c, c->n * 2u, 2, fill_mean);
	checkasm_out(c, c->n * 2u, 2, fill_dev);
	checkasm_out(c, c->n, 1, fill_bytes);
	checkasm_out(c, c->n, 1, fill_age);
	checkasm_out(c, c->n, 1, NULL);
}

static void call_model(struct checkasm *c, const struct motion_dsp *dsp)
{
	struct motion_row row = {
		.n = c->n,
		.cur = c->in[CUR],
		.lo = c->in[LO],
		.hi = c->in[HI],
		.spread = c->in[SPREAD],
		.base = c->in[BASE],
		.mean = checkasm_at(c, MEAN),
		.dev = checkasm_at(c, DEV),
		.cand = checkasm_at(c, CAND),
		.age = checkasm_at(c, AGE),
		.fg = checkasm_at(c, FG),
	};

	dsp->model(&row, &c->params);
}

#define KERNEL(which, wide, upto, vary, at)                                            \
	{                                                                              \
		.name = #which, .width = (wide), .widths = (upto), .variants = (vary), \
		.timed = (at), .prepare = prepare_##which, .call = call_##which        \
	}

const struct checkasm_kernel checkasm_motion[] = {
	KERNEL(reduce, WIDTH, 140, 2 * REDUCE_SHIFTS, 3),
	KERNEL(cell_sums, WIDTH / 4, 72, 4, 0),
	KERNEL(project, WIDTH, WIDTHS, 4, 0),
	KERNEL(blend, WIDTH, WIDTHS, 3 * BLEND_WEIGHTS, 5),
	KERNEL(derive, WIDTH, WIDTHS, 4, 0),
	KERNEL(envelope, WIDTH, WIDTHS, 2, 0),
	KERNEL(model, WIDTH, WIDTHS, 8, 0),
};
const size_t checkasm_motion_count = sizeof(checkasm_motion) / sizeof(checkasm_motion[0]);
