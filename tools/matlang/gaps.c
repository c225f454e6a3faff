/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/gaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/i18n.h"
#include "tools/matlang/footage.h"

void gaps_free(struct gaps *g)
{
	free(g->item);
	*g = (struct gaps){0};
}

int gaps_add(struct gaps *g, const struct gap *gap)
{
	if (g->count == g->room) {
		size_t room = g->room ? g->room * 2 : 32;
		struct gap *item = reallocarray(g->item, room, sizeof(*item));

		if (!item)
			return -ENOMEM;
		g->item = item;
		g->room = room;
	}
	g->item[g->count++] = *gap;
	return 0;
}

int gaps_read(struct gaps *g, struct reader *r, uint32_t camera_id, int64_t from_ns, int64_t to_ns,
	      struct errmsg *em)
{
	const struct reader_query query = {camera_id, RECORD_MASK(RECORD_LOSS), from_ns, INT64_MAX};
	struct reader_cursor *cursor;
	struct record rec;
	int n = reader_cursor_open(&cursor, r, &query, em);

	if (n < 0)
		return n;
	while ((n = reader_cursor_next(cursor, &rec)) > 0) {
		const struct loss *loss = &rec.loss;
		struct gap gap = {
			.camera_id = rec.camera_id,
			.cause = loss->cause,
			.from_ns = footage_utc(&rec, loss->first_mono_ns),
			.to_ns = footage_utc(&rec, loss->last_mono_ns),
			.frames = loss->count,
			.estimated = loss->estimated,
			.clock = rec.clock,
		};

		if (gap.to_ns < from_ns || gap.from_ns >= to_ns)
			continue;
		n = gaps_add(g, &gap);
		if (n < 0)
			break;
	}
	reader_cursor_damage(cursor, &g->damage);
	reader_cursor_close(cursor);
	return n < 0 ? errmsg_set(em, n, "%s", strerror(-n)) : 0;
}

static int by_begin(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;

	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return (x->to_ns > y->to_ns) - (x->to_ns < y->to_ns);
}

void gaps_sort(struct gaps *g)
{
	if (g->count)
		qsort(g->item, g->count, sizeof(*g->item), by_begin);
}

uint64_t gaps_frames(const struct gaps *g)
{
	uint64_t n = 0;

	for (size_t i = 0; i < g->count; i++)
		n += g->item[i].frames;
	return n;
}

static bool explained(const struct gap_watch *w, int64_t from_ns, int64_t to_ns)
{
	for (size_t i = 0; i < w->gaps->count; i++) {
		const struct gap *gap = &w->gaps->item[i];

		if (gap->cause != GAP_NOT_RECORDED && gap->from_ns < to_ns && gap->to_ns > from_ns)
			return true;
	}
	return false;
}

int gaps_expect(struct gap_watch *w, int64_t utc_ns, bool goes_on, enum record_clock clock)
{
	int64_t limit_ns = goes_on ? w->limit_ns : w->restart_ns;
	struct gap gap = {
		.camera_id = w->camera_id,
		.cause = GAP_NOT_RECORDED,
		.from_ns = w->last_ns,
		.to_ns = utc_ns,
		.clock = clock,
	};
	bool missing = w->begun && utc_ns - w->last_ns > limit_ns;

	w->begun = true;
	w->last_ns = utc_ns;
	if (!missing || explained(w, gap.from_ns, gap.to_ns))
		return 0;
	return gaps_add(w->gaps, &gap);
}

const char *gaps_cause_name(enum loss_cause cause)
{
	return cause == GAP_NOT_RECORDED ? "not-recorded" : loss_cause_name(cause);
}

const char *gaps_cause_text(enum loss_cause cause)
{
	switch (cause) {
	case GAP_NOT_RECORDED: return _("nothing was recorded (the box was off, or had not begun)");
	case LOSS_SEQUENCE_GAP: return _("the camera or its cable dropped frames");
	case LOSS_DEVICE_ERROR: return _("the camera delivered damaged frames");
	case LOSS_TORN: return _("frames arrived incomplete");
	case LOSS_NO_SLOT: return _("the box was too busy to take frames");
	case LOSS_DISK_LATE: return _("the disk was too slow");
	case LOSS_CAMERA_AWAY: return _("the camera was away");
	case LOSS_STOPPED: return _("recording was switched off");
	case LOSS_WRITE_ERROR: return _("the disk failed while writing");
	case LOSS_TIME_GAP: return _("frames are missing by their times");
	case LOSS_NO_SPACE: return _("no space left: all footage is locked");
	case LOSS_CAUSES: break;
	}
	return _("unknown cause");
}

json_t *gaps_json(const struct gap *gap)
{
	return json_pack("{s:o, s:o, s:f, s:s, s:I, s:b, s:s}", "from",
			 footage_json_time(gap->from_ns), "to", footage_json_time(gap->to_ns),
			 "seconds", (double)(gap->to_ns - gap->from_ns) / 1e9, "cause",
			 gaps_cause_name(gap->cause), "frames", (json_int_t)gap->frames,
			 "estimated", (int)gap->estimated, "clock", footage_clock_name(gap->clock));
}
