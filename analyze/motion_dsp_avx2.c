/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The motion kernels for AVX2. What does not fill a vector goes through the C text. */
#if defined(__x86_64__)
#include "analyze/fetch.h"
#include "analyze/motion_dsp.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

/* Outputs whose sums lie on the stack at a time. */
#define REDUCE_CHUNK 64
#define EIGHTH_CHUNK 256

static __m256i load(const void *p)
{
	return _mm256_loadu_si256(p);
}

static void store(void *p, __m256i v)
{
	_mm256_storeu_si256(p, v);
}

/* 32 bytes, or 16 in the lower half. `wide` is constant where it is used. */
static inline __m256i load_part(const void *p, bool wide)
{
	return wide ? load(p) : _mm256_castsi128_si256(_mm_loadu_si128(p));
}

static inline void store_part(void *p, __m256i v, bool wide)
{
	if (wide)
		store(p, v);
	else
		_mm_storeu_si128(p, _mm256_castsi256_si128(v));
}

/* Two registers of 16-bit numbers as bytes, in order (saturated unsigned). */
static __m256i pack16(__m256i a, __m256i b)
{
	return _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xd8);
}

/* Masks of 16-bit lanes as masks of bytes, in order. */
static __m256i pack_mask(__m256i a, __m256i b)
{
	return _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xd8);
}

static __m256i widen_lo(__m256i v)
{
	return _mm256_cvtepu8_epi16(_mm256_castsi256_si128(v));
}

static __m256i widen_hi(__m256i v)
{
	return _mm256_cvtepu8_epi16(_mm256_extracti128_si256(v, 1));
}

/* Adds the luma of 32 source bytes, pairwise, over `rows` rows: 16 sums of two samples (step 1) or
 * of one (step 2). At most 32 rows of 510: fits 15 bits. */
static __m256i pair_sums(const uint8_t *p, ptrdiff_t stride, unsigned rows, unsigned step)
{
	const __m256i ones = _mm256_set1_epi8(1), low = _mm256_set1_epi16(0xff);
	__m256i acc = _mm256_setzero_si256();

	for (unsigned y = 0; y < rows; y++, p += stride) {
		__m256i v = load(p);

		acc = _mm256_add_epi16(acc, step == 1 ? _mm256_maddubs_epi16(v, ones)
						      : _mm256_and_si256(v, low));
	}
	return acc;
}

/* Sums of 8 bytes each, down `rows` rows. */
static __m256i oct_sums(const uint8_t *p, ptrdiff_t stride, unsigned rows)
{
	__m256i acc = _mm256_setzero_si256();

	for (unsigned y = 0; y < rows; y++, p += stride)
		acc = _mm256_add_epi64(acc, _mm256_sad_epu8(load(p), _mm256_setzero_si256()));
	return acc;
}

/* Sums over groups of source columns for `vectors` times 32 bytes; returns columns a group. */
static unsigned group_sums(uint32_t *sums, const uint8_t *src, ptrdiff_t stride, unsigned vectors,
			   unsigned shift, unsigned step)
{
	const __m256i one = _mm256_set1_epi16(1);
	unsigned rows = 1u << shift;

	if (step == 1 && shift >= 3) {
		const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);

		for (unsigned v = 0; v < vectors; v++) {
			__m256i s = oct_sums(src + v * 32, stride, rows);
			__m256i t = _mm256_permutevar8x32_epi32(s, even);

			_mm_storeu_si128((__m128i *)(sums + v * 4), _mm256_castsi256_si128(t));
		}
		return 8;
	}
	for (unsigned v = 0; v < vectors; v++)
		store(sums + v * 8,
		      _mm256_madd_epi16(pair_sums(src + v * 32, stride, rows, step), one));
	return step == 1 ? 4 : 2;
}

/* 2x2 means of planar luma need no group sums: sixteen outputs a step. */
static unsigned halve(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, unsigned n)
{
	const __m256i round = _mm256_set1_epi16(2);
	unsigned i = 0;

	for (; i + 32 <= n; i += 32) {
		__m256i a = pair_sums(src + 2 * i, stride, 2, 1);
		__m256i b = pair_sums(src + 2 * i + 32, stride, 2, 1);

		a = _mm256_srli_epi16(_mm256_add_epi16(a, round), 2);
		b = _mm256_srli_epi16(_mm256_add_epi16(b, round), 2);
		store(dst + i, pack16(a, b));
	}
	return i;
}

