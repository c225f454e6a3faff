/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <turbojpeg.h>

#include "capture/core/monotime.h"
#include "capture/rack/rack_faults.h"
#include "capture/rack/rack_scene.h"
#include "capture/rack/rack_stamp.h"
#include "rig.h"

static const struct source_want any;

static void frame_of(struct rig *r, struct source_buffer *b, struct frame *f)
{
	assert_int_equal(rig_next(r, b), 0);
	*f = rig_frame(r, b);
}

/* Decodes to grey; fails the test on any complaint of libjpeg-turbo. */
static uint8_t *grey(const struct frame *f)
{
	tjhandle tj = tjInitDecompress();
	int w, h, sub, space;
	uint8_t *out = malloc((size_t)f->width * f->height);

	assert_int_equal(tjDecompressHeader3(tj, f->plane[0].data, f->plane[0].bytesused, &w, &h,
					     &sub, &space),
			 0);
	assert_int_equal(w, f->width);
	assert_int_equal(h, f->height);
	if (tjDecompress2(tj, f->plane[0].data, f->plane[0].bytesused, out, w, 0, h, TJPF_GRAY,
			  TJFLAG_STOPONWARNING))
		fail_msg("%s", tjGetErrorStr2(tj));
	tjDestroy(tj);
	return out;
}

static void stamps_tell_camera_order_and_time(void **state)
{
	static const char *const formats[] = {"mjpeg", "grey", "yuyv", "uyvy", "nv12", "nm12"};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		char uri[128];
		struct rig r;

		snprintf(uri, sizeof(uri), "gate-%zu?width=33&height=18&paced=0&format=%s", i,
			 formats[i]);
		rig_open(&r, &source_rack_ops, uri, any);
		for (uint32_t n = 0; n < 100; n++) {
			char name[16];
			struct source_buffer b;
			struct rack_stamp st;
			struct frame f;

			snprintf(name, sizeof(name), "gate-%zu", i);
			frame_of(&r, &b, &f);
			assert_int_equal(rack_stamp_read(&f, &st), 0);
			assert_int_equal(st.sequence, n);
			assert_int_equal(st.frame, n);
			assert_int_equal(b.sequence, n);
			assert_true(st.mono_ns == b.mono_ns);
			assert_true(st.camera == rack_stamp_camera(name));
			rig_give(&r, b.slot);
		}
		rig_close(&r);
	}
}

static void a_damaged_stamp_is_told(void **state)
{
	struct source_buffer b;
	struct rack_stamp st;
	struct frame f;
	struct rig r;

	rig_open(&r, &source_rack_ops, "x?width=64&height=64&paced=0", any);
	frame_of(&r, &b, &f);
	for (size_t i = 6; i < 2 + RACK_STAMP_SEGMENT; i++) {
		((uint8_t *)f.plane[0].data)[i] ^= 1;
		assert_int_equal(rack_stamp_read(&f, &st), i < 14 ? -ENODATA : -EBADMSG);
		((uint8_t *)f.plane[0].data)[i] ^= 1;
	}
	assert_int_equal(rack_stamp_read(&f, &st), 0);
	f.plane[0].bytesused = 1 + RACK_STAMP_SEGMENT;
	assert_int_equal(rack_stamp_read(&f, &st), -ENODATA);
	rig_close(&r);
}

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

			frame_of(&r, &b, &f);
			assert_in_range(f.plane[0].bytesused, kb[i] * 1000 - 3, kb[i] * 1000);
			assert_true(b.key && !b.error);
			free(grey(&f));
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
			frame_of(&r, &b, &f);
			assert_int_equal(f.nplanes, pf->mem_planes);
			for (unsigned p = 0; pf->codec == PIXFMT_RAW && p < f.nplanes; p++) {
				size_t want = pixfmt_plane_size(pf, p, f.width, f.height);

				assert_int_equal(f.plane[p].bytesused, want);
				assert_int_equal(r.fmt.plane_size[p], want);
			}
			if (pf->codec == PIXFMT_CODEC_MJPEG)
				free(grey(&f));
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
			frame_of(&r, &b, &f);
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

			frame_of(&r, &b, &f);
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

