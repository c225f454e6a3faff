/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From decisions to events: an event starts with motion and ends when there was none for `end_ns`.
 * It keeps the union of the cells, the zones and the peak. Beside it there may be an event of lost
 * view, which covers all cells and outlasts breaks of the stream. One thread at a time.
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
	uint64_t count; /* events of motion so far */

	struct analyzer_event view; /* of lost view: `tamper` says whether it is open */
	uint8_t *all;               /* its cells */
	size_t all_size;
	uint64_t views; /* so far */
};

void events_init(struct events *ev, void (*emit)(void *ctx, const struct analyzer_event *e),
		 void *ctx);
/* Closes what is open, frees. */
void events_destroy(struct events *ev);
/* Takes one frame's result; emits start or end. -ENOMEM: the event could not be started. */
int events_feed(struct events *ev, const struct motion_config *config,
		const struct detector_result *r) MUST_CHECK;
/* Ends an open event of motion now. */
void events_close(struct events *ev);
/* Begins and ends events of lost view by one frame's result. -ENOMEM as above. */
int events_view(struct events *ev, const struct motion_config *config,
		const struct detector_result *r) MUST_CHECK;
/* Ends one that is open now. */
void events_close_view(struct events *ev);
/* The running one's kind. */
enum tamper_kind events_lost_view(const struct events *ev);
/* Memory held. */
size_t events_bytes(const struct events *ev);

#endif
