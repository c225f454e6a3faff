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
	events_close_view(ev);
	free(ev->cells);
	free(ev->all);
	ev->cells = ev->all = NULL;
	ev->cells_size = ev->all_size = 0;
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
		.number = ++ev->count + ev->views,
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

static void emit_view(struct events *ev, enum analyzer_event_phase phase)
{
	ev->view.phase = phase;
	ev->view.cells = ev->all;
	if (ev->emit)
		ev->emit(ev->ctx, &ev->view);
}

void events_close_view(struct events *ev)
{
	if (!ev->view.tamper)
		return;
	emit_view(ev, ANALYZER_EVENT_END);
	ev->view.tamper = TAMPER_NONE;
}

static int start_view(struct events *ev, const struct motion_config *config,
		      const struct detector_result *r)
{
	size_t cells = (size_t)r->cols * r->rows, size = (cells + 7) / 8;

	if (ev->all_size != size) {
		uint8_t *all = calloc(size, 1);

		if (!all)
			return -ENOMEM;
		free(ev->all);
		ev->all = all;
		ev->all_size = size;
	}
	memset(ev->all, 0, size);
	for (size_t i = 0; i < cells; i++)
		ev->all[i / 8] |= (uint8_t)(1u << (i % 8));
	ev->view = (struct analyzer_event){
		.tamper = r->tamper,
		.number = ++ev->views + ev->count,
		.start_mono_ns = r->tamper_mono_ns,
		.end_mono_ns = r->mono_ns,
		.peak_mono_ns = r->mono_ns,
		.preroll_ns = config->preroll_ns,
		.postroll_ns = config->postroll_ns,
		.peak_cells = (uint16_t)cells,
		.peak_level = 1000,
		.cols = r->cols,
		.rows = r->rows,
		.cell_px = r->cell_px,
	};
	emit_view(ev, ANALYZER_EVENT_START);
	return 0;
}

int events_view(struct events *ev, const struct motion_config *config,
		const struct detector_result *r)
{
	bool same = r->cols == ev->view.cols && r->rows == ev->view.rows;

	if (ev->view.tamper && (!same || r->tamper != ev->view.tamper))
		events_close_view(ev);
	if (r->tamper && !ev->view.tamper)
		return start_view(ev, config, r);
	if (r->tamper)
		ev->view.end_mono_ns = r->mono_ns;
	return 0;
}

enum tamper_kind events_lost_view(const struct events *ev)
{
	return ev->view.tamper;
}

size_t events_bytes(const struct events *ev)
{
	return ev->cells_size + ev->all_size;
}
