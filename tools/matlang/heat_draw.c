/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/heat_draw.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture/core/monotime.h"
#include "capture/core/timefmt.h"
#include "tools/common/i18n.h"
#include "tools/matlang/canvas.h"

#define WIDTH  1000.0
#define MARGIN 28.0
#define TITLE  70.0
#define LEGEND 44.0
#define CHART  240.0

static const struct canvas_colour paper = {1, 1, 1, 1}, ink = {0.12, 0.13, 0.16, 1},
				  faint = {0.45, 0.48, 0.53, 1}, line = {0.85, 0.87, 0.89, 1},
				  bar = {0.13, 0.42, 0.69, 1};

/* From seldom to often: blue, green, yellow, red; ever less transparent. `part`: 0..1. */
static struct canvas_colour colour_of(double part)
{
	static const struct canvas_colour stop[] = {{0.1, 0.3, 0.9, 0.30},
						    {0.1, 0.75, 0.5, 0.45},
						    {1, 0.9, 0.1, 0.48},
						    {0.95, 0.12, 0.08, 0.55}};
	double at = part * (ARRAY_SIZE(stop) - 1);
	size_t i = at >= ARRAY_SIZE(stop) - 1 ? ARRAY_SIZE(stop) - 2 : (size_t)at;
	double f = at - (double)i;

	if (part <= 0)
		return (struct canvas_colour){0};
	return (struct canvas_colour){stop[i].r + f * (stop[i + 1].r - stop[i].r),
				      stop[i].g + f * (stop[i + 1].g - stop[i].g),
				      stop[i].b + f * (stop[i + 1].b - stop[i].b),
				      stop[i].a + f * (stop[i + 1].a - stop[i].a)};
}

/* Square root, so that what moves seldom is seen beside a busy road. */
static double part_of(uint32_t minutes, uint32_t most)
{
	return most ? sqrt((double)minutes / most) : 0;
}

static void draw_cells(cairo_t *cr, const struct heat *h, double x, double y, double w, double ht)
{
	double cw = w / h->cols, ch = ht / h->rows;

	/* Smoothed edges of neighbours would show as a net of lines. */
	cairo_save(cr);
	cairo_set_antialias(cr, CAIRO_ANTIALIAS_NONE);
	for (uint32_t i = 0; i < (uint32_t)h->cols * h->rows; i++)
		if (h->cell[i])
			canvas_box(cr, x + (i % h->cols) * cw, y + (double)(i / h->cols) * ch, cw,
				   ch, colour_of(part_of(h->cell[i], h->most)));
	cairo_restore(cr);
}

static void draw_title(cairo_t *cr, const struct heat_page *p)
{
	char text[320], from[TIMEFMT_MAX], to[TIMEFMT_MAX];

	snprintf(text, sizeof(text), _("Where and when it moves: %s"), p->camera);
	canvas_text(cr, MARGIN, 34, 15, ink, text);
	timefmt_rfc3339(from, p->from_ns, 0);
	timefmt_rfc3339(to, p->to_ns, 0);
	snprintf(text, sizeof(text), _("%s to %s; minutes with motion: %u"), from, to,
		 p->heat->minutes);
	canvas_text(cr, MARGIN, 58, 9.5, faint, text);
}

static void draw_legend(cairo_t *cr, const struct heat *h, double y)
{
	double x = MARGIN, w = 260;
	char text[64];

	x += canvas_text(cr, x, y + 22, 9.5, ink, _("minutes with motion in a cell:")) + 12;
	x += canvas_text(cr, x, y + 22, 9.5, faint, "1") + 6;
	for (int i = 0; i < (int)w; i++) {
		struct canvas_colour c = colour_of((i + 1) / w);

		canvas_box(cr, x + i, y + 10, 1, 14, (struct canvas_colour){0.55, 0.55, 0.55, 1});
		canvas_box(cr, x + i, y + 10, 1, 14, c);
	}
	snprintf(text, sizeof(text), "%u", h->most);
	canvas_text(cr, x + w + 6, y + 22, 9.5, faint, text);
}

/* A round number of at least `most`, for the top of the axis. */
static uint32_t axis_top(uint32_t most)
{
	static const uint32_t steps[] = {2, 5, 10};
	uint32_t top = 2;

	for (uint32_t power = 1; top < most && power < 100000000; power *= 10)
		for (size_t i = 0; i < ARRAY_SIZE(steps) && top < most; i++)
			top = steps[i] * power;
	return top;
}

