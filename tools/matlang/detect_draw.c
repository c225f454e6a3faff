/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/detect_draw.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/core/timefmt.h"
#include "tools/common/i18n.h"
#include "tools/matlang/canvas.h"

#define WIDTH_MAX 1280.0 /* larger pictures are shown smaller */
#define WIDTH_MIN 640.0  /* smaller ones larger: the text below needs room */
#define PANEL     84.0   /* height of the text and the curve of the level */
#define PAST      160u   /* frames of the curve */

static const struct canvas_colour white = {1, 1, 1, 1}, grey = {0.62, 0.66, 0.7, 1},
				  red = {1, 0.25, 0.2, 1}, amber = {1, 0.75, 0.2, 1},
				  dark = {0.09, 0.1, 0.12, 1};

struct detect_draw {
	const char *dir;
	struct picture_decoder *decoder;
	struct picture_scaler *scaler;
	uint32_t fourcc, width, height; /* of the decoder */
	AVFrame *picture, *next;        /* of the frame last seen */
	bool have;
	struct moment {
		uint16_t level;
		bool motion;
	} past[PAST]; /* a ring */
	size_t seen;
};

int detect_draw_open(struct detect_draw **out, const char *dir, struct errmsg *em)
{
	struct detect_draw *d = calloc(1, sizeof(*d));

	if (!d)
		return errmsg_set(em, -ENOMEM, "%s", _("out of memory"));
	d->dir = dir;
	d->picture = av_frame_alloc();
	d->next = av_frame_alloc();
	if (!d->picture || !d->next) {
		detect_draw_close(d);
		return errmsg_set(em, -ENOMEM, "%s", _("out of memory"));
	}
	if (mkdir(dir, 0777) < 0 && errno != EEXIST) {
		int err = -errno;

		detect_draw_close(d);
		return errmsg_set(em, err, _("%s cannot be made: %s"), dir, strerror(-err));
	}
	*out = d;
	return 0;
}

void detect_draw_close(struct detect_draw *d)
{
	if (!d)
		return;
	picture_decoder_close(d->decoder);
	picture_scaler_free(d->scaler);
	av_frame_free(&d->picture);
	av_frame_free(&d->next);
	free(d);
}

/* The frame as the record it would be stored as: its planes lie in one piece of memory. */
static int as_record(const struct frame *f, struct record *rec)
{
	const uint8_t *base = f->plane[0].data, *end = base;

	for (uint32_t i = 1; i < f->nplanes; i++)
		base = f->plane[i].data < base ? f->plane[i].data : base;
	*rec = (struct record){.kind = RECORD_FRAME, .payload = base};
	rec->frame.fourcc = f->fourcc;
	rec->frame.width = f->width;
	rec->frame.height = f->height;
	rec->frame.flags = f->flags;
	rec->frame.nplanes = f->nplanes;
	for (uint32_t i = 0; i < f->nplanes; i++) {
		const uint8_t *last = f->plane[i].data + f->plane[i].bytesused;

		if (f->plane[i].data - base > INT32_MAX || f->plane[i].bytesused > INT32_MAX)
			return -EINVAL;
		rec->frame.plane[i].offset = (uint32_t)(f->plane[i].data - base);
		rec->frame.plane[i].bytes = (uint32_t)f->plane[i].bytesused;
		rec->frame.plane[i].stride = f->plane[i].stride;
		end = last > end ? last : end;
	}
	if (end - base > INT32_MAX)
		return -EINVAL;
	rec->payload_bytes = (uint32_t)(end - base);
	return 0;
}

int detect_draw_see(struct detect_draw *d, const struct frame *f, struct errmsg *em)
{
	struct record rec;
	int err = as_record(f, &rec);

	if (err)
		return errmsg_set(em, err, "%s", strerror(-err));
	d->have = false;
	if (!d->decoder || d->fourcc != f->fourcc || d->width != f->width ||
	    d->height != f->height) {
		picture_decoder_close(d->decoder);
		d->decoder = NULL;
		err = picture_decoder_open(&d->decoder, &rec, em);
		if (err)
			return err;
		d->fourcc = f->fourcc;
		d->width = f->width;
		d->height = f->height;
	}
	err = picture_decoder_send(d->decoder, &rec, 0);
	if (err == -ENOMEM)
		return errmsg_set(em, err, "%s", _("out of memory"));
	/* Receiving empties its frame when there is none. */
	while (!err && picture_decoder_receive(d->decoder, d->next) == 0) {
		av_frame_unref(d->picture);
		av_frame_move_ref(d->picture, d->next);
		d->have = true;
	}
	return 0;
}

static struct canvas_colour colour_of(const struct detector_result *r)
{
	return r->motion ? red : r->global_change || r->learning ? amber : grey;
}

static const char *words_of(const struct detector_result *r)
{
	if (r->learning)
		return _("learning the picture: nothing is reported yet");
	if (r->motion)
		return _("MOTION");
	if (r->global_change)
		return _("the light changed everywhere: no motion");
	return _("no motion");
}

