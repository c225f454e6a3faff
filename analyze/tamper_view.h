/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a camera should see, and how much of it is there: the learnt reference of a view, compared
 * with the pictures of two seconds.
 *
 * The reduced luma is quartered and cut into blocks of TAMPER_BLOCK reduced pixels. Of the
 * reference and of the present, a mean picture each is kept: noise and what passes by fade from
 * both. A block with structure is found again when the normalised cross-correlation of the two is
 * high, which neither gain nor exposure changes (Lewis, "Fast Normalized Cross-Correlation", 1995),
 * their slopes taken out before; a camera that shakes or was nudged is forgiven a few pixels. How
 * sharp a block is tells the energy of its differences over one pixel against that over four, each
 * picture's own, so that averaging a shaking camera is not taken for blur.
 *
 * Where light has gone, structure that was learnt is kept: darkness teaches nothing.
 *
 * One thread at a time.
 */
#ifndef ANALYZE_TAMPER_VIEW_H
#define ANALYZE_TAMPER_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"

#define TAMPER_BLOCK 20 /* reduced pixels */

struct tamper_view;

/* Counts are of blocks. */
struct tamper_seen {
	unsigned blocks;
	unsigned structured;     /* of the reference: have something to be found again */
	unsigned found;          /* of these: found again */
	unsigned unlit;          /* of these: not found, dark and flat */
	unsigned sharp, blurred; /* sharp in the reference and lit now; of these, not any more */
	unsigned detail_then;    /* blocks with fine detail in the reference, */
	unsigned detail_now;     /* and now */
	unsigned bright_then;    /* blocks at the upper end of the range, then and now */
	unsigned bright_now;
	double likeness;            /* correlation of the blocks' means, -1..1 */
	double mean_now, range_now; /* of the blocks' means: mean, standard deviation */
};

/* For reduced pictures of w x h. -ENOMEM. A picture too small for blocks has none of them. */
int tamper_view_create(struct tamper_view **out, uint32_t w, uint32_t h) MUST_CHECK;
/* NULL is fine. */
void tamper_view_destroy(struct tamper_view *v);
size_t tamper_view_bytes(const struct tamper_view *v);

/* The present begins anew, with the next picture. */
void tamper_view_begin(struct tamper_view *v);
/* Takes a picture into the present. */
void tamper_view_look(struct tamper_view *v, const uint8_t *luma, size_t stride);
/* Compares the present with the reference. `noise`: grey levels, of the pictures. */
void tamper_view_compare(struct tamper_view *v, double noise, struct tamper_seen *out);
/* The reference takes `weight` of the present; compare must have been called since look. */
void tamper_view_learn(struct tamper_view *v, float weight);
/* The present becomes the reference. */
void tamper_view_accept(struct tamper_view *v);

#endif
