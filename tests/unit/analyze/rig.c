/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/analyze/rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void rig_start(struct rig *g)
{
	memset(g, 0, sizeof(*g));
	g->p = (struct tamper_params){.tamper_ns = 15 * RIG_SECOND, .accept_ns = 600 * RIG_SECOND};
	g->now = RIG_SECOND;
	scene_init(&g->scene, RIG_W, RIG_H);
	assert_int_equal(tamper_create(&g->t, RIG_W, RIG_H), 0);
}

void rig_end(struct rig *g)
{
	tamper_destroy(g->t);
	scene_free(&g->scene);
}

void rig_show(struct rig *g, const struct scene_shot *shot, rig_change change, double a)
{
	enum tamper_kind before = g->kind;

	memcpy(g->picture, scene_draw(&g->scene, shot), sizeof(g->picture));
	if (change)
		change(g, a);
	g->kind = tamper_feed(g->t, &g->p, g->picture, RIG_W, 1, g->now);
	g->told += g->kind && g->kind != before;
	g->now += RIG_PERIOD;
}

const struct scene_shot rig_plain = {.gain = 1, .noise = 2};

void rig_show_for(struct rig *g, struct scene_shot shot, double seconds, rig_change change,
		  double a)
{
	for (int64_t end = g->now + (int64_t)(seconds * 1e9); g->now < end;)
		rig_show(g, &shot, change, a);
}

void rig_rest(struct rig *g, double seconds)
{
	rig_show_for(g, rig_plain, seconds, NULL, 0);
}

void rig_cover(struct rig *g, double a)
{
	for (int y = 0; y < RIG_H; y++)
		for (int x = 0; x < RIG_W; x++)
			g->picture[y * RIG_W + x] =
				(uint8_t)(a + x / 12.0 + y / 20.0 + (x * 7 + y * 3) % 2);
}

void rig_cover_part(struct rig *g, double a)
{
	for (int y = 0; y < RIG_H; y++)
		memset(g->picture + (size_t)y * RIG_W, 40, (size_t)(a * RIG_W));
}

void rig_blur(struct rig *g, double a)
{
	int r = (int)a;
	uint8_t from[RIG_W * RIG_H];

	for (int pass = 0; pass < 2; pass++) {
		memcpy(from, g->picture, sizeof(from));
		for (int y = 0; y < RIG_H; y++)
			for (int x = 0; x < RIG_W; x++) {
				int sum = 0, n = 0;

				for (int v = y - r; v <= y + r; v++)
					for (int u = x - r; u <= x + r; u++)
						if (u >= 0 && u < RIG_W && v >= 0 && v < RIG_H) {
							sum += from[v * RIG_W + u];
							n++;
						}
				g->picture[y * RIG_W + x] = (uint8_t)(sum / n);
			}
	}
}

void rig_glare(struct rig *g, double a)
{
	for (int y = 0; y < RIG_H; y++)
		for (int x = 0; x < RIG_W; x++) {
			double d = hypot(x - RIG_W / 2.0, y - RIG_H / 2.0) / RIG_W;
			double v = g->picture[y * RIG_W + x] * 0.3 + a * exp(-d * d * 4);

			g->picture[y * RIG_W + x] = (uint8_t)fmin(v, 255);
		}
}

void rig_lorry(struct rig *g, double a)
{
	for (int y = 0; y < RIG_H; y++)
		for (int x = 0; x < (int)(a * RIG_W); x++)
			g->picture[y * RIG_W + x] =
				(uint8_t)(90 + x / 30 % 2 * 60 + y / 11 % 3 * 20);
}

void rig_elsewhere(struct rig *g, double a)
{
	uint32_t random = (uint32_t)a;

	for (int i = 0; i < 150; i++) {
		int box[5];

		for (int k = 0; k < 5; k++) {
			random = random * 1664525 + 1013904223;
			box[k] = (int)(random >> 16);
		}
		for (int y = box[1] % RIG_H; y < box[1] % RIG_H + 4 + box[3] % 30 && y < RIG_H; y++)
			for (int x = box[0] % RIG_W;
			     x < box[0] % RIG_W + 4 + box[2] % 40 && x < RIG_W; x++)
				g->picture[y * RIG_W + x] = (uint8_t)(30 + box[4] % 180);
	}
}

void rig_infrared(struct rig *g, double a)
{
	for (int y = 0; y < RIG_H; y++)
		for (int x = 0; x < RIG_W; x++) {
			double d = hypot(x - RIG_W / 2.0, y - RIG_H * 0.7) / RIG_W;
			double v = g->picture[y * RIG_W + x];

			if (v > 120 && v < 150)
				v += 60;
			g->picture[y * RIG_W + x] = (uint8_t)fmin(fmax(v * (a - 2 * d), 3), 255);
		}
}