/* Even bytes of a packed row, or all of a planar one. */
static unsigned copy_row(uint8_t *dst, const uint8_t *src, unsigned n, unsigned step)
{
	const __m256i low = _mm256_set1_epi16(0xff);
	unsigned i = 0;

	if (step == 1) {
		memcpy(dst, src, n);
		return n;
	}
	/* The last vector would read the byte behind the last sample: one output is left. */
	for (; i + 32 < n; i += 32)
		store(dst + i, pack16(_mm256_and_si256(load(src + 2 * i), low),
				      _mm256_and_si256(load(src + 2 * i + 32), low)));
	return i;
}

/* The sums of four times four blocks' columns, as sixteen means in order. */
static __m128i means64(const __m256i sum[4])
{
	const __m256i half = _mm256_set1_epi16(32);
	const __m128i order = _mm_setr_epi8(0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15);
	__m256i ab = _mm256_or_si256(sum[0], _mm256_slli_epi64(sum[1], 32));
	__m256i cd = _mm256_or_si256(sum[2], _mm256_slli_epi64(sum[3], 32));
	__m256i all = _mm256_packus_epi32(ab, cd);

	all = _mm256_srli_epi16(_mm256_add_epi16(all, half), 6);
	all = _mm256_permute4x64_epi64(_mm256_packus_epi16(all, all), 0x08);
	return _mm_shuffle_epi8(_mm256_castsi256_si128(all), order);
}

/* Eighths of planar luma; returns how many outputs it made: all, or none of less than sixteen. Row
 * by row, so that memory is read as it lies: down a column of blocks first took half as long again.
 * The last sixteen may reach back over some that are done already. */
static unsigned eighth(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, unsigned n,
		       const uint8_t *end)
{
	const __m256i zero = _mm256_setzero_si256();
	__m256i sum[EIGHTH_CHUNK / 4];

	if (n < 16)
		return 0;
	for (unsigned from = 0, count; from < n; from += count) {
		const uint8_t *p;

		if (n - from < 16)
			from = n - 16;
		count = (n - from < EIGHTH_CHUNK ? n - from : EIGHTH_CHUNK) & ~15u;
		p = src + (size_t)from * 8;
		for (unsigned v = 0; v < count / 4; v++)
			sum[v] = zero;
		for (unsigned y = 0; y < 8; y++, p += stride) {
			fetch_ahead(p, end);
			for (unsigned v = 0; v < count / 4; v++)
				sum[v] = _mm256_add_epi64(sum[v],
							  _mm256_sad_epu8(load(p + 32 * v), zero));
		}
		for (unsigned k = 0; k < count; k += 16)
			_mm_storeu_si128((__m128i *)(dst + from + k), means64(sum + k / 4));
	}
	return n;
}

static void reduce(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, unsigned n, unsigned shift,
		   unsigned step, const uint8_t *end)
{
	/* Largest chunk: REDUCE_CHUNK outputs of 32 columns in groups of 2 (step 2). */
	uint32_t sums[REDUCE_CHUNK * 32 / 2 + 8];
	unsigned width = step << shift; /* source bytes an output */
	uint32_t half = shift ? 1u << (2 * shift - 1) : 0;
	unsigned i = 0;

	if (shift == 0)
		i = copy_row(dst, src, n, step);
	else if (shift == 1 && step == 1)
		i = halve(dst, src, stride, n);
	else if (shift == 3 && step == 1)
		i = eighth(dst, src, stride, n, end);
	else
		while (i < n) {
			unsigned count = n - i < REDUCE_CHUNK ? n - i : REDUCE_CHUNK;
			/* With step 2 the vector's last byte may lie behind the row: keep one
			 * output for the C text. */
			unsigned vectors = (count * width - (step - 1)) / 32;
			unsigned done = vectors * 32 / width;
			unsigned cols, group;

			if (!done)
				break;
			cols = group_sums(sums, src + (size_t)i * width, stride, vectors, shift,
					  step);
			group = (1u << shift) / cols;
			for (unsigned k = 0; k < done; k++) {
				uint32_t sum = half;

				for (unsigned g = 0; g < group; g++)
					sum += sums[k * group + g];
				dst[i + k] = (uint8_t)(sum >> (2 * shift));
			}
			i += done;
		}
	if (i < n)
		motion_dsp_c.reduce(dst + i, src + (size_t)i * width, stride, n - i, shift, step,
				    NULL);
}

