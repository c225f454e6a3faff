/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/detector.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/background.h"
#include "analyze/cpu.h"
#include "analyze/grid.h"
#include "analyze/groups.h"
#include "analyze/luma.h"
#include "analyze/restless.h"
#include "capture/core/bytes.h"

/* Start-up: */
#define SILENT_FRAMES    5          /* nothing is reported */
#define COLD_FRAMES      25         /* foreground is learnt too, fast */
#define AVERAGE_FRAMES   64         /* the mean is that of all frames so far */
#define SETTLE_NS        3000000000 /* what stands still is background after SETTLE_ABSORB_NS */
#define SETTLE_ABSORB_NS 1000000000
#define SETTLE_TICKS     20
#define COLD_MEAN_RATE   0.2
#define COLD_DEV_RATE    0.1
/* Later: */
#define ABSORB_TICKS     200
#define MEAN_RATE        (1.0 / 64)
#define DEV_RATE         0.005
#define DEV_RATE_FIRST   0.5 /* over DEV_RATE_FADE and the frames so far */
#define DEV_RATE_FADE    16.0
#define DEVIATIONS       4.0
#define SMALL_DEVIATIONS 3.0 /* when single cells are wanted: what is small is dim, too */
/* Thresholds at sensitivity 50: */
#define BASE_LEVELS 6.0 /* grey levels; halved or doubled by BASE_STEP of sensitivity */
#define BASE_STEP   25.0
#define SHARE       0.06f /* of a cell's pixels */
#define MEMBER      0.5f  /* of the bar in a restless cell, for cells of a group */
/* Light: */
#define GLOBAL_SHARE 0.70 /* of watched cells at once: no object does that */
#define GLOBAL_JUMP  0.40 /* more of them than the frame before */

struct detector {
	const struct motion_dsp *dsp;
	struct motion_config config;
	struct luma *luma;
	struct luma_size size; /* of the model; w 0: none yet */
	struct background *model;
	struct grid grid;
	bool fresh;      /* the next frame is the first */
	uint32_t frames; /* since the first */
	int64_t first_ns, tick_ns;

	struct tamper *tamper; /* NULL: not wanted, or not yet */
	struct restless restless;
	struct groups groups;
	float *share;  /* per cell: foreground of this frame; then what of it is beyond the usual */
	uint8_t *on;   /* per cell */
	uint8_t *base; /* per cell: grey threshold for the model */
	uint8_t *bits;
	double noise;  /* grey levels, of a calm part of the picture */
	double before; /* share of watched cells on, the frame before */
	bool leapt;    /* the frame before seemed to have changed everywhere */

	uint32_t streak; /* frames with motion lately, see decide() */
	bool motion;
	int64_t streak_ns, since_ns;
};

int detector_create(struct detector **out, const struct motion_config *config, struct errmsg *em)
{
	return detector_create_with(out, config, motion_dsp_select(cpu_features()), em);
}

int detector_create_with(struct detector **out, const struct motion_config *config,
			 const struct motion_dsp *dsp, struct errmsg *em)
{
	int err = motion_config_check(config, em);
	struct detector *d;

	if (err)
		return err;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->dsp = dsp;
	d->config = *config;
	err = luma_create(&d->luma, d->dsp);
	if (err) {
		free(d);
		return err;
	}
	*out = d;
	return 0;
}

static void drop_model(struct detector *d)
{
	background_destroy(d->model);
	d->model = NULL;
	grid_destroy(&d->grid);
	restless_destroy(&d->restless);
	groups_destroy(&d->groups);
	tamper_destroy(d->tamper);
	d->tamper = NULL;
	free(d->share);
	free(d->on);
	free(d->base);
	free(d->bits);
	d->share = NULL;
	d->on = d->base = d->bits = NULL;
	d->size = (struct luma_size){0};
}

void detector_destroy(struct detector *d)
{
	if (!d)
		return;
	drop_model(d);
	luma_destroy(d->luma);
	free(d);
}

/* Half the threshold for every BASE_STEP of sensitivity. */
static uint8_t base_of(uint8_t sensitivity)
{
	double levels = BASE_LEVELS * exp2((50.0 - sensitivity) / BASE_STEP);

	return (uint8_t)fmin(lrint(levels * MOTION_DEV8_ONE), 255);
}

static void set_thresholds(struct detector *d)
{
	for (size_t i = 0; i < (size_t)d->grid.cols * d->grid.rows; i++)
		d->base[i] = base_of(d->grid.sensitivity[i]);
}

