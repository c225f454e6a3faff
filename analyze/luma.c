/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/luma.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "analyze/dcjpeg.h"
#include "analyze/luma_codec.h"
#include "capture/core/pixfmt.h"

#define JPEG_MAX_SHIFT 3 /* libturbojpeg scales by an eighth at most */

struct luma {
	const struct motion_dsp *dsp;
	tjhandle jpeg;
	struct dcjpeg *dcjpeg;
	struct luma_codec *codec;
	uint8_t *scratch; /* an eighth of a JPEG that is to be smaller still */
	size_t scratch_size;

	/* What luma_open found, for luma_read. */
	struct luma_size size;
	const uint8_t *src;
	size_t src_stride, src_bytes; /* bytes: of a JPEG */
	unsigned src_step;
	enum { SRC_LUMA, SRC_JPEG, SRC_DCJPEG } kind;
};

int luma_size(struct luma_size *out, uint32_t w, uint32_t h)
{
	uint32_t least = w < h ? w : h;
	unsigned shift = 0;

	if (!w || !h || w > LUMA_MAX_SIDE || h > LUMA_MAX_SIDE)
		return -EINVAL;
	while (shift < MOTION_REDUCE_MAX_SHIFT && least >> (shift + 1) >= LUMA_MIN_SIDE)
		shift++;
	*out = (struct luma_size){
		.picture_w = w,
		.picture_h = h,
		.w = (w + (1u << shift) - 1) >> shift,
		.h = (h + (1u << shift) - 1) >> shift,
		.shift = shift,
	};
	return 0;
}

int luma_create(struct luma **out, const struct motion_dsp *dsp)
{
	struct luma *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->dsp = dsp;
	*out = l;
	return 0;
}

void luma_destroy(struct luma *l)
{
	if (!l)
		return;
	if (l->jpeg)
		tjDestroy(l->jpeg);
	dcjpeg_destroy(l->dcjpeg);
	luma_codec_destroy(l->codec);
	free(l->scratch);
	free(l);
}

void luma_reset(struct luma *l)
{
	if (l->codec)
		luma_codec_reset(l->codec);
}

size_t luma_state_bytes(const struct luma *l)
{
	return sizeof(*l) + l->scratch_size + (l->dcjpeg ? dcjpeg_state_bytes(l->dcjpeg) : 0);
}

/* The mean of a block cut by the picture's edge. */
static uint8_t edge_mean(const uint8_t *src, size_t stride, uint32_t w, uint32_t h, unsigned step)
{
	uint32_t sum = 0, area = w * h;

	for (uint32_t y = 0; y < h; y++)
		for (uint32_t x = 0; x < w; x++)
			sum += src[y * stride + x * step];
	return (uint8_t)((sum + area / 2) / area);
}

void luma_reduce(const struct motion_dsp *dsp, uint8_t *dst, size_t dst_stride,
		 const struct luma_source *src, void (*written)(void *ctx, uint32_t rows),
		 void *ctx)
{
	const struct luma_size *s = &src->size;
	uint32_t side = 1u << s->shift;
	uint32_t full_w = s->picture_w >> s->shift, full_h = s->picture_h >> s->shift;
	/* The last row may be short. */
	const uint8_t *end = src->data + src->stride * (s->picture_h - 1);

	for (uint32_t y = 0; y < s->h; y++, dst += dst_stride) {
		const uint8_t *row = src->data + ((size_t)y << s->shift) * src->stride;
		uint32_t rows = y < full_h ? side : s->picture_h - (full_h << s->shift);
		uint32_t x = 0;

		if (rows == side) {
			dsp->reduce(dst, row, (ptrdiff_t)src->stride, full_w, s->shift, src->step,
				    end);
			x = full_w;
		}
		for (; x < s->w; x++) {
			uint32_t left = s->picture_w - (x << s->shift);

			dst[x] = edge_mean(row + ((size_t)x << s->shift) * src->step, src->stride,
					   left < side ? left : side, rows, src->step);
		}
		if (written)
			written(ctx, y + 1);
	}
}

size_t luma_source_bytes(const struct frame *f, const uint8_t **out)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);

	if (!pf || pf->codec != PIXFMT_RAW || !f->plane[0].data)
		return 0;
	*out = f->plane[0].data;
	return f->plane[0].bytesused;
}

static int open_raw(struct luma *l, const struct frame *f, const struct pixfmt *pf,
		    struct errmsg *em)
{
	const struct frame_plane *p = &f->plane[0];
	size_t row = (size_t)f->width * pf->luma_step;
	size_t stride = p->stride ? p->stride : row;
	/* Of the last row only what is picture must be there. */
	size_t need = stride * (f->height - 1) + row;