static void paced_frames_are_a_period_apart(void **state)
{
	struct source_buffer b, last = {0};
	struct rig r;

	rig_open(&r, &source_rack_ops, "r?width=64&height=64&fps=300&format=grey", any);
	assert_true(r.fmt.fps == 300);
	for (uint32_t n = 0; n < 60; n++) {
		assert_int_equal(rig_next(&r, &b), 0);
		/* A machine too busy to come back in 8 frames' time may see gaps; time and sequence
		 * must agree all the same. */
		if (n) {
			int64_t frames = (int64_t)b.sequence - last.sequence;
			int64_t ns = b.mono_ns - last.mono_ns;

			assert_true(frames >= 1);
			assert_in_range(ns * 3 - frames * 10000000 + 3, 0, 6);
		}
		assert_true(b.mono_ns <= monotime_now());
		last = b;
		rig_give(&r, b.slot);
	}
	rig_close(&r);
}

static void cameras_tick_at_different_instants(void **state)
{
	int64_t at[20];

	for (int i = 0; i < 20; i++) {
		struct source_buffer b;
		char uri[64];
		struct rig r;

		snprintf(uri, sizeof(uri), "cam%03d?width=16&height=16&fps=50&format=grey", i);
		rig_open(&r, &source_rack_ops, uri, any);
		at[i] = monotime_now();
		assert_int_equal(rig_next(&r, &b), 0);
		at[i] = (b.mono_ns - at[i]) / NSEC_PER_MSEC / 4;
		rig_close(&r);
	}
	/* The first tick comes one to two periods after the start: not the same for all. */
	for (int i = 1; i < 20; i++) {
		if (at[i] != at[0])
			return;
	}
	fail_msg("all cameras tick together");
}

static void without_a_free_slot_the_device_drops(void **state)
{
	struct source_buffer held[4], b;
	uint32_t gap;
	struct rig r;

	rig_open(&r, &source_rack_ops, "d?width=64&height=64&fps=1000&slots=4&format=grey", any);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rig_next(&r, &held[i]), 0);
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < i; k++)
			assert_int_not_equal(held[i].slot, held[k].slot);
	}
	/* Ticks go on and wake the reactor, but there is nothing to have. */
	for (int64_t until = held[3].mono_ns + 20 * NSEC_PER_MSEC; monotime_now() < until;) {
		assert_int_equal(r.ops->dequeue(r.source, &b), -EAGAIN);
		rig_readable(&r, 10);
	}
	rig_give(&r, held[2].slot);
	assert_int_equal(rig_next(&r, &b), 0);
	assert_int_equal(b.slot, held[2].slot);
	gap = b.sequence - held[3].sequence;
	assert_true(gap >= 20);
	assert_true(b.mono_ns - held[3].mono_ns == (int64_t)gap * NSEC_PER_MSEC);
	rig_close(&r);
}

static void unpaced_never_drops(void **state)
{
	struct source_buffer b[3], more;
	struct rig r;

	rig_open(&r, &source_rack_ops, "u?width=64&height=64&slots=3&paced=0&format=grey", any);
	for (uint32_t n = 0; n < 300; n += 3) {
		for (uint32_t i = 0; i < 3; i++) {
			assert_true(rig_readable(&r, 1000));
			assert_int_equal(r.ops->dequeue(r.source, &b[i]), 0);
			assert_int_equal(b[i].sequence, n + i);
		}
		assert_int_equal(r.ops->dequeue(r.source, &more), -EAGAIN);
		assert_false(rig_readable(&r, 0));
		for (int i = 0; i < 3; i++)
			rig_give(&r, b[i].slot);
	}
	assert_int_equal(r.ops->enqueue(r.source, 0), -EINVAL);
	assert_int_equal(r.ops->enqueue(r.source, 3), -EINVAL);
	rig_close(&r);
}

