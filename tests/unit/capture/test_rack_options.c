/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of rack cameras: which are refused, and what the camera decides. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rig.h"

static const struct source_want any;

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_options_get_one_line),
		cmocka_unit_test(the_camera_limits_what_the_uri_leaves_open),
		cmocka_unit_test(long_names_fit),
	};

	return cmocka_run_group_tests_name("rack_options", tests, NULL, NULL);
}
