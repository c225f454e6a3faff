/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw pictures of every format to JPEG: decoded again, the picture is the one that went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "capture/encoder.h"
#include "capture/jpeg_yuv.h"

/* A smooth picture: what JPEG changes little. Full range. */
static uint8_t luma_at(unsigned x, unsigned y)
{
	return (uint8_t)(40 + x * 2 + y);
}

static uint8_t u_at(unsigned cx)
{
	return (uint8_t)(100 + cx);
}

static uint8_t v_at(unsigned cy)
{
	return (uint8_t)(160 - cy);
}

#define SIDE_MAX 80

struct picture {
	struct frame f;
	uint8_t *mem;
	int released;
};

static void on_release(struct frame *f)
{
	struct picture *p = f->owner;

	p->released++;
}

/* Where sample (x, y) of component c lies, for rows padded by `pad` bytes. */
static uint8_t *sample(struct picture *p, const struct pixfmt *pf, int c, unsigned x, unsigned y)
{
	struct frame *f = &p->f;
	uint8_t *base = (uint8_t *)f->plane[0].data;
	size_t stride = f->plane[0].stride;
	unsigned ch = (f->height + pf->vsub - 1) / pf->vsub;
	bool semi = pf->colour_planes == 2;
	int order = pf->v_first ? 3 - c : c; /* 1: first chroma in memory, 2: second */
	size_t cstride = semi ? stride * 2 / pf->hsub : stride / pf->hsub;

	if (c == 0)
		return base + y * stride + x * pf->luma_step + pf->luma_offset;
	if (pf->luma_step == 2)
		return base + y * stride + 4 * (size_t)x + (pf->luma_offset ? 0 : 1) + 2 * (c - 1);
	if (pf->mem_planes > 1)
		return (uint8_t *)f->plane[semi ? 1 : order].data +
		       y * f->plane[semi ? 1 : order].stride + x * (semi ? 2 : 1) +
		       (semi ? order - 1 : 0);
	base += stride * f->height;
	return base + y * cstride + x * (semi ? 2 : 1) +
	       (order == 2 ? (semi ? 1 : cstride * ch) : 0);
}

static void draw(struct picture *p, const struct pixfmt *pf)
{
	struct frame *f = &p->f;

	for (unsigned y = 0; y < f->height; y++)
		for (unsigned x = 0; x < f->width; x++)
			*sample(p, pf, 0, x, y) = luma_at(x, y);
	if (pf->fourcc == PIXFMT_GREY)
		return;
	for (unsigned y = 0; y < (f->height + pf->vsub - 1) / pf->vsub; y++) {
		for (unsigned x = 0; x < (f->width + pf->hsub - 1) / pf->hsub; x++) {
			*sample(p, pf, 1, x, y) = u_at(x);
			*sample(p, pf, 2, x, y) = v_at(y * pf->vsub / 2);
		}
	}
}

static void make(struct picture *p, const struct pixfmt *pf, unsigned w, unsigned h, unsigned pad)
{
	struct frame *f = &p->f;
	uint8_t *at;

	memset(p, 0, sizeof(*p));
	p->mem = aligned_alloc(FRAME_BLOCK, 1 << 18);
	assert_non_null(p->mem);
	*f = (struct frame){
		.refs = 1,
		.camera_id = 7,
		.sequence = 42,
		.flags = FRAME_KEY | FRAME_FULL_RANGE,
		.mono_ns = 123456789,
		.fourcc = pf->fourcc,
		.width = w,
		.height = h,
		.nplanes = pf->mem_planes,
		.slot = p->mem,
		.slot_size = 1 << 18,
		.buf_index = -1,
		.release = on_release,
		.owner = p,
	};
	at = p->mem;
	for (unsigned i = 0; i < pf->mem_planes; i++) {
		unsigned rows = i ? (h + pf->vsub - 1) / pf->vsub : h;
		size_t row = pixfmt_plane_size(pf, i, w, h) / (pf->mem_planes == 1 ? 1 : rows);

		if (pf->mem_planes == 1)
			row = pf->luma_step == 2 ? (size_t)ALIGN_UP(w, 2u) * 2 : w;
		f->plane[i].data = at;
		f->plane[i].stride = (uint32_t)row + pad;
		/* One memory plane holds the chroma behind the luma: rows scale with the stride. */
		f->plane[i].bytesused = pf->mem_planes == 1 ? 3 * (size_t)(row + pad + 2) * (h + 2)
							    : (row + pad) * rows;
		at += ALIGN_UP(f->plane[i].bytesused, (size_t)FRAME_BLOCK);
	}
	draw(p, pf);
}

