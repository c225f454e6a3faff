/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search behind `matlang find`: minute maps first, then the bitmaps of what they leave open. */
#ifndef MATLANG_FIND_H
#define MATLANG_FIND_H

#include "storage/reader_minutes.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/region_mask.h"
#include "tools/matlang/stretch.h"

struct find {
	const struct cli *c;
	struct footage f;
	struct footage_cameras cameras;
	struct region region;
	bool in_region;
	bool by_minutes; /* minute maps alone, where there are any */
	long min_cells;

	struct region_mask mask;
	struct stretches found;
	uint64_t moments, bitmaps, bitmap_bytes; /* records of motion; of these, payloads read */
	uint64_t minute_hits;                    /* minutes in which something of interest moved */
	struct reader_minutes_cost minutes;
	struct reader_cost cost;
	int64_t took_ns;
	bool damaged;
};

/* f and cameras are open, found is begun. CLI_OK, or an exit code after saying why. */
int find_search(struct find *q) MUST_CHECK;

#endif
