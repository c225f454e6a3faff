/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frame to reduced luma: the small grey picture that motion detection works on.
 *
 * The picture is made smaller by a power of two in both directions, as far as its shorter side
 * keeps at least LUMA_MIN_SIDE pixels (1920x1080: an eighth, 240x135; 640x480: a quarter; 320x240:
 * half). On recorded scenes that loses no accuracy against the full size and takes away most noise
 * and much of the shake. Edges that do not divide are means of what is there.
 *
 *   raw     area means straight from the planes, packed formats included
 *   MJPEG   by an eighth or more: from the DC coefficients alone (dcjpeg.h); less, or a JPEG of
 *           another kind: libturbojpeg, grey, scaled while decoding by up to an eighth
 *   H.264, HEVC  libavcodec: the decoder must see every frame, in order; pictures nobody wants and
 *           nothing refers to are skipped
 *
 * Reading is two steps, so that the caller learns the size before it gives the memory: luma_open,
 * then luma_read. A `struct luma` is one stream's; one thread at a time.
 */
#ifndef ANALYZE_LUMA_H
#define ANALYZE_LUMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/motion_dsp.h"
#include "capture/core/errmsg.h"
#include "capture/core/frame.h"

#define LUMA_MIN_SIDE 80
#define LUMA_MAX_SIDE 16384

struct luma;

struct luma_size {
	uint32_t picture_w, picture_h; /* of the camera's picture */
	uint32_t w, h;                 /* reduced */
	unsigned shift;                /* picture pixel = reduced pixel << shift */
};

/* The reduced size for a picture; 0 or -EINVAL when a side is 0 or beyond LUMA_MAX_SIDE. */
int luma_size(struct luma_size *out, uint32_t picture_w, uint32_t picture_h) MUST_CHECK;

/* `dsp` is kept. */
int luma_create(struct luma **out, const struct motion_dsp *dsp) MUST_CHECK;
void luma_destroy(struct luma *l);
/* The stream has a break: decoders forget. */
void luma_reset(struct luma *l);
/* Memory held, decoders' inner memory not counted. */
size_t luma_state_bytes(const struct luma *l);

/*
 * Looks at a frame. Returns 1 and the size when a picture can be read with luma_read (before the
 * next luma_open, while the frame is referenced), 0 when there is none (not wanted, or the decoder
 * waits for more), or an error with message:
 * -EBADMSG damaged, -EOPNOTSUPP a format that cannot be analysed, -EINVAL planes too small for the
 * picture, -ENOMEM.
 */
int luma_open(struct luma *l, const struct frame *f, bool want, struct luma_size *out,
	      struct errmsg *em) MUST_CHECK;
/* Writes the reduced picture, h rows of w bytes, `stride` bytes apart. 0 or -EBADMSG, -ENOMEM. */
int luma_read(struct luma *l, uint8_t *dst, size_t stride, struct errmsg *em) MUST_CHECK;

/* One picture of several. */
struct luma_job {
	struct luma *luma; /* opened */
	uint8_t *dst;
	size_t stride;
	struct errmsg *em;
	/* NULL, or told that the rows above `rows` are written and stay as they are. */
	void (*written)(void *ctx, uint32_t rows);
	void *ctx;
	int err; /* as luma_read returns it; filled by luma_read_batch */
};

/* Pictures that are best read at once. */
#define LUMA_BATCH 8

/* luma_read for up to LUMA_BATCH pictures of different streams: JPEGs cost less together. */
void luma_read_batch(struct luma_job *jobs, size_t n);

/* A luma plane and how much smaller it is to be. `step`: bytes between samples. */
struct luma_source {
	const uint8_t *data;
	size_t stride;
	unsigned step;
	struct luma_size size;
};

/* Area means of a luma plane (`stride` bytes of each row but the last are readable): the step every
 * format shares. `written` as in luma_job, or NULL. */
void luma_reduce(const struct motion_dsp *dsp, uint8_t *dst, size_t dst_stride,
		 const struct luma_source *src, void (*written)(void *ctx, uint32_t rows),
		 void *ctx);
/* The bytes that will be read of a frame, for fetching them ahead: its luma plane; 0 of a
 * compressed one. */
size_t luma_source_bytes(const struct frame *f, const uint8_t **out);

#endif
