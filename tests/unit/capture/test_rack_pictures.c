/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rack cameras show: sizes, formats, things that move, views that are lost. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture/rack/rack_faults.h"
#include "capture/rack/rack_scene.h"
#include "jpeg_grey.h"
#include "rig.h"

static const struct source_want any;

static void pictures_have_the_wanted_size_and_decode(void **state)
{
	/* The paddings end in every way: none, one segment, several, a rest too small for one. */
	static const unsigned kb[] = {9, 10, 66, 75, 140};

	for (size_t i = 0; i < ARRAY_SIZE(kb); i++) {
		char uri[128];
		struct rig r;

		snprintf(uri, sizeof(uri), "p?width=321&height=241&frame_kb=%u&paced=0&slots=5",
			 kb[i]);
		rig_open(&r, &source_rack_ops, uri, any);
		for (int n = 0; n < 5; n++) {
			struct source_buffer b;
			struct frame f;

			rig_next_frame(&r, &b, &f);
			assert_in_range(f.plane[0].bytesused, kb[i] * 1000 - 3, kb[i] * 1000);
			assert_true(b.key && !b.error);
			free(jpeg_grey(&f));
		}
		rig_close(&r);
	}
}

static void odd_and_tiny_pictures(void **state)
{
	static const char *const sizes[] = {"width=1&height=1", "width=2&height=1",
					    "width=1&height=40", "width=7&height=5",
					    "width=17&height=16"};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t k = 0; pixfmt_at(k); k++) {
			const struct pixfmt *pf = pixfmt_at(k);
			struct source_buffer b;
			struct frame f;
			char uri[128];
			struct rig r;

			if (pf->codec == PIXFMT_CODEC_H264 || pf->codec == PIXFMT_CODEC_HEVC)
				continue;
			snprintf(uri, sizeof(uri), "t?%s&format=%s&paced=0&slots=2", sizes[i],
				 pf->name);
			rig_open(&r, &source_rack_ops, uri, any);
			rig_next_frame(&r, &b, &f);
			assert_int_equal(f.nplanes, pf->mem_planes);
			for (unsigned p = 0; pf->codec == PIXFMT_RAW && p < f.nplanes; p++) {
				size_t want = pixfmt_plane_size(pf, p, f.width, f.height);

				assert_int_equal(f.plane[p].bytesused, want);
				assert_int_equal(r.fmt.plane_size[p], want);
			}
			if (pf->codec == PIXFMT_CODEC_MJPEG)
				free(jpeg_grey(&f));
			rig_close(&r);
		}
	}
}

/* One sample of each component at a pixel, whatever the format. */
static void sample(const struct frame *f, uint32_t x, uint32_t y, int yuv[3])
{
	const struct pixfmt *pf = pixfmt_find(f->fourcc);
	uint32_t cw = (f->width + 1) / 2, cx = x / 2, cy = y / pf->vsub;
	size_t area = (size_t)f->width * f->height;
	const uint8_t *c = pf->mem_planes > 1 ? f->plane[1].data : f->plane[0].data + area;
	const uint8_t *d = pf->mem_planes > 2
				   ? f->plane[2].data
				   : c + (size_t)cw * ((f->height + pf->vsub - 1) / pf->vsub);
	int u, v;

	if (pf->luma_step == 2) {
		const uint8_t *p = f->plane[0].data + (size_t)y * f->plane[0].stride + cx * 4;

		yuv[0] = p[x % 2 * 2 + pf->luma_offset];
		yuv[1] = p[1 - pf->luma_offset];
		yuv[2] = p[3 - pf->luma_offset];
		return;
	}
	yuv[0] = f->plane[0].data[(size_t)y * f->width + x];
	if (pf->colour_planes == 1)
		return;
	u = pf->colour_planes == 2 ? c[((size_t)cy * cw + cx) * 2] : c[(size_t)cy * cw + cx];
	v = pf->colour_planes == 2 ? c[((size_t)cy * cw + cx) * 2 + 1] : d[(size_t)cy * cw + cx];
	yuv[1] = pf->v_first ? v : u;
	yuv[2] = pf->v_first ? u : v;
}

static void every_raw_format_shows_the_same_scene(void **state)
{
	enum { W = 35, H = 27 };
	static int ref[H][W][3];
	unsigned background = 0;

	for (size_t k = 0; pixfmt_at(k); k++) {
		const struct pixfmt *pf = pixfmt_at(k);
		struct source_buffer b;
		struct frame f;
		char uri[128];
		struct rig r;

		if (pf->codec != PIXFMT_RAW)
			continue;
		snprintf(uri, sizeof(uri), "s?width=%d&height=%d&format=%s&paced=0&slots=3&quiet=0",
			 W, H, pf->name);
		rig_open(&r, &source_rack_ops, uri, any);
		do /* the picture of slot 0, in each format */
			rig_next_frame(&r, &b, &f);
		while (b.slot != 0);
		/* The stamp covers the first two rows. */
		for (uint32_t y = 2; y < H; y++) {
			for (uint32_t x = 0; x < W; x++) {
				int yuv[3] = {0};

				sample(&f, x, y, yuv);
				if (pf->fourcc == PIXFMT_GREY)
					ref[y][x][0] = yuv[0];
				if (pf->fourcc == PIXFMT_NV12)
					memcpy(ref[y][x], yuv, sizeof(yuv));
				if (pf->fourcc == PIXFMT_NV12)
					background += yuv[1] == 120 && yuv[2] == 132;
				assert_memory_equal(yuv, ref[y][x],
						    pf->fourcc == PIXFMT_GREY ? sizeof(int)
									      : sizeof(yuv));
			}
		}
		rig_close(&r);
	}
	/* U and V are not the same thing, and not swapped in the format the others are held to. */
	assert_in_range(background, W * H / 2, W * H * 9 / 10);
}

