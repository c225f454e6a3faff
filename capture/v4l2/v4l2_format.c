/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Choosing a format and setting it (v4l2_format.h). */
#include "capture/v4l2/v4l2_format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/core/pixfmt.h"

#define PLANE_BYTES_MAX (1u << 30) /* what can be registered at once */

/* ---- one view of single- and multi-planar formats ---- */

struct picture {
	uint32_t fourcc, width, height;
	unsigned nplanes;
	uint32_t sizeimage[PIXFMT_MAX_PLANES], stride[PIXFMT_MAX_PLANES];
	uint32_t colorspace, ycbcr_enc, quantization;
};

static void write_format(struct v4l2_format *f, const struct v4l2_device *d, uint32_t fourcc,
			 uint32_t width, uint32_t height)
{
	memset(f, 0, sizeof(*f));
	f->type = d->type;
	if (d->multiplanar) {
		f->fmt.pix_mp.pixelformat = fourcc;
		f->fmt.pix_mp.width = width;
		f->fmt.pix_mp.height = height;
		f->fmt.pix_mp.field = V4L2_FIELD_NONE;
	} else {
		f->fmt.pix.pixelformat = fourcc;
		f->fmt.pix.width = width;
		f->fmt.pix.height = height;
		f->fmt.pix.field = V4L2_FIELD_NONE;
		/* Without it the kernel neither takes nor gives the fields behind `priv`. */
		f->fmt.pix.priv = V4L2_PIX_FMT_PRIV_MAGIC;
	}
}

static void read_format(struct picture *p, const struct v4l2_format *f, const struct v4l2_device *d)
{
	const struct v4l2_pix_format_mplane *mp = &f->fmt.pix_mp;
	const struct v4l2_pix_format *sp = &f->fmt.pix;

	*p = (struct picture){0};
	if (!d->multiplanar) {
		p->fourcc = sp->pixelformat;
		p->width = sp->width;
		p->height = sp->height;
		p->nplanes = 1;
		p->sizeimage[0] = sp->sizeimage;
		p->stride[0] = sp->bytesperline;
		p->colorspace = sp->colorspace;
		if (sp->priv == V4L2_PIX_FMT_PRIV_MAGIC) {
			p->ycbcr_enc = sp->ycbcr_enc;
			p->quantization = sp->quantization;
		}
		return;
	}
	p->fourcc = mp->pixelformat;
	p->width = mp->width;
	p->height = mp->height;
	p->nplanes = mp->num_planes;
	p->colorspace = mp->colorspace;
	p->ycbcr_enc = mp->ycbcr_enc;
	p->quantization = mp->quantization;
	for (unsigned i = 0; i < PIXFMT_MAX_PLANES && i < p->nplanes; i++) {
		p->sizeimage[i] = mp->plane_fmt[i].sizeimage;
		p->stride[i] = mp->plane_fmt[i].bytesperline;
	}
}

/* ---- choosing ---- */

struct choice {
	uint32_t fourcc, width, height;
	struct v4l2_format_rate rate;
	unsigned class; /* 0 MJPEG, 1 H.264, 2 HEVC, 3 raw */
	bool too_large, too_fast, too_slow;
	bool grey;
	size_t bytes; /* raw: of one picture */
};

static unsigned codec_class(const struct pixfmt *pf)
{
	switch (pf->codec) {
	case PIXFMT_CODEC_MJPEG: return 0;
	case PIXFMT_CODEC_H264: return 1;
	case PIXFMT_CODEC_HEVC: return 2;
	default: return 3;
	}
}

static size_t raw_bytes(const struct pixfmt *pf, uint32_t width, uint32_t height)
{
	size_t sum = 0;

	for (unsigned p = 0; p < pf->mem_planes; p++)
		sum += pixfmt_plane_size(pf, p, width, height);
	return sum;
}

/* The order of v4l2_format.h; equal ones keep the device's order. */
static bool is_better(const struct choice *a, const struct choice *b)
{
	uint64_t area_a = (uint64_t)a->width * a->height;
	uint64_t area_b = (uint64_t)b->width * b->height;

	if (a->too_large != b->too_large)
		return b->too_large;
	if (a->too_large && area_a != area_b)
		return area_a < area_b;
	if (a->class != b->class)
		return a->class < b->class;
	if (a->too_fast != b->too_fast)
		return b->too_fast;
	if (a->too_fast && a->rate.fps != b->rate.fps)
		return a->rate.fps < b->rate.fps;
	if (a->too_slow != b->too_slow)
		return b->too_slow;
	if (a->too_slow && a->rate.fps != b->rate.fps)
		return a->rate.fps > b->rate.fps;
	if (area_a != area_b)
		return area_a > area_b;
	if (a->rate.fps != b->rate.fps)
		return a->rate.fps > b->rate.fps;
	if (a->grey != b->grey)
		return b->grey;
	return a->bytes < b->bytes;
}

