/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which format, size and rate is taken: named cases against a scripted driver. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capture/core/pixfmt.h"
#include "capture/v4l2/v4l2_format.h"
#include "v4l2_mock.h"

#define RATES(...) .fps = {__VA_ARGS__}

/* A usual webcam: MJPEG up to 1080p30, YUYV where USB lets it. */
#define WEBCAM                                                    \
	{                                                         \
		{.fourcc = PIXFMT_YUYV,                           \
		 .size = {{640, 480, RATES(30, 15, 5)},           \
			  {1280, 720, RATES(10, 5)},              \
			  {1920, 1080, RATES(5)}}},               \
			{.fourcc = PIXFMT_MJPEG,                  \
			 .size = {{640, 480, RATES(30, 15, 5)},   \
				  {1920, 1080, RATES(30, 15, 5)}, \
				  {1280, 720, RATES(60, 30)},     \
				  {3840, 2160, RATES(5, 2)}}},    \
	}
#define ENCODERS                                                                    \
	{                                                                           \
		{.fourcc = PIXFMT_HEVC, .size = {{1920, 1080, RATES(30)}}},         \
			{.fourcc = PIXFMT_NV12, .size = {{1920, 1080, RATES(30)}}}, \
			{.fourcc = PIXFMT_H264, .size = {{1280, 720, RATES(30)}}},  \
	}
#define SCALER                                        \
	{                                             \
		{                                     \
			.fourcc = PIXFMT_NV12,        \
			.size = {{.width = 32,        \
				  .height = 32,       \
				  .max_width = 8192,  \
				  .max_height = 8192, \
				  .step = 16,         \
				  .min_fps = 1,       \
				  .max_fps = 60}},    \
		}                                     \
	}
#define RAWS                                                                      \
	{                                                                         \
		{.fourcc = PIXFMT_GREY, .size = {{640, 480, RATES(30)}}},         \
			{.fourcc = PIXFMT_UYVY, .size = {{640, 480, RATES(30)}}}, \
			{.fourcc = PIXFMT_NV12, .size = {{640, 480, RATES(30)}}}, \
			{.fourcc = PIXFMT_YU12, .size = {{640, 480, RATES(30)}}}, \
	}

#define RAW_4K                                                                       \
	{                                                                            \
		{.fourcc = PIXFMT_NV12,                                              \
		 .size = {{1920, 1080, RATES(30)}, {3840, 2160, RATES(15)}}},        \
			{.fourcc = PIXFMT_GREY,                                      \
			 .size = {{1280, 720, RATES(30)}, {1080, 1920, RATES(15)}}}, \
	}

struct format_case {
	const char *name;
	struct v4l2_mock_format format[V4L2_MOCK_FORMATS];
	struct source_want want;
	uint32_t fourcc, width, height;
	double fps;
};

