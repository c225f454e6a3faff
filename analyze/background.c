/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/background.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/contrast.h"
#include "analyze/fetch.h"
#include "analyze/shake.h"

#define PAD            16   /* bytes left of a plane: a neighbour, and alignment */
#define DEV_INIT       256  /* one grey level, Q8 */
#define DEV_CAP        5120 /* 40 grey levels, Q7 */
#define BASE_BRIGHT    96   /* mean grey level from which on the base threshold holds in full */
#define SAME_LEAST     4    /* grey levels a candidate may waver */
#define LIGHT_PEDESTAL 8    /* grey levels added to both sides, so that black does not amplify */
#define CELL_SHIFT_MAX 5
#define CELL_SIDE_MAX  (1u << CELL_SHIFT_MAX)
#define AHEAD_STEP     2048        /* bytes of the next picture a row of the model */
#define AHEAD_WHOLE    (256 << 10) /* of it as much is fetched; of the rest, pages are touched */
#define LIGHT_BINS     2048        /* of the ratio's histogram, LIGHT_ONE bins to 1.0 */
#define LIGHT_ONE      512
#define LIGHT_LEAST    0.01 /* a smaller change is none */
#define LIGHT_MIN      0.51 /* the kernel's gain stays below 2 */

struct background {
	const struct motion_dsp *dsp;
	uint32_t w, h;
	size_t stride; /* of byte planes, neighbours included */
	unsigned cell_shift;
	uint32_t cols, rows;
	size_t bytes; /* all memory */

	uint16_t *mean, *dev;            /* w a row */
	uint8_t *cand, *age;             /* w a row */
	uint8_t *cur;                    /* byte plane */
	uint8_t *mean8;                  /* byte plane: the mean, for neighbours, shake and light */
	uint8_t *dev8[3];                /* rows of deviation: above, here, below, in turn */
	uint8_t *row[5];                 /* lo, hi, spread, base, fg */
	uint8_t *temp;                   /* for shake_undo */
	uint32_t *columns[2], *lines[2]; /* projections: the model's, the frame's */
	uint16_t *area;                  /* cells: pixels */
	uint32_t *sum_mean, *sum_cur, *fg, *noise; /* cells */
	uint8_t *base;                             /* cells: the thresholds in this light */
	uint32_t fetched;                          /* rows of state on their way for this frame */
	bool folded;          /* `cur` and the model are in the sums and projections */
	const uint8_t *ahead; /* to be fetched: `ahead_bytes` of it */
	size_t ahead_bytes;
	void *memory;
};

_Static_assert((255 + LIGHT_PEDESTAL) * (LIGHT_ONE + 1ull) << 2 * CELL_SHIFT_MAX <= UINT32_MAX,
	       "the ratio's numerator has room");

enum { ROW_LO, ROW_HI, ROW_SPREAD, ROW_BASE, ROW_FG };

/* Hands out the parts of one allocation: with `base` NULL it only counts. */
struct carver {
	uint8_t *base;
	size_t used;
};

static void *carve(struct carver *c, size_t bytes)
{
	void *p = c->base ? c->base + c->used : NULL;

	c->used += ALIGN_UP(bytes, (size_t)32);
	return p;
}

static uint8_t *carve_plane(struct carver *c, const struct background *b)
{
	uint8_t *p = carve(c, b->stride * b->h + PAD);

	return p ? p + PAD : NULL;
}