static void fault_scripts_are_read(void **state)
{
	static const char *const bad[] = {"unplug",
					  "torn@",
					  "torn@x",
					  "melt@5",
					  "torn%0",
					  "torn@5:2",
					  "drop@5:x",
					  "stall@5:s",
					  "openfail",
					  "openfail@3",
					  "torn@5,",
					  ",torn@5",
					  "torn@5;drop@6",
					  "unplug@1:2h",
					  "torn@99999999999",
					  "openfail:",
					  "torn@5 ",
					  "drop@1:1:1",
					  "torn@1,torn@1,torn@1,torn@1,torn@1,torn@1,torn@1,torn@1,"
					  "torn@1,torn@1,torn@1,torn@1,"
					  "torn@1,torn@1,torn@1,torn@1,torn@1"};
	struct rack_faults f;
	int64_t arg = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct errmsg em = {""};

		if (rack_faults_parse(bad[i], &f, &em) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
		assert_true(em.text[0]);
	}
	assert_int_equal(
		rack_faults_parse("unplug@100:2s,stall@200:30ms,torn%50,drop@40:5,openfail:3", &f,
				  NULL),
		0);
	assert_int_equal(f.open_failures, 3);
	assert_int_equal(rack_faults_at(&f, 0, &arg), RACK_FAULT_NONE);
	assert_int_equal(rack_faults_at(&f, 39, &arg), RACK_FAULT_NONE);
	assert_int_equal(rack_faults_at(&f, 40, &arg), RACK_FAULT_DROP);
	assert_int_equal(rack_faults_at(&f, 44, &arg), RACK_FAULT_DROP);
	assert_int_equal(rack_faults_at(&f, 45, &arg), RACK_FAULT_NONE);
	assert_int_equal(rack_faults_at(&f, 50, &arg), RACK_FAULT_TORN);
	assert_int_equal(rack_faults_at(&f, 100, &arg), RACK_FAULT_UNPLUG);
	assert_true(arg == 2 * NSEC_PER_SEC);
	assert_int_equal(rack_faults_at(&f, 200, &arg), RACK_FAULT_STALL);
	assert_true(arg == 30 * NSEC_PER_MSEC);
	assert_int_equal(rack_faults_at(&f, 250, &arg), RACK_FAULT_TORN);
	assert_int_equal(f.view, RACK_FAULT_NONE);
	assert_false(rack_faults_lost_view(&f, 50, 10000));
}

/* A view is lost for a time, beside whatever else happens to the frames. */
static void scripts_of_lost_views(void **state)
{
	static const char *const kinds[] = {"cover", "defocus", "move", "blind"};
	struct rack_faults f;
	int64_t arg = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s@20:2s,torn@25", kinds[i]);
		assert_int_equal(rack_faults_parse(text, &f, NULL), 0);
		assert_int_equal(f.view, RACK_FAULT_COVER + i);
		assert_false(rack_faults_lost_view(&f, 19, 10000));
		assert_true(rack_faults_lost_view(&f, 20, 10000));
		assert_true(rack_faults_lost_view(&f, 39, 10000));
		assert_false(rack_faults_lost_view(&f, 40, 10000));
		assert_int_equal(rack_faults_at(&f, 21, &arg), RACK_FAULT_NONE);
		assert_int_equal(rack_faults_at(&f, 25, &arg), RACK_FAULT_TORN);
	}
	assert_int_equal(rack_faults_parse("cover@1,move@90:1s", &f, NULL), -EINVAL);
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

static void drops_are_gaps_and_torn_frames_heal(void **state)
{
	uint8_t *whole[64] = {NULL};
	struct rig r;

	rig_open(&r, &source_rack_ops,
		 "f1?width=160&height=120&slots=2&paced=0&frame_kb=20&faults=torn%5,drop@7:3,error@"
		 "12",
		 any);
	for (uint32_t n = 0; n < 40; n++) {
		struct source_buffer b;
		struct rack_stamp st;
		struct frame f;

		if (n == 7)
			n = 10; /* dropped: 7, 8, 9 */
		frame_of(&r, &b, &f);
		assert_int_equal(b.sequence, n);
		assert_int_equal(b.error, n == 12);
		if (n == 12) {
			assert_int_equal(f.plane[0].bytesused, 0);
		} else {
			assert_int_equal(rack_stamp_read(&f, &st), 0);
			assert_int_equal(st.frame, n);
		}
		if (n == 12 || (n && n % 5 == 0)) {
			/* What storage may do behind a short frame. */
			if (n != 12)
				assert_int_equal(f.plane[0].bytesused, 10000);
			memset((uint8_t *)f.plane[0].data + f.plane[0].bytesused, 0xee,
			       FRAME_TRAILER_ROOM);
		} else {
			uint8_t *g = grey(&f);

			if (whole[b.slot])
				assert_memory_equal(g, whole[b.slot], 160 * 120);
			free(whole[b.slot]);
			whole[b.slot] = g;
		}
		rig_give(&r, b.slot);
	}
	for (int i = 0; i < 64; i++)
		free(whole[i]);
	rig_close(&r);
}

