/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be written behind "v4l2:", which nodes are cameras, and what a person is told. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/core/pixfmt.h"
#include "capture/v4l2/nal.h"
#include "capture/v4l2/v4l2_device.h"
#include "capture/v4l2/v4l2_identity.h"
#include "v4l2_mock.h"

static void test_paths(void **state)
{
	static const struct {
		const char *rest, *path; /* NULL: refused */
	} table[] = {
		{"/dev/video0", "/dev/video0"},
		{"/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0",
		 "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0"},
		{"by-path/platform-vivid.0-video-index0",
		 "/dev/v4l/by-path/platform-vivid.0-video-index0"},
		{"by-id/usb-HD_Camera_0001-video-index0",
		 "/dev/v4l/by-id/usb-HD_Camera_0001-video-index0"},
		{"", NULL},
		{"/", NULL},
		{"/dev/", NULL},
		{"video0", NULL},
		{"/etc/passwd", NULL},
		{"/dev/../etc/passwd", NULL},
		{"by-path/", NULL},
		{"by-path/..", NULL},
		{"by-path/../../sda", NULL},
		{"by-path/a/b", NULL},
		{"by-serial/x", NULL},
	};
	char path[V4L2_DEVICE_PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct errmsg em = {""};
		int err = v4l2_device_path(path, table[i].rest, &em);

		if (table[i].path ? err || strcmp(path, table[i].path)
				  : err != -EINVAL || !strstr(em.text, "by-path"))
			fail_msg("\"%s\": %d %s", table[i].rest, err, em.text);
	}
}

static void test_long_path_is_refused(void **state)
{
	char rest[V4L2_DEVICE_PATH_MAX + 10], path[V4L2_DEVICE_PATH_MAX];

	memset(rest, 'x', sizeof(rest));
	memcpy(rest, "/dev/", 5);
	rest[sizeof(rest) - 1] = '\0';
	assert_int_equal(v4l2_device_path(path, rest, NULL), -EINVAL);
	rest[V4L2_DEVICE_PATH_MAX - 1] = '\0';
	assert_int_equal(v4l2_device_path(path, rest, NULL), 0);
}

static void test_which_nodes_are_cameras(void **state)
{
	static const struct {
		const char *name;
		uint32_t caps;
		const char *message; /* NULL: is a camera */
		bool mplane;
	} table[] = {
		{"camera", V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING, NULL, false},
		{"multi-planar camera", V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_STREAMING, NULL,
		 true},
		{"metadata", V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING,
		 "is no camera: it delivers", false},
		{"codec", V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_STREAMING,
		 "is no camera: it converts", false},
		{"old codec", V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_STREAMING,
		 "is no camera: it is a video output", false},
		{"output", V4L2_CAP_VIDEO_OUTPUT_MPLANE | V4L2_CAP_STREAMING,
		 "is no camera: it is a video output", false},
		{"VBI", V4L2_CAP_VBI_CAPTURE | V4L2_CAP_STREAMING, "is no camera: it delivers VBI",
		 false},
		{"radio", V4L2_CAP_RADIO | V4L2_CAP_TUNER, "is no camera: it is a radio", false},
		{"nothing", V4L2_CAP_STREAMING, "is no camera: it captures no video", false},
		{"read() only", V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_READWRITE, "no streaming I/O",
		 false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct errmsg em = {""};
		struct v4l2_device d;
		struct v4l2_mock m;
		int err;

		v4l2_mock_init(&m);
		m.caps = table[i].caps;
		err = v4l2_device_open(&d, &m.ops, "/dev/video7", &em);
		if (table[i].message ? err != -EINVAL || !strstr(em.text, table[i].message)
				     : err || d.multiplanar != table[i].mplane)
			fail_msg("\"%s\": %d %s", table[i].name, err, em.text);
		if (!err)
			assert_string_equal(d.card, "Mock Camera");
		v4l2_device_close(&d);
		v4l2_mock_assert_clean(&m);
	}
}

static void test_what_a_person_is_told(void **state)
{
	static const struct {
		unsigned long request;
		int err, result;
		const char *message;
	} table[] = {
		{0, -ENOENT, -ENOENT, "plug the camera in"},
		{0, -ENXIO, -ENXIO, "plug the camera in"},
		{0, -ENODEV, -ENODEV, "plug the camera in"},
		{0, -EACCES, -EACCES, "group video"},
		{0, -EPERM, -EPERM, "group video"},
		{0, -EISDIR, -EINVAL, "is no camera"},
		{0, -EIO, -EIO, "Input/output error"},
		{VIDIOC_QUERYCAP, -ENOTTY, -EINVAL, "is no camera: not a V4L2 device"},
		{VIDIOC_QUERYCAP, -EINVAL, -EINVAL, "is no camera: not a V4L2 device"},
		{VIDIOC_QUERYCAP, -ENODEV, -ENODEV, "the camera is gone"},
		{VIDIOC_QUERYCAP, -EIO, -EIO, "Input/output error"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct errmsg em = {""};
		struct v4l2_device d;
		struct v4l2_mock m;

		v4l2_mock_init(&m);
		m.fault[0] = (struct v4l2_mock_fault){table[i].request, table[i].err, 1, 1};
		assert_int_equal(v4l2_device_open(&d, &m.ops, "/dev/video7", &em), table[i].result);
		if (!strstr(em.text, table[i].message) || !strstr(em.text, "/dev/video7"))
			fail_msg("case %zu: %s", i, em.text);
		v4l2_mock_assert_clean(&m);
	}
}

/* The real kernel, and things that are no cameras. */
static void test_real_files(void **state)
{
	static const struct {
		const char *path;
		int err;
	} table[] = {{"/dev/null", -EINVAL}, {"/dev", -EINVAL}, {"/dev/video4095", -ENOENT}};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct errmsg em = {""};
		struct v4l2_device d;

		assert_int_equal(v4l2_device_open(&d, &v4l2_ops_kernel, table[i].path, &em),
				 table[i].err);
		assert_non_null(strstr(em.text, table[i].path));
	}
}

static void test_link_of_a_device(void **state)
{
	char dir[] = "/tmp/matlang-links-XXXXXX", path[PATH_MAX], name[V4L2_IDENTITY_LINK_MAX];
	static const char *const links[][2] = {{"b-null", "/dev/null"},
					       {"a-null", "/dev/null"},
					       {"0-zero", "/dev/zero"},
					       {"0-dangling", "/dev/no-such-device"}};
	struct stat st;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, links[i][0]);
		assert_int_equal(symlink(links[i][1], path), 0);
	}
	assert_int_equal(stat("/dev/null", &st), 0);
	v4l2_identity_link(name, dir, st.st_rdev);
	assert_string_equal(name, "a-null");
	assert_int_equal(stat("/dev/zero", &st), 0);
	v4l2_identity_link(name, dir, st.st_rdev);
	assert_string_equal(name, "0-zero");
	assert_int_equal(stat("/dev/full", &st), 0);
	v4l2_identity_link(name, dir, st.st_rdev);
	assert_string_equal(name, "");
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, links[i][0]);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(dir), 0);
	v4l2_identity_link(name, dir, st.st_rdev);
	assert_string_equal(name, "");
}

