/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running box says of its cameras, read from the control files at once. */
#ifndef MATLANG_BOX_H
#define MATLANG_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/loss.h"
#include "tools/matlang/control.h"

struct box_camera {
	char name[64];
	char title[128], source[512], state[32], why[ERRMSG_MAX];
	char format[16], size[24], memory[16], card[64];
	char tamper[16]; /* what is the matter with the view; "none" */
	bool enabled, streaming, in_event;
	double fps, fps_nominal;
	double restless, noise, lag_ms, lag_max_ms; /* restless: % of the picture */
	uint64_t recorded, bytes, torn, events, tampers, alarms_hour, level, analyzed, skipped;
	uint64_t lost[LOSS_CAUSES], lost_total;
};

struct box_cameras {
	struct box_camera *item; /* by name */
	size_t count;
};

int box_cameras_read(struct box_cameras *out, const struct control *box) MUST_CHECK;
void box_cameras_free(struct box_cameras *s);
/* Enabled and not recording. */
bool box_camera_in_trouble(const struct box_camera *cam);
/* It records, but not what it should see. */
bool box_camera_view_lost(const struct box_camera *cam);
/* The cause that took most frames; LOSS_NONE when none is missing. */
enum loss_cause box_camera_main_cause(const struct box_camera *cam);
/* What it is doing, in a person's words, translated. */
const char *box_camera_state_text(const struct box_camera *cam);

#endif