static void lay_out(struct background *b, struct carver *c)
{
	size_t pixels = (size_t)b->w * b->h, cells = (size_t)b->cols * b->rows;

	b->mean = carve(c, pixels * 2);
	b->dev = carve(c, pixels * 2);
	b->cand = carve(c, pixels);
	b->age = carve(c, pixels);
	b->cur = carve_plane(c, b);
	b->mean8 = carve_plane(c, b);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t *row = carve(c, b->stride + PAD);

		b->dev8[i] = row ? row + PAD : NULL;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(b->row); i++)
		b->row[i] = carve(c, b->w + CELL_SIDE_MAX);
	b->temp = carve(c, b->w + 2 * (SHAKE_MAX + 2));
	for (unsigned i = 0; i < 2; i++) {
		b->columns[i] = carve(c, b->w * sizeof(uint32_t));
		b->lines[i] = carve(c, b->h * sizeof(uint32_t));
	}
	b->area = carve(c, cells * sizeof(uint16_t));
	b->fg = carve(c, cells * sizeof(uint32_t));
	b->sum_mean = carve(c, cells * sizeof(uint32_t));
	b->noise = carve(c, cells * sizeof(uint32_t));
	b->base = carve(c, cells);
	/* The light is known before foreground is counted. */
	b->sum_cur = b->fg;
}

/* Adds a row to its cells; the last cell may be cut. */
static void add_row(const struct background *b, uint32_t *sums, uint32_t y, const uint8_t *row)
{
	uint32_t whole = b->w >> b->cell_shift;
	uint32_t *cells = sums + (size_t)(y >> b->cell_shift) * b->cols;

	b->dsp->cell_sums(cells, row, whole, b->cell_shift);
	for (uint32_t x = whole << b->cell_shift; x < b->w; x++)
		cells[whole] += row[x];
}

int background_create(struct background **out, const struct motion_dsp *dsp, uint32_t w, uint32_t h,
		      unsigned cell_shift)
{
	uint32_t side = 1u << cell_shift;
	struct carver c = {NULL, 0};
	struct background *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->dsp = dsp;
	b->w = w;
	b->h = h;
	b->stride = (size_t)w + 2; /* a neighbour at either end */
	b->cell_shift = cell_shift;
	b->cols = (w + side - 1) >> cell_shift;
	b->rows = (h + side - 1) >> cell_shift;
	lay_out(b, &c);
	b->memory = aligned_alloc(64, ALIGN_UP(c.used, (size_t)64));
	if (!b->memory) {
		free(b);
		return -ENOMEM;
	}
	memset(b->memory, 0, c.used);
	b->bytes = sizeof(*b) + c.used;
	c = (struct carver){b->memory, 0};
	lay_out(b, &c);
	for (uint32_t y = 0; y < h; y++)
		for (uint32_t x = 0; x < w; x++)
			b->area[(size_t)(y >> cell_shift) * b->cols + (x >> cell_shift)]++;
	*out = b;
	return 0;
}

void background_destroy(struct background *b)
{
	if (!b)
		return;
	free(b->memory);
	free(b);
}

size_t background_state_bytes(const struct background *b)
{
	return b->bytes;
}

/* The picture is done with: of the next one nothing is fetched or folded yet. */
static void restart(struct background *b)
{
	b->fetched = 0;
	b->folded = false;
}

uint8_t *background_input(struct background *b, size_t *stride)
{
	*stride = b->stride;
	restart(b);
	/* What was ahead of a frame that was then not judged may be gone by now. */
	b->ahead_bytes = 0;
	return b->cur;
}

void background_ahead(struct background *b, const void *next, size_t bytes)
{
	b->ahead = next;
	b->ahead_bytes = bytes;
}

const uint8_t *background_picture(const struct background *b, size_t *stride)
{
	*stride = b->stride;
	return b->cur;
}

void background_learn(struct background *b)
{
	for (uint32_t y = 0; y < b->h; y++) {
		const uint8_t *row = b->cur + y * b->stride;
		size_t at = (size_t)y * b->w;

		for (uint32_t x = 0; x < b->w; x++) {
			b->mean[at + x] = (uint16_t)(row[x] * MOTION_MEAN_ONE);
			b->dev[at + x] = DEV_INIT;
		}
		memcpy(b->cand + at, row, b->w);
	}
	memset(b->age, 0, (size_t)b->w * b->h);
	restart(b);
}

