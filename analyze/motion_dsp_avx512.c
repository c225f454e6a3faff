/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The motion kernels for AVX-512 (F, BW, VL) where that was measured to be faster than AVX2; the
 * others, and the tails, are those of AVX2. Masks are used between registers only: storing bytes
 * through one takes some processors (Zen 4) ten times as long as all the rest.
 */
#if defined(__x86_64__)
#include "analyze/motion_dsp.h"

#include <immintrin.h>

/* --- as for AVX2 ------------------------------------------------------------------------------ */

static void reduce(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, unsigned n, unsigned shift,
		   unsigned step, const uint8_t *end)
{
	motion_dsp_avx2.reduce(dst, src, stride, n, shift, step, end);
}

static void cell_sums(uint32_t *sums, const uint8_t *row, unsigned n, unsigned shift)
{
	motion_dsp_avx2.cell_sums(sums, row, n, shift);
}

static void blend(uint8_t *dst, const uint8_t *a, const uint8_t *b, unsigned n, unsigned f)
{
	motion_dsp_avx2.blend(dst, a, b, n, f);
}

static void derive(uint8_t *mean8, uint8_t *dev8, const uint16_t *mean, const uint16_t *dev,
		   unsigned n)
{
	motion_dsp_avx2.derive(mean8, dev8, mean, dev, n);
}

static void envelope(uint8_t *lo, uint8_t *hi, uint8_t *spread, const uint8_t *const mean8[3],
		     const uint8_t *const dev8[3], unsigned n)
{
	motion_dsp_avx2.envelope(lo, hi, spread, mean8, dev8, n);
}

/* --- faster ------------------------------------------------------------------------------------
 */

static uint32_t project(uint32_t *columns, const uint8_t *row, unsigned n)
{
	__m512i sum = _mm512_setzero_si512();
	unsigned x = 0;

	for (; x + 16 <= n; x += 16) {
		__m512i v = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(row + x)));

		sum = _mm512_add_epi32(sum, v);
		_mm512_storeu_si512(columns + x,
				    _mm512_add_epi32(v, _mm512_loadu_si512(columns + x)));
	}
	return (uint32_t)_mm512_reduce_add_epi32(sum) +
	       motion_dsp_avx2.project(columns + x, row + x, n - x);
}

/* Parameters spread over registers: words, then bytes. */
struct wide_params {
	__m512i gain, offset, factor, mean_rate, dev_rate, fg_mean_rate, fg_dev_rate;
	__m512i dev_cap, dev_init;
	__m256i same, tick, absorb;
};

