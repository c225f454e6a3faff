/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/tamper_view.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUARTER 4                        /* reduced pixels a side of a pixel kept */
#define SIDE    (TAMPER_BLOCK / QUARTER) /* of a block, in pixels kept */
#define PIXELS  ((float)(SIDE * SIDE))
#define MIDDLE  ((SIDE - 1) / 2.0f)
#define SPREAD  (SIDE * SIDE * (SIDE * SIDE - 1) / 12.0f) /* sum of squares of x */
#define ONE     256.0f                                    /* a grey level of a pixel kept */
#define REACH   4                                         /* reduced pixels, for sharpness */
#define SHIFT   2                                         /* pixels kept a view may be off */

#define STRUCTURE   3.0f  /* standard deviation of a block with structure, grey levels */
#define FOUND       0.5f  /* correlation from which a block is found again */
#define DOUBT       0.5   /* part of the blocks found below which a shift is tried */
#define NEARBY      0.6   /* part that must be found there: one of many may fit by chance */
#define FAINT       0.02f /* variance that is none: keeps flat blocks from correlating */
#define UNLIT_MEAN  30.0f
#define UNLIT_RANGE 2.0f
#define BRIGHT      230.0f
#define DETAIL      4.0f  /* squared grey levels between neighbours, of a block with detail */
#define BLURRED     0.4f  /* part of its sharpness that a blurred block has left */
#define FLAT        1.0f  /* variance below which a block shows nothing */
#define SOFTENED    0.3f  /* likewise, against its coarse structure */
#define FADED       0.36f /* part of the variance below which a found block teaches nothing */

/* Mean squared differences over one pixel and over REACH, in single pictures. */
struct edges {
	float near, far;
};

/* Of a block's mean picture. */
struct shade {
	float mean;
	float dx, dy; /* slope, grey levels a pixel kept */
	float var;    /* what is left of its variance without the slope */
};

struct tamper_view {
	uint32_t cols, rows, w; /* blocks; pixels kept a row */
	unsigned pictures;      /* in the present */
	uint16_t *now, *then;   /* mean pictures */
	struct edges *enow, *ethen;
	bool *keeps; /* per block: teaches nothing now */
	size_t bytes;
};

int tamper_view_create(struct tamper_view **out, uint32_t w, uint32_t h)
{
	struct tamper_view *v = calloc(1, sizeof(*v));
	size_t blocks, pixels;

	if (!v)
		return -ENOMEM;
	v->cols = w / TAMPER_BLOCK;
	v->rows = h / TAMPER_BLOCK;
	v->w = v->cols * SIDE;
	blocks = (size_t)v->cols * v->rows;
	pixels = blocks * SIDE * SIDE;
	/* One more, so that nothing is of no size. */
	v->now = calloc(pixels + 1, sizeof(*v->now));
	v->then = calloc(pixels + 1, sizeof(*v->then));
	v->enow = calloc(blocks + 1, sizeof(*v->enow));
	v->ethen = calloc(blocks + 1, sizeof(*v->ethen));
	v->keeps = calloc(blocks + 1, sizeof(*v->keeps));
	if (!v->now || !v->then || !v->enow || !v->ethen || !v->keeps) {
		tamper_view_destroy(v);
		return -ENOMEM;
	}
	v->bytes = sizeof(*v) + 2 * pixels * sizeof(*v->now) +
		   blocks * (2 * sizeof(*v->enow) + sizeof(*v->keeps));
	*out = v;
	return 0;
}

void tamper_view_destroy(struct tamper_view *v)
{
	if (!v)
		return;
	free(v->now);
	free(v->then);
	free(v->enow);
	free(v->ethen);
	free(v->keeps);
	free(v);
}

void tamper_view_begin(struct tamper_view *v)
{
	v->pictures = 0;
}

size_t tamper_view_bytes(const struct tamper_view *v)
{
	return v->bytes;
}

/* Means of QUARTER x QUARTER, into the mean of `pictures` of them. */
static void shrink(uint16_t *to, size_t w, const uint8_t *from, size_t stride, int pictures)
{
	for (unsigned y = 0; y < SIDE; y++, to += w, from += QUARTER * stride)
		for (unsigned x = 0; x < SIDE; x++) {
			int sum = 0;

			for (unsigned v = 0; v < QUARTER; v++)
				for (unsigned u = 0; u < QUARTER; u++)
					sum += from[v * stride + x * QUARTER + u];
			sum *= (int)ONE / (QUARTER * QUARTER);
			to[x] = (uint16_t)(to[x] + (sum - to[x]) / pictures);
		}
}

