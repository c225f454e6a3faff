/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/jpeg_yuv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* One component of a raw picture, wherever it lies. */
struct component {
	const uint8_t *base;
	size_t stride; /* bytes a row */
	size_t step;   /* bytes from sample to sample */
	uint32_t width, height;
};

/* BT.601 studio range to full range, as JFIF wants it; identity when the picture is full range. */
struct range {
	uint8_t luma[256], chroma[256];
};

static uint8_t clamp255(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void range_init(struct range *r)
{
	for (int i = 0; i < 256; i++) {
		int c = (i - 128) * 255;

		r->luma[i] = clamp255(((i - 16) * 255 + 109) / 219);
		r->chroma[i] = clamp255(128 + (c + (c < 0 ? -112 : 112)) / 224);
	}
}

static bool fits(const struct frame *f, unsigned plane, const struct component *c)
{
	const struct frame_plane *p = &f->plane[plane];
	size_t start = (size_t)(c->base - p->data);
	size_t need;

	if (plane >= f->nplanes || !c->width || !c->height)
		return false;
	need = start + (size_t)(c->height - 1) * c->stride + (size_t)(c->width - 1) * c->step + 1;
	return c->stride >= (size_t)(c->width - 1) * c->step + 1 && need <= p->bytesused;
}

static size_t stride_of(const struct frame *f, unsigned plane, size_t tight)
{
	return f->plane[plane].stride ? f->plane[plane].stride : tight;
}

static int packed_components(const struct pixfmt *pf, const struct frame *f, struct component c[3])
{
	size_t stride = stride_of(f, 0, (size_t)ALIGN_UP(f->width, 2u) * 2);
	unsigned first_chroma = pf->luma_offset ? 0 : 1;

	c[0] = (struct component){f->plane[0].data + pf->luma_offset, stride, 2, f->width,
				  f->height};
	for (int i = 1; i < 3; i++)
		c[i] = (struct component){f->plane[0].data + first_chroma + 2 * (i - 1), stride, 4,
					  (f->width + 1) / 2, f->height};
	return fits(f, 0, &c[0]) && fits(f, 0, &c[1]) && fits(f, 0, &c[2]) ? 0 : -EINVAL;
}

static int planar_components(const struct pixfmt *pf, const struct frame *f, struct component c[3])
{
	uint32_t cw = (f->width + pf->hsub - 1) / pf->hsub;
	uint32_t ch = (f->height + pf->vsub - 1) / pf->vsub;
	size_t stride = stride_of(f, 0, f->width);
	bool semi = pf->colour_planes == 2;
	/* V4L2: in one memory plane the chroma stride follows from luma's. */
	size_t cstride = semi ? stride * 2 / pf->hsub : stride / pf->hsub;
	const uint8_t *behind = f->plane[0].data + stride * f->height;
	int u = pf->v_first ? 2 : 1, v = pf->v_first ? 1 : 2;
	unsigned up = 0, vp = 0;

	c[0] = (struct component){f->plane[0].data, stride, 1, f->width, f->height};
	if (!fits(f, 0, &c[0]))
		return -EINVAL;
	if (pf->mem_planes == 1) {
		c[u] = (struct component){behind, cstride, semi ? 2 : 1, cw, ch};
		c[v] = c[u];
		c[v].base = behind + (semi ? 1 : cstride * ch);
	} else {
		up = 1;
		vp = semi ? 1 : 2;
		if (f->nplanes < pf->mem_planes)
			return -EINVAL;
		c[u] = (struct component){f->plane[up].data,
					  stride_of(f, up, semi ? 2 * (size_t)cw : cw),
					  semi ? 2 : 1, cw, ch};
		c[v] = c[u];
		c[v].base = f->plane[vp].data + (semi ? 1 : 0);
		if (!semi)
			c[v].stride = stride_of(f, vp, cw);
	}
	return fits(f, up, &c[u]) && fits(f, vp, &c[v]) ? 0 : -EINVAL;
}

static void gather(const struct component *c, const uint8_t *map, uint8_t *out)
{
	for (uint32_t y = 0; y < c->height; y++) {
		const uint8_t *row = c->base + y * c->stride;

		for (uint32_t x = 0; x < c->width; x++) {
			uint8_t v = row[x * c->step];

			*out++ = map ? map[v] : v;
		}
	}
}

size_t jpeg_yuv_scratch_size(const struct frame *f)
{
	return 3 * (size_t)ALIGN_UP(f->width, 2u) * ALIGN_UP(f->height, 2u);
}

int jpeg_yuv_convert(const struct frame *f, uint8_t *scratch, struct jpeg_yuv *out)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);
	struct component c[3] = {0};
	struct jpeg_yuv o = {0};
	bool full = f->flags & FRAME_FULL_RANGE;
	struct range range;
	int n, ret;

	if (!pf || pf->codec != PIXFMT_RAW)
		return -EINVAL;
	n = pf->fourcc == PIXFMT_GREY ? 1 : 3;
	if (n == 1) {
		c[0] = (struct component){f->plane[0].data, stride_of(f, 0, f->width), 1, f->width,
					  f->height};
		ret = fits(f, 0, &c[0]) ? 0 : -EINVAL;
	} else {
		ret = pf->luma_step == 2 ? packed_components(pf, f, c)
					 : planar_components(pf, f, c);
		o.hsub = pf->hsub;
		o.vsub = pf->vsub;
	}
	if (ret)
		return ret;
	if (!full)
		range_init(&range);
	for (int i = 0; i < n; i++) {
		if (full && c[i].step == 1) {
			o.plane[i] = c[i].base;
			o.stride[i] = (int)c[i].stride;
			continue;
		}
		gather(&c[i], full ? NULL : i ? range.chroma : range.luma, scratch);
		o.plane[i] = scratch;
		o.stride[i] = (int)c[i].width;
		scratch += (size_t)c[i].width * c[i].height;
	}
	*out = o;
	return 0;
}