static void close_to(int got, int want, const char *what, const struct pixfmt *pf)
{
	if (abs(got - want) > 4)
		fail_msg("%s: %s is %d, want %d", pf->name, what, got, want);
}

static void check_jpeg(const struct frame *j, const struct pixfmt *pf, unsigned w, unsigned h)
{
	static uint8_t y[SIDE_MAX * SIDE_MAX], u[SIDE_MAX * SIDE_MAX], v[SIDE_MAX * SIDE_MAX];
	unsigned char *planes[3] = {y, u, v};
	int strides[3] = {SIDE_MAX, SIDE_MAX, SIDE_MAX};
	int jw, jh, samp, space;
	tjhandle tj = tjInitDecompress();

	assert_int_equal(tjDecompressHeader3(tj, j->plane[0].data, j->plane[0].bytesused, &jw, &jh,
					     &samp, &space),
			 0);
	assert_int_equal(jw, w);
	assert_int_equal(jh, h);
	assert_int_equal(tjDecompressToYUVPlanes(tj, j->plane[0].data, j->plane[0].bytesused,
						 planes, 0, strides, 0, 0),
			 0);
	tjDestroy(tj);
	for (unsigned r = 0; r < h; r++)
		for (unsigned c = 0; c < w; c++)
			close_to(y[r * SIDE_MAX + c], luma_at(c, r), "luma", pf);
	if (pf->fourcc == PIXFMT_GREY) {
		assert_int_equal(samp, TJSAMP_GRAY);
		return;
	}
	assert_int_equal(samp, pf->vsub == 2 ? TJSAMP_420 : TJSAMP_422);
	for (unsigned r = 0; r < (h + pf->vsub - 1) / pf->vsub; r++) {
		for (unsigned c = 0; c < (w + 1) / 2; c++) {
			close_to(u[r * SIDE_MAX + c], u_at(c), "U", pf);
			close_to(v[r * SIDE_MAX + c], v_at(r * pf->vsub / 2), "V", pf);
		}
	}
}

struct harness {
	struct reactor *r;
	struct pool *pool;
	struct encoder *e;
	const struct pixfmt *pf;
	unsigned w, h;
	unsigned done, failed;
	uint32_t last_sequence;
	struct frame *kept;
	bool keep, gone;
};

static void on_done(void *ctx, struct frame *raw, struct frame *jpeg)
{
	struct harness *t = ctx;

	assert_true(reactor_is_current(t->r));
	t->done++;
	assert_true(raw->sequence > t->last_sequence || t->done == 1);
	t->last_sequence = raw->sequence;
	if (!jpeg) {
		t->failed++;
		return;
	}
	assert_int_equal(jpeg->sequence, raw->sequence);
	assert_int_equal(jpeg->camera_id, 7);
	assert_int_equal(jpeg->mono_ns, raw->mono_ns);
	assert_int_equal(jpeg->fourcc, PIXFMT_MJPEG);
	assert_true(frame_tail(jpeg) + FRAME_TRAILER_ROOM <= jpeg->slot_size);
	if (t->pf)
		check_jpeg(jpeg, t->pf, t->w, t->h);
	if (t->keep && !t->kept) {
		frame_ref(jpeg);
		t->kept = jpeg;
	}
}

static void on_gone(void *ctx)
{
	((struct harness *)ctx)->gone = true;
}

static void begin(struct harness *t)
{
	struct errmsg em = {""};

	memset(t, 0, sizeof(*t));
	if (reactor_create(&t->r, 64, &em) || pool_create(&t->pool, "test", 2, 2, 0, &em) ||
	    encoder_create(&t->e, t->r, t->pool, on_done, t, &em))
		fail_msg("%s", em.text);
}

static void end(struct harness *t)
{
	encoder_destroy(t->e, on_gone, t);
	while (!t->gone)
		assert_int_equal(reactor_turn(t->r, 10000000), 0);
	pool_destroy(t->pool);
	reactor_destroy(t->r);
}

static void wait_done(struct harness *t, unsigned n)
{
	while (t->done < n)
		assert_int_equal(reactor_turn(t->r, 10000000), 0);
}

static void every_raw_format_survives(void **state)
{
	static const unsigned sizes[][3] = {{64, 48, 0}, {64, 48, 16}, {33, 27, 0}, {2, 2, 0}};
	const struct pixfmt *pf;

	for (size_t i = 0; (pf = pixfmt_at(i)); i++) {
		if (pf->codec != PIXFMT_RAW)
			continue;
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			struct harness t;
			struct picture p;

			/* Odd strides have no defined chroma stride in one memory plane. */
			if (sizes[s][0] % 2 && pf->mem_planes == 1 && pf->colour_planes > 1)
				continue;
			begin(&t);
			t.pf = pf;
			t.w = sizes[s][0];
			t.h = sizes[s][1];
			make(&p, pf, t.w, t.h, sizes[s][2]);
			assert_int_equal(encoder_submit(t.e, &p.f, 95), 0);
			wait_done(&t, 1);
			assert_int_equal(t.failed, 0);
			end(&t);
			frame_unref(&p.f);
			assert_int_equal(p.released, 1);
			free(p.mem);
		}
	}
}

