/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Draws the scene of a `rack:` camera: things on elliptic paths over a textured background, with
 * sensor noise that differs from picture to picture. Luma 16-235. The same look gives the same
 * bytes on every machine.
 */
#ifndef CAPTURE_RACK_SCENE_H
#define CAPTURE_RACK_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/rack/rack_params.h"

/* 4:2:0, both sides rounded up to even; the picture is the upper left part. */
struct rack_scene {
	uint32_t width, height; /* even */
	uint8_t *y, *u, *v;     /* the drawn picture; strides width, width/2, width/2 */
	uint8_t *background;    /* luma of the scene at rest, without noise */
};

/* -ENOMEM. */
int rack_scene_init(struct rack_scene *s, const struct rack_look *look) MUST_CHECK;
void rack_scene_fini(struct rack_scene *s);

/* Draws picture `index` of the look's pictures. */
void rack_scene_draw(struct rack_scene *s, const struct rack_look *look, unsigned index);

/* Writes the drawn picture as `pf` into its memory planes, rows without padding. */
void rack_scene_store(const struct rack_scene *s, const struct rack_look *look,
		      const struct pixfmt *pf, uint8_t *const plane[]);

#endif
