/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pixel kernels of motion detection. Each exists in plain C (motion_dsp_c.c: that text is the
 * specification) and in SIMD, bit-exact against it; one table of function pointers is chosen at
 * start by the processor. Any thread: kernels keep no state.
 *
 * Memory: "n" counts outputs or pixels. Kernels read and write exactly the n elements of each row
 * (for the 3x3 envelope: one more on either side of the inputs) and nothing behind them; any
 * alignment will do.
 *
 * Number formats: mean is Q7 (grey level << 7, 0..32640), deviation Q8 (0..32767).
 */
#ifndef ANALYZE_MOTION_DSP_H
#define ANALYZE_MOTION_DSP_H

#include <stddef.h>
#include <stdint.h>

#define MOTION_MEAN_ONE         128   /* one grey level of `mean` */
#define MOTION_MEAN_MAX         32640 /* 255 grey levels */
#define MOTION_DEV_ONE          256   /* one grey level of `dev` */
#define MOTION_DEV8_ONE         8     /* one grey level of a derived deviation byte */
#define MOTION_REDUCE_MAX_SHIFT 5

/* One row of the background model and what a frame needs to be held against it. */
struct motion_row {
	unsigned n;
	const uint8_t *cur;     /* this frame's luma */
	const uint8_t *lo, *hi; /* envelope of the mean over 3x3 pixels, grey levels */
	const uint8_t *spread;  /* largest derived deviation over 3x3 pixels */
	const uint8_t *base;    /* threshold without noise, eighths of a grey level */
	uint16_t *mean;         /* state: background, Q7 */
	uint16_t *dev;          /* state: mean distance from the envelope, Q8 */
	uint8_t *cand;          /* state: what stands there lately */
	uint8_t *age;           /* state: for how many ticks it has stood there */
	uint8_t *fg;            /* out: 1 where the frame is not background */
};

/* The same for all rows of a frame. */
struct motion_row_params {
	int16_t gain;      /* Q14: light now against the model's, 1.0 = 16384; 0..32767 */
	int16_t offset;    /* Q7, added behind the gain */
	int16_t factor;    /* threshold per deviation, Q4 (16: one deviation), 0..127 */
	int16_t mean_rate; /* of background pixels, Q15 */
	int16_t dev_rate;  /* Q15 */
	int16_t fg_mean_rate,
		fg_dev_rate; /* of pixels that are not background; 0: they keep theirs */
	int16_t dev_cap;     /* Q7: no distance counts for more in `dev`, 0..16383 */
	int16_t dev_init;    /* Q8: deviation of a pixel learnt anew */
	uint8_t same;        /* least grey distance that still counts as the same candidate */
	uint8_t tick;        /* 1: this frame counts candidates older by one */
	uint8_t absorb;      /* age in ticks at which a candidate becomes background; >= 1 */
};

struct motion_dsp {
	const char *name; /* "c", "avx2", "avx512" */

	/* n means of (1 << shift)^2 luma samples, rounded; samples of a row lie `step` (1 or 2)
	 * bytes apart, rows `stride` bytes. shift 0..MOTION_REDUCE_MAX_SHIFT. Of what lies behind a
	 * row's last sample, bytes before `end` may be read, so that pages come closer that will be
	 * needed next; NULL: none. */
	void (*reduce)(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, unsigned n,
		       unsigned shift, unsigned step, const uint8_t *end);

	/* sums[i] += sum of the 1 << shift bytes of cell i; n cells, shift 2..5. */
	void (*cell_sums)(uint32_t *sums, const uint8_t *row, unsigned n, unsigned shift);

	/* columns[x] += row[x]; returns the sum of the row. */
	uint32_t (*project)(uint32_t *columns, const uint8_t *row, unsigned n);

	/* dst = (a * (16 - f) + b * f + 8) >> 4, f 0..16. dst may be a or b. */
	void (*blend)(uint8_t *dst, const uint8_t *a, const uint8_t *b, unsigned n, unsigned f);

	/* Bytes of a model row: the mean rounded to grey levels, the deviation in eighths
	 * (saturated). */
	void (*derive)(uint8_t *mean8, uint8_t *dev8, const uint16_t *mean, const uint16_t *dev,
		       unsigned n);

	/* Least and largest mean, largest deviation over 3x3 pixels. Rows are readable at -1 and
	 * n. */
	void (*envelope)(uint8_t *lo, uint8_t *hi, uint8_t *spread, const uint8_t *const mean8[3],
			 const uint8_t *const dev8[3], unsigned n);

	/* Holds a row against its model, marks what is not background, updates the model. */
	void (*model)(const struct motion_row *row, const struct motion_row_params *p);
};

/* The best table for these feature bits (cpu.h); 0 gives plain C. Never NULL. */
const struct motion_dsp *motion_dsp_select(unsigned features);

/* All tables these feature bits allow, plain C first, the best last; returns how many. */
#define MOTION_DSP_MAX 3
unsigned motion_dsp_usable(const struct motion_dsp *out[static MOTION_DSP_MAX], unsigned features);

extern const struct motion_dsp motion_dsp_c;
#if defined(__x86_64__)
extern const struct motion_dsp motion_dsp_avx2;
extern const struct motion_dsp motion_dsp_avx512;
#endif

/* The inner step of `model` for one pixel from index `from` on: SIMD kernels finish their tails
 * with it. */
void motion_dsp_model_tail(const struct motion_row *row, const struct motion_row_params *p,
			   unsigned from);

#endif
