/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From decisions to events: an event starts with motion and ends when there was none for `end_ns`.
 * It keeps the union of the cells, the zones and the peak. One thread at a time.
 */
#ifndef ANALYZE_EVENTS_H
#define ANALYZE_EVENTS_H

#include "analyze/analyzer.h"
#include "analyze/detector.h"

struct events {
	void (*emit)(void *ctx, const struct analyzer_event *e);
	void *ctx;
	bool open;
	struct analyzer_event event; /* while open: so far */
	int64_t end_ns;
	uint8_t *cells; /* union; cells_size bytes */
	size_t cells_size;
	uint64_t count; /* events so far */
};

void events_init(struct events *ev, void (*emit)(void *ctx, const struct analyzer_event *e),
		 void *ctx);
/* Closes what is open, frees. */
void events_destroy(struct events *ev);
/* Takes one frame's result; emits start or end. -ENOMEM: the event could not be started. */
int events_feed(struct events *ev, const struct motion_config *config,
		const struct detector_result *r) MUST_CHECK;
/* Ends an open event now. */
void events_close(struct events *ev);

#endif
