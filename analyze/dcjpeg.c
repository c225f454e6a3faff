/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/dcjpeg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/dcjpeg_header.h"
#include "analyze/dcjpeg_scan.h"

#define RST0 0xd0u
#define RST7 0xd7u
/* Fewer steps than this are not worth setting up several lanes for. */
#define FEW_STEPS 16u
#define GREY      128

struct dcjpeg {
	struct dcjpeg_header header;
	const uint8_t *end; /* of the data */
	struct dcjpeg_info info;
	const struct dcjpeg_code
		*code[DCJPEG_COMPONENTS]; /* references, kept for the next picture */

	struct dcjpeg_block block[DCJPEG_MCU_BLOCKS]; /* of a minimum coded unit */
	uint32_t h, v;                                /* luma blocks of it, across and down */
	uint32_t mcu_cols, mcus;
};

/* A picture being decoded in a lane. */
struct run {
	struct dcjpeg_job *job; /* NULL: the lane is free */
	struct dcjpeg *d;
	const uint8_t *src; /* the next byte to go into the lane's buffer */
	bool src_ended;     /* at a marker, or at the end */
	uint32_t limit;     /* bits in the lane's buffer */
	uint32_t mcu;       /* minimum coded units written out */
	uint32_t mcu_end;   /* of this restart interval */
	unsigned restarts;  /* so far */
	struct dcjpeg_lane lane;
};

int dcjpeg_create(struct dcjpeg **out)
{
	struct dcjpeg *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	*out = d;
	return 0;
}

void dcjpeg_destroy(struct dcjpeg *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < DCJPEG_COMPONENTS; i++)
		dcjpeg_code_put(d->code[i]);
	free(d);
}

size_t dcjpeg_state_bytes(const struct dcjpeg *d)
{
	return sizeof(*d);
}

/* --- opening ------------------------------------------------------------------------------- */

static int take_code(struct dcjpeg *d, unsigned component)
{
	const struct dcjpeg_component *c = &d->header.component[component];
	const struct dcjpeg_huff *dc = &d->header.dc[c->dc], *ac = &d->header.ac[c->ac];
	const struct dcjpeg_code *old = d->code[component], *new;

	if (old && !memcmp(&old->dc_huff, dc, sizeof(*dc)) &&
	    !memcmp(&old->ac_huff, ac, sizeof(*ac)))
		return 0;
	new = dcjpeg_code_get(dc, ac, component == 0);
	if (!new)
		return -ENOMEM;
	dcjpeg_code_put(old);
	d->code[component] = new;
	return 0;
}

static int lay_out_mcu(struct dcjpeg *d)
{
	const struct dcjpeg_header *h = &d->header;
	unsigned n = 0;

	for (unsigned i = 0; i < h->components; i++) {
		const struct dcjpeg_component *c = &h->component[i];
		/* A scan of one component has single blocks, whatever its factors say. */
		unsigned blocks = h->components == 1 ? 1 : c->h * c->v;

		if (c->h > h->component[0].h || c->v > h->component[0].v ||
		    n + blocks > DCJPEG_MCU_BLOCKS)
			return -EOPNOTSUPP;
		while (blocks--)
			d->block[n++] = (struct dcjpeg_block){
				.ac = (uintptr_t)d->code[i]->ac,
				.code = d->code[i],
				.luma = i == 0,
			};
	}
	for (unsigned i = 0; i < n; i++) {
		struct dcjpeg_block *b = &d->block[i], *next = &d->block[(i + 1) % n];

		b->to_first = (uintptr_t)next->code->first - b->ac;
		b->to_next = (uintptr_t)next - (uintptr_t)b;
		b->rest = n - i;
	}
	d->h = h->components == 1 ? 1 : h->component[0].h;
	d->v = h->components == 1 ? 1 : h->component[0].v;
	d->mcu_cols = (d->info.cols + d->h - 1) / d->h;
	d->mcus = d->mcu_cols * ((d->info.rows + d->v - 1) / d->v);
	return 0;
}

int dcjpeg_open(struct dcjpeg *d, const uint8_t *data, size_t size, struct dcjpeg_info *info)
{
	int err = dcjpeg_header_read(&d->header, data, size);

	for (unsigned i = 0; !err && i < d->header.components; i++)
		err = take_code(d, i);
	if (err)
		return err;
	d->end = data + size;
	d->info = (struct dcjpeg_info){
		.width = d->header.width,
		.height = d->header.height,
		.cols = (d->header.width + 7) / 8,
		.rows = (d->header.height + 7) / 8,
	};
	err = lay_out_mcu(d);
	if (!err)
		*info = d->info;
	return err;
}

/* --- bits ---------------------------------------------------------------------------------- */

/* Moves the bits left to the front of the buffer and puts more behind them, without the zero
 * bytes stuffed behind 0xff; stops at a marker. */
