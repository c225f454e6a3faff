/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The luma of a JPEG at an eighth of its size, straight from the entropy-coded data: one pixel a
 * block of 8x8, from its DC coefficient. Nothing else is decoded; AC coefficients are only
 * stepped over.
 *
 * A pixel is the DC coefficient times its quantiser, divided by 8 and rounded (halves up), plus
 * 128, held to 0..255: what libjpeg-turbo's 1x1 inverse DCT gives, bit for bit.
 *
 * Taken: 8-bit Huffman JPEG, baseline and extended, grey or YCbCr in one interleaved scan with full
 * luma (4:4:4, 4:2:2, 4:2:0, 4:4:0, 4:1:1 and such), any tables, restart intervals, tables left
 * out (the standard's are taken then). Everything else is somebody else's: -EOPNOTSUPP.
 *
 * A Huffman stream is one long chain of look-ups, each waiting for the one before; so several
 * pictures are decoded in turn by one thread (dcjpeg_read), each hiding the others' waiting.
 *
 *	err = dcjpeg_open(d, data, size, &info);
 *	job = (struct dcjpeg_job){.d = d, .dst = memory for info.rows * stride, .stride = ...};
 *	dcjpeg_read(&job, 1);
 *	if (job.damaged) ...
 *
 * Format: ITU-T T.81.
 */
#ifndef ANALYZE_DCJPEG_H
#define ANALYZE_DCJPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"

/* Pictures that are best given to dcjpeg_read at once. */
#define DCJPEG_LANES 4

struct dcjpeg;

struct dcjpeg_info {
	uint32_t width, height; /* of the picture, pixels, 1..65535 */
	uint32_t cols, rows;    /* of the DC image: an eighth, rounded up */
};

/* One picture to decode. */
struct dcjpeg_job {
	struct dcjpeg *d; /* opened; no two jobs may share one */
	uint8_t *dst;
	size_t stride; /* at least info.cols */
	/* Filled by dcjpeg_read. Blocks that could not be read are grey (128). */
	bool damaged;  /* some could not */
	uint32_t good; /* rows at the top without such a block; info.rows if not damaged */
};

/* One stream's decoder: keeps its tables from picture to picture. One thread at a time. */
int dcjpeg_create(struct dcjpeg **out) MUST_CHECK;
/* NULL is fine. */
void dcjpeg_destroy(struct dcjpeg *d);

/*
 * Reads the headers. `data` is kept until the picture has been read. Any bytes will do: 0,
 * -EBADMSG when they are no JPEG or one with damaged headers, -EOPNOTSUPP for a JPEG of another
 * kind (see above), -ENOMEM.
 */
int dcjpeg_open(struct dcjpeg *d, const uint8_t *data, size_t size,
		struct dcjpeg_info *info) MUST_CHECK;

/* Decodes the pictures opened, each once; any number. */
void dcjpeg_read(struct dcjpeg_job *jobs, size_t n);

/* Memory held, tables that streams share not counted. */
size_t dcjpeg_state_bytes(const struct dcjpeg *d);

#endif
