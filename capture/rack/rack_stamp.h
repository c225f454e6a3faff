/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stamp in every picture of a `rack:` camera, by which tests and benches prove from the
 * recorded bytes that nothing was lost, mixed up or reordered.
 *
 * MJPEG: a COM segment of fixed size right behind SOI. Raw: the first RACK_STAMP_SIZE luma samples
 * in reading order; a picture with fewer has no stamp. H.264 (of cameras of matlang_rack only): in
 * hexadecimal digits, lower case, behind RACK_STAMP_UUID in user data of an SEI before the slices.
 *
 * Layout, little-endian:
 *    0  8  magic "RACKSTMP"
 *    8  8  camera: rack_stamp_camera() of the name
 *   16  8  mono_ns: CLOCK_MONOTONIC of the frame, as in its source_buffer
 *   24  8  frame: number of the frame in the device's life, from 0; goes on over reopening when
 *          the camera has a fault script
 *   32  4  sequence, as in its source_buffer
 *   36  4  CRC32C of bytes 0-35 (initial value all ones, not inverted at the end)
 *
 * Any thread.
 */
#ifndef CAPTURE_RACK_STAMP_H
#define CAPTURE_RACK_STAMP_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/frame.h"

#define RACK_STAMP_SIZE    40u
#define RACK_STAMP_SEGMENT (4u + RACK_STAMP_SIZE) /* COM marker and length before it */
#define RACK_STAMP_UUID    "matlang_rack_dau"     /* 16 bytes */

struct rack_stamp {
	uint64_t camera;
	uint64_t frame;
	int64_t mono_ns;
	uint32_t sequence;
};

/* What a camera's name ("rack:NAME?...") becomes in its stamps. */
uint64_t rack_stamp_camera(const char *name);

/* From a JPEG's bytes, an access unit, or a frame of any format. -ENODATA: no stamp there (not from
 * a rack camera, or too small); -EBADMSG: a stamp whose checksum is wrong. */
int rack_stamp_read_jpeg(const uint8_t *jpeg, size_t len, struct rack_stamp *out) MUST_CHECK;
int rack_stamp_read_h264(const uint8_t *au, size_t len, struct rack_stamp *out) MUST_CHECK;
/* `luma` is memory plane 0. */
int rack_stamp_read_raw(const struct pixfmt *pf, const uint8_t *luma, size_t len, uint32_t stride,
			uint32_t width, struct rack_stamp *out) MUST_CHECK;
int rack_stamp_read(const struct frame *f, struct rack_stamp *out) MUST_CHECK;

/* The camera's side: patches the stamp into a picture that has room for it. */
void rack_stamp_write_jpeg(uint8_t *jpeg, const struct rack_stamp *stamp);
void rack_stamp_write_raw(const struct pixfmt *pf, uint8_t *luma, uint32_t stride, uint32_t width,
			  uint32_t height, const struct rack_stamp *stamp);

#endif
