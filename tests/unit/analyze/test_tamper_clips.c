/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lost views on recorded scenes (see clips.h): nothing is told of any of them as they are, in rain,
 * by night, shaken or with the light switched, and what is done to the lens is told.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/cpu.h"
#include "analyze/luma.h"
#include "analyze/tamper.h"
#include "tests/unit/analyze/clips.h"

#define SECOND 1000000000ll
#define KEEP   600 /* pictures of a scene */

static const struct scene {
	const char *name;
	int first;
	double fps;
} scenes[] = {
	{"car_agc", 1, 12.5}, {"fall_a", 201, 25},  {"highway", 1, 25},
	{"ir_1", 1, 25},      {"ir_4", 1, 25},      {"ir_7_1", 1, 25},
	{"office", 1, 25},    {"traffic_a", 1, 25}, {"wavingtrees", 1, 15},
};

/* A scene's reduced pictures, played there and back without a jump. */
struct reel {
	struct luma_size size;
	uint8_t *picture; /* n of w * h */
	unsigned n;
	int64_t period;
};

static void load(struct reel *r, const struct scene *s)
{
	const struct motion_dsp *dsp = motion_dsp_select(cpu_features());
	struct clips_picture p;
	size_t bytes = 0;

	*r = (struct reel){.period = (int64_t)(1e9 / s->fps)};
	while (r->n < KEEP && clips_input(s->name, s->first + (int)r->n, &p)) {
		if (!r->n) {
			assert_int_equal(luma_size(&r->size, p.w, p.h), 0);
			bytes = (size_t)r->size.w * r->size.h;
			r->picture = malloc(bytes * KEEP);
			assert_non_null(r->picture);
		}
		luma_reduce(dsp, r->picture + bytes * r->n, r->size.w,
			    &(struct luma_source){p.luma, p.w, 1, r->size}, NULL, NULL);
		free(p.luma);
		r->n++;
	}
	assert_true(r->n > 50);
}

struct play {
	const struct reel *r;
	struct tamper *t;
	uint8_t *picture;
	unsigned at;
	int64_t now;
	uint32_t random;
	enum tamper_kind kind;
	unsigned told;
};

typedef void (*change_fn)(struct play *p);

static void begin(struct play *p, const struct reel *r)
{
	*p = (struct play){.r = r, .random = 1, .now = SECOND};
	assert_int_equal(tamper_create(&p->t, r->size.w, r->size.h), 0);
	p->picture = malloc((size_t)r->size.w * r->size.h);
	assert_non_null(p->picture);
}

static void end(struct play *p)
{
	tamper_destroy(p->t);
	free(p->picture);
}

static void play(struct play *p, double seconds, change_fn change)
{
	const struct reel *r = p->r;
	struct tamper_params params = {15 * SECOND, 600 * SECOND};
	size_t bytes = (size_t)r->size.w * r->size.h;

	for (int64_t stop = p->now + (int64_t)(seconds * 1e9); p->now < stop;
	     p->now += r->period, p->at++) {
		unsigned i = p->at % (2 * r->n - 2);
		enum tamper_kind before = p->kind;

		memcpy(p->picture, r->picture + bytes * (i < r->n ? i : 2 * r->n - 2 - i), bytes);
		if (change)
			change(p);
		p->kind = tamper_feed(p->t, &params, p->picture, r->size.w, 1, p->now);
		p->told += p->kind && p->kind != before;
	}
}

static int noise(struct play *p, int reach)
{
	p->random = p->random * 1664525 + 1013904223;
	return (int)(p->random >> 16) % (2 * reach + 1) - reach;
}

