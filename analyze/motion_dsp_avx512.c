/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The motion kernels for AVX-512 (F, BW, VL), where that is faster than AVX2; the others are those
 * of AVX2. Masks take the tails. */
#if defined(__x86_64__)
#include "analyze/fetch.h"
#include "analyze/motion_dsp.h"

#include <immintrin.h>
#include <string.h>

/* The low `n` of 32 or 64 lanes; all when there are more. */
static __mmask32 low32(unsigned n)
{
	return n >= 32 ? 0xffffffffu : (1u << n) - 1;
}

static __mmask64 low64(unsigned n)
{
	return n >= 64 ? ~0ull : (1ull << n) - 1;
}

#define CHUNK 32 /* vectors of sums on the stack at a time */

/* Adds the sums of 8 bytes each to those of the rows above. */
static inline void add_octets(__m512i *sum, const uint8_t *p, unsigned vectors, __mmask64 last)
{
	const __m512i zero = _mm512_setzero_si512();
	unsigned v = 0;

	for (; v + 1 < vectors; v++, p += 64)
		sum[v] = _mm512_add_epi64(sum[v], _mm512_sad_epu8(_mm512_loadu_si512(p), zero));
	sum[v] = _mm512_add_epi64(sum[v], _mm512_sad_epu8(_mm512_maskz_loadu_epi8(last, p), zero));
}

/* Eighths of planar luma. Row by row, so that memory is read as it lies: down a column of blocks
 * first took half as long again. */
static void eighth(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, unsigned n,
		   const uint8_t *end)
{
	__m512i sum[CHUNK];

	for (unsigned from = 0; from < n; from += CHUNK * 8) {
		unsigned count = n - from < CHUNK * 8 ? n - from : CHUNK * 8;
		unsigned vectors = (count + 7) / 8, rest = count - (vectors - 1) * 8;

		for (unsigned v = 0; v < vectors; v++)
			sum[v] = _mm512_set1_epi64(32);
		for (unsigned y = 0; y < 8; y++) {
			const uint8_t *p = src + y * stride + (size_t)from * 8;

			fetch_ahead(p, end);
			add_octets(sum, p, vectors, low64(rest * 8));
		}
		for (unsigned v = 0; v < vectors; v++)
			_mm_mask_storeu_epi8(dst + from + v * 8,
					     (__mmask16)low32(v + 1 < vectors ? 8 : rest),
					     _mm512_cvtepi64_epi8(_mm512_srli_epi64(sum[v], 6)));
	}
}

static void reduce(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, unsigned n, unsigned shift,
		   unsigned step, const uint8_t *end)
{
	if (shift == 3 && step == 1)
		eighth(dst, src, stride, n, end);
	else
		motion_dsp_avx2.reduce(dst, src, stride, n, shift, step, end);
}

static void cell_sums(uint32_t *sums, const uint8_t *row, unsigned n, unsigned shift)
{
	const __m512i ones = _mm512_set1_epi8(1), one = _mm512_set1_epi16(1);

	if (shift != 2) {
		motion_dsp_avx2.cell_sums(sums, row, n, shift);
		return;
	}
	for (unsigned i = 0; i < n; i += 16) {
		__mmask16 in = (__mmask16)low32(n - i);
		__m512i s = _mm512_maskz_loadu_epi8(low64(4 * (n - i)), row + 4 * i);

		s = _mm512_madd_epi16(_mm512_maddubs_epi16(s, ones), one);
		s = _mm512_add_epi32(s, _mm512_maskz_loadu_epi32(in, sums + i));
		_mm512_mask_storeu_epi32(sums + i, in, s);
	}
}

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
	if (x < n) {
		__mmask16 in = (__mmask16)low32(n - x);
		__m512i v = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(in, row + x));

		sum = _mm512_add_epi32(sum, v);
		v = _mm512_add_epi32(v, _mm512_maskz_loadu_epi32(in, columns + x));
		_mm512_mask_storeu_epi32(columns + x, in, v);
	}
	return (uint32_t)_mm512_reduce_add_epi32(sum);
}

static void blend(uint8_t *dst, const uint8_t *a, const uint8_t *b, unsigned n, unsigned f)
{
	motion_dsp_avx2.blend(dst, a, b, n, f);
}

static void derive(uint8_t *mean8, uint8_t *dev8, const uint16_t *mean, const uint16_t *dev,
		   unsigned n)
{
	const __m512i half = _mm512_set1_epi16(MOTION_MEAN_ONE / 2);

	for (unsigned x = 0; x < n; x += 32) {
		__mmask32 in = low32(n - x);
		__m512i m = _mm512_maskz_loadu_epi16(in, mean + x);
		__m512i d = _mm512_maskz_loadu_epi16(in, dev + x);

		m = _mm512_srli_epi16(_mm512_adds_epu16(m, half), 7);
		d = _mm512_srli_epi16(d, 5);
		_mm256_mask_storeu_epi8(mean8 + x, in, _mm512_cvtusepi16_epi8(m));
		_mm256_mask_storeu_epi8(dev8 + x, in, _mm512_cvtusepi16_epi8(d));
	}
}

