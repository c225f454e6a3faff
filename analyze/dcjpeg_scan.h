/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inner loop of dcjpeg.c: lanes, each stepping through the bits of one picture. Stuffed bytes
 * are out of the bits already (dcjpeg.c), so that a step is: look at the next bits, look them up,
 * go on. What a step finds (a block's end or its middle, luma or chroma) is computed with, not
 * branched on: that cannot be predicted.
 */
#ifndef ANALYZE_DCJPEG_SCAN_H
#define ANALYZE_DCJPEG_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/dcjpeg_table.h"

#define DCJPEG_STEPS     128 /* at once, at most */
#define DCJPEG_STEP_BITS 31u /* a step goes at most so far: a code word of 16 and 15 extra bits */
#define DCJPEG_BUF       4096u
/* A step loads 8 bytes from where it is, and the last may end DCJPEG_STEP_BITS beyond the data. */
#define DCJPEG_BUF_PAD 16u
/* Blocks of luma in a minimum coded unit, at most. */
#define DCJPEG_MCU_BLOCKS 10

/* A block's place in the minimum coded unit. Addresses are numbers here, so that the choice between
 * this block's table and the next one's can be an AND with a mask. */
struct dcjpeg_block {
	uintptr_t ac;       /* table for the inside of this block */
	uintptr_t to_first; /* from there to the table for the start of the next */
	uintptr_t to_next;  /* from this block to the next */
	const struct dcjpeg_code *code;
	uint32_t luma; /* 1, or 0: chroma */
	uint32_t rest; /* blocks from this to the end of the unit, this one counted */
};

struct dcjpeg_lane {
	const struct dcjpeg_block *block;
	const uint32_t *table; /* for the next look-up */
	uint32_t pos;          /* bit in `buf`, from its most significant */
	uint32_t coefs;        /* of this block, stepped over */
	uint32_t pred;         /* luma DC so far */
	uint32_t found;        /* luma blocks in `dc` */
	bool bad;              /* no code word, or too many coefficients, at `pos` */
	/* Luma DC coefficients, and room for one a step. The one behind the last is scratch. */
	int16_t dc[DCJPEG_MCU_BLOCKS + DCJPEG_STEPS + 1];
	uint8_t buf[DCJPEG_BUF + DCJPEG_BUF_PAD];
};

/* Takes `steps` steps in each lane, or fewer when one turns bad. The caller sees to it that
 * each has steps * DCJPEG_STEP_BITS bits, and room in `dc`. */
void dcjpeg_scan1(struct dcjpeg_lane *l, unsigned steps);
void dcjpeg_scan2(struct dcjpeg_lane *const l[2], unsigned steps);
void dcjpeg_scan4(struct dcjpeg_lane *const l[4], unsigned steps);

#endif
