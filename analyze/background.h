/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The background model of one camera's reduced luma, and what each frame shows that it does not.
 *
 * Per pixel: a running mean, a running deviation, and a candidate with its age. A pixel is
 * foreground when it lies outside the range of means of its 3x3 neighbourhood by more than a base
 * threshold plus a multiple of the neighbourhood's deviation. The range forgives what moves by
 * less than a pixel (shake, leaves, aliasing at edges); the deviation learns noise and flicker;
 * only background updates both, so who stands still stays. A candidate that has stood unchanged for
 * long enough replaces the mean: parked cars, removed objects, ghosts of the first frame.
 * Sources: the running average with deviation of Wren et al. (Pfinder, 1997), the neighbourhood
 * test after Elgammal et al. (2000), selective update and absorption as in sigma-delta detectors
 * with confirmed regions (Manzanera & Richefeu, 2007).
 *
 * Before that, two things that change everywhere at once are taken out: the camera's shift against
 * the model (shake.h) and the light (median over cells of the ratio of sums).
 *
 * One thread at a time.
 */
#ifndef ANALYZE_BACKGROUND_H
#define ANALYZE_BACKGROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/motion_dsp.h"
#include "capture/core/compiler.h"

struct background;

/* How a frame is to be judged and learnt. Rates in parts of one. */
struct background_params {
	double deviations;                /* threshold: base + this many deviations, 0..7.9 */
	double mean_rate, dev_rate;       /* of background */
	double fg_mean_rate, fg_dev_rate; /* of foreground; 0: it keeps its model */
	uint8_t tick;                     /* candidates grow older by this */
	uint8_t absorb;      /* age at which they become background, >= 1; 255 with tick 0: never */
	const uint8_t *base; /* a threshold per cell, eighths of a grey level, cols * rows; in
			      * the dark down to half of it holds */
	const uint8_t *ignored; /* cells not looked at (1), cols * rows */
};

/* What a frame showed, per cell of cols * rows; valid until the next input. */
struct background_cells {
	const uint16_t *area;    /* pixels of the cell (cells at the edge are cut) */
	const uint32_t *fg;      /* foreground pixels */
	const uint32_t *noise;   /* sum of deviations, eighths of a grey level */
	double light;            /* this frame's light against the model's: 1.0 the same */
	double shift_x, shift_y; /* reduced pixels the camera moved against the model */
};

/* A model for w x h reduced pixels with cells of 1 << cell_shift (2..5) pixels. */
int background_create(struct background **out, const struct motion_dsp *dsp, uint32_t w, uint32_t h,
		      unsigned cell_shift) MUST_CHECK;
void background_destroy(struct background *b);
size_t background_state_bytes(const struct background *b);

/* Where the next frame's luma goes: h rows of w bytes. What was folded of it is forgotten. */
uint8_t *background_input(struct background *b, size_t *stride);
/* The frame that lies there, between its reading and its step. */
const uint8_t *background_picture(const struct background *b, size_t *stride);
/* The rows above `rows` of the input are there: brings the model's closer meanwhile, and when all
 * are, takes from both what is to be known before the frame can be judged. background_step does
 * that for an input nobody told of. */
void background_fold(struct background *b, uint32_t rows);
/* Between input and step: memory that this thread reads next, readable until the coming step is
 * over: that brings it closer while it computes. NULL: none. */
void background_ahead(struct background *b, const void *next, size_t bytes);
/* Makes the frame in `input` the background, knowing nothing else. */
void background_learn(struct background *b);
/* Judges the frame in `input` and learns from it. */
void background_step(struct background *b, const struct background_params *p,
		     struct background_cells *out);
/* The contrast (contrast.h) of a cell, and a pixel around it, in the frame judged last against the
 * background as it was then; `light`: what background_step found. */
float background_contrast(const struct background *b, uint32_t cell, double light);
/* Mean deviation, grey levels. */
double background_noise(const struct background *b);

#endif
