/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the motion detector frame by frame and writes down what it found. */
#ifndef MATLANG_DETECT_H
#define MATLANG_DETECT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "analyze/detector.h"
#include "analyze/motion_config.h"
#include "capture/core/frame.h"
#include "tools/matlang/cli.h"

struct detect_draw;

struct detect {
	const struct cli *c;
	struct motion_config config;
	struct detector *detector;
	const char *masks; /* directory for one PGM a frame; NULL: none */
	const char *flags; /* file of lines "frame 0|1"; NULL: none */
	FILE *flags_file;
	const char *draw; /* directory for one picture a frame; NULL: none */
	struct detect_draw *drawing;
	int64_t due_ns; /* with a rate: the next frame not before this */
	uint64_t frames, analyzed, moved, failed, stretches;
	bool moving;
	char first_error[ERRMSG_MAX];
};

/* "motion/sensitivity=70", by the names of the control files. -EINVAL, -ENOENT with message. */
int detect_set(struct motion_config *config, const char *assignment, struct errmsg *em) MUST_CHECK;
/* The settings of a running box's camera. 1: taken; 0: nothing runs there, or it has no such
 * camera; -EINVAL with message: one that this program does not understand. */
struct control;
int detect_set_from_box(struct motion_config *config, const struct control *box, const char *camera,
			struct errmsg *em) MUST_CHECK;
/* Setting number `index` as it would be given: its name, and its value in `out`; NULL: no more. */
#define DETECT_SETTING_MAX 2048
const char *detect_setting(const struct motion_config *config, unsigned index,
			   char out[static DETECT_SETTING_MAX]);
/* With a rate the detector sees no more frames than that in a second; without one it sees all.
 * *due_ns, 0 at first: the next frame not before this. */
bool detect_due(const struct motion_config *config, const struct frame *f, int64_t *due_ns);
/* CLI_OK, or an exit code after saying why. `masks` is made when it does not exist. */
int detect_begin(struct detect *d) MUST_CHECK;
/* `number` names the mask and the line of flags; `utc_ns` 0: not known (a clip). */
int detect_frame(struct detect *d, const struct frame *f, uint64_t number,
		 int64_t utc_ns) MUST_CHECK;
/* Shows the sums, closes. `code` is what has happened so far. */
int detect_end(struct detect *d, int code) MUST_CHECK;

#endif
