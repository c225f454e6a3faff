/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lost views the detector's own way: full pictures, and what is told of them as events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/detector.h"
#include "analyze/events.h"
#include "tests/unit/analyze/rig.h"
#include "tests/unit/analyze/scene.h"

struct told {
	struct analyzer_event last;
	unsigned starts, ends, motion;
	uint8_t first_cells;
};

static void on_event(void *ctx, const struct analyzer_event *e)
{
	struct told *told = ctx;

	if (!e->tamper) {
		told->motion++;
		return;
	}
	told->last = *e;
	told->first_cells = e->cells[0];
	told->starts += e->phase == ANALYZER_EVENT_START;
	told->ends += e->phase == ANALYZER_EVENT_END;
}

static void feed(struct detector *d, struct events *ev, const struct motion_config *config,
		 const uint8_t *luma, int64_t *now)
{
	struct detector_result r;

	assert_int_equal(detector_feed_luma(d, luma, 320, 320, 240, *now, &r, NULL), 0);
	assert_int_equal(events_feed(ev, config, &r), 0);
	assert_int_equal(events_view(ev, config, &r), 0);
	*now += RIG_PERIOD;
}

static void test_events(void **state)
{
	static uint8_t cloth[320 * 240];
	struct motion_config config;
	struct detector *d;
	struct events ev;
	struct told told = {0};
	struct scene s;
	int64_t now = RIG_SECOND, left;

	memset(cloth, 50, sizeof(cloth));
	motion_config_defaults(&config);
	scene_init(&s, 320, 240);
	events_init(&ev, on_event, &told);
	assert_int_equal(detector_create(&d, &config, NULL), 0);
	for (int i = 0; i < 100; i++)
		feed(d, &ev, &config, scene_draw(&s, &rig_plain), &now);
	left = now;
	for (int i = 0; i < 80; i++)
		feed(d, &ev, &config, cloth, &now);
	assert_int_equal(told.starts, 1);
	assert_int_equal(told.ends, 0);
	assert_int_equal(told.last.tamper, TAMPER_COVERED);
	assert_int_equal(events_lost_view(&ev), TAMPER_COVERED);
	assert_in_range(told.last.start_mono_ns, left - RIG_SECOND, left + 5 * RIG_SECOND);
	assert_int_equal(told.first_cells, 0xff);
	assert_true(told.last.number > 0);
	for (int i = 0; i < 40; i++)
		feed(d, &ev, &config, scene_draw(&s, &rig_plain), &now);
	assert_int_equal(told.ends, 1);
	assert_int_equal(told.last.tamper, TAMPER_COVERED);
	assert_true(told.last.end_mono_ns > told.last.start_mono_ns);
	assert_int_equal(events_lost_view(&ev), TAMPER_NONE);

	/* Switched off, nothing is told. */
	config.tamper = false;
	assert_int_equal(detector_configure(d, &config, NULL), 0);
	for (int i = 0; i < 120; i++)
		feed(d, &ev, &config, cloth, &now);
	assert_int_equal(told.starts, 1);
	events_destroy(&ev);
	detector_destroy(d);
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