static const struct format_case cases[] = {
	{"MJPEG before raw, the largest that shows movement",
	 WEBCAM,
	 {0},
	 PIXFMT_MJPEG,
	 1920,
	 1080,
	 30},
	{"a low limit makes the largest usable",
	 WEBCAM,
	 {.max_fps = 2},
	 PIXFMT_MJPEG,
	 3840,
	 2160,
	 2},
	{"the size limit holds",
	 WEBCAM,
	 {.max_width = 1280, .max_height = 720},
	 PIXFMT_MJPEG,
	 1280,
	 720,
	 60},
	{"a limit between sizes takes the one below",
	 WEBCAM,
	 {.max_width = 1900},
	 PIXFMT_MJPEG,
	 1280,
	 720,
	 60},
	{"one side limited", WEBCAM, {.max_height = 480}, PIXFMT_MJPEG, 640, 480, 30},
	{"both limits", WEBCAM, {.max_height = 720, .max_fps = 30}, PIXFMT_MJPEG, 1280, 720, 30},
	{"the rate limit between rates takes the one below",
	 WEBCAM,
	 {.max_width = 1920, .max_fps = 29},
	 PIXFMT_MJPEG,
	 1920,
	 1080,
	 15},
	{"a limit of 15 is met exactly",
	 WEBCAM,
	 {.max_width = 1920, .max_fps = 15},
	 PIXFMT_MJPEG,
	 1920,
	 1080,
	 15},
	{"no rate below the limit: the lowest",
	 WEBCAM,
	 {.max_width = 1280, .max_height = 720, .max_fps = 1},
	 PIXFMT_MJPEG,
	 640,
	 480,
	 5},
	{"no size below the limit: the smallest",
	 WEBCAM,
	 {.max_width = 320, .max_height = 240},
	 PIXFMT_MJPEG,
	 640,
	 480,
	 30},
	{"raw when asked for, at a usable rate",
	 WEBCAM,
	 {.fourcc = PIXFMT_YUYV},
	 PIXFMT_YUYV,
	 1280,
	 720,
	 10},
	{"raw when asked for, slow when asked for",
	 WEBCAM,
	 {.fourcc = PIXFMT_YUYV, .max_fps = 5},
	 PIXFMT_YUYV,
	 1920,
	 1080,
	 5},
	{"H.264 before HEVC before raw", ENCODERS, {0}, PIXFMT_H264, 1280, 720, 30},
	{"HEVC when asked for", ENCODERS, {.fourcc = PIXFMT_HEVC}, PIXFMT_HEVC, 1920, 1080, 30},
	{"colour before grey, then few bytes, then the device's order",
	 RAWS,
	 {0},
	 PIXFMT_NV12,
	 640,
	 480,
	 30},
	{"grey when asked for", RAWS, {.fourcc = PIXFMT_GREY}, PIXFMT_GREY, 640, 480, 30},
	{"a scaler without limits gives its native size", SCALER, {0}, PIXFMT_NV12, 1280, 720, 60},
	{"a scaler takes both limits",
	 SCALER,
	 {.max_width = 1920, .max_height = 1080},
	 PIXFMT_NV12,
	 1920,
	 1072,
	 60},
	{"a scaler keeps the aspect under one limit",
	 SCALER,
	 {.max_width = 640},
	 PIXFMT_NV12,
	 640,
	 352,
	 60},
	{"a scaler's smallest under a tiny limit",
	 SCALER,
	 {.max_width = 8, .max_height = 8},
	 PIXFMT_NV12,
	 32,
	 32,
	 60},
	{"a range of rates meets the limit",
	 SCALER,
	 {.max_width = 640, .max_fps = 12.5},
	 PIXFMT_NV12,
	 640,
	 352,
	 12.5},
	{"raw pictures have a limit of their own", RAW_4K, {0}, PIXFMT_NV12, 1920, 1080, 30},
	{"which any limit from the admin lifts",
	 RAW_4K,
	 {.max_width = 4096},
	 PIXFMT_NV12,
	 3840,
	 2160,
	 15},
	{"and so does one of the height",
	 RAW_4K,
	 {.max_height = 2160},
	 PIXFMT_NV12,
	 3840,
	 2160,
	 15},
	{"it holds for a raw format asked for",
	 RAW_4K,
	 {.fourcc = PIXFMT_GREY},
	 PIXFMT_GREY,
	 1280,
	 720,
	 30},
	{"a raw camera that has only larger pictures gives the smallest of them",
	 {{.fourcc = PIXFMT_YUYV, .size = {{3840, 2160, RATES(15)}, {2592, 1944, RATES(15)}}}},
	 {0},
	 PIXFMT_YUYV,
	 2592,
	 1944,
	 15},
	{"compressed 4K before raw 1080p",
	 {{.fourcc = PIXFMT_NV12, .size = {{1920, 1080, RATES(30)}}},
	  {.fourcc = PIXFMT_MJPEG, .size = {{3840, 2160, RATES(15)}}}},
	 {0},
	 PIXFMT_MJPEG,
	 3840,
	 2160,
	 15},
	{"all slow: the fastest",
	 {{.fourcc = PIXFMT_YUYV, .size = {{1920, 1080, RATES(2)}, {640, 480, RATES(8)}}}},
	 {0},
	 PIXFMT_YUYV,
	 640,
	 480,
	 8},
	{"NTSC rate under a limit of 30",
	 {{.fourcc = PIXFMT_YUYV, .size = {{720, 480, RATES(30.00003, 25)}}}},
	 {.max_fps = 30},
	 PIXFMT_YUYV,
	 720,
	 480,
	 30},
	{"unknown formats are passed over",
	 {{.fourcc = V4L2_PIX_FMT_RGB24, .size = {{4096, 2160, RATES(60)}}},
	  {.fourcc = PIXFMT_YUYV, .size = {{640, 480, RATES(30)}}}},
	 {0},
	 PIXFMT_YUYV,
	 640,
	 480,
	 30},
};

