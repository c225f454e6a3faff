/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/v4l2/nal.h"

#include <string.h>

#include "capture/core/pixfmt.h"

#define SEARCH_MAX (64u << 10)

/* The byte behind the next start code (00 00 01), or NULL. */
static const uint8_t *next_unit(const uint8_t *p, const uint8_t *end)
{
	while (end - p > 3) {
		const uint8_t *one = memchr(p + 2, 1, (size_t)(end - p) - 3);

		if (!one)
			return NULL;
		if (!one[-1] && !one[-2])
			return one + 1;
		p = one - 1;
	}
	return NULL;
}

bool nal_is_key(uint32_t fourcc, const uint8_t *data, size_t len)
{
	const uint8_t *end = data + (len < SEARCH_MAX ? len : SEARCH_MAX);

	for (const uint8_t *p = next_unit(data, end); p; p = next_unit(p, end)) {
		if (fourcc == PIXFMT_H264) {
			unsigned type = *p & 0x1f;

			if (type >= 1 && type <= 5) /* slices; 5: of an IDR picture */
				return type == 5;
		} else if (fourcc == PIXFMT_HEVC) {
			unsigned type = *p >> 1 & 0x3f;

			if (type < 32) /* slices; 16..23: random access */
				return type >= 16 && type <= 23;
		} else {
			return false;
		}
	}
	return false;
}
