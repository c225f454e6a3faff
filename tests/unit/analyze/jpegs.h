/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JPEGs for the tests of the DC decoder: made ones of any shape, libjpeg-turbo's picture of them at
 * an eighth, ours, and the way to their markers. Failures fail the test. */
#ifndef TESTS_ANALYZE_JPEGS_H
#define TESTS_ANALYZE_JPEGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <turbojpeg.h>

#include "analyze/dcjpeg.h"

/* 0..below - 1; each program starts with the same ones. One thread. */
uint32_t jpegs_random(uint32_t below);

/* A JPEG in memory that ends where it ends: ASan sees the first byte too many. */
struct jpegs_file {
	uint8_t *data;
	size_t size;
};

/* The caller frees data. */
struct jpegs_file jpegs_copy(const uint8_t *data, size_t size);

struct jpegs_shape {
	int w, h, subsampling, quality;
	int restart; /* blocks, 0: none */
	bool optimise, progressive;
};

struct jpegs_shape jpegs_any_shape(void);
/* Slopes, edges, noise and full contrast, so that every table has work: RGB, the caller frees it.
 */
uint8_t *jpegs_draw(int w, int h);
struct jpegs_file jpegs_encode(const uint8_t *rgb, const struct jpegs_shape *s, enum TJPF format);
/* A drawn picture, encoded. */
struct jpegs_file jpegs_make(const struct jpegs_shape *s);

/* libjpeg-turbo's picture at an eighth; the caller frees it. */
uint8_t *jpegs_reference(const struct jpegs_file *j, int *w, int *h);

/* A decoder with a picture of just the size. */
struct jpegs_decoded {
	struct dcjpeg *d;
	struct dcjpeg_info info;
	struct dcjpeg_job job;
};

/* What dcjpeg_open says; to be closed whatever it is. */
int jpegs_open(struct jpegs_decoded *o, const struct jpegs_file *j);
void jpegs_close(struct jpegs_decoded *o);
/* Opened and read: the error, or 0. Any thread. */
int jpegs_decode(struct jpegs_decoded *o, const struct jpegs_file *j);
/* Undamaged, and `want` pixel for pixel. */
void jpegs_same(const struct jpegs_decoded *o, const uint8_t *want, const char *what);
/* Decoded, it is what libjpeg-turbo makes of it. */
void jpegs_check(const struct jpegs_file *j, const char *what);

/* The offset of the first marker of a kind, before the scan or at its head; 0: none. */
size_t jpegs_find_marker(const struct jpegs_file *j, uint8_t marker);
/* Replaces `cut` bytes at `at` by others. */
void jpegs_splice(struct jpegs_file *j, size_t at, size_t cut, const void *with, size_t n);

#endif