static void unplugged_stays_away_and_comes_back(void **state)
{
	static const char *const uri =
		"f2?width=64&height=64&slots=2&paced=0&format=grey&faults=unplug@5:300ms";
	struct source_buffer b;
	struct rack_stamp st;
	struct errmsg em;
	struct frame f;
	int64_t left;
	int err;
	struct rig r;

	rig_open(&r, &source_rack_ops, uri, any);
	for (int n = 0; n < 5; n++) {
		frame_of(&r, &b, &f);
		if (n < 4)
			rig_give(&r, b.slot);
	}
	left = monotime_now();
	assert_int_equal(rig_next(&r, &b), -ENODEV);
	assert_true(rig_readable(&r, 0));
	assert_int_equal(rig_next(&r, &b), -ENODEV);
	assert_int_equal(r.ops->enqueue(r.source, b.slot), -ENODEV);
	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), -EBUSY);
	rig_close(&r);
	do
		err = rig_try(&source_rack_ops, uri, any, &em);
	while (err == -ENODEV);
	assert_int_equal(err, 0);
	assert_true(monotime_now() - left >= 300 * NSEC_PER_MSEC);
	/* The device's life goes on: not a second unplug at frame 5. */
	rig_open(&r, &source_rack_ops, uri, any);
	for (uint32_t n = 0; n < 20; n++) {
		frame_of(&r, &b, &f);
		assert_int_equal(b.sequence, n);
		assert_int_equal(rack_stamp_read(&f, &st), 0);
		assert_int_equal(st.frame, n + 6);
		rig_give(&r, b.slot);
	}
	rig_close(&r);
}

static void a_stall_shows_in_time_only(void **state)
{
	struct source_buffer b, last = {0};
	struct rig r;

	rig_open(&r, &source_rack_ops,
		 "f3?width=64&height=64&fps=200&slots=32&format=grey&faults=stall@5:150ms", any);
	for (uint32_t n = 0; n < 10; n++) {
		assert_int_equal(rig_next(&r, &b), 0);
		assert_int_equal(b.sequence, n);
		if (n == 5)
			assert_true(b.mono_ns - last.mono_ns >= 150 * NSEC_PER_MSEC);
		last = b;
	}
	rig_close(&r);
}

static void opens_fail_as_often_as_scripted(void **state)
{
	static const char *const uri = "f4?width=16&height=16&format=grey&faults=openfail:2";
	struct errmsg em;

	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), -EIO);
	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), -EIO);
	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), 0);
	assert_int_equal(rig_try(&source_rack_ops, uri, any, &em), 0);
}