static void cell_sums(uint32_t *sums, const uint8_t *row, unsigned n, unsigned shift)
{
	const __m256i ones = _mm256_set1_epi8(1), one = _mm256_set1_epi16(1);
	const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
	unsigned i = 0;

	if (shift == 2) {
		for (; i + 8 <= n; i += 8) {
			__m256i s = _mm256_maddubs_epi16(load(row + 4 * i), ones);

			s = _mm256_madd_epi16(s, one);
			store(sums + i, _mm256_add_epi32(load(sums + i), s));
		}
		if (i + 4 <= n) {
			__m128i v = _mm_loadu_si128((const __m128i *)(row + 4 * i));
			__m128i *out = (__m128i *)(sums + i);

			v = _mm_madd_epi16(_mm_maddubs_epi16(v, _mm256_castsi256_si128(ones)),
					   _mm256_castsi256_si128(one));
			_mm_storeu_si128(out, _mm_add_epi32(_mm_loadu_si128(out), v));
			i += 4;
		}
	} else if (shift == 3) {
		for (; i + 4 <= n; i += 4) {
			__m256i s = _mm256_sad_epu8(load(row + 8 * i), _mm256_setzero_si256());
			__m128i t = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(s, even));
			__m128i *out = (__m128i *)(sums + i);

			_mm_storeu_si128(out, _mm_add_epi32(_mm_loadu_si128(out), t));
		}
	} else if (shift == 4) {
		for (; i + 2 <= n; i += 2) {
			__m256i s = _mm256_sad_epu8(load(row + 16 * i), _mm256_setzero_si256());

			sums[i] +=
				(uint32_t)(_mm256_extract_epi64(s, 0) + _mm256_extract_epi64(s, 1));
			sums[i + 1] +=
				(uint32_t)(_mm256_extract_epi64(s, 2) + _mm256_extract_epi64(s, 3));
		}
	}
	motion_dsp_c.cell_sums(sums + i, row + ((size_t)i << shift), n - i, shift);
}

static uint32_t project(uint32_t *columns, const uint8_t *row, unsigned n)
{
	__m256i sum = _mm256_setzero_si256();
	unsigned x = 0;

	for (; x + 32 <= n; x += 32) {
		__m256i v = load(row + x);

		sum = _mm256_add_epi64(sum, _mm256_sad_epu8(v, _mm256_setzero_si256()));
		for (unsigned k = 0; k < 32; k += 8) {
			__m256i w = _mm256_cvtepu8_epi32(
				_mm_loadl_epi64((const __m128i *)(row + x + k)));

			store(columns + x + k, _mm256_add_epi32(load(columns + x + k), w));
		}
	}
	for (; x + 8 <= n; x += 8) {
		__m128i v = _mm_loadl_epi64((const __m128i *)(row + x));
		__m256i sad = _mm256_zextsi128_si256(_mm_sad_epu8(v, _mm_setzero_si128()));

		sum = _mm256_add_epi64(sum, sad);
		store(columns + x, _mm256_add_epi32(load(columns + x), _mm256_cvtepu8_epi32(v)));
	}
	return (uint32_t)(_mm256_extract_epi64(sum, 0) + _mm256_extract_epi64(sum, 1) +
			  _mm256_extract_epi64(sum, 2) + _mm256_extract_epi64(sum, 3)) +
	       motion_dsp_c.project(columns + x, row + x, n - x);
}

static void blend(uint8_t *dst, const uint8_t *a, const uint8_t *b, unsigned n, unsigned f)
{
	const __m256i weights = _mm256_set1_epi16((short)((16 - f) | f << 8));
	const __m256i round = _mm256_set1_epi16(8);
	unsigned x = 0;

	for (unsigned rest = n; rest >= 16; rest = n - x) {
		bool wide = rest >= 32;
		__m256i va = load_part(a + x, wide), vb = load_part(b + x, wide);
		__m256i lo = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(va, vb), weights);
		__m256i hi = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(va, vb), weights);

		lo = _mm256_srli_epi16(_mm256_add_epi16(lo, round), 4);
		hi = _mm256_srli_epi16(_mm256_add_epi16(hi, round), 4);
		store_part(dst + x, _mm256_packus_epi16(lo, hi), wide);
		x += wide ? 32 : 16;
	}
	motion_dsp_c.blend(dst + x, a + x, b + x, n - x, f);
}

/* Where the vector goes that follows the one at `x`: the last one reaches back over pixels that are
 * done already, which does no harm where nothing read has been written. At least a vector. */
