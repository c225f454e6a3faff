/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One camera's analysis: takes frames from the reactor, runs luma extraction and the detector in
 * the worker pool, in order, and reports cell bitmaps and events.
 *
 * Analysis never holds up capture: at most one frame runs and one waits; when a third comes, the
 * waiting one is dropped, unreferenced and counted as skipped. Frames that are not due (rate) are
 * not taken at all, but those a decoder must see (pace.h).
 *
 * Threads: create/configure/submit/destroy on the reactor; callbacks on worker threads, never two
 * at once for one analyser; stats from any.
 */
#ifndef ANALYZE_ANALYZER_H
#define ANALYZE_ANALYZER_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/motion_config.h"
#include "analyze/tamper.h"
#include "capture/core/frame.h"
#include "capture/core/pool.h"

struct analyzer;

/* The cells of one analysed frame. Cell (x, y) is bit (y * cols + x), LSB first in each byte. */
struct analyzer_bitmap {
	uint16_t cols, rows; /* grid */
	uint16_t cell_px; /* side of a cell in picture pixels (the right and bottom ones may be cut)
			   */
	uint16_t moved;   /* cells set */
	uint16_t largest; /* cells of the largest connected group (8-neighbourhood) */
	uint16_t level;   /* 0..1000: how much moves, for the live meter */
	const uint8_t *bits; /* (cols * rows + 7) / 8 bytes; valid during the callback */
	uint32_t zones;      /* bit i: zone[i] of the configuration has motion */
};

struct analyzer_result {
	int64_t mono_ns; /* the frame's */
	uint32_t sequence;
	bool motion;        /* the detector's own decision for this frame */
	bool in_event;      /* an event is running after this frame */
	bool global_change; /* light or exposure changed everywhere: told from motion */
	struct analyzer_bitmap bitmap;
};

enum analyzer_event_phase { ANALYZER_EVENT_START, ANALYZER_EVENT_END };

struct analyzer_event {
	enum analyzer_event_phase phase;
	enum tamper_kind tamper; /* TAMPER_NONE: motion; else the view is lost: all cells are set,
				  * and frames with motion are those without view */
	uint64_t number;         /* per analyser, from 1 */
	int64_t start_mono_ns;   /* of the first frame with motion (pre-roll not subtracted) */
	int64_t end_mono_ns;     /* of the last frame with motion; END only */
	int64_t preroll_ns, postroll_ns; /* as configured when it started */
	uint16_t peak_cells;             /* most cells in one frame so far */
	uint16_t peak_level;
	int64_t peak_mono_ns;
	uint32_t zones; /* zones touched so far */
	uint16_t cols, rows, cell_px;
	const uint8_t *cells; /* union of the bitmaps so far; valid during the callback */
};

struct analyzer_callbacks {
	void (*result)(void *ctx, const struct analyzer_result *r); /* every analysed frame */
	void (*event)(void *ctx, const struct analyzer_event *e);
	void (*error)(void *ctx,
		      const char *why); /* once a stretch: why frames cannot be analysed */
};

struct analyzer_stats {
	uint64_t analyzed, skipped, errors;
	uint64_t events, tampers; /* of motion; of lost view */
	int64_t busy_ns;          /* processor time spent, all frames */
	int64_t lag_ns;           /* of the last analysed frame: from capture to result */
	uint16_t level;           /* of the last */
	bool in_event;
	enum tamper_kind tamper; /* what is the matter with the view now */
	int64_t lag_max_ns;      /* the longest since start */
	double noise;            /* mean noise estimate, grey levels */
	double restless;         /* part of the picture that always moves, 0..1 */
	size_t state_bytes;
};

/* `workers` outlives it. Configuration is checked. */
int analyzer_create(struct analyzer **out, struct pool *workers, const struct motion_config *config,
		    const struct analyzer_callbacks *cb, void *ctx, struct errmsg *em) MUST_CHECK;
int analyzer_configure(struct analyzer *a, const struct motion_config *config,
		       struct errmsg *em) MUST_CHECK;
/* Takes its own reference if the frame is due. Never blocks. */
void analyzer_submit(struct analyzer *a, struct frame *f);
/* The stream has a break (camera away, format change): what is running ends, an open event is
 * closed, the model learns anew when the picture returns. */
void analyzer_break(struct analyzer *a);
/* Drops what waits, lets what runs finish, closes an open event (its callback runs), then calls
 * `gone` on a worker thread, and frees. */
void analyzer_destroy(struct analyzer *a, void (*gone)(void *ctx), void *ctx);
void analyzer_stats(const struct analyzer *a, struct analyzer_stats *out);

#endif
