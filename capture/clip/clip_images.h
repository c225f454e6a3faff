/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images in name order ("img2" before "img10"). Only files with the extension of the first one
 * count, so that a stray thumbnail or note in the folder does no harm.
 */
#ifndef CAPTURE_CLIP_IMAGES_H
#define CAPTURE_CLIP_IMAGES_H

#include "capture/clip/clip_reader.h"

struct clip_images;

/* Is this a directory, a pattern or an image, rather than a video file? */
bool clip_images_is(const char *path);

int clip_images_open(struct clip_images **out, const char *path, struct clip_info *info,
		     struct errmsg *em) MUST_CHECK;
/* As clip_reader_next. */
int clip_images_next(struct clip_images *im, struct clip_packet *out) MUST_CHECK;
void clip_images_rewind(struct clip_images *im);
void clip_images_close(struct clip_images *im);

#endif
