/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container file with one video track, written packet by packet (libavformat). */
#ifndef MATLANG_MUX_H
#define MATLANG_MUX_H

#include <libavcodec/codec_id.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/pixfmt.h"

struct mux;

struct mux_stream {
	const char *name; /* the file's final name, for messages */
	enum AVCodecID codec;
	uint32_t width, height;
	const uint8_t *headers; /* global headers, or NULL */
	size_t headers_size;
	const char *title;
	int64_t begin_utc_ns; /* moment of time stamp 0 */
};

/* The codec of a compressed format; AV_CODEC_ID_NONE for raw ones. */
enum AVCodecID mux_codec(const struct pixfmt *pf);
/* "matroska" or "mp4" by the end of the name; NULL when it is neither. */
const char *mux_container(const char *path);

/* The parameter sets (SPS, PPS, VPS) inside an Annex B key frame; *out is the caller's to free().
 * -ENODATA when there are none. */
int mux_headers(enum AVCodecID codec, const uint8_t *data, size_t size, uint8_t **out,
		size_t *out_size) MUST_CHECK;

int mux_open(struct mux **out, const char *path, const char *container, const struct mux_stream *s,
	     struct errmsg *em) MUST_CHECK;
/* Copies. `pts_ns` from the begin; one that does not grow is moved up by the least the container
 * can tell apart. */
int mux_write(struct mux *m, const uint8_t *data, size_t size, int64_t pts_ns, bool key,
	      struct errmsg *em) MUST_CHECK;
/* Writes the end; frees in any case. */
int mux_close(struct mux *m, struct errmsg *em) MUST_CHECK;
/* Frees without a proper end; NULL is fine. */
void mux_abandon(struct mux *m);

#endif
