/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of one camera's motion detection. Plain values; geometry in picture coordinates of
 * the camera's full-size picture, so that it does not depend on the analysis size.
 */
#ifndef ANALYZE_MOTION_CONFIG_H
#define ANALYZE_MOTION_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

#define MOTION_ZONES_MAX     16
#define MOTION_ZONE_POINTS   32
#define MOTION_ZONE_NAME_MAX 32

struct motion_point {
	int16_t x, y; /* picture pixels; may lie outside the picture, the polygon is clipped */
};

struct motion_zone {
	char name[MOTION_ZONE_NAME_MAX];
	bool enabled;
	bool mask;           /* true: what lies inside is never looked at */
	uint8_t sensitivity; /* 1..100; 0: the camera's */
	unsigned npoints;    /* 3..MOTION_ZONE_POINTS */
	struct motion_point point[MOTION_ZONE_POINTS];
};

struct motion_config {
	bool enabled;
	double rate;           /* analysed frames a second, 0: every frame; default 5 */
	uint8_t sensitivity;   /* 1 (only gross change) .. 100 (everything); default 50 */
	uint32_t min_cells;    /* cells that must move together for an event; default 2. At 1 the
				* noise is given less room, too: for small, dim targets */
	uint32_t start_frames; /* analysed frames with motion before an event begins; default 2 */
	int64_t end_ns;        /* quiet time before it ends; default 3 s */
	int64_t absorb_ns;     /* who stands still so long is background; 0: never; default 60 s */
	int64_t preroll_ns;    /* kept before an event; default 5 s */
	int64_t postroll_ns;   /* and behind it; default 10 s */
	bool tamper;           /* tell when the view is lost (tamper.h); default on */
	int64_t tamper_ns;     /* a loss of view lasts so long before it is told; default 15 s */
	int64_t tamper_accept_ns; /* a turned camera's view is the normal one after this; 0: never;
				   * default 10 min */
	unsigned nzones;          /* no zone but masks: the whole picture */
	struct motion_zone zone[MOTION_ZONES_MAX];
};

void motion_config_defaults(struct motion_config *c);
/* -EINVAL with a message that names the field and its range. */
int motion_config_check(const struct motion_config *c, struct errmsg *em) MUST_CHECK;

/*
 * Zones as one line of text, the form control files and `--set` use:
 *   "gate: 10,10 200,10 200,150 10,150; !tree: 300,0 400,0 400,80; yard@80: ..."
 * '!' before the name: a mask. '@N': sensitivity. '-' before the name: switched off.
 */
int motion_zones_parse(const char *text, struct motion_config *c, struct errmsg *em) MUST_CHECK;
/* Writes the same form, NUL-terminated; returns the length as snprintf does. */
int motion_zones_format(const struct motion_config *c, char *out, size_t size);

#endif
