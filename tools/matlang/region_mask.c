/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/region_mask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make(struct region_mask *m, const struct region *region, uint16_t cols, uint16_t rows,
		uint16_t cell_px)
{
	size_t cells = (size_t)cols * rows, bytes = (cells + 7) / 8;
	size_t words = (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	uint8_t *one = calloc(1, bytes + 1);
	uint64_t *word = calloc(words + 1, sizeof(*word));
	uint8_t *to = (uint8_t *)word;

	if (!one || !word) {
		free(one);
		free(word);
		return -ENOMEM;
	}
	/* Cell by cell by the rule itself, which is in one place only. */
	for (size_t i = 0; i < cells; i++) {
		one[i / 8] = (uint8_t)(1u << i % 8);
		if (region_cells(region, one, cols, rows, cell_px))
			to[i / 8] |= one[i / 8];
		one[i / 8] = 0;
	}
	free(one);
	free(m->word);
	*m = (struct region_mask){cols, rows, cell_px, word, words};
	return 0;
}

int region_mask_count(struct region_mask *m, const struct region *region, uint16_t cols,
		      uint16_t rows, uint16_t cell_px, const uint8_t *bits, size_t skipped,
		      size_t bytes, uint32_t *out)
{
	const uint8_t *mask;
	uint32_t n = 0;
	size_t at = 0;

	if (!m->word || m->cols != cols || m->rows != rows || m->cell_px != cell_px) {
		int err = make(m, region, cols, rows, cell_px);

		if (err)
			return err;
	}
	if (skipped >= m->words * sizeof(uint64_t)) {
		*out = 0;
		return 0;
	}
	if (bytes > m->words * sizeof(uint64_t) - skipped)
		bytes = m->words * sizeof(uint64_t) - skipped;
	mask = (const uint8_t *)m->word + skipped;
	for (; at + sizeof(uint64_t) <= bytes; at += sizeof(uint64_t)) {
		uint64_t a, b;

		memcpy(&a, mask + at, sizeof(a));
		memcpy(&b, bits + at, sizeof(b));
		/* Mostly nothing moves in the region. */
		if (a & b)
			n += (uint32_t)__builtin_popcountll(a & b);
	}
	for (; at < bytes; at++)
		n += (uint32_t)__builtin_popcount(mask[at] & bits[at]);
	*out = n;
	return 0;
}

void region_mask_free(struct region_mask *m)
{
	free(m->word);
	*m = (struct region_mask){0};
}
