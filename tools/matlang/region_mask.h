/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which cells of a grid a region touches, kept as a bitmap: counting what moved there is then a
 * matter of a few words for each of millions of bitmaps. */
#ifndef MATLANG_REGION_MASK_H
#define MATLANG_REGION_MASK_H

#include "tools/matlang/stretch.h"

/* All zero: made at the first count. Cameras with the same grid share it. */
struct region_mask {
	uint16_t cols, rows, cell_px;
	uint64_t *word; /* (cols * rows + 63) / 64 of them, as the bitmap; little-endian bytes */
	size_t words;
};

/*
 * As region_cells for a bitmap of which bytes [skipped, skipped + bytes) are at `bits` and all
 * others are zero. `region` must be the same in every call. *out: how many cells. -ENOMEM.
 */
int region_mask_count(struct region_mask *m, const struct region *region, uint16_t cols,
		      uint16_t rows, uint16_t cell_px, const uint8_t *bits, size_t skipped,
		      size_t bytes, uint32_t *out) MUST_CHECK;
void region_mask_free(struct region_mask *m);

#endif
