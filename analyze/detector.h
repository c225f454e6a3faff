/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The motion detector of one camera: feed frames in order, get for each a bitmap of cells that
 * moved and a decision. Synchronous; `matlang detect` uses it as it is, the analyser (analyzer.h)
 * runs it in the worker pool.
 *
 *	struct detector *d;
 *	struct detector_result r;
 *
 *	motion_config_defaults(&config);
 *	err = detector_create(&d, &config, &em);
 *	for each frame f:
 *		err = detector_feed(d, f, &r, &em);
 *		if (err == 1)
 *			r.motion, r.cols, r.rows, r.bits ...
 *	detector_destroy(d);
 *
 * A cell moved when enough of its pixels are foreground (background.h), more than is usual where it
 * always moves (restless.h). Which groups of moved cells count is told in groups.h. A frame has
 *motion when `start_frames` frames in a row had such a group, and until as many had none.
 *After the first frame, and after a change of light that nothing else explains, nothing is reported
 *for a few frames, and what proves to stand still becomes background within a second.
 *
 * The `rate`, `end_ns`, `preroll_ns`, `postroll_ns` of the configuration are not the detector's
 * business: it judges every frame it gets (see events.h, analyzer.h). A picture of another size
 * starts anew.
 *
 * A detector is its owner's: one thread at a time.
 */
#ifndef ANALYZE_DETECTOR_H
#define ANALYZE_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/motion_config.h"
#include "analyze/motion_dsp.h"
#include "analyze/tamper.h"
#include "capture/core/frame.h"

struct detector;

struct detector_result {
	int64_t mono_ns;       /* the frame's */
	int64_t since_mono_ns; /* motion: of the first frame of this stretch of motion */
	bool motion;           /* the decision */
	bool global_change;    /* light or exposure changed everywhere */
	bool learning;         /* just started: nothing is reported yet */
	uint16_t cols, rows;   /* grid */
	uint16_t cell_px;      /* picture pixels a cell side */
	uint16_t moved;        /* cells set */
	uint16_t largest;      /* cells of the largest group */
	uint16_t level;        /* 0..1000: how much moves; the square root of the share of cells */
	uint32_t zones;        /* bit i: zone[i] has motion */
	enum tamper_kind tamper; /* what is the matter with the view ... */
	int64_t tamper_mono_ns;  /* ... and since when */
	const uint8_t *bits; /* cell (x, y) is bit y * cols + x, LSB first; (cols * rows + 7) / 8
			      * bytes, valid until the next call */
};

/* The configuration is checked: -EINVAL with message, -ENOMEM. */
int detector_create(struct detector **out, const struct motion_config *config,
		    struct errmsg *em) MUST_CHECK;
/* The same with kernels of the caller's choice, for tests and benches. */
int detector_create_with(struct detector **out, const struct motion_config *config,
			 const struct motion_dsp *dsp, struct errmsg *em) MUST_CHECK;
/* NULL is fine. */
void detector_destroy(struct detector *d);
/* Takes effect with the next frame; what is learnt stays. */
int detector_configure(struct detector *d, const struct motion_config *config,
		       struct errmsg *em) MUST_CHECK;
/* Learns anew with the next frame. */
void detector_reset(struct detector *d);

/*
 * Judges a frame of any format of pixfmt.h. 1: *r is filled. 0: no picture came out (a decoder
 * waits for more). Errors with message, the detector goes on with the next frame:
 * -EBADMSG damaged, -EOPNOTSUPP, -EINVAL (short planes), -ENOMEM.
 */
int detector_feed(struct detector *d, const struct frame *f, struct detector_result *r,
		  struct errmsg *em) MUST_CHECK;
/* The same in two steps: `detector_load` takes what it needs from the frame (afterwards the frame
 * may be unreferenced), `detector_run` judges it. load with `want` false: for decoders that must
 * see a frame nobody wants judged; returns 0. */
int detector_load(struct detector *d, const struct frame *f, bool want,
		  struct errmsg *em) MUST_CHECK;
/* Frames that are best loaded at once: JPEGs cost less together. */
#define DETECTOR_BATCH 8

/* One of them, of a detector of its own. */
struct detector_load {
	struct detector *d;
	const struct frame *f;
	bool want;
	struct errmsg *em;
	int err; /* as detector_load returns it; filled by detector_load_batch */
};

/* detector_load for up to DETECTOR_BATCH frames. */
void detector_load_batch(struct detector_load *loads, size_t n);
void detector_run(struct detector *d, int64_t mono_ns, struct detector_result *r);
/* Between load and run: the frame this thread loads next, into whichever detector. The coming
 * detector_run has the memory bring its beginning while it computes itself. A hint that changes no
 * result; the frame's memory must stay until the run is over. */
void detector_ahead(struct detector *d, const struct frame *next);
/* A full-size grey picture. 0 or -EINVAL, -ENOMEM. */
int detector_feed_luma(struct detector *d, const uint8_t *luma, size_t stride, uint32_t w,
		       uint32_t h, int64_t mono_ns, struct detector_result *r,
		       struct errmsg *em) MUST_CHECK;

/* Mean noise, grey levels. */
double detector_noise(const struct detector *d);
/* Part of the picture that always moves (trees, water), 0..1. */
double detector_restless(const struct detector *d);
/* Memory held for the camera, decoders' inner memory not counted. */
size_t detector_state_bytes(const struct detector *d);

#endif