static uint32_t clamp_step(uint32_t value, uint32_t min, uint32_t max, uint32_t step)
{
	if (value <= min)
		return min;
	if (value > max)
		value = max;
	return min + (value - min) / step * step;
}

/* The size the sensor or signal has, unscaled. Leaves 0 when the device does not tell. */
static int native_size(const struct v4l2_device *d, uint32_t *width, uint32_t *height)
{
	/* The selection API takes the single-planar type for both kinds of node. */
	struct v4l2_selection sel = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
				     .target = V4L2_SEL_TGT_CROP_DEFAULT};
	struct v4l2_format f = {.type = d->type};
	struct picture now;
	int err = v4l2_device_ioctl(d, VIDIOC_G_SELECTION, &sel);

	*width = *height = 0;
	if (!err) {
		*width = sel.r.width;
		*height = sel.r.height;
	} else if (err != -EINVAL && err != -ENOTTY && err != -ENODATA) {
		return err;
	}
	if (*width && *height && *width <= V4L2_FORMAT_SIDE_MAX && *height <= V4L2_FORMAT_SIDE_MAX)
		return 0;
	err = v4l2_device_ioctl(d, VIDIOC_G_FMT, &f);
	if (err)
		return err == -EINVAL || err == -ENOTTY ? 0 : err;
	read_format(&now, &f, d);
	*width = now.width <= V4L2_FORMAT_SIDE_MAX ? now.width : 0;
	*height = now.height <= V4L2_FORMAT_SIDE_MAX ? now.height : 0;
	return 0;
}

/* Raw pictures without a limit from the admin: see v4l2_format.h. */
static bool is_raw_unlimited(const struct source_want *want, const struct pixfmt *pf)
{
	return pf->codec == PIXFMT_RAW && !want->max_width && !want->max_height;
}

/* What to ask of a device that scales freely: the limits; a side without one follows from the
 * native aspect. */
static void scaled_size(const struct source_want *want, uint32_t native_w, uint32_t native_h,
			uint32_t *width, uint32_t *height)
{
	uint64_t w = want->max_width, h = want->max_height;

	if (!native_w || !native_h) {
		native_w = 1920;
		native_h = 1080;
	}
	if (!w && !h) {
		w = native_w;
		h = native_h;
	} else if (!h) {
		h = w * native_h / native_w;
	} else if (!w) {
		w = h * native_w / native_h;
	}
	*width = (uint32_t)(w < V4L2_FORMAT_SIDE_MAX ? w : V4L2_FORMAT_SIDE_MAX);
	*height = (uint32_t)(h < V4L2_FORMAT_SIDE_MAX ? h : V4L2_FORMAT_SIDE_MAX);
}

/* Shrinks to the limit of raw pictures, keeping the aspect. */
static void fit_raw(uint32_t *width, uint32_t *height)
{
	if (*width > V4L2_FORMAT_RAW_WIDTH) {
		*height = (uint32_t)((uint64_t)*height * V4L2_FORMAT_RAW_WIDTH / *width);
		*width = V4L2_FORMAT_RAW_WIDTH;
	}
	if (*height > V4L2_FORMAT_RAW_HEIGHT) {
		*width = (uint32_t)((uint64_t)*width * V4L2_FORMAT_RAW_HEIGHT / *height);
		*height = V4L2_FORMAT_RAW_HEIGHT;
	}
}

/* Settles the size of one entry: 0, or -errno of a device that fails; *width 0: not this one. */
static int settle_size(const struct v4l2_device *d, const struct v4l2_format_size *s,
		       const struct source_want *want, uint32_t *width, uint32_t *height)
{
	uint32_t native_w, native_h;
	struct v4l2_format f;
	struct picture tried;
	int err;

	if (s->known && !s->scalable) {
		*width = s->max_width;
		*height = s->max_height;
		return 0;
	}
	err = native_size(d, &native_w, &native_h);
	if (err)
		return err;
	scaled_size(want, native_w, native_h, width, height);
	if (is_raw_unlimited(want, pixfmt_find(s->fourcc)))
		fit_raw(width, height);
	if (s->known) {
		*width = clamp_step(*width, s->min_width, s->max_width, s->step_width);
		*height = clamp_step(*height, s->min_height, s->max_height, s->step_height);
		return 0;
	}
	write_format(&f, d, s->fourcc, *width, *height);
	err = v4l2_device_ioctl(d, VIDIOC_TRY_FMT, &f);
	if (err == -ENOTTY) /* S_FMT will tell */
		return 0;
	if (err == -EINVAL)
		*width = *height = 0;
	if (err)
		return err == -EINVAL ? 0 : err;
	read_format(&tried, &f, d);
	*width = tried.fourcc == s->fourcc && tried.width <= V4L2_FORMAT_SIDE_MAX ? tried.width : 0;
	*height = tried.height <= V4L2_FORMAT_SIDE_MAX ? tried.height : 0;
	return 0;
}