/* Bytes of one row of the model; neighbours beyond the picture's edge are the edge. */
static void derive_row(struct background *b, uint32_t y)
{
	uint8_t *mean8 = b->mean8 + y * b->stride, *dev8 = b->dev8[y % 3];
	size_t at = (size_t)y * b->w;

	b->dsp->derive(mean8, dev8, b->mean + at, b->dev + at, b->w);
	mean8[-1] = mean8[0];
	mean8[b->w] = mean8[b->w - 1];
	dev8[-1] = dev8[0];
	dev8[b->w] = dev8[b->w - 1];
}

static void clear_sums(struct background *b)
{
	size_t cells = (size_t)b->cols * b->rows * sizeof(uint32_t);

	for (unsigned i = 0; i < 2; i++)
		memset(b->columns[i], 0, b->w * sizeof(uint32_t));
	memset(b->sum_cur, 0, cells);
	memset(b->sum_mean, 0, cells);
	memset(b->noise, 0, cells);
}

/* Brings a row of state closer: other cameras' frames have taken it out of the caches. It comes
 * along while the frame's rows are waited for. */
static void fetch_state(const struct background *b, uint32_t y)
{
	size_t at = (size_t)y * b->w;
	const uint8_t *planes[] = {(const uint8_t *)(b->mean + at),
				   (const uint8_t *)(b->mean + at) + b->w,
				   (const uint8_t *)(b->dev + at),
				   (const uint8_t *)(b->dev + at) + b->w,
				   b->cand + at,
				   b->age + at,
				   b->mean8 + y * b->stride};

	for (unsigned i = 0; i < ARRAY_SIZE(planes); i++) {
		fetch_touch(planes[i]);
		fetch_lines(planes[i], b->w);
	}
}

/* A row of the frame and the model in bytes: into the projections and the cells' sums. */
static void fold_row(struct background *b, uint32_t y)
{
	const uint8_t *mean8 = b->mean8 + y * b->stride, *cur = b->cur + y * b->stride;

	derive_row(b, y);
	b->lines[0][y] = b->dsp->project(b->columns[0], mean8, b->w);
	b->lines[1][y] = b->dsp->project(b->columns[1], cur, b->w);
	add_row(b, b->sum_mean, y, mean8);
	add_row(b, b->sum_cur, y, cur);
	add_row(b, b->noise, y, b->dev8[y % 3]);
}

void background_fold(struct background *b, uint32_t rows)
{
	while (b->fetched < rows)
		fetch_state(b, b->fetched++);
	/* All at once: work between them would hold up the frame's next rows. By now the input and
	 * the state are in the cache. */
	if (rows < b->h || b->folded)
		return;
	clear_sums(b);
	for (uint32_t y = 0; y < b->h; y++)
		fold_row(b, y);
	b->folded = true;
}

/* Takes the camera's shift out of the frame; its sums are then those of the frame put right. */
static void steady(struct background *b, struct background_cells *out)
{
	int dx = shake_estimate(b->columns[1], b->columns[0], b->w);
	int dy = shake_estimate(b->lines[1], b->lines[0], b->h);

	out->shift_x = dx / 16.0;
	out->shift_y = dy / 16.0;
	if (!dx && !dy)
		return;
	shake_undo(b->dsp, b->cur, b->stride, b->w, b->h, dx, dy, b->temp);
	memset(b->sum_cur, 0, (size_t)b->cols * b->rows * sizeof(uint32_t));
	for (uint32_t y = 0; y < b->h; y++)
		add_row(b, b->sum_cur, y, b->cur + y * b->stride);
}

/* Whole pixels at the low and the high edge that a shift leaves without a source. */
static void margins(double shift, uint32_t n, uint32_t *low, uint32_t *high)
{
	*low = shift < 0 ? (uint32_t)ceil(-shift) : 0;
	*high = n - (shift > 0 ? (uint32_t)ceil(shift) : 0);
}

