/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is no clip, or not the one asked for, is refused with one line that says why. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "clip_files.h"
#include "rig.h"

static const struct source_want any;

static void bad_input_gets_one_line(void **state)
{
	static const struct {
		const char *name, *options;
		int err;
	} bad[] = {
		{"absent.mkv", "", -ENOENT},
		{"absent/in%06d.jpg", "", -ENOENT},
		{"empty", "", -ENOENT},
		{"empty/*.png", "", -ENOENT},
		{"noise.mkv", "", -EINVAL},
		{"noise.jpg", "", -EINVAL},
		{"zero.avi", "", -EINVAL},
		{"one/1.pgm", "?fps=0", -EINVAL},
		{"one/1.pgm", "?fps=1001", -EINVAL},
		{"one/1.pgm", "?loop=2", -EINVAL},
		{"one/1.pgm", "?slots=65", -EINVAL},
		{"one/1.pgm", "?slots=1", -EINVAL},
		{"one/1.pgm", "?start=-1", -EINVAL},
		{"one/1.pgm", "?speed=2", -EINVAL},
		{"list.m3u8", "", -EINVAL},
	};
	char noise[3000];
	struct errmsg em;

	mkdir(clip_files_path("empty"), 0777);
	mkdir(clip_files_path("one"), 0777);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * i * 7 >> 3);
	clip_files_put("noise.mkv", noise, sizeof(noise));
	clip_files_put("noise.jpg", noise, sizeof(noise));
	clip_files_put("zero.avi", noise, 0);
	clip_files_put("one/1.pgm", "P5\n2 2\n255\nabcd", 15);
	clip_files_put("list.m3u8", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", 43);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char rest[256];
		int err;

		em.text[0] = '\0';
		snprintf(rest, sizeof(rest), "%s%s", clip_files_path(bad[i].name), bad[i].options);
		err = rig_try(&source_clip_ops, rest, any, &em);
		if (bad[i].err == -ENOENT ? err != -ENOENT : err >= 0)
			fail_msg("%s: %d", rest, err);
		assert_true(strlen(em.text) > 10);
		assert_null(strchr(em.text, '\n'));
	}
	assert_int_equal(rig_try(&source_clip_ops, "", any, &em), -EINVAL);
	assert_int_equal(rig_try(&source_clip_ops, "http://127.0.0.1:9/x.mkv", any, &em), -ENOENT);
}

static void an_unsupported_codec_is_named(void **state)
{
	struct errmsg em = {""};

	clip_files_make(CLIP_FILES_PICTURES, "-frames:v 5 -c:v mpeg4", "u.avi");
	assert_int_equal(rig_try(&source_clip_ops, clip_files_path("u.avi"), any, &em), -EINVAL);
	assert_non_null(strstr(em.text, "mpeg4"));
}

static void another_format_than_asked_for_is_refused(void **state)
{
	struct source_want want = {.fourcc = PIXFMT_MJPEG};
	struct errmsg em = {""};

	assert_int_equal(rig_try(&source_clip_ops, clip_files_numbered("asked", 2), want, &em),
			 -EINVAL);
	assert_non_null(strstr(em.text, "GREY"));
}

/* Opening a pipe that has no writer would hold an opener for ever. */
static void only_files_and_folders_are_clips(void **state)
{
	const char *pipe = clip_files_path("pipe");
	struct errmsg em = {""};

	assert_int_equal(rig_try(&source_clip_ops, "/dev/zero", any, &em), -EINVAL);
	assert_non_null(strstr(em.text, "neither a file nor a folder"));
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(rig_try(&source_clip_ops, pipe, any, &em), -EINVAL);
	assert_int_equal(unlink(pipe), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_input_gets_one_line),
		cmocka_unit_test(an_unsupported_codec_is_named),
		cmocka_unit_test(another_format_than_asked_for_is_refused),
		cmocka_unit_test(only_files_and_folders_are_clips),
	};

	return cmocka_run_group_tests_name("clip_refusals", tests, clip_files_set_up,
					   clip_files_tear_down);
}
