/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compressed pictures of `rack:` MJPEG cameras. Encoding is the costly part of starting a
 * camera, so cameras with the same look share one set, kept while any of them is open.
 *
 * Each picture: SOI, room for the stamp (rack_stamp.h), comment segments up to the wanted size,
 * then what libjpeg-turbo made. The quality is the best at which the picture fits the wanted size,
 * so that decoding costs what a real picture of that size costs.
 */
#ifndef CAPTURE_RACK_JPEG_H
#define CAPTURE_RACK_JPEG_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/rack/rack_params.h"

struct rack_jpeg {
	uint8_t *data;
	size_t len;
};

struct rack_jpeg_set; /* const once got */

/* Opener thread; may take seconds for a new look. -EINVAL with message when frame_bytes is too
 * small for the picture, -ENOMEM. */
int rack_jpeg_get(const struct rack_look *look, const struct rack_jpeg_set **out,
		  struct errmsg *em) MUST_CHECK;
/* NULL is fine. */
void rack_jpeg_put(const struct rack_jpeg_set *set);

const struct rack_jpeg *rack_jpeg_at(const struct rack_jpeg_set *set, unsigned index);
/* The largest picture's bytes. */
size_t rack_jpeg_max(const struct rack_jpeg_set *set);

#endif