static void refill(struct run *r)
{
	struct dcjpeg_lane *l = &r->lane;
	uint32_t used = l->pos / 8, n = r->limit / 8 - used;
	const uint8_t *end = r->d->end;

	memmove(l->buf, l->buf + used, n);
	l->pos %= 8;
	while (!r->src_ended && n < DCJPEG_BUF) {
		size_t room = DCJPEG_BUF - n, left = (size_t)(end - r->src);
		size_t run = left < room ? left : room;
		const uint8_t *ff = memchr(r->src, 0xff, run);

		if (ff)
			run = (size_t)(ff - r->src);
		memcpy(l->buf + n, r->src, run);
		n += (uint32_t)run;
		r->src += run;
		if (!ff) {
			r->src_ended = r->src == end;
			continue;
		}
		/* 0xff may be repeated before what it introduces. */
		while (end - r->src > 1 && r->src[1] == 0xff)
			r->src++;
		if (end - r->src > 1 && r->src[1] == 0) {
			l->buf[n++] = 0xff;
			r->src += 2;
		} else {
			r->src_ended = true;
		}
	}
	memset(l->buf + n, 0, DCJPEG_BUF_PAD);
	r->limit = n * 8;
}

/* Goes to the next restart marker and behind it. Returns how many markers were left out before it
 * (0 when it is the one expected), or -1 when there is none any more. */
static int seek_restart(struct run *r)
{
	const uint8_t *p = r->src, *end = r->d->end;

	while (p < end && (p = memchr(p, 0xff, (size_t)(end - p))) && end - p > 1) {
		unsigned marker = p[1], ahead;

		if (marker == 0xff) {
			p++;
			continue;
		}
		p += 2;
		if (!marker)
			continue;
		if (marker < RST0 || marker > RST7)
			return -1;
		/* One from the recent past is a double: of no use. */
		ahead = (marker - RST0 - r->restarts) & 7;
		if (ahead > 4)
			continue;
		r->src = p;
		r->src_ended = false;
		return (int)ahead;
	}
	return -1;
}

/* --- pixels -------------------------------------------------------------------------------- */