static void each(struct play *p, double gain, double add, int reach)
{
	for (size_t i = 0; i < (size_t)p->r->size.w * p->r->size.h; i++) {
		double v = p->picture[i] * gain + add + (reach ? noise(p, reach) : 0);

		p->picture[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
}

static void cover(struct play *p)
{
	each(p, 0, 40, 2);
}

static void blind(struct play *p)
{
	each(p, 0.1, 235, 2);
}

static void night(struct play *p)
{
	each(p, 0.25, 6, 5);
}

static void rain(struct play *p)
{
	uint32_t w = p->r->size.w, h = p->r->size.h;

	for (unsigned k = 0; k < w * h / 300; k++) {
		uint32_t x = (uint32_t)(noise(p, 16000) + 16000) % w;
		uint32_t y = (uint32_t)(noise(p, 16000) + 16000) % h;

		for (uint32_t v = y; v < h && v < y + 8; v++)
			p->picture[v * w + x] = (uint8_t)((p->picture[v * w + x] * 3 + 220) / 4);
	}
}

static void light_switch(struct play *p)
{
	if (p->now / (20 * SECOND) % 2)
		each(p, 0.15, 0, 2);
}

/* Moves the picture; what comes in from the edge repeats it. */
static void shift(struct play *p, int dx, int dy)
{
	int w = (int)p->r->size.w, h = (int)p->r->size.h;
	uint8_t *from = malloc((size_t)w * (size_t)h);

	assert_non_null(from);
	memcpy(from, p->picture, (size_t)w * (size_t)h);
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			int u = x + dx, v = y + dy;

			u = u < 0 ? 0 : u >= w ? w - 1 : u;
			v = v < 0 ? 0 : v >= h ? h - 1 : v;
			p->picture[y * w + x] = from[v * w + u];
		}
	free(from);
}

static void shake(struct play *p)
{
	shift(p, noise(p, 2), noise(p, 2));
}

/* A third of the width to the side, and what is seen there turned over. */
static void turn(struct play *p)
{
	uint32_t w = p->r->size.w, h = p->r->size.h;

	for (uint32_t y = 0; y < h; y++)
		for (uint32_t x = 0; x < w / 2; x++) {
			uint8_t *row = p->picture + (size_t)y * w, t = row[x];

			row[x] = row[w - 1 - x];
			row[w - 1 - x] = t;
		}
	shift(p, (int)w / 3, (int)h / 5);
}

static void no_false_alarm(change_fn change, double seconds)
{
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		struct reel r;
		struct play p;

		clips_need(scenes[i].name);
		load(&r, &scenes[i]);
		begin(&p, &r);
		play(&p, seconds, change);
		if (p.told)
			fail_msg("%s: told %s", scenes[i].name, tamper_name(p.kind));
		end(&p);
		free(r.picture);
	}
}

static void test_nothing_on_any_scene(void **state)
{
	no_false_alarm(NULL, 120);
}

static void test_nothing_by_night(void **state)
{
	no_false_alarm(night, 60);
}

static void test_nothing_in_rain(void **state)
{
	no_false_alarm(rain, 60);
}

static void test_nothing_when_shaken(void **state)
{
	no_false_alarm(shake, 60);
}

static void test_nothing_when_light_is_switched(void **state)
{
	no_false_alarm(light_switch, 120);
}

static void is_told(change_fn change, enum tamper_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		struct reel r;
		struct play p;

		/* Too little is to be seen in the thermal camera's sky to miss anything. */
		if (!strncmp(scenes[i].name, "ir_", 3))
			continue;
		clips_need(scenes[i].name);
		load(&r, &scenes[i]);
		begin(&p, &r);
		play(&p, 25, NULL);
		play(&p, 16, change);
		if (p.kind != kind)
			fail_msg("%s: %s is told, not %s", scenes[i].name, tamper_name(p.kind),
				 tamper_name(kind));
		play(&p, 10, NULL);
		assert_int_equal(p.kind, TAMPER_NONE);
		end(&p);
		free(r.picture);
	}
}

static void test_covered(void **state)
{
	is_told(cover, TAMPER_COVERED);
}

static void test_blinded(void **state)
{
	is_told(blind, TAMPER_BLINDED);
}

static void test_turned(void **state)
{
	is_told(turn, TAMPER_MOVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_on_any_scene),
		cmocka_unit_test(test_nothing_by_night),
		cmocka_unit_test(test_nothing_in_rain),
		cmocka_unit_test(test_nothing_when_shaken),
		cmocka_unit_test(test_nothing_when_light_is_switched),
		cmocka_unit_test(test_covered),
		cmocka_unit_test(test_blinded),
		cmocka_unit_test(test_turned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
