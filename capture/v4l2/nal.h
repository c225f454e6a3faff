/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Just enough of H.264 (ITU-T H.264, 7.3.1 and annex B) and HEVC (H.265, 7.3.1.2 and annex B) to
 * tell a picture that decodes by itself from one that does not. No state; any thread. */
#ifndef CAPTURE_V4L2_NAL_H
#define CAPTURE_V4L2_NAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the first slice in the byte stream at `data` belongs to an IDR picture (HEVC: any random
 * access picture). Looks for it in the first 64 KiB, where every encoder has it behind its
 * parameter sets. False for other formats. */
bool nal_is_key(uint32_t fourcc, const uint8_t *data, size_t len);

#endif