/* The level of the last frames, the newest at the right; red where there was motion. */
static void draw_level(cairo_t *cr, const struct detect_draw *d, double x, double y, double w,
		       double h)
{
	size_t n = d->seen < PAST ? d->seen : PAST;
	double step = w / PAST;
	uint32_t top = 125;
	char text[64];

	for (size_t i = 0; i < n; i++)
		while (top < d->past[i].level)
			top *= 2;

	canvas_box(cr, x, y, w, h, (struct canvas_colour){1, 1, 1, 0.07});
	for (size_t i = 0; i < n; i++) {
		const struct moment *m = &d->past[(d->seen - n + i) % PAST];
		double bar = h * m->level / top;

		canvas_box(cr, x + w - (double)(n - i) * step, y + h - bar, step * 0.8, bar,
			   m->motion ? red : grey);
	}
	snprintf(text, sizeof(text), _("level, up to %.1f %%"), top / 10.0);
	canvas_text(cr, x + 4, y + 12, 8, grey, text);
}

static void draw_panel(cairo_t *cr, const struct detect_draw *d, const struct motion_config *config,
		       const struct detector_result *r, uint64_t number, int64_t utc_ns, double w,
		       double y)
{
	char text[160], time[TIMEFMT_MAX];

	canvas_box(cr, 0, y, w, PANEL, dark);
	canvas_box(cr, 0, y, 6, PANEL, colour_of(r));
	canvas_text(cr, 18, y + 24, 13, colour_of(r), words_of(r));
	snprintf(text, sizeof(text), _("level %.1f %%, cells that moved: %u"), r->level / 10.0,
		 r->moved);
	canvas_text(cr, 18, y + 48, 10, white, text);
	snprintf(text, sizeof(text), _("largest group: %u of at least %u"), r->largest,
		 config->min_cells);
	canvas_text(cr, 18, y + 68, 10, r->largest >= config->min_cells ? white : grey, text);
	if (utc_ns) {
		timefmt_rfc3339(time, utc_ns, 1);
		snprintf(text, sizeof(text), "%s", time);
	} else {
		snprintf(text, sizeof(text), _("frame %llu"), (unsigned long long)number);
	}
	canvas_text(cr, w / 2 - 8, y + 22, 10, white, text);
	draw_level(cr, d, w / 2 - 8, y + 30, w / 2 - 4, PANEL - 38);
}

static int draw(struct detect_draw *d, const struct motion_config *config,
		const struct detector_result *r, uint64_t number, int64_t utc_ns,
		cairo_surface_t *picture, const char *path, struct errmsg *em)
{
	double pw = d->picture->width, w = pw, h;
	cairo_surface_t *s;
	cairo_t *cr;
	int err;

	w = w > WIDTH_MAX ? WIDTH_MAX : w < WIDTH_MIN ? WIDTH_MIN : w;
	h = d->picture->height * w / pw;
	s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)w, (int)(h + PANEL));
	cr = cairo_create(s);
	canvas_paint(cr, picture, 0, 0, w, h);
	cairo_save(cr);
	cairo_rectangle(cr, 0, 0, w, h);
	cairo_clip(cr);
	canvas_zones(cr, config, w / pw);
	canvas_cells(cr, r->bits, r->cols, r->rows, r->cell_px * w / pw,
		     r->motion ? (struct canvas_colour){1, 0.2, 0.15, 0.28}
			       : (struct canvas_colour){1, 0.85, 0.2, 0.22},
		     r->motion ? (struct canvas_colour){1, 0.3, 0.25, 0.9}
			       : (struct canvas_colour){1, 0.85, 0.2, 0.8});
	cairo_restore(cr);
	draw_panel(cr, d, config, r, number, utc_ns, w, h);
	err = cairo_status(cr) == CAIRO_STATUS_SUCCESS
		      ? canvas_png(s, path, em)
		      : errmsg_set(em, -ENOMEM, "%s", cairo_status_to_string(cairo_status(cr)));
	cairo_destroy(cr);
	cairo_surface_destroy(s);
	return err;
}

int detect_draw_write(struct detect_draw *d, const struct motion_config *config,
		      const struct detector_result *r, uint64_t number, int64_t utc_ns,
		      struct errmsg *em)
{
	cairo_surface_t *picture;
	char path[PATH_MAX];
	int err;

	d->past[d->seen++ % PAST] = (struct moment){r->level, r->motion};
	if (!d->have)
		return 0;
	if (snprintf(path, sizeof(path), "%s/%06llu.png", d->dir, (unsigned long long)number) >=
	    (int)sizeof(path))
		return errmsg_set(em, -ENAMETOOLONG, "%s: %s", d->dir, strerror(ENAMETOOLONG));
	err = canvas_picture(&picture, &d->scaler, d->picture);
	if (err)
		return errmsg_set(em, err, "%s: %s", path, strerror(-err));
	err = draw(d, config, r, number, utc_ns, picture, path, em);
	cairo_surface_destroy(picture);
	return err;
}