int detector_configure(struct detector *d, const struct motion_config *config, struct errmsg *em)
{
	int err = motion_config_check(config, em);

	if (err)
		return err;
	d->config = *config;
	if (d->model) {
		grid_configure(&d->grid, config);
		set_thresholds(d);
	}
	return 0;
}

void detector_reset(struct detector *d)
{
	luma_reset(d->luma);
	if (d->tamper)
		tamper_break(d->tamper);
	d->fresh = true;
	d->streak = 0;
	d->motion = false;
}

/* A model for pictures of this size; keeps the one there is if it fits. */
static int fit_model(struct detector *d, const struct luma_size *size)
{
	size_t cells;
	int err;

	if (d->model && !memcmp(size, &d->size, sizeof(*size)))
		return 0;
	drop_model(d);
	err = grid_create(&d->grid, size, &d->config);
	if (err)
		return err;
	cells = (size_t)d->grid.cols * d->grid.rows;
	d->share = calloc(cells, sizeof(*d->share));
	d->on = calloc(cells, 1);
	d->base = calloc(cells, 1);
	d->bits = calloc((cells + 7) / 8, 1);
	err = background_create(&d->model, d->dsp, size->w, size->h, d->grid.cell_shift);
	if (!err)
		err = restless_create(&d->restless, d->grid.cols, d->grid.rows);
	if (!err)
		err = groups_create(&d->groups, d->grid.cols, d->grid.rows);
	if (err || !d->share || !d->on || !d->base || !d->bits) {
		drop_model(d);
		return -ENOMEM;
	}
	d->size = *size;
	set_thresholds(d);
	d->fresh = true;
	d->streak = 0;
	d->motion = false;
	return 0;
}

_Static_assert(DETECTOR_BATCH <= LUMA_BATCH, "what is loaded together is read together");

static void fold(void *ctx, uint32_t rows)
{
	background_fold(ctx, rows);
}

/* 1: the picture can be read into the model's input. */
static int open_frame(struct detector_load *load, struct luma_job *job)
{
	struct detector *d = load->d;
	struct luma_size size;
	int err = luma_open(d->luma, load->f, load->want, &size, load->em);

	if (err <= 0)
		return err;
	err = fit_model(d, &size);
	if (err)
		return errmsg_set(load->em, err, "no memory to analyse a picture of %ux%u",
				  size.picture_w, size.picture_h);
	job->luma = d->luma;
	job->dst = background_input(d->model, &job->stride);
	job->em = load->em;
	job->written = fold;
	job->ctx = d->model;
	return 1;
}

void detector_load_batch(struct detector_load *loads, size_t n)
{
	struct luma_job jobs[DETECTOR_BATCH];
	struct detector_load *of[DETECTOR_BATCH];
	size_t opened = 0;

	for (size_t i = 0; i < n; i++) {
		loads[i].err = open_frame(&loads[i], &jobs[opened]);
		if (loads[i].err == 1)
			of[opened++] = &loads[i];
	}
	luma_read_batch(jobs, opened);
	for (size_t i = 0; i < opened; i++)
		if (jobs[i].err)
			of[i]->err = jobs[i].err;
}

int detector_load(struct detector *d, const struct frame *f, bool want, struct errmsg *em)
{
	struct detector_load load = {.d = d, .f = f, .want = want, .em = em};

	detector_load_batch(&load, 1);
	return load.err;
}

int detector_feed(struct detector *d, const struct frame *f, struct detector_result *r,
		  struct errmsg *em)
{
	int err = detector_load(d, f, true, em);

	if (err == 1)
		detector_run(d, f->mono_ns, r);
	return err;
}

int detector_feed_luma(struct detector *d, const uint8_t *luma, size_t stride, uint32_t w,
		       uint32_t h, int64_t mono_ns, struct detector_result *r, struct errmsg *em)
{
	struct luma_source src = {luma, stride, 1, {0}};
	size_t pitch;
	uint8_t *to;
	int err = luma_size(&src.size, w, h);

	if (err || stride < w)
		return errmsg_set(em, -EINVAL, "a picture of %ux%u cannot be analysed", w, h);
	err = fit_model(d, &src.size);
	if (err)
		return errmsg_set(em, err, "no memory to analyse a picture of %ux%u", w, h);
	to = background_input(d->model, &pitch);
	luma_reduce(d->dsp, to, pitch, &src, fold, d->model);
	detector_run(d, mono_ns, r);
	return 0;
}