static int negotiate(struct v4l2_mock *m, const struct source_want *want, struct source_format *fmt,
		     struct errmsg *em)
{
	struct v4l2_device d;
	int err;

	assert_int_equal(v4l2_device_open(&d, &m->ops, "/dev/video0", em), 0);
	err = v4l2_format_negotiate(&d, want, fmt, em);
	v4l2_device_close(&d);
	v4l2_mock_assert_clean(m);
	return err;
}

static void set_up(struct v4l2_mock *m, const struct v4l2_mock_format *formats)
{
	v4l2_mock_init(m);
	memcpy(m->format, formats, sizeof(m->format));
	m->has_selection = true;
	m->native_width = 1280;
	m->native_height = 720;
}

static void test_choice(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct format_case *c = &cases[i];
		struct errmsg em = {""};
		struct source_format f = {0};
		struct v4l2_mock m;

		set_up(&m, c->format);
		if (negotiate(&m, &c->want, &f, &em))
			fail_msg("\"%s\": %s", c->name, em.text);
		if (f.fourcc != c->fourcc || f.width != c->width || f.height != c->height ||
		    fabs(f.fps - c->fps) > 0.01)
			fail_msg("\"%s\": got %.4s %ux%u at %g, not %.4s %ux%u at %g", c->name,
				 (const char *)&f.fourcc, f.width, f.height, f.fps,
				 (const char *)&c->fourcc, c->width, c->height, c->fps);
		assert_int_equal(m.fourcc, c->fourcc);
		assert_false(f.multiplanar);
	}
}

static void test_multiplanar_description(void **state)
{
	const struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {
		{.fourcc = PIXFMT_YM12,
		 .planes = 3,
		 .bytes = {640 * 480 + 128, 320 * 240, 320 * 240},
		 .stride = {640, 320, 320},
		 .size = {{640, 480, RATES(15)}}}};
	struct source_format f = {0};
	struct v4l2_mock m;

	set_up(&m, formats);
	m.caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
	m.quantization = V4L2_QUANTIZATION_FULL_RANGE;
	assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, NULL), 0);
	assert_true(f.multiplanar);
	assert_true(f.full_range);
	assert_int_equal(f.nplanes, 3);
	assert_int_equal(f.plane_size[0], 640 * 480 + 128);
	assert_int_equal(f.plane_size[2], 320 * 240);
	assert_int_equal(f.stride[0], 640);
	assert_int_equal(f.stride[1], 320);
}

