/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file through libavformat. Threads: one at a time. */
#ifndef CAPTURE_CLIP_FILE_H
#define CAPTURE_CLIP_FILE_H

#include <libavformat/avformat.h>

#include "capture/clip/clip_reader.h"

struct clip_file;

int clip_file_open(struct clip_file **out, const char *path, struct clip_info *info,
		   struct errmsg *em) MUST_CHECK;
/* As clip_reader_next. */
int clip_file_next(struct clip_file *f, struct clip_packet *out) MUST_CHECK;
int clip_file_rewind(struct clip_file *f) MUST_CHECK;
void clip_file_close(struct clip_file *f);

/* Opens `path` and finds its first video stream. Also for looking at an image. -errno with
 * message. */
int clip_file_probe(const char *path, AVFormatContext **out, int *stream,
		    struct errmsg *em) MUST_CHECK;

#endif