static int weigh(const struct v4l2_device *d, const struct v4l2_format_size *s,
		 const struct source_want *want, struct choice *best)
{
	const struct pixfmt *pf = pixfmt_find(s->fourcc);
	struct choice c = {.fourcc = s->fourcc};
	struct v4l2_format_rates rates;
	double slowest = V4L2_FORMAT_USABLE_FPS;
	int err = settle_size(d, s, want, &c.width, &c.height);

	if (!err && c.width && c.height)
		err = v4l2_format_rates(d, s->fourcc, c.width, c.height, &rates);
	if (err || !c.width || !c.height)
		return err;
	c.rate = v4l2_format_best_rate(&rates, want->max_fps);
	if (want->max_fps > 0 && want->max_fps < slowest)
		slowest = want->max_fps;
	c.class = codec_class(pf);
	c.too_large = (want->max_width && c.width > want->max_width) ||
		      (want->max_height && c.height > want->max_height) ||
		      (is_raw_unlimited(want, pf) &&
		       (c.width > V4L2_FORMAT_RAW_WIDTH || c.height > V4L2_FORMAT_RAW_HEIGHT));
	c.too_fast = want->max_fps > 0 && c.rate.fps > want->max_fps * 1.001;
	c.too_slow = c.rate.fps > 0 && c.rate.fps < slowest * 0.99;
	c.grey = c.fourcc == PIXFMT_GREY;
	c.bytes = raw_bytes(pf, c.width, c.height);
	if (!best->fourcc || is_better(&c, best))
		*best = c;
	return 0;
}

static void name_formats(const struct v4l2_format_list *l, char *out, size_t size)
{
	uint32_t last = 0;
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->count && used + 8 < size; i++) {
		if (l->size[i].fourcc == last)
			continue;
		last = l->size[i].fourcc;
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
					 pixfmt_find(last)->name);
	}
}

static int nothing_found(const struct v4l2_device *d, const struct v4l2_format_list *l,
			 const struct source_want *want, struct errmsg *em)
{
	char offered[128], code[5];

	name_formats(l, offered, sizeof(offered));
	pixfmt_fourcc_text(code, want->fourcc);
	if (want->fourcc && offered[0])
		return errmsg_set(em, -EINVAL, "%s: does not offer %s: choose one of %s", d->path,
				  code, offered);
	return errmsg_set(em, -EINVAL, "%s: offers no format that can be recorded (it has: %s)",
			  d->path, l->others[0] ? l->others : "none");
}

static int choose(const struct v4l2_device *d, const struct source_want *want, struct choice *out,
		  struct errmsg *em)
{
	struct v4l2_format_list l;
	int err = v4l2_format_list(d, &l, em);

	if (err)
		return err;
	*out = (struct choice){0};
	for (size_t i = 0; i < l.count && !err; i++)
		if (!want->fourcc || l.size[i].fourcc == want->fourcc)
			err = weigh(d, &l.size[i], want, out);
	if (err)
		v4l2_device_error(d, err, "listing sizes and rates", em);
	else if (!out->fourcc)
		err = nothing_found(d, &l, want, em);
	v4l2_format_list_free(&l);
	return err;
}

/* ---- setting ---- */

/* A raw picture's planes must hold its rows; a device that says otherwise would have the analyser
 * read past them. */
static int check_picture(const struct v4l2_device *d, struct picture *p, struct errmsg *em)
{
	const struct pixfmt *pf = pixfmt_find(p->fourcc);

	if (!pf || !p->width || !p->height || p->width > V4L2_FORMAT_SIDE_MAX ||
	    p->height > V4L2_FORMAT_SIDE_MAX || p->nplanes != pf->mem_planes)
		goto bad;
	for (unsigned i = 0; i < p->nplanes; i++) {
		uint32_t row = p->width, rows = p->height;

		if (!p->sizeimage[i] || p->sizeimage[i] > PLANE_BYTES_MAX)
			goto bad;
		if (pf->codec != PIXFMT_RAW) {
			p->stride[i] = 0;
			continue;
		}
		if (i) {
			/* U and V side by side in one plane of two, or one of them in its own. */
			row = (row + pf->hsub - 1) / pf->hsub * (pf->mem_planes == 2 ? 2 : 1);
			rows = (rows + pf->vsub - 1) / pf->vsub;
		} else {
			row *= pf->luma_step;
		}
		if (!p->stride[i])
			p->stride[i] = row;
		if (p->stride[i] < row || (uint64_t)p->stride[i] * rows > p->sizeimage[i])
			goto bad;
	}
	return 0;
bad:
	return errmsg_set(em, -EINVAL,
			  "%s: its driver describes a picture that cannot be: %ux%u, %u planes, "
			  "%u bytes, %u a row",
			  d->path, p->width, p->height, p->nplanes, p->sizeimage[0], p->stride[0]);
}