static void test_range_of_luma(void **state)
{
	static const struct {
		uint32_t fourcc, quantization, colorspace;
		bool full;
	} table[] = {
		{PIXFMT_YUYV, V4L2_QUANTIZATION_DEFAULT, V4L2_COLORSPACE_SRGB, false},
		{PIXFMT_YUYV, V4L2_QUANTIZATION_DEFAULT, V4L2_COLORSPACE_JPEG, true},
		{PIXFMT_YUYV, V4L2_QUANTIZATION_LIM_RANGE, V4L2_COLORSPACE_JPEG, false},
		{PIXFMT_YUYV, V4L2_QUANTIZATION_FULL_RANGE, V4L2_COLORSPACE_REC709, true},
		{PIXFMT_MJPEG, V4L2_QUANTIZATION_FULL_RANGE, V4L2_COLORSPACE_JPEG, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {
			{.fourcc = table[i].fourcc, .size = {{640, 480, RATES(30)}}}};
		struct source_format f = {0};
		struct v4l2_mock m;

		set_up(&m, formats);
		m.quantization = table[i].quantization;
		m.colorspace = table[i].colorspace;
		assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, NULL), 0);
		assert_int_equal(f.full_range, table[i].full);
	}
}

static void test_without_size_enumeration(void **state)
{
	const struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {
		{.fourcc = PIXFMT_YUYV, .size = {{720, 576, RATES(25)}}}};
	struct source_format f = {0};
	struct v4l2_mock m;

	set_up(&m, formats);
	m.no_enum_sizes = m.no_enum_rates = true;
	m.has_selection = false;
	m.interval = (struct v4l2_fract){1, 25};
	assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, NULL), 0);
	assert_int_equal(f.width, 720);
	assert_int_equal(f.height, 576);
	assert_true(fabs(f.fps - 25) < 0.01);
}

static void test_without_format_enumeration(void **state)
{
	const struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {
		{.fourcc = PIXFMT_YUYV, .size = {{640, 480, RATES(30)}}},
		{.fourcc = PIXFMT_MJPEG, .size = {{640, 480, RATES(30)}}}};
	struct source_format f = {0};
	struct v4l2_mock m;

	/* TRY_FMT finds the better format ... */
	set_up(&m, formats);
	m.no_enum_fmt = m.no_enum_sizes = true;
	m.fourcc = PIXFMT_YUYV;
	m.width = 640;
	m.height = 480;
	assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, NULL), 0);
	assert_int_equal(f.fourcc, PIXFMT_MJPEG);
	/* ... and without it the one that is set must do. */
	set_up(&m, formats);
	m.no_enum_fmt = m.no_enum_sizes = m.no_enum_rates = m.no_try = m.no_parm = true;
	m.fourcc = PIXFMT_YUYV;
	m.width = 640;
	m.height = 480;
	assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, NULL), 0);
	assert_int_equal(f.fourcc, PIXFMT_YUYV);
	assert_int_equal(f.width, 640);
	assert_true(f.fps == 0);
}

static void test_a_format_that_cannot_be_tried_is_passed_over(void **state)
{
	const struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {
		{.fourcc = PIXFMT_YUYV, .size = {{640, 480, RATES(30)}}}};
	struct source_format f = {0};
	struct v4l2_mock m;

	set_up(&m, formats);
	m.no_enum_fmt = m.no_enum_sizes = true;
	m.fourcc = PIXFMT_YUYV;
	m.width = 640;
	m.height = 480;
	m.fault[0] = (struct v4l2_mock_fault){VIDIOC_TRY_FMT, -EINVAL, 1, 1};
	assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, NULL), 0);
	assert_int_equal(f.fourcc, PIXFMT_YUYV);
}

/* Slots must hold what the device sends at the rate that was set, not at the one before. */
static void test_sizes_are_those_after_the_rate(void **state)
{
	const struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {
		{.fourcc = PIXFMT_MJPEG, .bytes = {100000}, .size = {{640, 480, RATES(30, 15)}}}};
	struct source_format f = {0};
	struct v4l2_mock m;

	set_up(&m, formats);
	m.rate_bytes = 5000;
	assert_int_equal(negotiate(&m, &(struct source_want){.max_fps = 15}, &f, NULL), 0);
	assert_int_equal(f.plane_size[0], 105000);
}

