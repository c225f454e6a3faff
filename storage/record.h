/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records as the rest of the program sees them (on disk: disk_format.h).
 * Kinds and values are stored: never reuse or renumber one.
 */
#ifndef STORAGE_RECORD_H
#define STORAGE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/loss.h"
#include "capture/core/pixfmt.h"

#define RECORD_ANY_CAMERA UINT32_MAX
#define RECORD_NO_CAMERA  0u /* camera numbers start at 1 */

enum record_kind {
	RECORD_FRAME = 1,
	RECORD_LOSS = 2,
	RECORD_MOTION = 3, /* cell bitmap of one analysed frame that moved */
	RECORD_EVENT = 4,
	RECORD_CLOCK = 5,
	RECORD_NOTE = 6,
	RECORD_CAMERA = 7, /* number and name */
};
#define RECORD_MASK(kind) (1u << (kind))
#define RECORD_MASK_ALL   0xfeu

struct record_motion {
	uint32_t camera_id;
	uint32_t sequence;
	int64_t mono_ns;
	uint16_t cols, rows, cell_px, moved, level;
	uint32_t width, height; /* of the picture the cells lie on */
	uint32_t zones;
};

/* What an event is about; values not listed here are of a later writer. */
enum record_event_what {
	RECORD_EVENT_MOTION = 0,
	RECORD_EVENT_COVERED = 1, /* the camera's view is lost: its lens is covered, */
	RECORD_EVENT_DEFOCUSED = 2,
	RECORD_EVENT_MOVED = 3, /* it looks elsewhere, */
	RECORD_EVENT_BLINDED = 4,
};

enum record_event_phase { RECORD_EVENT_START = 1, RECORD_EVENT_END = 2 };

struct record_event {
	uint32_t camera_id;
	enum record_event_phase phase;
	enum record_event_what what;
	uint64_t number; /* unique per camera within one run of the box */
	int64_t start_mono_ns, end_mono_ns, peak_mono_ns;
	int64_t preroll_ns, postroll_ns;
	uint16_t cols, rows, cell_px, peak_cells, peak_level;
	uint32_t width, height;
	uint32_t zones;
};

/* How far UTC of a record can be trusted. */
enum record_clock {
	RECORD_CLOCK_UNKNOWN = 0, /* no clock sample of that boot */
	RECORD_CLOCK_FREE = 1,    /* the clock was never synchronised in that boot */
	RECORD_CLOCK_SYNCED = 2,
};

/* Footage that is kept until it is released. */
#define RECORD_LOCK_WHO 64
#define RECORD_LOCK_WHY 240
struct record_lock {
	uint64_t number;                /* from 1, never used twice in a store */
	uint32_t camera_id;             /* or RECORD_ANY_CAMERA */
	int64_t from_utc_ns, to_utc_ns; /* inclusive, exclusive; may lie in the future */
	int64_t created_utc_ns;
	char who[RECORD_LOCK_WHO + 1], why[RECORD_LOCK_WHY + 1]; /* UTF-8 */
};

/* What a reader gives. Pointers are valid until the cursor moves. */
struct record {
	enum record_kind kind;
	uint32_t camera_id;
	uint64_t position; /* in the log; grows in append order, unique */
	uint32_t boot;     /* number of the boot it was written in, from the store's clock track */
	int64_t mono_ns;
	int64_t utc_ns; /* by the clock track; 0 with RECORD_CLOCK_UNKNOWN */
	enum record_clock clock;
	uint32_t payload_bytes;
	union {
		struct {
			uint32_t sequence, flags; /* FRAME_* */
			uint32_t fourcc, width, height, nplanes;
			struct {
				uint32_t offset; /* in the payload */
				uint32_t bytes, stride;
			} plane[PIXFMT_MAX_PLANES];
		} frame;
		struct loss loss;
		struct record_motion motion; /* payload: bits */
		struct record_event event;   /* payload: cells */
		struct {
			uint32_t error_us;
			bool synchronised;
			uint8_t boot_id[16];
		} clock_sample; /* mono_ns and utc_ns above */
	};
	const uint8_t *payload; /* NULL until loaded; note: text; camera: name (not terminated) */
};

#endif
