/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `matlang devices` is told of a node. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capture/core/pixfmt.h"
#include "capture/devices.h"
#include "v4l2_mock.h"

static void set_up(struct v4l2_mock *m)
{
	v4l2_mock_init(m);
	m->format[0] = (struct v4l2_mock_format){
		.fourcc = PIXFMT_MJPEG,
		.size = {{640, 480, .fps = {15, 30, 5}}, {1920, 1080, .fps = {30}}}};
	m->format[1] = (struct v4l2_mock_format){.fourcc = V4L2_PIX_FMT_RGB24,
						 .size = {{640, 480, .fps = {30}}}};
	m->format[2] = (struct v4l2_mock_format){
		.fourcc = PIXFMT_NV12,
		.size = {{32, 16, 4096, 2160, .step = 8, .min_fps = 1, .max_fps = 60}}};
}

static void test_camera(void **state)
{
	struct devices_entry e;
	struct v4l2_mock m;

	set_up(&m);
	assert_int_equal(devices_probe(&m.ops, "/dev/no-such-node", &e), 0);
	assert_string_equal(e.node, "/dev/no-such-node");
	assert_string_equal(e.source, "v4l2:/dev/no-such-node");
	assert_string_equal(e.name, "Mock Camera");
	assert_string_equal(e.driver, "mock");
	assert_string_equal(e.trouble, "");
	assert_string_equal(e.others, "RGB3");
	assert_int_equal(e.nmodes, 3);
	assert_int_equal(e.modes[0].fourcc, PIXFMT_MJPEG);
	assert_int_equal(e.modes[0].width, 640);
	assert_int_equal(e.modes[0].min_width, 640);
	assert_int_equal(e.modes[0].nrates, 3);
	assert_true(e.modes[0].fps[0] > 29.9 && e.modes[0].fps[2] < 5.1);
	assert_false(e.modes[0].rate_range);
	assert_int_equal(e.modes[1].height, 1080);
	assert_int_equal(e.modes[2].fourcc, PIXFMT_NV12);
	assert_int_equal(e.modes[2].width, 4096);
	assert_int_equal(e.modes[2].min_height, 16);
	assert_true(e.modes[2].rate_range);
	assert_true(e.modes[2].fps[0] > 59.9 && e.modes[2].fps[1] < 1.1);
	devices_clear(&e);
	/* Only asked: nothing of it was set. */
	assert_int_equal(v4l2_mock_calls(&m, VIDIOC_S_FMT), 0);
	assert_int_equal(v4l2_mock_calls(&m, VIDIOC_S_PARM), 0);
	assert_int_equal(v4l2_mock_calls(&m, VIDIOC_REQBUFS), 0);
	v4l2_mock_assert_clean(&m);
}

static void test_no_camera_is_left_out(void **state)
{
	struct devices_entry e = {.nmodes = 77};
	struct v4l2_mock m;

	set_up(&m);
	m.caps = V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING;
	assert_int_equal(devices_probe(&m.ops, "/dev/video1", &e), -EINVAL);
	assert_int_equal(e.nmodes, 77);
	v4l2_mock_assert_clean(&m);
}

static void test_trouble_is_told(void **state)
{
	static const struct {
		unsigned long request;
		int err;
		const char *text;
	} table[] = {
		{0, -EACCES, "group video"},
		{0, -EBUSY, "busy"},
		{VIDIOC_ENUM_FMT, -EIO, "listing its formats"},
		{VIDIOC_ENUM_FRAMESIZES, -EIO, "listing its formats"},
		{VIDIOC_ENUM_FRAMEINTERVALS, -ENODEV, "the camera is gone"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct devices_entry e;
		struct v4l2_mock m;

		set_up(&m);
		m.fault[0] = (struct v4l2_mock_fault){table[i].request, table[i].err, 1, 100};
		assert_int_equal(devices_probe(&m.ops, "/dev/video3", &e), 0);
		if (!strstr(e.trouble, table[i].text))
			fail_msg("case %zu: \"%s\"", i, e.trouble);
		devices_clear(&e);
		v4l2_mock_assert_clean(&m);
	}
}

static void test_list_on_this_machine(void **state)
{
	struct devices_entry *entries = NULL;
	struct errmsg em = {""};
	size_t n = 12345;

	assert_int_equal(devices_list(&entries, &n, &em), 0);
	assert_true(n <= 256);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(strncmp(entries[i].source, "v4l2:", 5), 0);
	devices_free(entries, n);
	devices_free(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_camera),
		cmocka_unit_test(test_no_camera_is_left_out),
		cmocka_unit_test(test_trouble_is_told),
		cmocka_unit_test(test_list_on_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