static bool is_full_range(const struct picture *p)
{
	if (p->quantization == V4L2_QUANTIZATION_DEFAULT)
		return p->colorspace == V4L2_COLORSPACE_JPEG;
	return p->quantization == V4L2_QUANTIZATION_FULL_RANGE;
}

static int take_picture(const struct v4l2_device *d, const struct v4l2_format *f, uint32_t fourcc,
			struct picture *p, struct errmsg *em)
{
	char code[5];

	read_format(p, f, d);
	if (p->fourcc != fourcc) {
		pixfmt_fourcc_text(code, p->fourcc);
		return errmsg_set(em, -EINVAL, "%s: offers a format and then sets %s instead",
				  d->path, code);
	}
	return check_picture(d, p, em);
}

static int set_format(const struct v4l2_device *d, const struct choice *c, struct picture *p,
		      struct errmsg *em)
{
	struct v4l2_format f;
	int err;

	write_format(&f, d, c->fourcc, c->width, c->height);
	err = v4l2_device_ioctl_patient(d, VIDIOC_S_FMT, &f);
	if (err)
		return v4l2_device_error(d, err, "setting the format", em);
	return take_picture(d, &f, c->fourcc, p, em);
}

/* With another rate a camera may announce larger frames (UVC negotiates both as one). */
static int read_back(const struct v4l2_device *d, struct picture *p, struct errmsg *em)
{
	struct v4l2_format f = {.type = d->type};
	int err = v4l2_device_ioctl(d, VIDIOC_G_FMT, &f);

	if (err)
		return v4l2_device_error(d, err, "reading the format back", em);
	return take_picture(d, &f, p->fourcc, p, em);
}

/* Sets the rate where the device can, and reads what it became. */
static int set_rate(const struct v4l2_device *d, const struct source_want *want,
		    const struct choice *c, double *fps, struct errmsg *em)
{
	struct v4l2_streamparm parm = {.type = d->type};
	struct v4l2_captureparm *cap = &parm.parm.capture;
	struct v4l2_fract interval = c->rate.interval;
	int err = v4l2_device_ioctl_patient(d, VIDIOC_G_PARM, &parm);

	*fps = c->rate.fps;
	if (err == -ENOTTY || err == -EINVAL)
		return 0;
	if (err)
		return v4l2_device_error(d, err, "reading the frame rate", em);
	if (!interval.denominator && want->max_fps > 0)
		interval = v4l2_format_interval(want->max_fps);
	if (cap->capability & V4L2_CAP_TIMEPERFRAME && interval.denominator) {
		cap->timeperframe = interval;
		err = v4l2_device_ioctl_patient(d, VIDIOC_S_PARM, &parm);
		if (err && err != -ENOTTY && err != -EINVAL)
			return v4l2_device_error(d, err, "setting the frame rate", em);
	}
	if (!err && cap->timeperframe.numerator && cap->timeperframe.denominator)
		*fps = (double)cap->timeperframe.denominator / cap->timeperframe.numerator;
	return 0;
}

int v4l2_format_negotiate(const struct v4l2_device *d, const struct source_want *want,
			  struct source_format *out, struct errmsg *em)
{
	struct choice c;
	struct picture p;
	double fps;
	int err = choose(d, want, &c, em);

	if (!err)
		err = set_format(d, &c, &p, em);
	if (!err)
		err = set_rate(d, want, &c, &fps, em);
	if (!err)
		err = read_back(d, &p, em);
	if (err)
		return err;
	*out = (struct source_format){
		.fourcc = p.fourcc,
		.width = p.width,
		.height = p.height,
		.fps = fps,
		.nplanes = p.nplanes,
		.multiplanar = d->multiplanar,
		.full_range = pixfmt_find(p.fourcc)->codec == PIXFMT_RAW && is_full_range(&p),
	};
	for (unsigned i = 0; i < p.nplanes; i++) {
		out->plane_size[i] = p.sizeimage[i];
		out->stride[i] = p.stride[i];
	}
	return 0;
}