/* "+07:00": hours are of the local clock. */
static void local_zone(int64_t utc_ns, char out[static 16])
{
	time_t t = (time_t)(utc_ns / NSEC_PER_SEC);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(out, 16, "%z", &tm))
		snprintf(out, 16, "+0000");
}

static void draw_axes(cairo_t *cr, double x, double y, double w, double h, uint32_t top)
{
	char text[32];

	for (unsigned i = 0; i <= 2; i++) {
		double at = y + h - h * i / 2;

		snprintf(text, sizeof(text), "%u", top * i / 2);
		canvas_box(cr, x, at, w, 1, i ? line : faint);
		canvas_text(cr, x - 8 - canvas_text_width(cr, 8.5, text), at + 4, 8.5, faint, text);
	}
	for (unsigned i = 0; i < 24; i++) {
		snprintf(text, sizeof(text), "%u", i);
		canvas_text(cr, x + w * (i + 0.5) / 24 - canvas_text_width(cr, 8.5, text) / 2,
			    y + h + 16, 8.5, faint, text);
	}
}

static void draw_hours(cairo_t *cr, const struct heat_page *p, double y)
{
	double x = MARGIN + 44, w = WIDTH - MARGIN - x, top = y + 40, h = CHART - 90;
	uint32_t most = 0, axis;
	char text[128], zone[16];

	for (unsigned i = 0; i < 24; i++)
		most = p->heat->hour[i] > most ? p->heat->hour[i] : most;
	axis = axis_top(most);
	local_zone(p->to_ns, zone);
	snprintf(text, sizeof(text), _("Minutes with motion, by the hour of the day (UTC%s)"),
		 zone);
	canvas_text(cr, MARGIN, y + 18, 10.5, ink, text);
	draw_axes(cr, x, top, w, h, axis);
	for (unsigned i = 0; i < 24; i++) {
		double high = h * p->heat->hour[i] / axis;

		canvas_box(cr, x + w * i / 24 + 4, top + h - high, w / 24 - 8, high, bar);
	}
}

static int draw_picture(cairo_t *cr, const struct heat_page *p, double y, double w, double h)
{
	struct picture_scaler *scaler = NULL;
	cairo_surface_t *picture = NULL;
	int err = p->picture ? canvas_picture(&picture, &scaler, p->picture) : 0;

	if (!err && picture) {
		canvas_paint(cr, picture, MARGIN, y, w, h);
		cairo_surface_destroy(picture);
	} else if (!err) {
		canvas_box(cr, MARGIN, y, w, h, (struct canvas_colour){0.25, 0.27, 0.3, 1});
	}
	if (!err && p->heat->cell)
		draw_cells(cr, p->heat, MARGIN, y, w, h);
	if (!err && !p->picture)
		canvas_text(cr, MARGIN + 12, y + 24, 10, paper, _("no picture is left"));
	picture_scaler_free(scaler);
	return err;
}

int heat_draw(const struct heat_page *p, const char *path, struct errmsg *em)
{
	double w = WIDTH - 2 * MARGIN, h = w * 9 / 16;
	cairo_surface_t *s;
	cairo_t *cr;
	int err;

	if (p->picture)
		h = w * p->picture->height / p->picture->width;
	else if (p->heat->cols)
		h = w * p->heat->rows / p->heat->cols;
	s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)WIDTH,
				       (int)(TITLE + h + LEGEND + CHART));
	cr = cairo_create(s);
	canvas_set(cr, paper);
	cairo_paint(cr);
	draw_title(cr, p);
	err = draw_picture(cr, p, TITLE, w, h);
	draw_legend(cr, p->heat, TITLE + h);
	draw_hours(cr, p, TITLE + h + LEGEND);
	if (err)
		errmsg_set(em, err, "%s: %s", path, strerror(-err));
	else if (cairo_status(cr) != CAIRO_STATUS_SUCCESS)
		err = errmsg_set(em, -ENOMEM, "%s: %s", path,
				 cairo_status_to_string(cairo_status(cr)));
	else
		err = canvas_png(s, path, em);
	cairo_destroy(cr);
	cairo_surface_destroy(s);
	return err;
}