static void a_script_that_drops_all_does_not_hang(void **state)
{
	struct source_buffer b;
	struct rig r;

	rig_open(&r, &source_rack_ops,
		 "f5?width=16&height=16&format=grey&paced=0&faults=drop%1,stall%1:0s", any);
	assert_int_equal(r.ops->dequeue(r.source, &b), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(r.ops->dequeue(r.source, &b), -EAGAIN);
	rig_close(&r);
}

static void bad_options_get_one_line(void **state)
{
	static const char *const bad[] = {"x?width=0",
					  "x?width=7681",
					  "x?height=4321",
					  "x?fps=0",
					  "x?fps=1001",
					  "x?slots=1",
					  "x?slots=65",
					  "x?format=h264",
					  "x?format=rgb",
					  "x?scene=dusk",
					  "x?objects=17",
					  "x?paced=2",
					  "x?frame_kb=0",
					  "x?frame_kb=40000",
					  "x?speed=3",
					  "a b?width=5",
					  "x/y",
					  "x?seed=-1",
					  "x?seed=4294967296",
					  "x?faults=melt@1",
					  "x?active=-1",
					  "x?format=grey&frame_kb=5",
					  "x?width=64&width=64",
					  "x?width=1920&height=1080&frame_kb=1"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct errmsg em = {""};
		int err = rig_try(&source_rack_ops, bad[i], any, &em);

		if (err != -EINVAL)
			fail_msg("%s: %d", bad[i], err);
		assert_true(strlen(em.text) > 10);
		assert_null(strchr(em.text, '\n'));
	}
}

static void the_camera_limits_what_the_uri_leaves_open(void **state)
{
	struct source_want want = {.max_width = 320,
				   .max_height = 200,
				   .max_fps = 5.5,
				   .slots = 4,
				   .fourcc = PIXFMT_YUYV,
				   .memory = SLAB_DRIVER};
	struct source_buffer b;
	struct errmsg em;
	struct rig r;

	rig_open(&r, &source_rack_ops, "w?paced=0", want);
	assert_int_equal(r.fmt.width, 320);
	assert_int_equal(r.fmt.height, 200);
	assert_int_equal(r.fmt.slots, 4);
	assert_int_equal(r.fmt.fourcc, PIXFMT_YUYV);
	assert_true(r.fmt.fps == 5.5);
	/* Memory of its own: planes, but no slot. */
	assert_int_equal(r.kind, SLAB_DRIVER);
	assert_int_equal(rig_next(&r, &b), 0);
	assert_null(r.slab->slot[b.slot].base);
	assert_non_null(r.slab->slot[b.slot].plane[0]);
	rig_close(&r);
	assert_int_equal(rig_try(&source_rack_ops, "w?format=nv12", want, &em), -EINVAL);
}

static void long_names_fit(void **state)
{
	char name[80];
	struct errmsg em;

	memset(name, 'n', sizeof(name));
	strcpy(name + 63, "?width=8");
	assert_int_equal(rig_try(&source_rack_ops, name, any, &em), 0);
	memset(name, 'n', sizeof(name));
	strcpy(name + 64, "?width=8");
	assert_int_equal(rig_try(&source_rack_ops, name, any, &em), -EINVAL);
}

static void a_stamp_in_an_access_unit(void **state)
{
	/* SEI of user data, then a slice; the digits are those of a stamp made for another format.
	 */
	uint8_t raw[RACK_STAMP_SIZE], au[160] = {0, 0, 0, 1, 6, 5, 0x80};
	const struct rack_stamp in = {.camera = 7, .frame = 9, .mono_ns = 11, .sequence = 13};
	struct rack_stamp out;
	struct frame f = {.fourcc = PIXFMT_H264, .nplanes = 1};

	rack_stamp_write_raw(pixfmt_find(PIXFMT_GREY), raw, RACK_STAMP_SIZE, RACK_STAMP_SIZE, 1,
			     &in);
	memcpy(au + 7, RACK_STAMP_UUID, 16);
	for (unsigned i = 0; i < RACK_STAMP_SIZE; i++) {
		au[23 + 2 * i] = (uint8_t) "0123456789abcdef"[raw[i] >> 4];
		au[24 + 2 * i] = (uint8_t) "0123456789abcdef"[raw[i] & 15];
	}
	f.plane[0].data = au;
	f.plane[0].bytesused = sizeof(au);
	assert_int_equal(rack_stamp_read(&f, &out), 0);
	assert_memory_equal(&out, &in, sizeof(in));
	au[30] ^= 1;
	assert_true(rack_stamp_read(&f, &out) < 0);
	au[30] = 'g';
	assert_int_equal(rack_stamp_read(&f, &out), -EBADMSG);
	assert_int_equal(rack_stamp_read_h264(au, 22 + 2 * RACK_STAMP_SIZE, &out), -ENODATA);
	au[8] ^= 1;
	assert_int_equal(rack_stamp_read(&f, &out), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_tell_camera_order_and_time),
		cmocka_unit_test(a_damaged_stamp_is_told),
		cmocka_unit_test(a_stamp_in_an_access_unit),
		cmocka_unit_test(pictures_have_the_wanted_size_and_decode),
		cmocka_unit_test(odd_and_tiny_pictures),
		cmocka_unit_test(every_raw_format_shows_the_same_scene),
		cmocka_unit_test(things_come_and_go),
		cmocka_unit_test(paced_frames_are_a_period_apart),
		cmocka_unit_test(cameras_tick_at_different_instants),
		cmocka_unit_test(without_a_free_slot_the_device_drops),
		cmocka_unit_test(unpaced_never_drops),
		cmocka_unit_test(fault_scripts_are_read),
		cmocka_unit_test(scripts_of_lost_views),
		cmocka_unit_test(lost_views_look_so),
		cmocka_unit_test(drops_are_gaps_and_torn_frames_heal),
		cmocka_unit_test(unplugged_stays_away_and_comes_back),
		cmocka_unit_test(a_stall_shows_in_time_only),
		cmocka_unit_test(opens_fail_as_often_as_scripted),
		cmocka_unit_test(a_script_that_drops_all_does_not_hang),
		cmocka_unit_test(bad_options_get_one_line),
		cmocka_unit_test(the_camera_limits_what_the_uri_leaves_open),
		cmocka_unit_test(long_names_fit),
	};

	return cmocka_run_group_tests_name("rack", tests, NULL, NULL);
}