/* Squared differences of every second row with what lies `step` to the right and below. */
static float differences(const uint8_t *p, size_t stride, unsigned step)
{
	enum { N = TAMPER_BLOCK - REACH };
	int sum = 0;

	for (unsigned y = 0; y < N; y += 2, p += 2 * stride) {
		const uint8_t *below = p + step * stride;

		for (unsigned x = 0; x < N; x++) {
			int right = p[x + step] - p[x], down = below[x] - p[x];

			sum += right * right + down * down;
		}
	}
	return (float)sum / (N * N / 2);
}

void tamper_view_look(struct tamper_view *v, const uint8_t *luma, size_t stride)
{
	/* The mean of all pictures since the present began. */
	float weight = 1.0f / (float)++v->pictures;

	for (uint32_t by = 0; by < v->rows; by++)
		for (uint32_t bx = 0; bx < v->cols; bx++) {
			const uint8_t *p = luma + by * TAMPER_BLOCK * stride + bx * TAMPER_BLOCK;
			struct edges *e = &v->enow[by * v->cols + bx];

			shrink(v->now + (size_t)by * SIDE * v->w + bx * SIDE, v->w, p, stride,
			       (int)v->pictures);
			e->near += weight * (differences(p, stride, 1) - e->near);
			e->far += weight * (differences(p, stride, REACH) - e->far);
		}
}

/* Sums over a block: x and y are counted from its middle. */
struct sums {
	float one, x, y, squares, both;
};

/* Of `p`; `both` is with `q`. */
static struct sums sum_up(const uint16_t *p, const uint16_t *q, size_t w)
{
	struct sums s = {0};

	for (unsigned y = 0; y < SIDE; y++, p += w, q += w) {
		float row = 0;

		for (unsigned x = 0; x < SIDE; x++) {
			float a = p[x] / ONE, b = q[x] / ONE;

			row += a;
			s.x += a * ((float)x - MIDDLE);
			s.squares += a * a;
			s.both += a * b;
		}
		s.one += row;
		s.y += row * ((float)y - MIDDLE);
	}
	return s;
}

/* Without mean and slope: a shade over the lens or the sky is alike everywhere. The mean and the
 * two slopes are orthogonal, so that each can be taken out of sums by itself. */
static struct shade flatten(const struct sums *s)
{
	struct shade b = {.mean = s->one / PIXELS, .dx = s->x / SPREAD, .dy = s->y / SPREAD};

	b.var = fmaxf(s->squares / PIXELS - b.mean * b.mean - (b.dx * s->x + b.dy * s->y) / PIXELS,
		      0);
	return b;
}

/* Of a block of the reference. */
static struct shade shade_then(const struct tamper_view *v, size_t at)
{
	struct sums s = sum_up(v->then + at, v->then + at, v->w);

	return flatten(&s);
}

/* Correlation of a block of the reference with the present at `now_at`, without sign: infrared
 * light turns some contrasts over. *shade: of the present there. */
static float correlation(const struct tamper_view *v, size_t block_at, const struct shade *b,
			 size_t now_at, struct shade *shade)
{
	struct sums s = sum_up(v->now + now_at, v->then + block_at, v->w);
	float both = (s.both - b->mean * s.one - b->dx * s.x - b->dy * s.y) / PIXELS;

	*shade = flatten(&s);
	return fabsf(both) / sqrtf((b->var + FAINT) * (shade->var + FAINT));
}

/* Blocks found with the present moved by (dx, dy); *of: how many lie inside then. */
static unsigned found_at(const struct tamper_view *v, int dx, int dy, unsigned *of)
{
	int height = (int)(v->rows * SIDE), width = (int)v->w;
	unsigned n = 0;

	*of = 0;
	for (uint32_t by = 0; by < v->rows; by++)
		for (uint32_t bx = 0; bx < v->cols; bx++) {
			size_t at = (size_t)by * SIDE * v->w + bx * SIDE;
			struct shade b = shade_then(v, at), there;
			int x = (int)(bx * SIDE) + dx, y = (int)(by * SIDE) + dy;

			if (b.var < STRUCTURE * STRUCTURE || x < 0 || y < 0 || x + SIDE > width ||
			    y + SIDE > height)
				continue;
			++*of;
			n += correlation(v, at, &b, (size_t)y * v->w + (size_t)x, &there) >= FOUND;
		}
	return n;
}

/* A view that is there, but a little off, is found; scaled to all blocks with structure. */
static unsigned found_nearby(const struct tamper_view *v, const struct tamper_seen *s)
{
	double best = 0;

	for (int dy = -SHIFT; dy <= SHIFT; dy++)
		for (int dx = -SHIFT; dx <= SHIFT; dx++) {
			unsigned of, n = found_at(v, dx, dy, &of);

			if (2 * of >= s->structured && of)
				best = fmax(best, (double)n / of);
		}
	return best >= NEARBY ? (unsigned)(best * s->structured) : 0;
}

