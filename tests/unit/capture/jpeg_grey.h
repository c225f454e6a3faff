/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_JPEG_GREY_H
#define TESTS_JPEG_GREY_H

#include <stdint.h>

#include "capture/core/frame.h"

/* Decodes a JPEG frame to grey, width * height bytes that the caller frees. Fails the test on any
 * complaint of libjpeg-turbo. */
uint8_t *jpeg_grey(const struct frame *f);

#endif