static void test_refusals(void **state)
{
	const struct v4l2_mock_format yuyv = {.fourcc = PIXFMT_YUYV,
					      .size = {{640, 480, RATES(30)}}};
	const struct v4l2_mock_format rgb = {.fourcc = V4L2_PIX_FMT_RGB24,
					     .size = {{640, 480, RATES(30)}}};
	struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {yuyv, rgb};
	struct source_format f = {.width = 7};
	struct errmsg em = {""};
	struct v4l2_mock m;

	set_up(&m, formats);
	assert_int_equal(negotiate(&m, &(struct source_want){.fourcc = PIXFMT_NV12}, &f, &em),
			 -EINVAL);
	assert_non_null(strstr(em.text, "does not offer NV12"));
	assert_non_null(strstr(em.text, "YUYV"));

	formats[0] = rgb;
	set_up(&m, formats);
	assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, &em), -EINVAL);
	assert_non_null(strstr(em.text, "no format that can be recorded"));
	assert_non_null(strstr(em.text, "RGB3"));

	memset(formats, 0, sizeof(formats));
	set_up(&m, formats);
	assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, &em), -EINVAL);
	assert_int_equal(f.width, 7);
}

/* Sizes and strides a driver should never report, each of which would make a reader run wild. */
static void test_impossible_pictures(void **state)
{
	static const struct {
		const char *name;
		struct v4l2_mock_format f;
		bool mplane;
	} table[] = {
		{"stride below a row", {.fourcc = PIXFMT_YUYV, .stride = {1279}}, false},
		{"plane below the picture",
		 {.fourcc = PIXFMT_YUYV, .bytes = {640 * 480 * 2 - 1}},
		 false},
		{"chroma plane below the picture",
		 {.fourcc = PIXFMT_NM12, .planes = 2, .bytes = {640 * 480, 640 * 240 - 1}},
		 true},
		{"chroma stride below a row",
		 {.fourcc = PIXFMT_NM12, .planes = 2, .stride = {640, 639}},
		 true},
		{"plane of 2 GiB", {.fourcc = PIXFMT_MJPEG, .bytes = {1u << 31}}, false},
		{"too few planes", {.fourcc = PIXFMT_NM12, .planes = 1}, true},
		{"too many planes", {.fourcc = PIXFMT_NV12, .planes = 8}, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {table[i].f};
		struct source_format f;
		struct errmsg em = {""};
		struct v4l2_mock m;

		formats[0].size[0] = (struct v4l2_mock_size){640, 480, RATES(30)};
		set_up(&m, formats);
		if (table[i].mplane)
			m.caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
		if (negotiate(&m, &(struct source_want){0}, &f, &em) != -EINVAL ||
		    !strstr(em.text, "cannot be"))
			fail_msg("\"%s\" was taken: %s", table[i].name, em.text);
	}
}

static void test_stride_left_out_is_the_row(void **state)
{
	const struct v4l2_mock_format formats[V4L2_MOCK_FORMATS] = {
		{.fourcc = PIXFMT_YM12, .planes = 3, .size = {{640, 480, RATES(30)}}}};
	struct source_format f = {0};
	struct v4l2_mock m;

	set_up(&m, formats);
	m.no_stride = true;
	m.caps = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING;
	assert_int_equal(negotiate(&m, &(struct source_want){0}, &f, NULL), 0);
	assert_int_equal(f.stride[0], 640);
	assert_int_equal(f.stride[1], 320);
	assert_int_equal(f.stride[2], 320);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_multiplanar_description),
		cmocka_unit_test(test_range_of_luma),
		cmocka_unit_test(test_without_size_enumeration),
		cmocka_unit_test(test_without_format_enumeration),
		cmocka_unit_test(test_a_format_that_cannot_be_tried_is_passed_over),
		cmocka_unit_test(test_sizes_are_those_after_the_rate),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_impossible_pictures),
		cmocka_unit_test(test_stride_left_out_is_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
