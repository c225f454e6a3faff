/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `clip:` source: clip:PATH[?option=value&...]
 *
 *   fps    0.01-1000: rate to play at; default the clip's own, 25 for images
 *   loop   0: play once, then dequeue says -ENODATA; default 1
 *   start  seconds into the clip where each round starts (at the key frame there or after)
 *   paced  0: a frame is ready whenever there is a slot for it; no frame is ever dropped; default 1
 *   slots  2-64, default 8
 *
 * PATH: a file that libavformat opens, a folder of images, or a pattern ("in%06d.jpg", "*.png").
 * Packets come in the file's order at an even rate.
 */
#ifndef CAPTURE_CLIP_SOURCE_H
#define CAPTURE_CLIP_SOURCE_H

#include <stdint.h>

#include "capture/source.h"

/* For a source opened by source_clip_ops: the number of the frame last dequeued, from its image's
 * file name, else its 1-based place in the clip; 0 before the first. Reactor. */
int64_t clip_source_number(const struct source *s);

#endif
