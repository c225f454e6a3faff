/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loss ledger's vocabulary: why a frame that a camera should have delivered is not in the
 * store. delivered + ledger = expected is an invariant; every path that drops a frame says so
 * with one of these. Values are stored on disk: never reuse or renumber one.
 */
#ifndef CORE_LOSS_H
#define CORE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

enum loss_cause {
	LOSS_NONE = 0,
	LOSS_SEQUENCE_GAP =
		1, /* the driver's sequence skipped while slots were free: device or bus */
	LOSS_DEVICE_ERROR = 2, /* buffer came back with V4L2_BUF_FLAG_ERROR and no usable picture */
	LOSS_TORN = 3, /* JPEG without start or end marker, plane shorter than the picture */
	LOSS_NO_SLOT =
		4, /* the driver dropped because every slot was waiting for disk or analysis */
	LOSS_DISK_LATE = 5,   /* given up by storage because the disk did not keep up */
	LOSS_CAMERA_AWAY = 6, /* unplugged, failed or not yet found; count from the nominal rate */
	LOSS_STOPPED = 7, /* recording was switched off by an admin; count from the nominal rate */
	LOSS_WRITE_ERROR = 8, /* written, but the disk failed before it was durable */
	LOSS_TIME_GAP = 9,    /* timestamps show missing frames though the sequence does not */
	LOSS_NO_SPACE = 10,   /* every segment is locked: nothing could be recycled */
	LOSS_CAUSES           /* count; keep last */
};

/* One ledger entry: `count` frames of one camera over a stretch of time, one cause. */
struct loss {
	uint32_t camera_id;
	enum loss_cause cause;
	uint64_t count;        /* frames */
	int64_t first_mono_ns; /* the stretch: from the last good frame before ... */
	int64_t last_mono_ns;  /* ... to the first good one after, CLOCK_MONOTONIC */
	bool estimated;        /* counted from the nominal rate, not from the sequence */
};

/* "sequence-gap", "torn", ...: stable words for files and JSON. "unknown" out of range. */
const char *loss_cause_name(enum loss_cause cause);

#endif