static unsigned next_vector(unsigned x, unsigned n)
{
	return n - x >= 64 || n - x == 32 ? x + 32 : n - 32;
}

static void derive(uint8_t *mean8, uint8_t *dev8, const uint16_t *mean, const uint16_t *dev,
		   unsigned n)
{
	const __m256i half = _mm256_set1_epi16(MOTION_MEAN_ONE / 2);

	if (n < 32) {
		motion_dsp_c.derive(mean8, dev8, mean, dev, n);
		return;
	}
	for (unsigned x = 0; x < n; x = next_vector(x, n)) {
		__m256i a = _mm256_adds_epu16(load(mean + x), half);
		__m256i b = _mm256_adds_epu16(load(mean + x + 16), half);

		store(mean8 + x, pack16(_mm256_srli_epi16(a, 7), _mm256_srli_epi16(b, 7)));
		store(dev8 + x, pack16(_mm256_srli_epi16(load(dev + x), 5),
				       _mm256_srli_epi16(load(dev + x + 16), 5)));
	}
}

static void envelope(uint8_t *lo, uint8_t *hi, uint8_t *spread, const uint8_t *const mean8[3],
		     const uint8_t *const dev8[3], unsigned n)
{
	if (n < 32) {
		motion_dsp_c.envelope(lo, hi, spread, mean8, dev8, n);
		return;
	}
	for (unsigned x = 0; x < n; x = next_vector(x, n)) {
		__m256i least = load(mean8[0] + x), most = least, wide = load(dev8[0] + x);

		for (int r = 0; r < 3; r++)
			for (int k = -1; k <= 1; k++) {
				__m256i m = load(mean8[r] + (ptrdiff_t)x + k);

				least = _mm256_min_epu8(least, m);
				most = _mm256_max_epu8(most, m);
				wide = _mm256_max_epu8(wide, load(dev8[r] + (ptrdiff_t)x + k));
			}
		store(lo + x, least);
		store(hi + x, most);
		store(spread + x, wide);
	}
}

/* Parameters spread over registers. */
struct wide_params {
	__m256i gain, offset, factor, mean_rate, dev_rate, fg_mean_rate, fg_dev_rate;
	__m256i dev_cap, dev_init;
	__m256i same, tick, absorb; /* bytes */
};

/* What the two halves of 32 pixels have worked out before the byte-wide part. */
struct half {
	__m256i seen, mean, dev; /* mean and dev already moved on */
	__m256i fg;              /* mask */
	__m256i dev_high;        /* deviation before, whole grey levels */
};

static void model_half(struct half *h, const struct wide_params *w, __m256i cur, __m256i lo,
		       __m256i hi, __m256i spread, __m256i base, const uint16_t *mean_at,
		       const uint16_t *dev_at)
{
	const __m256i top = _mm256_set1_epi16(MOTION_MEAN_MAX), zero = _mm256_setzero_si256();
	__m256i mean = load(mean_at), dev = load(dev_at);
	__m256i lit = _mm256_mulhrs_epi16(_mm256_slli_epi16(cur, 7), w->gain);
	__m256i out, limit, rate, step;

	h->seen = _mm256_adds_epi16(_mm256_adds_epi16(lit, lit), w->offset);
	h->seen = _mm256_max_epi16(_mm256_min_epi16(h->seen, top), zero);
	out = _mm256_max_epi16(_mm256_sub_epi16(h->seen, _mm256_slli_epi16(hi, 7)),
			       _mm256_sub_epi16(_mm256_slli_epi16(lo, 7), h->seen));
	out = _mm256_max_epi16(out, zero);
	limit = _mm256_adds_epi16(_mm256_slli_epi16(base, 4),
				  _mm256_mullo_epi16(spread, w->factor));
	h->fg = _mm256_cmpgt_epi16(out, limit);
	rate = _mm256_blendv_epi8(w->mean_rate, w->fg_mean_rate, h->fg);
	step = _mm256_mulhrs_epi16(_mm256_sub_epi16(h->seen, mean), rate);
	h->mean = _mm256_add_epi16(mean, step);
	rate = _mm256_blendv_epi8(w->dev_rate, w->fg_dev_rate, h->fg);
	out = _mm256_min_epi16(out, w->dev_cap);
	step = _mm256_mulhrs_epi16(_mm256_sub_epi16(_mm256_add_epi16(out, out), dev), rate);
	h->dev = _mm256_add_epi16(dev, step);
	h->dev_high = _mm256_srli_epi16(dev, 8);
}

