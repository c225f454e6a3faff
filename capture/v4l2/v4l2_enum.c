/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listing what a device offers (v4l2_format.h). Every list a device could make endless is cut. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/pixfmt.h"
#include "capture/v4l2/v4l2_format.h"

#define FORMATS_MAX 128u
#define SIZES_MAX   256u
#define LIST_MAX    4096u

/* EINVAL ends a list; ENOTTY (and, of some drivers, ENODATA) says there is none. */
static bool is_end(int err)
{
	return err == -EINVAL || err == -ENOTTY || err == -ENODATA;
}

static int append(struct v4l2_format_list *l, const struct v4l2_format_size *size)
{
	struct v4l2_format_size *grown;

	if (l->count >= LIST_MAX)
		return 0;
	/* Grows at powers of two. */
	if (!(l->count & (l->count - 1))) {
		size_t room = l->count ? l->count * 2 : 1;

		grown = reallocarray(l->size, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		l->size = grown;
	}
	l->size[l->count++] = *size;
	return 0;
}

static bool side_ok(uint32_t side)
{
	return side && side <= V4L2_FORMAT_SIDE_MAX;
}

/* A range as the device gave it, made safe: min <= max, both sane, steps of at least 1. */
static bool take_range(struct v4l2_format_size *s, const struct v4l2_frmsize_stepwise *r)
{
	s->scalable = true;
	s->min_width = r->min_width ? r->min_width : 1;
	s->min_height = r->min_height ? r->min_height : 1;
	s->max_width = r->max_width < V4L2_FORMAT_SIDE_MAX ? r->max_width : V4L2_FORMAT_SIDE_MAX;
	s->max_height = r->max_height < V4L2_FORMAT_SIDE_MAX ? r->max_height : V4L2_FORMAT_SIDE_MAX;
	s->step_width = r->step_width ? r->step_width : 1;
	s->step_height = r->step_height ? r->step_height : 1;
	return s->min_width <= s->max_width && s->min_height <= s->max_height;
}

static int list_sizes(const struct v4l2_device *d, struct v4l2_format_list *l, uint32_t fourcc)
{
	bool any = false;
	int err = 0;

	for (uint32_t i = 0; i < SIZES_MAX; i++) {
		struct v4l2_frmsizeenum e = {.index = i, .pixel_format = fourcc};
		struct v4l2_format_size s = {.fourcc = fourcc, .known = true};

		err = v4l2_device_ioctl(d, VIDIOC_ENUM_FRAMESIZES, &e);
		if (err)
			break;
		if (e.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
			if (!side_ok(e.discrete.width) || !side_ok(e.discrete.height))
				continue;
			s.min_width = s.max_width = e.discrete.width;
			s.min_height = s.max_height = e.discrete.height;
			s.step_width = s.step_height = 1;
		} else if (!take_range(&s, &e.stepwise)) {
			break;
		}
		err = append(l, &s);
		if (err)
			return err;
		any = true;
		if (s.scalable) /* a range is the only entry */
			break;
	}
	if (err && !is_end(err))
		return err;
	return any ? 0 : append(l, &(struct v4l2_format_size){.fourcc = fourcc});
}

static void note_other(struct v4l2_format_list *l, uint32_t fourcc)
{
	size_t used = strlen(l->others);
	char code[5];

	pixfmt_fourcc_text(code, fourcc);
	if (used + strlen(" XXXX ..") < sizeof(l->others))
		snprintf(l->others + used, sizeof(l->others) - used, "%s%s", used ? " " : "", code);
	else if (!strstr(l->others, ".."))
		snprintf(l->others + used, sizeof(l->others) - used, " ..");
}

static uint32_t get_fourcc(const struct v4l2_device *d, const struct v4l2_format *f)
{
	return d->multiplanar ? f->fmt.pix_mp.pixelformat : f->fmt.pix.pixelformat;
}

static void set_fourcc(const struct v4l2_device *d, struct v4l2_format *f, uint32_t fourcc)
{
	if (d->multiplanar)
		f->fmt.pix_mp.pixelformat = fourcc;
	else
		f->fmt.pix.pixelformat = fourcc;
}

/* A device without ENUM_FMT: what it is set to, and what it would accept. */
static int list_by_trying(const struct v4l2_device *d, struct v4l2_format_list *l)
{
	struct v4l2_format now = {.type = d->type};
	const struct pixfmt *pf;
	uint32_t fourcc;
	int err = v4l2_device_ioctl(d, VIDIOC_G_FMT, &now);

	if (err)
		return is_end(err) ? 0 : err;
	fourcc = get_fourcc(d, &now);
	if (pixfmt_find(fourcc))
		err = append(l, &(struct v4l2_format_size){.fourcc = fourcc});
	else
		note_other(l, fourcc);
	for (size_t i = 0; !err && (pf = pixfmt_at(i)); i++) {
		struct v4l2_format f = now;

		if (pf->fourcc == fourcc)
			continue;
		set_fourcc(d, &f, pf->fourcc);
		err = v4l2_device_ioctl(d, VIDIOC_TRY_FMT, &f);
		if (!err && get_fourcc(d, &f) == pf->fourcc)
			err = append(l, &(struct v4l2_format_size){.fourcc = pf->fourcc});
		else if (err == -ENOTTY)
			return 0;
		else if (err == -EINVAL)
			err = 0;
	}
	return err;
}

int v4l2_format_list(const struct v4l2_device *d, struct v4l2_format_list *out, struct errmsg *em)
{
	struct v4l2_format_list l = {0};
	uint32_t i;
	int err = 0;

	for (i = 0; i < FORMATS_MAX; i++) {
		struct v4l2_fmtdesc e = {.index = i, .type = d->type};

		err = v4l2_device_ioctl(d, VIDIOC_ENUM_FMT, &e);
		if (err)
			break;
		if (!pixfmt_find(e.pixelformat)) {
			note_other(&l, e.pixelformat);
			continue;
		}
		err = list_sizes(d, &l, e.pixelformat);
		if (err)
			goto fail;
	}
	if (err && !is_end(err))
		goto fail;
	err = i ? 0 : list_by_trying(d, &l);
	if (err)
		goto fail;
	*out = l;
	return 0;
fail:
	v4l2_format_list_free(&l);
	return v4l2_device_error(d, err, "listing its formats", em);
}

void v4l2_format_list_free(struct v4l2_format_list *l)
{
	free(l->size);
	*l = (struct v4l2_format_list){0};
}

static double rate_of(struct v4l2_fract interval)
{
	if (!interval.numerator || !interval.denominator)
		return 0;
	return (double)interval.denominator / interval.numerator;
}

/* A limit of 30 means 30/1.001 and 30.00003 alike. */
static bool within(double fps, double max_fps)
{
	return max_fps <= 0 || fps <= max_fps * 1.001;
}

static bool is_better_rate(double fps, double best, double max_fps)
{
	bool fits = within(fps, max_fps);

	if (best <= 0)
		return true;
	if (fits != within(best, max_fps))
		return fits;
	return fits ? fps > best : fps < best;
}

struct v4l2_fract v4l2_format_interval(double fps)
{
	double rate = fps < 1e6 ? fps * 1000 + 0.5 : 1e9;

	return (struct v4l2_fract){1000, rate < 1 ? 1 : (uint32_t)rate};
}

static void append_rate(struct v4l2_format_rates *r, struct v4l2_fract interval)
{
	double fps = rate_of(interval);

	if (fps > 0 && r->count < V4L2_FORMAT_RATES_MAX)
		r->rate[r->count++] = (struct v4l2_format_rate){.interval = interval, .fps = fps};
}

int v4l2_format_rates(const struct v4l2_device *d, uint32_t fourcc, uint32_t width, uint32_t height,
		      struct v4l2_format_rates *out)
{
	int err = 0;

	out->count = 0;
	out->range = false;
	for (uint32_t i = 0; i < V4L2_FORMAT_RATES_MAX; i++) {
		struct v4l2_frmivalenum e = {
			.index = i, .pixel_format = fourcc, .width = width, .height = height};

		err = v4l2_device_ioctl(d, VIDIOC_ENUM_FRAMEINTERVALS, &e);
		if (err)
			break;
		if (e.type == V4L2_FRMIVAL_TYPE_DISCRETE) {
			append_rate(out, e.discrete);
			continue;
		}
		/* The only entry; min is the shortest interval. */
		append_rate(out, e.stepwise.min);
		append_rate(out, e.stepwise.max);
		out->range = out->count == 2;
		break;
	}
	return err && !is_end(err) ? err : 0;
}

struct v4l2_format_rate v4l2_format_best_rate(const struct v4l2_format_rates *rates, double max_fps)
{
	struct v4l2_format_rate best = {0};

	if (rates->range && max_fps > rates->rate[1].fps && max_fps < rates->rate[0].fps) {
		best.interval = v4l2_format_interval(max_fps);
		best.fps = rate_of(best.interval);
		return best;
	}
	for (unsigned i = 0; i < rates->count; i++)
		if (is_better_rate(rates->rate[i].fps, best.fps, max_fps))
			best = rates->rate[i];
	return best;
}