	if (!p->data || stride < row || p->bytesused < need)
		return errmsg_set(em, -EINVAL,
				  "a short %s frame: %zu bytes of luma for %ux%u, %zu are needed",
				  pf->name, p->bytesused, f->width, f->height, need);
	l->src = p->data + pf->luma_offset;
	l->src_stride = stride;
	l->src_step = pf->luma_step;
	return 1;
}

/* A JPEG whose DC coefficients will do. 1, 0: it is not, or -ENOMEM. What is wrong with a damaged
 * one is left to the library to say. */
static int open_dcjpeg(struct luma *l)
{
	struct dcjpeg_info info;
	int err;

	if (!l->dcjpeg) {
		err = dcjpeg_create(&l->dcjpeg);
		if (err)
			return err;
	}
	err = dcjpeg_open(l->dcjpeg, l->src, l->src_bytes, &info);
	if (err)
		return err == -ENOMEM ? err : 0;
	if (luma_size(&l->size, info.width, info.height) || l->size.shift < JPEG_MAX_SHIFT)
		return 0;
	l->kind = SRC_DCJPEG;
	return 1;
}

static int open_jpeg(struct luma *l, const struct frame *f, struct errmsg *em)
{
	int w, h, subsampling, colours, err;

	l->src = f->plane[0].data;
	l->src_bytes = f->plane[0].bytesused;
	if (l->src) {
		err = open_dcjpeg(l);
		if (err)
			return err;
	}
	if (!l->jpeg)
		l->jpeg = tjInitDecompress();
	if (!l->jpeg)
		return -ENOMEM;
	if (!l->src ||
	    tjDecompressHeader3(l->jpeg, l->src, l->src_bytes, &w, &h, &subsampling, &colours) < 0)
		return errmsg_set(em, -EBADMSG, "a damaged JPEG: %s",
				  l->src ? tjGetErrorStr2(l->jpeg) : "no data");
	if (luma_size(&l->size, (uint32_t)w, (uint32_t)h))
		return errmsg_set(em, -EBADMSG, "a damaged JPEG: %d x %d pixels", w, h);
	l->kind = SRC_JPEG;
	return 1;
}

static int open_codec(struct luma *l, const struct frame *f, enum pixfmt_codec kind, bool want,
		      struct errmsg *em)
{
	struct luma_plane plane;
	int err;

	if (l->codec && luma_codec_kind(l->codec) != kind) {
		luma_codec_destroy(l->codec);
		l->codec = NULL;
	}
	if (!l->codec) {
		err = luma_codec_create(&l->codec, kind, em);
		if (err)
			return err;
	}
	err = luma_codec_feed(l->codec, f->plane[0].data, f->plane[0].bytesused, want, &plane, em);
	if (err <= 0)
		return err;
	if (luma_size(&l->size, plane.w, plane.h))
		return errmsg_set(em, -EBADMSG, "a damaged frame: %u x %u pixels", plane.w,
				  plane.h);
	l->src = plane.data;
	l->src_stride = plane.stride;
	l->src_step = 1;
	return 1;
}

int luma_open(struct luma *l, const struct frame *f, bool want, struct luma_size *out,
	      struct errmsg *em)
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);
	char name[5];
	int err;

	l->src = NULL;
	l->kind = SRC_LUMA;
	if (!pf) {
		pixfmt_fourcc_text(name, f->fourcc);
		return errmsg_set(em, -EOPNOTSUPP, "pictures of format %s cannot be analysed",
				  name);
	}
	if (pf->codec == PIXFMT_CODEC_H264 || pf->codec == PIXFMT_CODEC_HEVC) {
		err = open_codec(l, f, pf->codec, want, em);
	} else if (!want) {
		return 0;
	} else if (pf->codec == PIXFMT_CODEC_MJPEG) {
		err = open_jpeg(l, f, em);
	} else {
		if (luma_size(&l->size, f->width, f->height))
			return errmsg_set(em, -EINVAL, "a picture of %ux%u cannot be analysed",
					  f->width, f->height);
		err = open_raw(l, f, pf, em);
	}
	if (err == 1)
		*out = l->size;
	else
		l->src = NULL;
	return err;
}

/* Bytes between two markers are harmless, and some cameras always send them; every other warning
 * means that blocks of the picture are missing or made up. The library tells them apart by text
 * only. */
static bool jpeg_harmless(tjhandle jpeg)
{
	return tjGetErrorCode(jpeg) == TJERR_WARNING &&
	       strstr(tjGetErrorStr2(jpeg), "extraneous bytes before marker");
}

