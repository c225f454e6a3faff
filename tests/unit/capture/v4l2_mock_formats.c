/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scripted driver says of its formats, and takes of those it is asked for. */
#include "v4l2_mock_private.h"

#include <errno.h>
#include <string.h>

const struct v4l2_mock_format *v4l2_mock_find_format(const struct v4l2_mock *m, uint32_t fourcc)
{
	for (size_t i = 0; i < V4L2_MOCK_FORMATS; i++)
		if (m->format[i].fourcc == fourcc && fourcc)
			return &m->format[i];
	return NULL;
}

unsigned v4l2_mock_plane_count(const struct v4l2_mock_format *f)
{
	return f->planes ? f->planes : 1;
}

static bool is_compressed(uint32_t fourcc)
{
	return fourcc == V4L2_PIX_FMT_MJPEG || fourcc == V4L2_PIX_FMT_JPEG ||
	       fourcc == V4L2_PIX_FMT_H264 || fourcc == V4L2_PIX_FMT_HEVC;
}

static uint32_t stride_of(const struct v4l2_mock *m, const struct v4l2_mock_format *f, unsigned p)
{
	if (m->no_stride)
		return 0;
	if (f->stride[p] || is_compressed(f->fourcc))
		return f->stride[p];
	return f->planes > 1 ? m->width : m->width * 2;
}

uint32_t v4l2_mock_bytes(const struct v4l2_mock *m, const struct v4l2_mock_format *f, unsigned p)
{
	return (f->bytes[p] ? f->bytes[p] : m->width * m->height * 2) + m->extra_bytes;
}

int v4l2_mock_enum_fmt(struct v4l2_mock *m, struct v4l2_fmtdesc *e)
{
	if (m->no_enum_fmt)
		return -ENOTTY;
	if (e->type != v4l2_mock_type(m) || e->index >= V4L2_MOCK_FORMATS ||
	    !m->format[e->index].fourcc)
		return -EINVAL;
	e->pixelformat = m->format[e->index].fourcc;
	return 0;
}

int v4l2_mock_enum_sizes(struct v4l2_mock *m, struct v4l2_frmsizeenum *e)
{
	const struct v4l2_mock_format *f = v4l2_mock_find_format(m, e->pixel_format);
	const struct v4l2_mock_size *s;

	if (m->no_enum_sizes)
		return -ENOTTY;
	if (!f || e->index >= V4L2_MOCK_SIZES || !f->size[e->index].width)
		return -EINVAL;
	s = &f->size[e->index];
	if (!s->max_width) {
		e->type = V4L2_FRMSIZE_TYPE_DISCRETE;
		e->discrete.width = s->width;
		e->discrete.height = s->height;
		return 0;
	}
	e->type = s->step > 1 ? V4L2_FRMSIZE_TYPE_STEPWISE : V4L2_FRMSIZE_TYPE_CONTINUOUS;
	e->stepwise = (struct v4l2_frmsize_stepwise){.min_width = s->width,
						     .max_width = s->max_width,
						     .step_width = s->step,
						     .min_height = s->height,
						     .max_height = s->max_height,
						     .step_height = s->step};
	return 0;
}

static struct v4l2_fract interval_of(double fps)
{
	return (struct v4l2_fract){1000000, (uint32_t)(fps * 1e6 + 0.5)};
}

static const struct v4l2_mock_size *find_size(const struct v4l2_mock_format *f, uint32_t width,
					      uint32_t height)
{
	for (size_t i = 0; f && i < V4L2_MOCK_SIZES && f->size[i].width; i++) {
		const struct v4l2_mock_size *s = &f->size[i];

		if (s->max_width ? width >= s->width && width <= s->max_width &&
					   height >= s->height && height <= s->max_height
				 : width == s->width && height == s->height)
			return s;
	}
	return NULL;
}

int v4l2_mock_enum_rates(struct v4l2_mock *m, struct v4l2_frmivalenum *e)
{
	const struct v4l2_mock_size *s =
		find_size(v4l2_mock_find_format(m, e->pixel_format), e->width, e->height);

	if (m->no_enum_rates)
		return -ENOTTY;
	if (!s)
		return -EINVAL;
	if (s->max_fps > 0) {
		if (e->index)
			return -EINVAL;
		e->type = V4L2_FRMIVAL_TYPE_CONTINUOUS;
		e->stepwise.min = interval_of(s->max_fps);
		e->stepwise.max = interval_of(s->min_fps);
		return 0;
	}
	if (e->index >= V4L2_MOCK_RATES || s->fps[e->index] <= 0)
		return -EINVAL;
	e->type = V4L2_FRMIVAL_TYPE_DISCRETE;
	e->discrete = interval_of(s->fps[e->index]);
	return 0;
}