static void studio_range_is_stretched(void **state)
{
	struct picture p;
	struct jpeg_yuv yuv;
	uint8_t *scratch;

	make(&p, pixfmt_find(PIXFMT_GREY), 4, 1, 0);
	p.f.flags &= ~FRAME_FULL_RANGE;
	memcpy(p.mem, (uint8_t[]){16, 235, 126, 0}, 4);
	scratch = malloc(jpeg_yuv_scratch_size(&p.f));
	assert_int_equal(jpeg_yuv_convert(&p.f, scratch, &yuv), 0);
	assert_int_equal(yuv.plane[0][0], 0);
	assert_int_equal(yuv.plane[0][1], 255);
	assert_int_equal(yuv.plane[0][2], 128);
	assert_int_equal(yuv.plane[0][3], 0);
	free(scratch);
	free(p.mem);
}

static void short_plane_is_refused_not_read(void **state)
{
	const struct pixfmt *pf;

	for (size_t i = 0; (pf = pixfmt_at(i)); i++) {
		struct picture p;
		struct jpeg_yuv yuv;
		uint8_t scratch[64 * 48 * 4];
		unsigned last = pf->mem_planes - 1u;

		if (pf->codec != PIXFMT_RAW)
			continue;
		make(&p, pf, 64, 48, 0);
		p.f.plane[last].bytesused = pixfmt_plane_size(pf, last, 64, 48);
		assert_int_equal(jpeg_yuv_convert(&p.f, scratch, &yuv), 0);
		p.f.plane[last].bytesused--;
		if (jpeg_yuv_convert(&p.f, scratch, &yuv) != -EINVAL)
			fail_msg("%s: a short plane was taken", pf->name);
		free(p.mem);
	}
}

static void order_is_kept_and_failures_fall_back_to_raw(void **state)
{
	struct harness t;
	struct picture p[20];

	begin(&t);
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
		make(&p[i], pixfmt_find(PIXFMT_NV12), 64, 48, 0);
		p[i].f.sequence = i + 1;
		if (i % 5 == 4)
			p[i].f.plane[0].bytesused = 10;
		assert_int_equal(encoder_submit(t.e, &p[i].f, 80), 0);
	}
	wait_done(&t, ARRAY_SIZE(p));
	assert_int_equal(t.failed, 4);
	assert_int_equal(t.last_sequence, 20);
	end(&t);
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
		frame_unref(&p[i].f);
		assert_int_equal(p[i].released, 1);
		free(p[i].mem);
	}
}

static void destroy_waits_for_the_last_jpeg(void **state)
{
	struct harness t;
	struct picture p;

	begin(&t);
	t.keep = true;
	make(&p, pixfmt_find(PIXFMT_YUYV), 64, 48, 0);
	assert_int_equal(encoder_submit(t.e, &p.f, 80), 0);
	wait_done(&t, 1);
	encoder_destroy(t.e, on_gone, &t);
	for (int i = 0; i < 5; i++)
		assert_int_equal(reactor_turn(t.r, 0), 0);
	assert_false(t.gone);
	assert_int_equal(t.kept->plane[0].data[0], 0xff);
	frame_unref(t.kept);
	while (!t.gone)
		assert_int_equal(reactor_turn(t.r, 10000000), 0);
	pool_destroy(t.pool);
	reactor_destroy(t.r);
	free(p.mem);
}

static void compressed_is_not_taken(void **state)
{
	struct harness t;
	struct frame f = {.refs = 1, .fourcc = PIXFMT_MJPEG};

	begin(&t);
	assert_int_equal(encoder_submit(t.e, &f, 80), -EINVAL);
	f.fourcc = PIXFMT_GREY;
	assert_int_equal(encoder_submit(t.e, &f, 0), -EINVAL);
	assert_int_equal(encoder_submit(t.e, &f, 101), -EINVAL);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_raw_format_survives),
		cmocka_unit_test(studio_range_is_stretched),
		cmocka_unit_test(short_plane_is_refused_not_read),
		cmocka_unit_test(order_is_kept_and_failures_fall_back_to_raw),
		cmocka_unit_test(destroy_waits_for_the_last_jpeg),
		cmocka_unit_test(compressed_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