/* A JPEG's way from the size it is decoded at to the size wanted. */
struct jpeg_way {
	uint8_t *to; /* decoded to, h rows of w bytes */
	size_t stride;
	struct luma_size rest; /* to be reduced still; shift 0: nothing */
};

static int plan_jpeg(struct luma *l, uint8_t *dst, size_t stride, struct jpeg_way *way)
{
	unsigned shift = l->size.shift < JPEG_MAX_SHIFT ? l->size.shift : JPEG_MAX_SHIFT;
	uint32_t round = (1u << shift) - 1;
	uint32_t w = (l->size.picture_w + round) >> shift, h = (l->size.picture_h + round) >> shift;
	size_t need = (size_t)w * h;

	way->rest = (struct luma_size){w, h, l->size.w, l->size.h, l->size.shift - shift};
	way->to = dst;
	way->stride = stride;
	if (!way->rest.shift)
		return 0;
	if (l->scratch_size < need) {
		free(l->scratch);
		l->scratch_size = 0;
		l->scratch = malloc(need);
		if (!l->scratch)
			return -ENOMEM;
		l->scratch_size = need;
	}
	way->to = l->scratch;
	way->stride = w;
	return 0;
}

static int read_jpeg(struct luma *l, const struct jpeg_way *way, struct errmsg *em)
{
	if (tjDecompress2(l->jpeg, l->src, l->src_bytes, way->to, (int)way->rest.picture_w,
			  (int)way->stride, (int)way->rest.picture_h, TJPF_GRAY,
			  TJFLAG_FASTDCT | TJFLAG_LIMITSCANS) < 0 &&
	    !jpeg_harmless(l->jpeg))
		return errmsg_set(em, -EBADMSG, "a damaged JPEG: %s", tjGetErrorStr2(l->jpeg));
	return 0;
}

static void read_dcjpegs(struct luma_job *jobs[], struct jpeg_way ways[], size_t n)
{
	struct dcjpeg_job dc[LUMA_BATCH];

	for (size_t i = 0; i < n; i++)
		dc[i] = (struct dcjpeg_job){
			.d = jobs[i]->luma->dcjpeg,
			.dst = ways[i].to,
			.stride = ways[i].stride,
		};
	dcjpeg_read(dc, n);
	for (size_t i = 0; i < n; i++)
		if (dc[i].damaged)
			jobs[i]->err = errmsg_set(
				jobs[i]->em, -EBADMSG,
				"a damaged JPEG: only the first %u of %u rows of blocks are whole",
				dc[i].good, ways[i].rest.picture_h);
}

/* What needs no company. */
static int read_alone(const struct luma_job *j, const struct jpeg_way *way)
{
	struct luma *l = j->luma;
	struct luma_source src = {l->src, l->src_stride, l->src_step, l->size};

	if (l->kind == SRC_JPEG)
		return read_jpeg(l, way, j->em);
	luma_reduce(l->dsp, j->dst, j->stride, &src, j->written, j->ctx);
	return 0;
}

void luma_read_batch(struct luma_job *jobs, size_t n)
{
	struct luma_job *dc[LUMA_BATCH];
	struct jpeg_way way[LUMA_BATCH] = {0}, dc_way[LUMA_BATCH];
	size_t dcs = 0;

	for (size_t i = 0; i < n; i++) {
		struct luma_job *j = &jobs[i];
		struct luma *l = j->luma;

		j->err = l->src ? 0 : errmsg_set(j->em, -EBADMSG, "no picture is open");
		if (!j->err && l->kind != SRC_LUMA)
			j->err = plan_jpeg(l, j->dst, j->stride, &way[i]);
		if (!j->err && l->kind == SRC_DCJPEG) {
			dc_way[dcs] = way[i];
			dc[dcs++] = j;
		} else if (!j->err) {
			j->err = read_alone(j, &way[i]);
		}
	}
	read_dcjpegs(dc, dc_way, dcs);
	for (size_t i = 0; i < n; i++) {
		struct luma_job *j = &jobs[i];
		struct luma_source src = {way[i].to, way[i].stride, 1, way[i].rest};

		if (!j->err && way[i].rest.shift)
			luma_reduce(j->luma->dsp, j->dst, j->stride, &src, j->written, j->ctx);
		j->luma->src = NULL;
	}
}

int luma_read(struct luma *l, uint8_t *dst, size_t stride, struct errmsg *em)
{
	struct luma_job job = {.luma = l, .dst = dst, .stride = stride, .em = em};

	luma_read_batch(&job, 1);
	return job.err;
}
