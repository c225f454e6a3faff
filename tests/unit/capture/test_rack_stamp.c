/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stamps in the frames of rack cameras: read back from every format, and damage is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "capture/rack/rack_stamp.h"
#include "rig.h"

static const struct source_want any;

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
			rig_next_frame(&r, &b, &f);
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
	rig_next_frame(&r, &b, &f);
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
	};

	return cmocka_run_group_tests_name("rack_stamp", tests, NULL, NULL);
}
