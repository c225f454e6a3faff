/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What dcjpeg.c needs from a JPEG's headers. */
#ifndef ANALYZE_DCJPEG_HEADER_H
#define ANALYZE_DCJPEG_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/dcjpeg_table.h"

#define DCJPEG_COMPONENTS 3

struct dcjpeg_component {
	uint8_t id, h, v, quant;
	uint8_t dc, ac; /* tables of the scan */
};

struct dcjpeg_header {
	uint32_t width, height;
	unsigned components; /* 1 or 3; the first is luma */
	struct dcjpeg_component component[DCJPEG_COMPONENTS];
	uint32_t restart;  /* minimum coded units between restart markers, 0: none */
	uint16_t quant_dc; /* quantiser of luma's DC */
	struct dcjpeg_huff dc[4], ac[4];
	const uint8_t *scan; /* entropy-coded data */
};

/* Any bytes will do. 0, -EBADMSG or -EOPNOTSUPP (see dcjpeg_open). */
int dcjpeg_header_read(struct dcjpeg_header *h, const uint8_t *data, size_t size) MUST_CHECK;

#endif