static void test_identity_without_a_node(void **state)
{
	char text[128];

	v4l2_identity_text(text, sizeof(text), -1, "usb-0000:00:14.0-1.4");
	assert_string_equal(text, "usb-0000:00:14.0-1.4");
}

static void test_key_units(void **state)
{
	static const struct {
		const char *name;
		uint32_t fourcc;
		uint8_t data[16];
		size_t len;
		bool key;
	} table[] = {
		{"IDR", PIXFMT_H264, {0, 0, 1, 0x65, 0}, 5, true},
		{"IDR in the last byte", PIXFMT_H264, {0, 0, 1, 0x65}, 4, true},
		{"not IDR", PIXFMT_H264, {0, 0, 1, 0x41, 0}, 5, false},
		{"partition A", PIXFMT_H264, {0, 0, 1, 0x42, 0, 0, 0, 1, 0x65}, 9, false},
		{"behind SPS and PPS",
		 PIXFMT_H264,
		 {0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x68, 0, 0, 1, 0x65},
		 14,
		 true},
		{"units side by side", PIXFMT_H264, {0, 0, 1, 9, 0, 0, 1, 0x25}, 8, true},
		{"the first slice decides", PIXFMT_H264, {0, 0, 1, 1, 0, 0, 1, 5}, 8, false},
		{"no start code", PIXFMT_H264, {1, 1, 1, 0x65, 0, 1, 0x65}, 7, false},
		{"cut in the start code", PIXFMT_H264, {0, 0, 1}, 3, false},
		{"empty", PIXFMT_H264, {0}, 0, false},
		{"HEVC IDR", PIXFMT_HEVC, {0, 0, 1, 19 << 1, 1}, 5, true},
		{"HEVC CRA", PIXFMT_HEVC, {0, 0, 1, 21 << 1, 1}, 5, true},
		{"HEVC trailing", PIXFMT_HEVC, {0, 0, 1, 1 << 1, 1}, 5, false},
		{"HEVC reserved slice", PIXFMT_HEVC, {0, 0, 1, 24 << 1, 1}, 5, false},
		{"HEVC behind VPS", PIXFMT_HEVC, {0, 0, 1, 32 << 1, 1, 0, 0, 1, 16 << 1}, 9, true},
		{"no such codec", PIXFMT_YUYV, {0, 0, 1, 0x65, 0}, 5, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		/* In memory of its own, so that a read too far is seen. */
		uint8_t *copy = malloc(table[i].len ? table[i].len : 1);

		assert_non_null(copy);
		memcpy(copy, table[i].data, table[i].len);
		if (nal_is_key(table[i].fourcc, copy, table[i].len) != table[i].key)
			fail_msg("\"%s\"", table[i].name);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_long_path_is_refused),
		cmocka_unit_test(test_which_nodes_are_cameras),
		cmocka_unit_test(test_what_a_person_is_told),
		cmocka_unit_test(test_real_files),
		cmocka_unit_test(test_link_of_a_device),
		cmocka_unit_test(test_identity_without_a_node),
		cmocka_unit_test(test_key_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
