/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way back from the analyser to the store: results arise on worker threads, records are
 * appended on the reactor's.
 */
#ifndef MATLANGD_RECORDER_MOTION_H
#define MATLANGD_RECORDER_MOTION_H

#include "analyze/analyzer.h"
#include "tools/matlangd/recorder.h"

struct recorder_motion;

/* Called on the reactor when an event begins or ends, after its record was appended. */
typedef void (*recorder_motion_event_fn)(void *ctx, const struct record_event *e);

/* Called on the reactor when a frame cannot be analysed and the one before could. */
typedef void (*recorder_motion_error_fn)(void *ctx, const char *why);

int recorder_motion_create(struct recorder_motion **out, const struct recorder_env *env,
			   uint32_t camera_id, const struct motion_config *config,
			   recorder_motion_event_fn event, recorder_motion_error_fn error,
			   void *ctx, struct errmsg *em) MUST_CHECK;
int recorder_motion_configure(struct recorder_motion *m, const struct motion_config *config,
			      struct errmsg *em) MUST_CHECK;
void recorder_motion_submit(struct recorder_motion *m, struct frame *f);
void recorder_motion_break(struct recorder_motion *m);
void recorder_motion_stats(const struct recorder_motion *m, struct analyzer_stats *out);
/* `gone` runs on the reactor, behind the last record. */
void recorder_motion_destroy(struct recorder_motion *m, void (*gone)(void *ctx), void *ctx);

#endif