static __m256i bytes(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

static __m512i words(const uint8_t *p)
{
	return _mm512_cvtepu8_epi16(bytes(p));
}

static void store(uint8_t *p, __m256i v)
{
	_mm256_storeu_si256((__m256i *)p, v);
}

static __m256i differ(__m256i a, __m256i b)
{
	return _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
}

/* 32 pixels from `x` on. */
static inline __attribute__((always_inline)) void
model_step(const struct motion_row *r, const struct wide_params *w, unsigned x)
{
	const __m512i top = _mm512_set1_epi16(MOTION_MEAN_MAX), zero = _mm512_setzero_si512();
	const __m256i one = _mm256_set1_epi8(1);
	__m512i mean = _mm512_loadu_si512(r->mean + x);
	__m512i dev = _mm512_loadu_si512(r->dev + x);
	__m256i cur = bytes(r->cur + x), cand = bytes(r->cand + x), next, bound, age;
	__m512i seen, out, limit, rate, step;
	__mmask32 fg, same, absorb;

	seen = _mm512_mulhrs_epi16(_mm512_slli_epi16(_mm512_cvtepu8_epi16(cur), 7), w->gain);
	seen = _mm512_adds_epi16(_mm512_adds_epi16(seen, seen), w->offset);
	seen = _mm512_max_epi16(_mm512_min_epi16(seen, top), zero);
	out = _mm512_sub_epi16(seen, _mm512_slli_epi16(words(r->hi + x), 7));
	step = _mm512_sub_epi16(_mm512_slli_epi16(words(r->lo + x), 7), seen);
	out = _mm512_max_epi16(_mm512_max_epi16(out, step), zero);
	limit = _mm512_adds_epi16(_mm512_slli_epi16(words(r->base + x), 4),
				  _mm512_mullo_epi16(words(r->spread + x), w->factor));
	fg = _mm512_cmpgt_epi16_mask(out, limit);

	bound = _mm256_max_epu8(w->same, _mm512_cvtepi16_epi8(_mm512_srli_epi16(dev, 8)));
	same = _mm256_cmple_epu8_mask(differ(cur, cand), bound);
	age = _mm256_maskz_adds_epu8(same, bytes(r->age + x), w->tick);
	next = _mm256_add_epi8(cand, _mm256_min_epu8(_mm256_subs_epu8(cur, cand), one));
	next = _mm256_sub_epi8(next, _mm256_min_epu8(_mm256_subs_epu8(cand, cur), one));
	absorb = fg & _mm256_cmpge_epu8_mask(age, w->absorb);

	store(r->fg + x, _mm256_maskz_mov_epi8(fg, one));
	store(r->cand + x, _mm256_mask_mov_epi8(cur, same, next));
	store(r->age + x, _mm256_maskz_mov_epi8(~absorb, age));

	rate = _mm512_mask_mov_epi16(w->mean_rate, fg, w->fg_mean_rate);
	step = _mm512_mulhrs_epi16(_mm512_sub_epi16(seen, mean), rate);
	mean = _mm512_mask_mov_epi16(_mm512_add_epi16(mean, step), absorb, seen);
	_mm512_storeu_si512(r->mean + x, mean);
	out = _mm512_min_epi16(out, w->dev_cap);
	rate = _mm512_mask_mov_epi16(w->dev_rate, fg, w->fg_dev_rate);
	step = _mm512_mulhrs_epi16(_mm512_sub_epi16(_mm512_add_epi16(out, out), dev), rate);
	dev = _mm512_mask_mov_epi16(_mm512_add_epi16(dev, step), absorb, w->dev_init);
	_mm512_storeu_si512(r->dev + x, dev);
}

static void model(const struct motion_row *r, const struct motion_row_params *p)
{
	const struct wide_params w = {
		.gain = _mm512_set1_epi16(p->gain),
		.offset = _mm512_set1_epi16(p->offset),
		.factor = _mm512_set1_epi16(p->factor),
		.mean_rate = _mm512_set1_epi16(p->mean_rate),
		.dev_rate = _mm512_set1_epi16(p->dev_rate),
		.fg_mean_rate = _mm512_set1_epi16(p->fg_mean_rate),
		.fg_dev_rate = _mm512_set1_epi16(p->fg_dev_rate),
		.dev_cap = _mm512_set1_epi16(p->dev_cap),
		.dev_init = _mm512_set1_epi16(p->dev_init),
		.same = _mm256_set1_epi8((char)p->same),
		.tick = _mm256_set1_epi8((char)p->tick),
		.absorb = _mm256_set1_epi8((char)p->absorb),
	};
	struct motion_row rest = *r;
	unsigned x = 0;

	for (; x + 32 <= r->n; x += 32)
		model_step(r, &w, x);
	rest.n -= x;
	rest.cur += x;
	rest.lo += x;
	rest.hi += x;
	rest.spread += x;
	rest.base += x;
	rest.mean += x;
	rest.dev += x;
	rest.cand += x;
	rest.age += x;
	rest.fg += x;
	motion_dsp_avx2.model(&rest, p);
}

const struct motion_dsp motion_dsp_avx512 = {
	.name = "avx512",
	.reduce = reduce,
	.cell_sums = cell_sums,
	.project = project,
	.blend = blend,
	.derive = derive,
	.envelope = envelope,
	.model = model,
};
#endif