static size_t changed(const struct frame *a, const uint8_t *b)
{
	size_t n = 0;

	for (size_t i = 64; i < (size_t)a->width * a->height; i++)
		n += abs((int)a->plane[0].data[i] - (int)b[i]) > 14;
	return n;
}

static void things_come_and_go(void **state)
{
	enum { FPS = 10, LOOP = 50, W = 160, H = 120 };
	static const char *const scenes[] = {"day", "night"};

	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		uint8_t *before = calloc(W, H);
		unsigned still = 0, moving = 0;
		char uri[160];
		struct rig r;

		snprintf(
			uri, sizeof(uri),
			"m?width=%d&height=%d&format=grey&paced=0&fps=%d&active=2&quiet=3&scene=%s",
			W, H, FPS, scenes[i]);
		rig_open(&r, &source_rack_ops, uri, any);
		for (int n = 0; n < 2 * LOOP; n++) {
			struct source_buffer b;
			struct frame f;
			size_t c;

			rig_next_frame(&r, &b, &f);
			c = changed(&f, before);
			if (n) {
				still += c == 0;
				moving += c > W * H / 200;
			}
			memcpy(before, f.plane[0].data, (size_t)W * H);
			rig_give(&r, b.slot);
		}
		free(before);
		rig_close(&r);
		/* Every frame but the first is one or the other; things move for two seconds in
		 * five, and going away is a change too. */
		assert_int_equal(still + moving, 2 * LOOP - 1);
		assert_in_range(moving, 2 * 2 * FPS - 1, 2 * (2 * FPS + 1));
	}
}

/* The mean of a raw camera's luma, and of its squared steps to the right. */
static void look_at(const uint8_t *y, uint32_t w, uint32_t h, double *mean, double *steps)
{
	double sum = 0, squares = 0;

	for (uint32_t v = h / 4; v < h; v++)
		for (uint32_t x = 0; x + 1 < w; x++) {
			int step = y[v * w + x + 1] - y[v * w + x];

			sum += y[v * w + x];
			squares += step * step;
		}
	*mean = sum / ((h - h / 4) * (w - 1.0));
	*steps = squares / ((h - h / 4) * (w - 1.0));
}

static void lost_views_look_so(void **state)
{
	struct rack_look look = {.width = 320,
				 .height = 240,
				 .fourcc = PIXFMT_GREY,
				 .pictures = 4,
				 .still = 3,
				 .lost = 1};
	double mean, steps, plain_mean, plain_steps;
	struct rack_scene s;

	assert_int_equal(rack_scene_init(&s, &look), 0);
	rack_scene_draw(&s, &look, 0);
	look_at(s.y, 320, 240, &plain_mean, &plain_steps);
	look.lost_kind = RACK_FAULT_COVER;
	rack_scene_draw(&s, &look, 3);
	look_at(s.y, 320, 240, &mean, &steps);
	assert_true(mean < 60 && steps < plain_steps / 4);
	look.lost_kind = RACK_FAULT_DEFOCUS;
	rack_scene_draw(&s, &look, 3);
	look_at(s.y, 320, 240, &mean, &steps);
	assert_true(fabs(mean - plain_mean) < 5 && steps < plain_steps / 4);
	look.lost_kind = RACK_FAULT_BLIND;
	rack_scene_draw(&s, &look, 3);
	look_at(s.y, 320, 240, &mean, &steps);
	assert_true(mean >= 230);
	look.lost_kind = RACK_FAULT_MOVE;
	rack_scene_draw(&s, &look, 3);
	look_at(s.y, 320, 240, &mean, &steps);
	assert_true(steps > plain_steps / 2);
	/* And the view is still there. */
	rack_scene_draw(&s, &look, 0);
	look_at(s.y, 320, 240, &mean, &steps);
	assert_true(mean == plain_mean && steps == plain_steps);
	rack_scene_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_have_the_wanted_size_and_decode),
		cmocka_unit_test(odd_and_tiny_pictures),
		cmocka_unit_test(every_raw_format_shows_the_same_scene),
		cmocka_unit_test(things_come_and_go),
		cmocka_unit_test(lost_views_look_so),
	};

	return cmocka_run_group_tests_name("rack_pictures", tests, NULL, NULL);
}