void v4l2_mock_show_format(const struct v4l2_mock *m, struct v4l2_format *out)
{
	const struct v4l2_mock_format *f = v4l2_mock_find_format(m, m->fourcc);

	if (!v4l2_mock_mplane(m)) {
		struct v4l2_pix_format *p = &out->fmt.pix;

		*p = (struct v4l2_pix_format){.width = m->width,
					      .height = m->height,
					      .pixelformat = m->fourcc,
					      .sizeimage = f ? v4l2_mock_bytes(m, f, 0) : 0,
					      .bytesperline = f ? stride_of(m, f, 0) : 0,
					      .colorspace = m->colorspace,
					      .quantization = m->quantization,
					      .priv = V4L2_PIX_FMT_PRIV_MAGIC};
		return;
	}
	memset(&out->fmt.pix_mp, 0, sizeof(out->fmt.pix_mp));
	out->fmt.pix_mp.width = m->width;
	out->fmt.pix_mp.height = m->height;
	out->fmt.pix_mp.pixelformat = m->fourcc;
	out->fmt.pix_mp.colorspace = m->colorspace;
	out->fmt.pix_mp.quantization = (uint8_t)m->quantization;
	out->fmt.pix_mp.num_planes = f ? (uint8_t)v4l2_mock_plane_count(f) : 0;
	for (unsigned p = 0; f && p < v4l2_mock_plane_count(f); p++) {
		out->fmt.pix_mp.plane_fmt[p].sizeimage = v4l2_mock_bytes(m, f, p);
		out->fmt.pix_mp.plane_fmt[p].bytesperline = stride_of(m, f, p);
	}
}

/* Takes what it can of a format: an unknown fourcc becomes the first, an unknown size the nearest.
 */
static void take_format(struct v4l2_mock *m, const struct v4l2_format *want)
{
	const struct v4l2_mock_format *f;
	uint32_t fourcc =
		v4l2_mock_mplane(m) ? want->fmt.pix_mp.pixelformat : want->fmt.pix.pixelformat;
	uint32_t w = v4l2_mock_mplane(m) ? want->fmt.pix_mp.width : want->fmt.pix.width;
	uint32_t h = v4l2_mock_mplane(m) ? want->fmt.pix_mp.height : want->fmt.pix.height;

	f = v4l2_mock_find_format(m, fourcc) ?: &m->format[0];
	m->fourcc = f->fourcc;
	if (!find_size(f, w, h)) {
		w = f->size[0].width;
		h = f->size[0].height;
	}
	m->width = w;
	m->height = h;
}

int v4l2_mock_set_format(struct v4l2_mock *m, struct v4l2_format *f)
{
	if (f->type != v4l2_mock_type(m))
		return -EINVAL;
	if (m->buffers) {
		v4l2_mock_breach(m, "S_FMT while buffers exist");
		return -EBUSY;
	}
	take_format(m, f);
	v4l2_mock_show_format(m, f);
	return 0;
}

int v4l2_mock_try_format(struct v4l2_mock *m, struct v4l2_format *f)
{
	struct v4l2_mock copy = *m;

	if (m->no_try)
		return -ENOTTY;
	if (f->type != v4l2_mock_type(m))
		return -EINVAL;
	take_format(&copy, f);
	v4l2_mock_show_format(&copy, f);
	return 0;
}

int v4l2_mock_parm(struct v4l2_mock *m, struct v4l2_streamparm *p, bool set)
{
	if (m->no_parm)
		return -ENOTTY;
	if (p->type != v4l2_mock_type(m))
		return -EINVAL;
	if (set) {
		m->interval = p->parm.capture.timeperframe;
		m->extra_bytes = m->rate_bytes;
	}
	p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
	p->parm.capture.timeperframe = m->interval;
	return 0;
}

int v4l2_mock_selection(struct v4l2_mock *m, struct v4l2_selection *s)
{
	if (!m->has_selection || s->type != V4L2_BUF_TYPE_VIDEO_CAPTURE ||
	    s->target != V4L2_SEL_TGT_CROP_DEFAULT)
		return -EINVAL;
	s->r.width = m->native_width;
	s->r.height = m->native_height;
	return 0;
}