static void envelope(uint8_t *lo, uint8_t *hi, uint8_t *spread, const uint8_t *const mean8[3],
		     const uint8_t *const dev8[3], unsigned n)
{
	motion_dsp_avx2.envelope(lo, hi, spread, mean8, dev8, n);
}

/* Parameters spread over registers: words, then bytes. */
struct wide_params {
	__m512i gain, offset, factor, mean_rate, dev_rate, fg_mean_rate, fg_dev_rate;
	__m512i dev_cap, dev_init;
	__m256i still, same, tick, absorb;
};

static __m256i bytes(__mmask32 in, const uint8_t *p)
{
	return _mm256_maskz_loadu_epi8(in, p);
}

static __m512i words(__mmask32 in, const uint8_t *p)
{
	return _mm512_cvtepu8_epi16(bytes(in, p));
}

static __m256i differ(__m256i a, __m256i b)
{
	return _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a));
}

/* Up to 32 pixels from `x` on, those of `in`. */
static inline __attribute__((always_inline)) void
model_step(const struct motion_row *r, const struct wide_params *w, unsigned x, __mmask32 in)
{
	const __m512i top = _mm512_set1_epi16(MOTION_MEAN_MAX), zero = _mm512_setzero_si512();
	const __m256i one = _mm256_set1_epi8(1);
	__m512i mean = _mm512_maskz_loadu_epi16(in, r->mean + x);
	__m512i dev = _mm512_maskz_loadu_epi16(in, r->dev + x);
	__m256i cur = bytes(in, r->cur + x), cand = bytes(in, r->cand + x), next, bound, age;
	__m512i seen, out, limit, rate, step;
	__mmask32 fg, same, absorb;

	seen = _mm512_mulhrs_epi16(_mm512_slli_epi16(_mm512_cvtepu8_epi16(cur), 7), w->gain);
	seen = _mm512_adds_epi16(_mm512_adds_epi16(seen, seen), w->offset);
	seen = _mm512_max_epi16(_mm512_min_epi16(seen, top), zero);
	out = _mm512_sub_epi16(seen, _mm512_slli_epi16(words(in, r->hi + x), 7));
	step = _mm512_sub_epi16(_mm512_slli_epi16(words(in, r->lo + x), 7), seen);
	out = _mm512_max_epi16(_mm512_max_epi16(out, step), zero);
	limit = _mm512_adds_epi16(_mm512_slli_epi16(words(in, r->base + x), 4),
				  _mm512_mullo_epi16(words(in, r->spread + x), w->factor));
	fg = _mm512_cmpgt_epi16_mask(out, limit);

	bound = _mm256_max_epu8(w->same, _mm512_cvtepi16_epi8(_mm512_srli_epi16(dev, 8)));
	same = _mm256_cmple_epu8_mask(differ(cur, cand), bound);
	age = _mm256_maskz_adds_epu8(same, bytes(in, r->age + x), w->tick);
	next = _mm256_add_epi8(cand, _mm256_min_epu8(_mm256_subs_epu8(cur, cand), one));
	next = _mm256_sub_epi8(next, _mm256_min_epu8(_mm256_subs_epu8(cand, cur), one));
	absorb = fg & _mm256_cmpge_epu8_mask(age, w->absorb);

	_mm256_mask_storeu_epi8(r->fg + x, in, _mm256_maskz_mov_epi8(fg, one));
	_mm256_mask_storeu_epi8(
		r->stir + x, in,
		_mm256_maskz_mov_epi8(
			_mm256_cmpgt_epu8_mask(differ(cur, bytes(in, r->prev + x)), w->still),
			one));
	_mm256_mask_storeu_epi8(r->cand + x, in, _mm256_mask_mov_epi8(cur, same, next));
	_mm256_mask_storeu_epi8(r->age + x, in, _mm256_maskz_mov_epi8(~absorb, age));

	rate = _mm512_mask_mov_epi16(w->mean_rate, fg, w->fg_mean_rate);
	step = _mm512_mulhrs_epi16(_mm512_sub_epi16(seen, mean), rate);
	mean = _mm512_mask_mov_epi16(_mm512_add_epi16(mean, step), absorb, seen);
	_mm512_mask_storeu_epi16(r->mean + x, in, mean);
	out = _mm512_min_epi16(out, w->dev_cap);
	rate = _mm512_mask_mov_epi16(w->dev_rate, fg, w->fg_dev_rate);
	step = _mm512_mulhrs_epi16(_mm512_sub_epi16(_mm512_add_epi16(out, out), dev), rate);
	dev = _mm512_mask_mov_epi16(_mm512_add_epi16(dev, step), absorb, w->dev_init);
	_mm512_mask_storeu_epi16(r->dev + x, in, dev);
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
		.still = _mm256_set1_epi8((char)p->still),
		.same = _mm256_set1_epi8((char)p->same),
		.tick = _mm256_set1_epi8((char)p->tick),
		.absorb = _mm256_set1_epi8((char)p->absorb),
	};
	unsigned x = 0;

	for (; x + 32 <= r->n; x += 32)
		model_step(r, &w, x, low32(32));
	if (x < r->n)
		model_step(r, &w, x, low32(r->n - x));
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
