/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The alarms that two sets of settings raise over the same frames, side by side. */
#ifndef MATLANG_COMPARE_H
#define MATLANG_COMPARE_H

#include "analyze/detector.h"
#include "analyze/events.h"
#include "tools/matlang/cli.h"

enum { COMPARE_TODAY, COMPARE_CHANGED, COMPARE_SIDES };

struct compare_alarm {
	int64_t start_ns, end_ns; /* UTC; of a clip: since its beginning */
	uint16_t peak_cells, peak_level;
	bool other; /* the other side has one at that time, too */
};

struct compare_side {
	struct motion_config config;
	struct detector *detector;
	struct events events;
	int64_t due_ns;
	uint64_t analyzed, moved;
	struct compare_alarm *alarm;
	size_t count, room;
	int64_t shift_ns; /* from the frames' clock to start_ns */
	bool no_memory;
};

struct compare {
	const struct cli *c;
	struct compare_side side[COMPARE_SIDES];
	int64_t last_mono_ns;
	uint64_t frames, failed;
	char first_error[ERRMSG_MAX];
	bool utc; /* times are UTC */
};

/* The sides' configurations are set. CLI_OK, or an exit code after saying why. */
int compare_begin(struct compare *p) MUST_CHECK;
/* `utc_ns` 0: not known (a clip). */
int compare_frame(struct compare *p, const struct frame *f, int64_t utc_ns) MUST_CHECK;
/* Shows alarms and sums unless `code` is an error already; frees. */
int compare_end(struct compare *p, int code) MUST_CHECK;

/* Marks the alarms that have one at the other side within two seconds of them. */
void compare_match(struct compare *p);

#endif