/* `kept`: part of the block's variance that is left where it was found; 0: it was not. */
static void judge_sharpness(const struct edges *then, const struct edges *now, float noise,
			    float kept, struct tamper_seen *s)
{
	float near_then = then->near - noise, far_then = then->far - noise;
	float near_now = fmaxf(now->near - noise, 0), far_now = now->far - noise;

	if (near_then < DETAIL || far_now < DETAIL)
		return;
	s->sharp++;
	/* Where REACH is within the blur, only the coarse structure tells it from less contrast. */
	s->blurred += near_now * far_then < BLURRED * near_then * far_now ||
		      near_now < SOFTENED * near_then * kept;
}

/* Sums of the blocks' means, then and now. */
struct means {
	double a, b, aa, bb, ab;
};

static void judge_means(const struct means *m, struct tamper_seen *s)
{
	double n = s->blocks, a = m->a / n, b = m->b / n;
	double aa = fmax(m->aa / n - a * a, 0), bb = fmax(m->bb / n - b * b, 0);

	s->mean_now = b;
	s->range_now = sqrt(bb);
	s->likeness = (m->ab / n - a * b) / sqrt((aa + (double)FAINT) * (bb + (double)FAINT));
}

static void add_means(struct means *m, double a, double b)
{
	m->a += a;
	m->b += b;
	m->aa += a * a;
	m->bb += b * b;
	m->ab += a * b;
}

static void compare_block(struct tamper_view *v, uint32_t bx, uint32_t by, float noise,
			  struct means *means, struct tamper_seen *s)
{
	size_t i = by * v->cols + bx, at = (size_t)by * SIDE * v->w + bx * SIDE;
	struct shade then = shade_then(v, at), now;
	bool found = correlation(v, at, &then, at, &now) >= FOUND, unlit;

	add_means(means, then.mean, now.mean);
	s->detail_then += v->ethen[i].near - noise >= DETAIL;
	/* Noise beyond what is known of is gone from the mean picture. */
	s->detail_now += v->enow[i].near - noise >= DETAIL && now.var >= FLAT;
	s->bright_then += then.mean >= BRIGHT;
	s->bright_now += now.mean >= BRIGHT;
	unlit = now.mean < UNLIT_MEAN && now.var < UNLIT_RANGE * UNLIT_RANGE;
	v->keeps[i] = unlit;
	if (then.var < STRUCTURE * STRUCTURE)
		return;
	s->structured++;
	s->found += found;
	s->unlit += !found && unlit;
	if (found)
		v->keeps[i] = now.var < FADED * then.var;
	judge_sharpness(&v->ethen[i], &v->enow[i], noise, found ? now.var / then.var : 0, s);
}

void tamper_view_compare(struct tamper_view *v, double noise, struct tamper_seen *out)
{
	struct tamper_seen s = {.blocks = v->cols * v->rows};
	float energy = (float)(2 * 2 * noise * noise); /* of differences right and down */
	struct means means = {0};

	for (uint32_t by = 0; by < v->rows; by++)
		for (uint32_t bx = 0; bx < v->cols; bx++)
			compare_block(v, bx, by, energy, &means, &s);
	if (s.blocks)
		judge_means(&means, &s);
	if (s.found < DOUBT * s.structured)
		s.found = (unsigned)fmax(s.found, found_nearby(v, &s));
	*out = s;
}

static void learn_block(struct tamper_view *v, size_t i, size_t at, float weight)
{
	struct edges *e = &v->ethen[i];

	for (unsigned y = 0; y < SIDE; y++)
		for (unsigned x = 0; x < SIDE; x++) {
			uint16_t *p = &v->then[at + y * v->w + x];
			float step = weight * (float)(v->now[at + y * v->w + x] - *p);

			*p = (uint16_t)(*p + lrintf(step));
		}
	e->near += weight * (v->enow[i].near - e->near);
	e->far += weight * (v->enow[i].far - e->far);
}

void tamper_view_learn(struct tamper_view *v, float weight)
{
	for (uint32_t by = 0; by < v->rows; by++)
		for (uint32_t bx = 0; bx < v->cols; bx++) {
			size_t i = by * v->cols + bx, at = (size_t)by * SIDE * v->w + bx * SIDE;

			if (!v->keeps[i])
				learn_block(v, i, at, weight);
		}
}

void tamper_view_accept(struct tamper_view *v)
{
	memset(v->keeps, 0, (size_t)v->cols * v->rows * sizeof(*v->keeps));
	tamper_view_learn(v, 1);
}