/* What the shaken camera did not see is what the model expects, in the light of now. */
static void fill_margins(struct background *b, const struct background_cells *seen)
{
	uint32_t left, right, top, bottom;

	if (seen->shift_x == 0 && seen->shift_y == 0)
		return;
	margins(seen->shift_x, b->w, &left, &right);
	margins(seen->shift_y, b->h, &top, &bottom);
	for (uint32_t y = 0; y < b->h; y++) {
		const uint8_t *mean8 = b->mean8 + y * b->stride;
		uint8_t *row = b->cur + y * b->stride;
		bool outside = y < top || y >= bottom;

		for (uint32_t x = 0; x < b->w; x++) {
			double lit = (mean8[x] + LIGHT_PEDESTAL) * seen->light - LIGHT_PEDESTAL;

			if (outside || x < left || x >= right)
				row[x] = (uint8_t)lrint(fmin(fmax(lit, 0), 255));
			else
				x = right - 1;
		}
	}
}

/* Median over cells of frame against model: what moves in less than half of them does not count. */
static double light_of(struct background *b, const uint8_t *ignored)
{
	uint16_t bins[LIGHT_BINS] = {0};
	uint32_t n = 0, seen = 0;

	for (uint32_t i = 0; i < b->cols * b->rows; i++) {
		uint32_t pedestal = b->area[i] * LIGHT_PEDESTAL;
		/* A cell has at most 1 << 2 * CELL_SHIFT_MAX pixels: this fits 32 bits, whose
		 * division is several times faster. */
		uint32_t bin =
			((b->sum_cur[i] + pedestal) * LIGHT_ONE + (b->sum_mean[i] + pedestal) / 2) /
			(b->sum_mean[i] + pedestal);

		if (ignored[i])
			continue;
		bins[bin < LIGHT_BINS ? bin : LIGHT_BINS - 1]++;
		n++;
	}
	for (uint32_t i = 0; i < LIGHT_BINS; i++) {
		seen += bins[i];
		if (2 * seen > n)
			return (double)i / LIGHT_ONE;
	}
	return 1.0;
}

static int16_t q15(double part)
{
	return (int16_t)lrint(fmin(fmax(part, 0), 0.999) * 32768);
}

static struct motion_row_params row_params(const struct background_params *p, double light)
{
	double gain = 1.0;
	struct motion_row_params r = {
		.factor = (int16_t)lrint(fmin(fmax(p->deviations, 0), 7.9) * 16),
		.mean_rate = q15(p->mean_rate),
		.dev_rate = q15(p->dev_rate),
		.fg_mean_rate = q15(p->fg_mean_rate),
		.fg_dev_rate = q15(p->fg_dev_rate),
		.dev_cap = DEV_CAP,
		.dev_init = DEV_INIT,
		.same = SAME_LEAST,
		.tick = p->tick,
		.absorb = p->absorb,
	};

	if (fabs(light - 1.0) > LIGHT_LEAST)
		gain = 1.0 / fmax(light, LIGHT_MIN);
	r.gain = (int16_t)lrint(gain * 16384);
	r.offset = (int16_t)lrint(LIGHT_PEDESTAL * (gain - 1.0) * MOTION_MEAN_ONE);
	return r;
}

/* Light and shadow scale with what they fall on, noise does too: in the dark less is something. */
static void dim_base(struct background *b, const uint8_t *base)
{
	for (uint32_t i = 0; i < b->cols * b->rows; i++) {
		uint32_t mean = b->area[i] == 1u << 2 * b->cell_shift
					? b->sum_mean[i] >> 2 * b->cell_shift
					: b->sum_mean[i] / b->area[i];

		if (mean > BASE_BRIGHT)
			mean = BASE_BRIGHT;
		b->base[i] = (uint8_t)(base[i] * (BASE_BRIGHT + mean) / (2 * BASE_BRIGHT));
	}
}

/* One row of thresholds from a row of cells; the last may reach beyond the picture, where the row
 * has room. */
