/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pictures out of records: whatever a camera recorded (MJPEG, H.264, HEVC, raw) as an AVFrame, and
 * an AVFrame as JPEG. One thread at a time.
 */
#ifndef MATLANG_PICTURE_H
#define MATLANG_PICTURE_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/frame.h"
#include "storage/record.h"

/* A loaded record as the frame it was; its planes lie in the record's payload. False when its
 * numbers cannot be those of a picture. */
bool picture_frame(const struct record *rec, struct frame *out);

struct picture_decoder;

int picture_decoder_open(struct picture_decoder **out, const struct record *rec,
			 struct errmsg *em) MUST_CHECK;
/* NULL is fine. */
void picture_decoder_close(struct picture_decoder *d);
/* Takes a loaded record of the same format; `pts` comes back with its picture. A record that
 * cannot be decoded is -EBADMSG; the next may be fine. Receive until -EAGAIN before the next. */
int picture_decoder_send(struct picture_decoder *d, const struct record *rec,
			 int64_t pts) MUST_CHECK;
/* No more records: what is inside comes out. */
int picture_decoder_drain(struct picture_decoder *d) MUST_CHECK;
/* 0: `out` holds the next picture (unref it); -EAGAIN: none ready; -EBADMSG. */
int picture_decoder_receive(struct picture_decoder *d, AVFrame *out) MUST_CHECK;

/* Another pixel format or range of the same picture, into `out` (unref it). */
struct picture_scaler;
void picture_scaler_free(struct picture_scaler *s);
int picture_convert(struct picture_scaler **scaler, const AVFrame *in, int pixel_format,
		    bool full_range, AVFrame *out) MUST_CHECK;

/* Compresses to JPEG with the JPEG colour range. *out is the caller's to free(). */
int picture_jpeg(struct picture_scaler **scaler, const AVFrame *in, int quality, uint8_t **out,
		 size_t *out_size, struct errmsg *em) MUST_CHECK;

/* A JPEG as a camera sent it, with the standard Huffman tables put in when they are missing (as
 * USB cameras leave them out); *out is the caller's to free(). */
int picture_whole_jpeg(const uint8_t *data, size_t size, uint8_t **out, size_t *out_size,
		       struct errmsg *em) MUST_CHECK;

#endif
