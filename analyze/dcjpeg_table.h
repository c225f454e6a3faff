/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Huffman tables for dcjpeg.c. One look-up by the next DCJPEG_LOOKUP_BITS bits steps over as many
 * symbols of a block, with their extra bits, as these bits hold: often the whole block.
 */
#ifndef ANALYZE_DCJPEG_TABLE_H
#define ANALYZE_DCJPEG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"

#define DCJPEG_LOOKUP_BITS 12
#define DCJPEG_LOOKUP_SIZE (1u << DCJPEG_LOOKUP_BITS)

/*
 * An entry:
 *   bits  0..5   bits to step over
 *   bit   6      the block ends here
 *   bits  8..15  coefficients stepped over, the end of block not counted; DCJPEG_ESCAPE: nothing
 *                is known, take one symbol by dcjpeg_symbol
 *   bits 16..31  difference of the DC coefficient, signed; 0 in tables of chroma
 */
#define DCJPEG_BITS(e)  ((e)&63)
#define DCJPEG_END      64u
#define DCJPEG_COEFS(e) ((uint8_t)((e) >> 8))
#define DCJPEG_DIFF(e)  ((uint32_t)((int32_t)(e) >> 16))
#define DCJPEG_ESCAPE   (128u << 8)

/* A table as a DHT segment gives it. Compared by memcmp: unused values are 0. */
struct dcjpeg_huff {
	uint8_t count[16]; /* codes of each length, 1..16 */
	uint8_t value[256];
};

/* One DC and one AC table. */
struct dcjpeg_code {
	uint32_t first[DCJPEG_LOOKUP_SIZE]; /* at the start of a block */
	uint32_t ac[DCJPEG_LOOKUP_SIZE];    /* inside it */
	struct dcjpeg_huff dc_huff, ac_huff;
	bool luma; /* DC differences are wanted */
};

/* The standard's tables (Annex K), which cameras leave out. */
const struct dcjpeg_huff *dcjpeg_huff_standard(bool ac, bool chroma);

/* Reads a table from the body of a DHT segment, behind its class and number. Returns the bytes
 * used, 0 when they are no table. */
size_t dcjpeg_huff_parse(struct dcjpeg_huff *out, const uint8_t *p, size_t size, bool ac);

/* Shared by all streams that use the same tables; any thread. NULL: no memory. */
const struct dcjpeg_code *dcjpeg_code_get(const struct dcjpeg_huff *dc,
					  const struct dcjpeg_huff *ac, bool luma) MUST_CHECK;
/* NULL is fine. */
void dcjpeg_code_put(const struct dcjpeg_code *code);

/* The one symbol at the top of `window` (57 bits of it are valid), when `coefs` of the block have
 * been stepped over, as an entry; it ends the block when that is full. 0: no such code, or more
 * coefficients than a block has. */
uint32_t dcjpeg_symbol(const struct dcjpeg_code *code, uint64_t window, unsigned coefs);

#endif
