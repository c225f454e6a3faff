/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status table: fits any screen, shows trouble first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "capture/core/cleanup.h"
#include "tests/unit/tools/fake_appliance.h"
#include "tools/matlangd/statustable.h"

static char notes[LOG_KEPT][LOG_LINE_MAX] = {"12:00:00 warning: one", "12:00:01 two"};

static int setup(void **state)
{
	struct recorder *r;
	char name[32];

	fake_reset();
	for (unsigned i = 0; i < 451; i++) {
		snprintf(name, sizeof(name), "cam-%03u", i);
		assert_int_equal(appliance_add_camera(&fake, name, &r, NULL), 0);
		r->stats.camera.state = CAMERA_STREAMING;
		r->stats.camera.format.fourcc = PIXFMT_MJPEG;
		r->stats.camera.format.width = 1920;
		r->stats.camera.format.height = 1080;
		r->stats.camera.fps = 15;
		r->stats.camera.slots = 8;
		r->stats.recorded = 100;
	}
	return 0;
}

static int teardown(void **state)
{
	fake_reset();
	return 0;
}

/* Draws, and checks that nothing is higher or wider than asked for. */
static char *draw(const struct statustable *t, const struct statustable *before, unsigned lines,
		  unsigned columns, size_t nnotes)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	unsigned n = 0;

	statustable_draw(f, t, before, lines, columns, notes, nnotes);
	fclose(f);
	for (char *p = text, *end; *p; p = end + 1, n++) {
		unsigned width = 0;

		end = strchr(p, '\n');
		assert_non_null(end);
		for (char *c = p; c < end; c++)
			width += (*c & 0xc0) != 0x80;
		assert_true(width <= columns);
	}
	if (n > lines)
		fail_msg("%u lines of %u", n, lines);
	return text;
}

static void hundreds_fit_a_small_screen(void **state)
{
	struct statustable t;
	static const unsigned heights[] = {9, 23, 50, 500};

	assert_int_equal(statustable_take(&t, &fake), 0);
	assert_int_equal(t.count, 451);
	for (size_t i = 0; i < ARRAY_SIZE(heights); i++) {
		char *text CLEANUP_FREE = draw(&t, NULL, heights[i], 80, 2);
		char more[64];
		int shown = (int)heights[i] - 5 - 2 - 1;

		snprintf(more, sizeof(more), "... and %d more", 451 - shown);
		assert_int_equal(strstr(text, more) != NULL, heights[i] < 451);
		assert_non_null(strstr(text, "451 of 451 cameras stream"));
		assert_non_null(strstr(text, "recorded 45100  lost 0"));
		assert_non_null(strstr(text, "12:00:01 two"));
	}
	statustable_free(&t);
}

static void trouble_comes_first(void **state)
{
	struct statustable before, t;
	struct recorder *r;
	char *text;
	const char *waits, *loses, *moves, *plain;

	assert_int_equal(statustable_take(&before, &fake), 0);
	r = appliance_find_camera(&fake, "cam-300");
	r->stats.camera.state = CAMERA_WAITING;
	strcpy(r->stats.camera.why, "no such device: /dev/video7");
	appliance_find_camera(&fake, "cam-200")->stats.lost[LOSS_NO_SLOT] = 3;
	r = appliance_find_camera(&fake, "cam-400");
	r->stats.motion.in_event = true;
	/* Lost long ago is no news. */
	before.row[250].lost = 9;
	appliance_find_camera(&fake, "cam-250")->stats.lost[LOSS_TORN] = 9;
	assert_int_equal(statustable_take(&t, &fake), 0);
	text = draw(&t, &before, 12, 120, 0);
	waits = strstr(text, "cam-300");
	loses = strstr(text, "cam-200");
	moves = strstr(text, "cam-400");
	plain = strstr(text, "cam-000");
	assert_true(waits && loses && moves && plain);
	assert_true(waits < loses && loses < moves && moves < plain);
	assert_non_null(strstr(waits, "no such device: /dev/video7"));
	assert_non_null(strstr(loses, "LOSING"));
	assert_non_null(strstr(moves, "MOVES"));
	free(text);
	/* The least of terminals still shows what was lost. */
	text = draw(&t, &before, 12, 80, 0);
	assert_non_null(strstr(text, "LOST"));
	assert_null(strstr(text, "cam-250"));
	free(text);
	statustable_free(&before);
	statustable_free(&t);
}

static void one_line_for_a_log(void **state)
{
	struct statustable before, t;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(statustable_take(&before, &fake), 0);
	fake.store.written_bytes = 50000000;
	assert_int_equal(statustable_take(&t, &fake), 0);
	before.now_mono_ns = t.now_mono_ns - 5 * NSEC_PER_SEC;
	statustable_line(f, &t, &before);
	fclose(f);
	assert_non_null(strstr(text, "451 of 451 cameras stream, 45100 frames recorded, 0 lost, "
				     "10.0 MB/s"));
	free(text);
	statustable_free(&before);
	statustable_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hundreds_fit_a_small_screen, setup, teardown),
		cmocka_unit_test_setup_teardown(trouble_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(one_line_for_a_log, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
