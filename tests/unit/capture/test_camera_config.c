/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings of a camera: which are refused, and which make it open its device again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/capture/camera_world.h"

static void configuration_reopens_only_when_it_must(void **state)
{
	struct world *world = *state;
	struct watcher *w = world_stream(world, 0);
	struct camera_config cfg = world_config(0);
	struct errmsg em = {""};
	struct camera_stats st;

	world_next_frame(world, w);
	cfg.stall_ns = 5 * NSEC_PER_SEC;
	cfg.retry_max_ns = NSEC_PER_SEC;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	world_settle(world);
	assert_int_equal(w->streaming, 1);
	assert_int_equal(w->state, CAMERA_STREAMING);

	snprintf(cfg.source, sizeof(cfg.source), "nothing:0");
	assert_int_equal(camera_configure(w->camera, &cfg, &em), -EINVAL);
	assert_non_null(strstr(em.text, "camera cam: source nothing:0"));
	assert_string_equal(w->camera->config.source, "fake:0");
	world_next_frame(world, w);

	cfg = world_config(1);
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->streaming == 2);
	assert_int_equal(world->w[0].fake->closes, 1);
	w->fake = world->w[1].fake;
	world_next_frame(world, w);

	cfg.enabled = false;
	memset(w->lost, 0, sizeof(w->lost));
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->state == CAMERA_OFF);
	assert_int_equal(w->fake->closes, 1);
	camera_kick(w->camera); /* off stays off */
	world_settle(world);
	assert_int_equal(w->state, CAMERA_OFF);
	cfg.enabled = true;
	w->t = monotime_now() + 5 * NSEC_PER_SEC;
	assert_int_equal(camera_configure(w->camera, &cfg, &em), 0);
	TURN_UNTIL(world, w->state == CAMERA_STREAMING);
	world_next_frame(world, w);
	/* The last frame lay eight seconds back: that was the admin's doing. */
	assert_true(w->lost[LOSS_STOPPED] >= 700);
	assert_int_equal(w->lost[LOSS_CAMERA_AWAY], 0);
	camera_stats(w->camera, &st);
	assert_int_equal(st.lost[LOSS_STOPPED], w->lost[LOSS_STOPPED]);
	world_destroy(world, w);
}

static void bad_names_and_settings_are_refused(void **state)
{
	static const char *const names[] = {"", "-a", ".x", "a b", "a/b", "\xc3\xa1"};
	struct world *world = *state;
	struct camera_config cfg = world_config(0);
	struct camera *c = NULL;
	char longest[CAMERA_NAME_MAX + 1];
	struct errmsg em;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(camera_create_with_finder(&c, world->r, world->openers, names[i],
							   1, &cfg, &world_callbacks, world->w,
							   fake_find, &em),
				 -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[CAMERA_NAME_MAX] = '\0';
	assert_int_equal(camera_create_with_finder(&c, world->r, world->openers, longest, 1, &cfg,
						   &world_callbacks, world->w, fake_find, &em),
			 -EINVAL);
	cfg.retry_min_ns = 2 * cfg.retry_max_ns;
	assert_int_equal(camera_create_with_finder(&c, world->r, world->openers, "a", 1, &cfg,
						   &world_callbacks, world->w, fake_find, &em),
			 -EINVAL);
	assert_null(c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(configuration_reopens_only_when_it_must),
		T(bad_names_and_settings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