void detector_ahead(struct detector *d, const struct frame *next)
{
	const uint8_t *from = NULL;
	size_t bytes = luma_source_bytes(next, &from);

	if (d->model)
		background_ahead(d->model, from, bytes);
}

static void start_over(struct detector *d, int64_t mono_ns)
{
	background_learn(d->model);
	groups_forget(&d->groups);
	d->fresh = false;
	d->frames = 0;
	d->first_ns = d->tick_ns = mono_ns;
	d->before = 0;
	d->leapt = false;
	d->streak = 0;
	d->motion = false;
}

/* Whole ticks of `period` since the last, at most 255. */
static uint8_t ticks(struct detector *d, int64_t mono_ns, int64_t period)
{
	int64_t n = (mono_ns - d->tick_ns) / period;

	if (n <= 0)
		return 0;
	d->tick_ns += n * period;
	return (uint8_t)(n < 255 ? n : 255);
}

static struct background_params model_params(struct detector *d, int64_t mono_ns)
{
	bool cold = d->frames < COLD_FRAMES;
	struct background_params p = {
		.deviations = d->config.min_cells > 1 ? DEVIATIONS : SMALL_DEVIATIONS,
		.mean_rate = d->frames < AVERAGE_FRAMES ? 1.0 / (d->frames + 2) : MEAN_RATE,
		.dev_rate = fmax(DEV_RATE, DEV_RATE_FIRST / (d->frames + DEV_RATE_FADE)),
		.fg_mean_rate = cold ? COLD_MEAN_RATE : 0,
		.fg_dev_rate = cold ? COLD_DEV_RATE : 0,
		.absorb = 255,
		.base = d->base,
		.ignored = d->grid.ignored,
	};

	if (mono_ns - d->first_ns < SETTLE_NS) {
		p.tick = ticks(d, mono_ns, SETTLE_ABSORB_NS / SETTLE_TICKS);
		p.absorb = SETTLE_TICKS;
	} else if (d->config.absorb_ns) {
		p.tick = ticks(d, mono_ns, d->config.absorb_ns / ABSORB_TICKS);
		p.absorb = ABSORB_TICKS;
	}
	return p;
}

/* A quarter of the cells are quieter: what moves in the others does not count. */
static double calm_noise(const struct detector *d, const struct background_cells *c)
{
	size_t cells = (size_t)d->grid.cols * d->grid.rows, seen = 0;
	unsigned shift = 2 * d->grid.cell_shift;
	uint32_t bins[256] = {0};

	for (size_t i = 0; i < cells; i++)
		/* A whole cell's area is a power of two: divisions take their time. */
		bins[c->area[i] == 1u << shift ? c->noise[i] >> shift : c->noise[i] / c->area[i]]++;
	for (unsigned i = 0; i < 256; i++) {
		seen += bins[i];
		if (4 * seen >= cells)
			return (double)i / MOTION_DEV8_ONE;
	}
	return 0;
}

/* Marks the cells that moved; returns their share of the watched ones. */
static double judge_cells(struct detector *d, const struct background_cells *c)
{
	size_t cells = (size_t)d->grid.cols * d->grid.rows;
	uint32_t n = 0;

	for (size_t i = 0; i < cells; i++)
		d->share[i] = (float)(int32_t)c->fg[i] / (float)(int32_t)c->area[i];
	restless_learn(&d->restless, d->share);
	for (size_t i = 0; i < cells; i++) {
		float bar = restless_bar(&d->restless, i);

		d->on[i] = !d->grid.ignored[i] && d->share[i] > SHARE + MEMBER * bar;
		d->share[i] -= bar;
		n += d->on[i];
	}
	return d->grid.watched ? (double)n / d->grid.watched : 0;
}

/* Whether the frame is to be passed over because of a change everywhere. One that lasts is told; a
 * camera that was hit shows what it showed before in the next frame. */
static bool everywhere(struct detector *d, double share, struct detector_result *r)
{
	bool leaps = share > GLOBAL_SHARE && share - d->before > GLOBAL_JUMP;

	r->global_change = d->leapt && share > GLOBAL_SHARE;
	d->leapt = leaps;
	d->before = share;
	return leaps || r->global_change;
}

static void decide(struct detector *d, bool seen, int64_t mono_ns)
{
	uint32_t need = d->config.start_frames;

	if (seen) {
		if (!d->streak)
			d->streak_ns = mono_ns;
		if (d->streak < need)
			d->streak++;
	} else if (d->streak) {
		d->streak--;
	}
	if (!d->motion && d->streak >= need) {
		d->motion = true;
		d->since_ns = d->streak_ns;
	} else if (!d->streak) {
		d->motion = false;
	}
}

