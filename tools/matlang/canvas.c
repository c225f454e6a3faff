/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/canvas.h"

#include <errno.h>
#include <libavutil/pixfmt.h>
#include <string.h>

#include "tools/common/i18n.h"

/* The picture keeps the surface's memory alive until the surface goes. */
static void free_frame(void *frame)
{
	AVFrame *f = frame;

	av_frame_free(&f);
}

int canvas_picture(cairo_surface_t **out, struct picture_scaler **scaler, const AVFrame *in)
{
	static const cairo_user_data_key_t key;
	AVFrame *rgb = av_frame_alloc();
	cairo_surface_t *s;
	int err;

	if (!rgb)
		return -ENOMEM;
	/* cairo's 32 bits a pixel are in the machine's byte order, as this format is. */
	err = picture_convert(scaler, in, AV_PIX_FMT_0RGB32, true, rgb);
	if (err) {
		av_frame_free(&rgb);
		return err;
	}
	s = cairo_image_surface_create_for_data(rgb->data[0], CAIRO_FORMAT_RGB24, rgb->width,
						rgb->height, rgb->linesize[0]);
	if (cairo_surface_status(s) != CAIRO_STATUS_SUCCESS ||
	    cairo_surface_set_user_data(s, &key, rgb, free_frame) != CAIRO_STATUS_SUCCESS) {
		cairo_surface_destroy(s);
		av_frame_free(&rgb);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void canvas_paint(cairo_t *cr, cairo_surface_t *picture, double x, double y, double w, double h)
{
	cairo_save(cr);
	cairo_rectangle(cr, x, y, w, h);
	cairo_clip(cr);
	cairo_translate(cr, x, y);
	cairo_scale(cr, w / cairo_image_surface_get_width(picture),
		    h / cairo_image_surface_get_height(picture));
	cairo_set_source_surface(cr, picture, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
	/* Without it the picture's edge fades into what lies beneath. */
	cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
	cairo_paint(cr);
	cairo_restore(cr);
}

void canvas_set(cairo_t *cr, struct canvas_colour c)
{
	cairo_set_source_rgba(cr, c.r, c.g, c.b, c.a);
}

void canvas_box(cairo_t *cr, double x, double y, double w, double h, struct canvas_colour c)
{
	canvas_set(cr, c);
	cairo_rectangle(cr, x, y, w, h);
	cairo_fill(cr);
}

static void choose_font(cairo_t *cr, double size)
{
	/* Letters are about seven tenths of a font's size. */
	cairo_select_font_face(cr, "sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, size / 0.7);
}

double canvas_text_width(cairo_t *cr, double size, const char *text)
{
	cairo_text_extents_t e;

	choose_font(cr, size);
	cairo_text_extents(cr, text, &e);
	return e.x_advance;
}

double canvas_text(cairo_t *cr, double x, double y, double size, struct canvas_colour c,
		   const char *text)
{
	double width = canvas_text_width(cr, size, text);

	canvas_set(cr, c);
	cairo_move_to(cr, x, y);
	cairo_show_text(cr, text);
	/* The text leaves a point that a path would go on from. */
	cairo_new_path(cr);
	return width;
}

void canvas_cells(cairo_t *cr, const uint8_t *bits, uint16_t cols, uint16_t rows, double cell,
		  struct canvas_colour fill, struct canvas_colour edge)
{
	for (size_t i = 0; i < (size_t)cols * rows; i++)
		if (bits[i / 8] >> (i % 8) & 1)
			cairo_rectangle(cr, (double)(i % cols) * cell, (double)(i / cols) * cell,
					cell, cell);
	canvas_set(cr, fill);
	cairo_fill_preserve(cr);
	canvas_set(cr, edge);
	cairo_set_line_width(cr, 1);
	cairo_stroke(cr);
}

static void zone_name(cairo_t *cr, const struct motion_zone *z, double scale,
		      struct canvas_colour c)
{
	double x = z->point[0].x, y = z->point[0].y, size = 11;
	char text[MOTION_ZONE_NAME_MAX + 64];

	/* At its upper left corner: of the points the one nearest to the picture's. */
	for (unsigned i = 1; i < z->npoints; i++)
		if (z->point[i].x + z->point[i].y < x + y) {
			x = z->point[i].x;
			y = z->point[i].y;
		}
	snprintf(text, sizeof(text), z->mask ? _("mask %s") : "%s", z->name);
	x = (x < 0 ? 0 : x) * scale + 4;
	y = (y < 0 ? 0 : y) * scale + size + 5;
	canvas_box(cr, x - 3, y - size - 3, canvas_text_width(cr, size, text) + 6, size + 7,
		   (struct canvas_colour){0, 0, 0, 0.6});
	canvas_text(cr, x, y, size, c, text);
}

void canvas_zones(cairo_t *cr, const struct motion_config *config, double scale)
{
	static const struct canvas_colour zone = {0.35, 1, 0.45, 1}, mask = {0.75, 0.75, 0.8, 1};
	static const double dots[] = {3, 5};

	for (unsigned i = 0; i < config->nzones; i++) {
		const struct motion_zone *z = &config->zone[i];
		struct canvas_colour c = z->mask ? mask : zone;

		cairo_save(cr);
		for (unsigned p = 0; p < z->npoints; p++)
			cairo_line_to(cr, z->point[p].x * scale, z->point[p].y * scale);
		cairo_close_path(cr);
		if (z->mask && z->enabled) {
			canvas_set(cr, (struct canvas_colour){0, 0, 0, 0.45});
			cairo_fill_preserve(cr);
		}
		if (!z->enabled)
			cairo_set_dash(cr, dots, 2, 0);
		cairo_set_line_width(cr, 2);
		canvas_set(cr, c);
		cairo_stroke(cr);
		cairo_restore(cr);
		zone_name(cr, z, scale, c);
	}
}

int canvas_png(cairo_surface_t *surface, const char *path, struct errmsg *em)
{
	cairo_status_t status = cairo_surface_status(surface);

	errno = 0;
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_write_to_png(surface, path);
	if (status == CAIRO_STATUS_SUCCESS)
		return 0;
	return errmsg_set(em, errno ? -errno : -EIO, _("%s cannot be written: %s"), path,
			  errno ? strerror(errno) : cairo_status_to_string(status));
}
