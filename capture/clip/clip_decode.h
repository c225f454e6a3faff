/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of intra-only codecs as raw pictures of pixfmt.h. Threads: one at a time. */
#ifndef CAPTURE_CLIP_DECODE_H
#define CAPTURE_CLIP_DECODE_H

#include <libavcodec/avcodec.h>

#include "capture/clip/clip_reader.h"

struct clip_decoder;

/* Fills pf, full_range and packet_max of `info`. -EINVAL with message when there is no decoder. */
int clip_decoder_open(struct clip_decoder **out, const AVCodecParameters *par,
		      struct clip_info *info, struct errmsg *em) MUST_CHECK;
/* The picture, info->packet_max bytes, valid until the next call; NULL when it does not decode to
 * a picture of the clip's size. */
const uint8_t *clip_decode(struct clip_decoder *d, const AVPacket *packet);
void clip_decoder_close(struct clip_decoder *d);

#endif