static uint8_t pixel(int32_t dc, int32_t quant)
{
	int32_t v = ((dc * quant + 4) >> 3) + GREY;

	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One row of `n` units that lie wholly in the picture, `h` across. */
static inline void put_row(uint8_t *dst, const int16_t *dc, uint32_t n, uint32_t h, uint32_t step,
			   int32_t quant)
{
	for (uint32_t i = 0; i < n; i++, dc += step)
		for (uint32_t x = 0; x < h; x++)
			*dst++ = pixel(dc[x], quant);
}

/* Writes `n` units of one row of them, from column `col`, whose coefficients are at `dc`. */
static void put_units(const struct run *r, const int16_t *dc, uint32_t row, uint32_t col,
		      uint32_t n)
{
	const struct dcjpeg *d = r->d;
	uint32_t step = d->h * d->v, whole = d->info.cols / d->h;
	int32_t quant = d->header.quant_dc;

	whole = whole > col ? whole - col : 0;
	if (whole > n)
		whole = n;
	for (uint32_t v = 0; v < d->v && row * d->v + v < d->info.rows; v++, dc += d->h) {
		uint8_t *dst = r->job->dst + (row * d->v + v) * r->job->stride + (size_t)col * d->h;
		uint32_t rest = d->info.cols % d->h;

		if (d->h == 2)
			put_row(dst, dc, whole, 2, step, quant);
		else if (d->h == 1)
			put_row(dst, dc, whole, 1, step, quant);
		else
			put_row(dst, dc, whole, d->h, step, quant);
		/* The last unit of a row may stick out. */
		for (uint32_t x = 0; whole < n && x < rest; x++)
			dst[whole * d->h + x] = pixel(dc[whole * step + x], quant);
	}
}

/* Writes out the whole units among the coefficients found. */
static void put_found(struct run *r)
{
	struct dcjpeg_lane *l = &r->lane;
	const struct dcjpeg *d = r->d;
	uint32_t step = d->h * d->v, done = 0;
	/* In chroma, all luma of the unit has been found; but it is not whole. */
	uint32_t units = l->found / step - !l->block->luma;

	while (done < units) {
		uint32_t row = r->mcu / d->mcu_cols, col = r->mcu % d->mcu_cols;
		uint32_t n = d->mcu_cols - col;

		if (n > units - done)
			n = units - done;
		put_units(r, l->dc + done * step, row, col, n);
		done += n;
		r->mcu += n;
	}
	l->found -= done * step;
	memmove(l->dc, l->dc + done * step, l->found * sizeof(l->dc[0]));
}

/* Gives the units from the last one written to `to` up for lost. */
static void put_grey(struct run *r, uint32_t to)
{
	static const int16_t none[DCJPEG_MCU_BLOCKS];
	uint32_t row = r->mcu / r->d->mcu_cols * r->d->v;

	if (!r->job->damaged || row < r->job->good)
		r->job->good = row;
	r->job->damaged = true;
	for (; r->mcu < to; r->mcu++)
		put_units(r, none, r->mcu / r->d->mcu_cols, r->mcu % r->d->mcu_cols, 1);
}

/* --- the lanes ------------------------------------------------------------------------------ */

static void start_interval(struct run *r)
{
	struct dcjpeg *d = r->d;
	struct dcjpeg_lane *l = &r->lane;

	l->block = d->block;
	l->table = d->block->code->first;
	l->pos = l->coefs = l->pred = l->found = 0;
	l->bad = false;
	r->limit = 0;
	r->mcu_end = d->mcus;
	if (d->header.restart && d->header.restart < d->mcus - r->mcu)
		r->mcu_end = r->mcu + d->header.restart;
	refill(r);
}

static void start(struct run *r, struct dcjpeg_job *job)
{
	r->job = job;
	r->d = job->d;
	r->src = job->d->header.scan;
	r->src_ended = false;
	r->mcu = 0;
	r->restarts = 0;
	job->damaged = false;
	job->good = job->d->info.rows;
	start_interval(r);
}

/* The interval is over, well or not: on to the next. False when the picture is. */
static bool next_interval(struct run *r)
{
	const struct dcjpeg *d = r->d;
	int ahead;

	if (r->mcu < r->mcu_end)
		put_grey(r, r->mcu_end);
	if (r->mcu == d->mcus)
		return false;
	ahead = seek_restart(r);
	if (ahead < 0 || (uint32_t)ahead * d->header.restart >= d->mcus - r->mcu) {
		put_grey(r, d->mcus);
		return false;
	}
	if (ahead)
		put_grey(r, r->mcu + (uint32_t)ahead * d->header.restart);
	r->restarts += (unsigned)ahead + 1;
	start_interval(r);
	return true;
}

/* Blocks up to the end of the interval. */
static uint32_t blocks_left(const struct run *r)
{
	uint32_t unit = r->d->block[0].rest;

	return (r->mcu_end - r->mcu) * unit - (unit - r->lane.block->rest);
}

/* Steps that cannot leave the data or the interval. */
static uint32_t safe_steps(struct run *r)
{
	const struct dcjpeg_lane *l = &r->lane;
	uint32_t blocks = blocks_left(r), steps = DCJPEG_STEPS;

	if (blocks < steps)
		steps = blocks;
	if (!r->src_ended && r->limit - l->pos < steps * DCJPEG_STEP_BITS)
		refill(r);
	if (r->limit - l->pos < steps * DCJPEG_STEP_BITS)
		steps = (r->limit - l->pos) / DCJPEG_STEP_BITS;
	return steps;
}

/* Brings a lane to where it can go some steps with the others: the ends of data and intervals it
 * passes by itself. Returns the steps; 0: its picture is finished. */
static uint32_t ready(struct run *r)
{
	struct dcjpeg_lane *l = &r->lane;

	for (;;) {
		uint32_t steps;

		if (l->bad || !blocks_left(r)) {
			if (!next_interval(r))
				return 0;
			continue;
		}
		steps = safe_steps(r);
		if (steps >= FEW_STEPS)
			return steps;
		dcjpeg_scan1(l, steps ? steps : 1);
		/* A step that used more bits than there were has seen what is not there. */
		if (l->pos > r->limit)
			l->bad = true;
		else
			put_found(r);
	}
}

static void scan(struct dcjpeg_lane *const lane[DCJPEG_LANES], unsigned n, uint32_t steps)
{
	if (n == DCJPEG_LANES) {
		dcjpeg_scan4(lane, steps);
		return;
	}
	if (n & 2)
		dcjpeg_scan2(lane, steps);
	if (n & 1)
		dcjpeg_scan1(lane[n - 1], steps);
}

void dcjpeg_read(struct dcjpeg_job *jobs, size_t n)
{
	struct run run[DCJPEG_LANES], *active[DCJPEG_LANES];
	size_t next = 0;

	for (unsigned i = 0; i < DCJPEG_LANES; i++)
		run[i].job = NULL;
	for (;;) {
		struct dcjpeg_lane *lane[DCJPEG_LANES];
		uint32_t steps = DCJPEG_STEPS;
		unsigned lanes = 0;

		for (unsigned i = 0; i < DCJPEG_LANES; i++) {
			struct run *r = &run[i];
			uint32_t can = r->job ? ready(r) : 0;

			while (!can && next < n) {
				start(r, &jobs[next++]);
				can = ready(r);
			}
			if (!can) {
				r->job = NULL;
				continue;
			}
			if (can < steps)
				steps = can;
			lane[lanes] = &r->lane;
			active[lanes++] = r;
		}
		if (!lanes)
			return;
		scan(lane, lanes, steps);
		for (unsigned i = 0; i < lanes; i++)
			put_found(active[i]);
	}
}
