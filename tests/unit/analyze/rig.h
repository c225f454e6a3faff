/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A camera that watches a drawn scene, what may happen to its lens or before it, and what is told
 * of that. Failures fail the test. */
#ifndef TESTS_ANALYZE_RIG_H
#define TESTS_ANALYZE_RIG_H

#include <stdint.h>

#include "analyze/tamper.h"
#include "tests/unit/analyze/scene.h"

/* The reduced picture of a 1920x1080 camera. */
#define RIG_W      240
#define RIG_H      135
#define RIG_PERIOD 400000000ll
#define RIG_SECOND 1000000000ll

struct rig {
	struct tamper *t;
	struct tamper_params p;
	struct scene scene;
	uint8_t picture[RIG_W * RIG_H];
	int64_t now;
	enum tamper_kind kind;
	unsigned told; /* times something began to be the matter */
};

/* Makes the matter of a drawn picture; `a` is how much. */
typedef void (*rig_change)(struct rig *g, double a);

void rig_start(struct rig *g);
void rig_end(struct rig *g);

extern const struct scene_shot rig_plain;

/* One picture; `change` NULL: as it is drawn. */
void rig_show(struct rig *g, const struct scene_shot *shot, rig_change change, double a);
void rig_show_for(struct rig *g, struct scene_shot shot, double seconds, rig_change change,
		  double a);
/* The plain scene. */
void rig_rest(struct rig *g, double seconds);

/* A shade of grey `a` with a slope, as of something right before the lens. */
void rig_cover(struct rig *g, double a);
/* The left part of the picture only. */
void rig_cover_part(struct rig *g, double a);
/* Out of focus by `a` pixels. */
void rig_blur(struct rig *g, double a);
/* A light into the lens. */
void rig_glare(struct rig *g, double a);
/* A lorry: boards, wheels, all over the picture. */
void rig_lorry(struct rig *g, double a);
/* Another place: boxes of all sizes. (The drawn scene repeats itself: shifted, it is alike.) */
void rig_elsewhere(struct rig *g, double a);
/* Infrared: light in the middle, none at the edges, and leaves turn bright. */
void rig_infrared(struct rig *g, double a);

#endif
