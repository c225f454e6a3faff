/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drawing over pictures, by cairo: what the detector saw, where something moved. Lengths are
 * pixels of the surface. One thread at a time.
 */
#ifndef MATLANG_CANVAS_H
#define MATLANG_CANVAS_H

#include <cairo.h>
#include <libavutil/frame.h>
#include <stdint.h>

#include "analyze/motion_config.h"
#include "tools/matlang/picture.h"

struct canvas_colour {
	double r, g, b, a; /* 0..1 */
};

/* A decoded picture as a surface; cairo_surface_destroy it. -ENOMEM, -EINVAL. */
int canvas_picture(cairo_surface_t **out, struct picture_scaler **scaler,
		   const AVFrame *in) MUST_CHECK;
/* Paints `picture` so that it fills (x, y, w, h). */
void canvas_paint(cairo_t *cr, cairo_surface_t *picture, double x, double y, double w, double h);
void canvas_set(cairo_t *cr, struct canvas_colour c);
void canvas_box(cairo_t *cr, double x, double y, double w, double h, struct canvas_colour c);
/* Text with its baseline's left end at (x, y); `size`: height of its letters. Returns its width. */
double canvas_text(cairo_t *cr, double x, double y, double size, struct canvas_colour c,
		   const char *text);
double canvas_text_width(cairo_t *cr, double size, const char *text);
/* Fills the cells that are set and draws their edges. `scale`: canvas pixels a picture pixel. */
void canvas_cells(cairo_t *cr, const uint8_t *bits, uint16_t cols, uint16_t rows, double cell,
		  struct canvas_colour fill, struct canvas_colour edge);
/* Outlines and names of zones and masks; those switched off are dotted. */
void canvas_zones(cairo_t *cr, const struct motion_config *config, double scale);
/* 0 or -errno with message. */
int canvas_png(cairo_surface_t *surface, const char *path, struct errmsg *em) MUST_CHECK;

#endif