/* Bytes of 0 or 1 to bits, the first to the lowest. The product moves byte i of eight to bit i of
 * the highest byte, without carries. */
static void pack_bits(uint8_t *bits, const uint8_t *on, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		bits[i / 8] = (uint8_t)(bytes_le64(on + i) * 0x0102040810204080ull >> 56);
	if (i < n)
		bits[i / 8] = 0;
	for (; i < n; i++)
		bits[i / 8] |= (uint8_t)(on[i] << (i % 8));
}

static void fill_result(struct detector *d, const struct groups_found *groups,
			struct detector_result *r)
{
	size_t cells = (size_t)d->grid.cols * d->grid.rows;

	pack_bits(d->bits, d->on, cells);
	r->motion = d->motion;
	r->since_mono_ns = d->motion ? d->since_ns : r->mono_ns;
	r->cols = d->grid.cols;
	r->rows = d->grid.rows;
	r->cell_px = d->grid.cell_px;
	r->moved = (uint16_t)groups->moved;
	r->largest = (uint16_t)groups->largest;
	r->zones = groups->zones;
	r->bits = d->bits;
	if (d->grid.watched)
		r->level = (uint16_t)lrint(1000 * sqrt((double)groups->moved / d->grid.watched));
}

struct lit_model {
	const struct background *model;
	double light;
};

static float contrast(const void *ctx, uint32_t cell)
{
	const struct lit_model *m = ctx;

	return background_contrast(m->model, cell, m->light);
}

/* Before the model takes the picture's light and shift out of it. */
static void watch_view(struct detector *d, struct detector_result *r)
{
	struct tamper_params p = {d->config.tamper_ns, d->config.tamper_accept_ns};
	const uint8_t *luma;
	size_t stride;

	if (!d->config.tamper) {
		tamper_destroy(d->tamper);
		d->tamper = NULL;
		return;
	}
	/* Short of memory: with the next picture, perhaps. */
	if (!d->tamper && tamper_create(&d->tamper, d->size.w, d->size.h))
		return;
	luma = background_picture(d->model, &stride);
	r->tamper = tamper_feed(d->tamper, &p, luma, stride, d->noise, r->mono_ns);
	r->tamper_mono_ns = tamper_since(d->tamper);
}

void detector_run(struct detector *d, int64_t mono_ns, struct detector_result *r)
{
	size_t cells = (size_t)d->grid.cols * d->grid.rows;
	struct background_params p;
	struct background_cells seen;
	struct groups_found groups = {0};
	struct lit_model lit = {d->model, 1.0};
	struct groups_cells found = {d->on,         d->share, d->restless.degree,
				     d->grid.zones, contrast, &lit};
	double share;

	*r = (struct detector_result){.mono_ns = mono_ns, .learning = true};
	watch_view(d, r);
	if (d->fresh) {
		memset(d->on, 0, cells);
		start_over(d, mono_ns);
		fill_result(d, &groups, r);
		return;
	}
	d->frames++;
	p = model_params(d, mono_ns);
	background_step(d->model, &p, &seen);
	lit.light = seen.light;
	d->noise = calm_noise(d, &seen);
	share = judge_cells(d, &seen);
	r->learning = d->frames < SILENT_FRAMES;
	if (everywhere(d, share, r) || r->learning)
		memset(d->on, 0, cells);
	else
		groups_filter(&d->groups, &found, d->config.min_cells, &groups);
	decide(d, groups.moved, mono_ns);
	if (r->global_change)
		d->fresh = true; /* the next frame, when the exposure has begun to follow */
	fill_result(d, &groups, r);
}

double detector_noise(const struct detector *d)
{
	return d->model ? background_noise(d->model) : 0;
}

double detector_restless(const struct detector *d)
{
	return d->model ? restless_part(&d->restless) : 0;
}

size_t detector_state_bytes(const struct detector *d)
{
	size_t cells = (size_t)d->grid.cols * d->grid.rows;
	size_t bytes = sizeof(*d) + luma_state_bytes(d->luma);

	if (d->model)
		bytes += background_state_bytes(d->model) + grid_state_bytes(&d->grid) +
			 restless_bytes(&d->restless) + groups_bytes(&d->groups) +
			 cells * (sizeof(float) + 2) + (cells + 7) / 8 +
			 (d->tamper ? tamper_bytes(d->tamper) : 0);
	return bytes;
}