static void store_half(uint16_t *mean, uint16_t *dev, const struct half *h, __m256i absorb,
		       __m256i dev_init)
{
	store(mean, _mm256_blendv_epi8(h->mean, h->seen, absorb));
	store(dev, _mm256_blendv_epi8(h->dev, dev_init, absorb));
}

/* 32 pixels from `x` on, or 16. */
static inline __attribute__((always_inline)) void
model_step(const struct motion_row *r, const struct wide_params *w, unsigned x, bool wide)
{
	const __m256i one = _mm256_set1_epi8(1);
	__m256i cur = load_part(r->cur + x, wide);
	__m256i lo = load_part(r->lo + x, wide), hi = load_part(r->hi + x, wide);
	__m256i spread = load_part(r->spread + x, wide), base = load_part(r->base + x, wide);
	__m256i cand = load_part(r->cand + x, wide), age = load_part(r->age + x, wide);
	__m256i fg, same, dist, bound, up, down, absorb;
	struct half a, b;

	model_half(&a, w, widen_lo(cur), widen_lo(lo), widen_lo(hi), widen_lo(spread),
		   widen_lo(base), r->mean + x, r->dev + x);
	b = a;
	if (wide)
		model_half(&b, w, widen_hi(cur), widen_hi(lo), widen_hi(hi), widen_hi(spread),
			   widen_hi(base), r->mean + x + 16, r->dev + x + 16);
	fg = pack_mask(a.fg, b.fg);
	store_part(r->fg + x, _mm256_and_si256(fg, one), wide);

	up = _mm256_subs_epu8(cur, cand);
	down = _mm256_subs_epu8(cand, cur);
	dist = _mm256_or_si256(up, down);
	bound = _mm256_max_epu8(w->same, pack16(a.dev_high, b.dev_high));
	same = _mm256_cmpeq_epi8(_mm256_max_epu8(dist, bound), bound);
	age = _mm256_and_si256(_mm256_adds_epu8(age, w->tick), same);
	cand = _mm256_add_epi8(cand, _mm256_min_epu8(up, one));
	cand = _mm256_sub_epi8(cand, _mm256_min_epu8(down, one));
	store_part(r->cand + x, _mm256_blendv_epi8(cur, cand, same), wide);

	absorb = _mm256_and_si256(fg, _mm256_cmpeq_epi8(_mm256_max_epu8(age, w->absorb), age));
	store_part(r->age + x, _mm256_andnot_si256(absorb, age), wide);
	store_half(r->mean + x, r->dev + x, &a,
		   _mm256_cvtepi8_epi16(_mm256_castsi256_si128(absorb)), w->dev_init);
	if (wide)
		store_half(r->mean + x + 16, r->dev + x + 16, &b,
			   _mm256_cvtepi8_epi16(_mm256_extracti128_si256(absorb, 1)), w->dev_init);
}

static void model(const struct motion_row *r, const struct motion_row_params *p)
{
	const struct wide_params w = {
		.gain = _mm256_set1_epi16(p->gain),
		.offset = _mm256_set1_epi16(p->offset),
		.factor = _mm256_set1_epi16(p->factor),
		.mean_rate = _mm256_set1_epi16(p->mean_rate),
		.dev_rate = _mm256_set1_epi16(p->dev_rate),
		.fg_mean_rate = _mm256_set1_epi16(p->fg_mean_rate),
		.fg_dev_rate = _mm256_set1_epi16(p->fg_dev_rate),
		.dev_cap = _mm256_set1_epi16(p->dev_cap),
		.dev_init = _mm256_set1_epi16(p->dev_init),
		.same = _mm256_set1_epi8((char)p->same),
		.tick = _mm256_set1_epi8((char)p->tick),
		.absorb = _mm256_set1_epi8((char)p->absorb),
	};
	unsigned x = 0;

	for (; x + 32 <= r->n; x += 32)
		model_step(r, &w, x, true);
	if (x + 16 <= r->n) {
		model_step(r, &w, x, false);
		x += 16;
	}
	motion_dsp_model_tail(r, p, x);
}

const struct motion_dsp motion_dsp_avx2 = {
	.name = "avx2",
	.reduce = reduce,
	.cell_sums = cell_sums,
	.project = project,
	.blend = blend,
	.derive = derive,
	.envelope = envelope,
	.model = model,
};
#endif
