/* SPDX-License-Identifier: GPL-2.0-or-later */
/* H.264 encoding (libx264 through libavcodec) for exports that must play in a browser. */
#ifndef MATLANG_ENCODE_H
#define MATLANG_ENCODE_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

struct encoder;

struct encoded {
	const uint8_t *data; /* valid until the next call */
	size_t size;
	int64_t pts_us;
	bool key;
};

/* -EOPNOTSUPP with message when libavcodec here has no H.264 encoder. */
int encoder_open(struct encoder **out, uint32_t width, uint32_t height,
		 struct errmsg *em) MUST_CHECK;
/* NULL is fine. */
void encoder_close(struct encoder *e);
/* The stream's global headers, valid until close. */
const uint8_t *encoder_headers(const struct encoder *e, size_t *size);
/* A picture with pts in microseconds, growing; NULL: no more. Receive until -EAGAIN before the
 * next. The picture is converted (odd sizes lose a row or column at the edge). */
int encoder_send(struct encoder *e, const AVFrame *picture) MUST_CHECK;
/* 0, or -EAGAIN: nothing ready. */
int encoder_receive(struct encoder *e, struct encoded *out) MUST_CHECK;

#endif
