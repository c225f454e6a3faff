/* SPDX-License-Identifier: GPL-2.0-or-later */
/* H.264 and HEVC pictures through libavcodec, for luma.c. One thread at a time. */
#ifndef ANALYZE_LUMA_CODEC_H
#define ANALYZE_LUMA_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/errmsg.h"
#include "capture/core/pixfmt.h"

struct luma_codec;

/* An 8-bit luma plane, the codec's own; valid until the next call. */
struct luma_plane {
	const uint8_t *data;
	size_t stride;
	uint32_t w, h;
};

int luma_codec_create(struct luma_codec **out, enum pixfmt_codec codec,
		      struct errmsg *em) MUST_CHECK;
void luma_codec_destroy(struct luma_codec *c);
enum pixfmt_codec luma_codec_kind(const struct luma_codec *c);
/* Forgets references: the next picture comes from the next key frame. */
void luma_codec_reset(struct luma_codec *c);
/* Feeds one access unit. 1 and the newest picture, 0 when there is none or `want` is false, or
 * -EBADMSG, -EOPNOTSUPP, -ENOMEM with message. */
int luma_codec_feed(struct luma_codec *c, const uint8_t *data, size_t size, bool want,
		    struct luma_plane *out, struct errmsg *em) MUST_CHECK;

#endif
