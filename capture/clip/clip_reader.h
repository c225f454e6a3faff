/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a clip: a file that libavformat opens, or images in name order, as the packets a camera
 * would deliver.
 *
 *   MJPEG, JPEG files    byte for byte
 *   H.264, HEVC          Annex B, parameter sets before key frames
 *   raw video            as it is where pixfmt.h has the format, rows without padding
 *   other intra-only     decoded: PNG, PGM, Huffyuv ...
 *
 * What is not in a format of pixfmt.h becomes GREY when it has no colour, else YU12 with the BT.601
 * matrix; RGB and grey pictures become full range, YUV keeps its range.
 *
 * Threads: one at a time. File input: never on the reactor.
 */
#ifndef CAPTURE_CLIP_READER_H
#define CAPTURE_CLIP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/pixfmt.h"

struct clip_info {
	const struct pixfmt *pf;
	uint32_t width, height;
	double fps;        /* 25 when the clip does not tell */
	bool full_range;   /* raw luma is 0-255; false when compressed */
	size_t packet_max; /* no packet is larger; a generous guess where that is not known */
	char codec[32];    /* "mjpeg", "h264", ... */
};

struct clip_packet {
	const uint8_t *data; /* valid until the next call on the reader */
	size_t len;          /* 0: broken beyond decoding */
	bool key;
	int64_t number; /* of the image's file name, else the 1-based place in the clip */
};

struct clip_reader;

/* `path`: a file, a directory, or a pattern of images ("in%06d.jpg", "*.png"). -errno with message.
 */
int clip_reader_open(struct clip_reader **out, const char *path, struct clip_info *info,
		     struct errmsg *em) MUST_CHECK;
/* 1: a packet; 0: the end (also where the file breaks off); -errno: cannot be read. */
int clip_reader_next(struct clip_reader *r, struct clip_packet *out) MUST_CHECK;
/* Back to the first packet. */
int clip_reader_rewind(struct clip_reader *r) MUST_CHECK;
void clip_reader_close(struct clip_reader *r);

#endif
