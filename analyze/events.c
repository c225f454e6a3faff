/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void events_init(struct events *ev, void (*emit)(void *ctx, const struct analyzer_event *e),
		 void *ctx)
{
	*ev = (struct events){.emit = emit, .ctx = ctx};
}

void events_destroy(struct events *ev)
{
	events_close(ev);
	free(ev->cells);
	ev->cells = NULL;
	ev->cells_size = 0;
}

static void emit(struct events *ev, enum analyzer_event_phase phase)
{
	ev->event.phase = phase;
	ev->event.cells = ev->cells;
	if (ev->emit)
		ev->emit(ev->ctx, &ev->event);
}

void events_close(struct events *ev)
{
	if (!ev->open)
		return;
	ev->open = false;
	emit(ev, ANALYZER_EVENT_END);
}

static int start(struct events *ev, const struct motion_config *config,
		 const struct detector_result *r)
{
	size_t size = ((size_t)r->cols * r->rows + 7) / 8;

	if (ev->cells_size != size) {
		uint8_t *cells = calloc(size, 1);

		if (!cells)
			return -ENOMEM;
		free(ev->cells);
		ev->cells = cells;
		ev->cells_size = size;
	}
	memset(ev->cells, 0, size);
	ev->open = true;
	ev->end_ns = config->end_ns;
	ev->event = (struct analyzer_event){
		.number = ++ev->count,
		.start_mono_ns = r->since_mono_ns,
		.preroll_ns = config->preroll_ns,
		.postroll_ns = config->postroll_ns,
		.cols = r->cols,
		.rows = r->rows,
		.cell_px = r->cell_px,
	};
	return 0;
}

static void grow(struct events *ev, const struct detector_result *r)
{
	for (size_t i = 0; i < ev->cells_size; i++)
		ev->cells[i] |= r->bits[i];
	ev->event.zones |= r->zones;
	ev->event.end_mono_ns = r->mono_ns;
	if (r->moved > ev->event.peak_cells) {
		ev->event.peak_cells = r->moved;
		ev->event.peak_mono_ns = r->mono_ns;
	}
	if (r->level > ev->event.peak_level)
		ev->event.peak_level = r->level;
}

int events_feed(struct events *ev, const struct motion_config *config,
		const struct detector_result *r)
{
	bool fresh = false;
	int err;

	/* A picture of another size is another scene. */
	if (ev->open && (ev->event.cols != r->cols || ev->event.rows != r->rows))
		events_close(ev);
	if (r->motion && !ev->open) {
		err = start(ev, config, r);
		if (err)
			return err;
		fresh = true;
	}
	if (r->motion)
		grow(ev, r);
	if (fresh)
		emit(ev, ANALYZER_EVENT_START);
	else if (ev->open && !r->motion && r->mono_ns - ev->event.end_mono_ns >= ev->end_ns)
		events_close(ev);
	return 0;
}