static void spread_base(const struct background *b, uint8_t *row, const uint8_t *cells)
{
	uint32_t quarters = (1u << b->cell_shift) / 4;

	for (uint32_t c = 0; c < b->cols; c++) {
		uint32_t four = cells[c] * 0x01010101u;

		for (uint32_t k = 0; k < quarters; k++, row += sizeof(four))
			memcpy(row, &four, sizeof(four));
	}
}

/* A part of the memory that is wanted next: computing the model leaves the memory idle. */
static void look_ahead(const struct background *b, uint32_t y)
{
	size_t at = (size_t)y * AHEAD_STEP;

	if (at + AHEAD_STEP > b->ahead_bytes)
		return;
	fetch_touch(b->ahead + at);
	if (at < AHEAD_WHOLE)
		fetch_lines(b->ahead + at, AHEAD_STEP);
}

static void model_rows(struct background *b, const struct background_params *p,
		       const struct motion_row_params *rp)
{
	for (uint32_t y = 0; y < b->h; y++) {
		uint32_t above = y ? y - 1 : 0, below = y + 1 < b->h ? y + 1 : y;
		size_t at = (size_t)y * b->w;
		const uint8_t *m[3] = {b->mean8 + above * b->stride, b->mean8 + y * b->stride,
				       b->mean8 + below * b->stride};
		const uint8_t *d[3] = {b->dev8[above % 3], b->dev8[y % 3], b->dev8[below % 3]};
		struct motion_row row = {
			.n = b->w,
			.cur = b->cur + y * b->stride,
			.lo = b->row[ROW_LO],
			.hi = b->row[ROW_HI],
			.spread = b->row[ROW_SPREAD],
			.base = b->row[ROW_BASE],
			.mean = b->mean + at,
			.dev = b->dev + at,
			.cand = b->cand + at,
			.age = b->age + at,
			.fg = b->row[ROW_FG],
		};

		look_ahead(b, y);
		/* Before this row's state moves on; the rows above are from before they did. */
		if (!y)
			derive_row(b, 0);
		if (below > y)
			derive_row(b, below);
		if (!(y & ((1u << b->cell_shift) - 1)))
			spread_base(b, b->row[ROW_BASE],
				    b->base + (size_t)(y >> b->cell_shift) * b->cols);
		b->dsp->envelope(b->row[ROW_LO], b->row[ROW_HI], b->row[ROW_SPREAD], m, d, b->w);
		b->dsp->model(&row, rp);
		add_row(b, b->fg, y, row.fg);
	}
}

void background_step(struct background *b, const struct background_params *p,
		     struct background_cells *out)
{
	size_t cells = (size_t)b->cols * b->rows;
	struct motion_row_params rp;

	background_fold(b, b->h);
	steady(b, out);
	out->light = light_of(b, p->ignored);
	fill_margins(b, out);
	dim_base(b, p->base);
	rp = row_params(p, out->light);
	memset(b->fg, 0, cells * sizeof(uint32_t));
	model_rows(b, p, &rp);
	restart(b);
	b->ahead_bytes = 0;
	out->area = b->area;
	out->noise = b->noise;
	out->fg = b->fg;
}

float background_contrast(const struct background *b, uint32_t cell, double light)
{
	uint32_t side = 1u << b->cell_shift;
	uint32_t x0 = cell % b->cols * side, y0 = cell / b->cols * side;
	uint32_t x1 = x0 + side < b->w ? x0 + side + 1 : b->w;
	uint32_t y1 = y0 + side < b->h ? y0 + side + 1 : b->h;
	size_t at;

	x0 -= x0 > 0;
	y0 -= y0 > 0;
	at = y0 * b->stride + x0;
	return contrast_of(b->cur + at, b->mean8 + at, b->stride, x1 - x0, y1 - y0, light);
}

double background_noise(const struct background *b)
{
	size_t n = (size_t)b->w * b->h;
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += b->dev[i];
	return (double)sum / (double)n / MOTION_DEV_ONE;
}
