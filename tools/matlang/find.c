/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/find.h"

#include <errno.h>
#include <string.h>

#include "capture/core/monotime.h"
#include "tools/common/i18n.h"
#include "tools/common/progress.h"

static int add_minute(struct find *q, const struct reader_minute *m, uint32_t cells)
{
	int err;

	/* Undated, or outside the times asked for but for the minute's beginning or end. */
	if (m->clock != RECORD_CLOCK_UNKNOWN &&
	    (m->last_utc_ns < q->f.from_ns || m->first_utc_ns >= q->f.to_ns))
		return 0;
	err = stretches_add(&q->found, m->camera_id, m->first_utc_ns, cells, m->clock);
	if (!err)
		stretches_extend(&q->found, m->camera_id, m->last_utc_ns, m->frames - 1);
	return err;
}

static int take_minute(struct find *q, struct reader_minutes *minutes,
		       const struct reader_minute *m)
{
	uint32_t cells = m->moved;

	if (!footage_cameras_has(&q->cameras, m->camera_id) || cells < (uint32_t)q->min_cells)
		return 0;
	if (q->in_region) {
		int err = region_mask_count(&q->mask, &q->region, m->cols, m->rows, m->cell_px,
					    m->bits, m->skipped, m->bit_bytes, &cells);

		if (err || cells < (uint32_t)q->min_cells)
			return err;
	}
	q->minute_hits++;
	if (q->by_minutes)
		return add_minute(q, m, cells);
	reader_minutes_want(minutes);
	return 0;
}

static int search_minutes(struct find *q, struct reader_minutes *minutes)
{
	struct reader_minute m;
	int n;

	while ((n = reader_minutes_next(minutes, &m)) > 0) {
		n = take_minute(q, minutes, &m);
		if (n < 0)
			break;
	}
	return n;
}

static int take(struct find *q, struct reader_cursor *cursor, struct record *rec)
{
	const struct record_motion *m = &rec->motion;
	uint32_t cells = m->moved;
	int err;

	if (!footage_cameras_has(&q->cameras, rec->camera_id))
		return 0;
	q->moments++;
	if (m->moved < (uint32_t)q->min_cells)
		return 0;
	if (q->in_region) {
		err = reader_cursor_load(cursor, rec);
		/* Damaged or recycled meanwhile: the cursor counts it. */
		if (err == -EBADMSG || err == -ESTALE)
			return 0;
		if (err)
			return err;
		if (rec->payload_bytes < ((uint32_t)m->cols * m->rows + 7) / 8)
			return 0;
		q->bitmaps++;
		q->bitmap_bytes += rec->payload_bytes;
		err = region_mask_count(&q->mask, &q->region, m->cols, m->rows, m->cell_px,
					rec->payload, 0, rec->payload_bytes, &cells);
		if (err || cells < (uint32_t)q->min_cells)
			return err;
	}
	return stretches_add(&q->found, rec->camera_id, rec->utc_ns, cells, rec->clock);
}

static int search_records(struct find *q, struct reader_cursor *cursor)
{
	struct progress progress;
	struct record rec;
	uint64_t seen = 0;
	int n;

	progress_begin(&progress, _("searching"));
	while ((n = reader_cursor_next(cursor, &rec)) > 0) {
		n = take(q, cursor, &rec);
		if (n < 0)
			break;
		progress_count(&progress, ++seen, 0);
	}
	progress_end(&progress);
	return n;
}

int find_search(struct find *q)
{
	const struct reader_query query = {footage_cameras_query(&q->cameras),
					   RECORD_MASK(RECORD_MOTION), q->f.from_ns, q->f.to_ns};
	struct reader_minutes *minutes = NULL;
	struct reader_cursor *cursor = NULL;
	struct errmsg em = {""};
	int64_t began = monotime_now();
	int n = reader_minutes_open(&minutes, q->f.reader, &query, &em);

	if (!n)
		n = search_minutes(q, minutes);
	if (!n)
		n = reader_cursor_open(&cursor, q->f.reader, &query, &em);
	if (!n) {
		reader_cursor_narrow(cursor, minutes);
		n = search_records(q, cursor);
		reader_cursor_cost(cursor, &q->cost);
		q->damaged = footage_warn_damage(q->c, cursor);
	}
	if (minutes) {
		reader_minutes_cost(minutes, &q->minutes);
		if (q->minutes.damaged)
			cli_warn(q->c,
				 _("%llu minute maps are damaged; the maps of every picture were "
				   "read in their place"),
				 (unsigned long long)q->minutes.damaged);
	}
	reader_cursor_close(cursor);
	reader_minutes_close(minutes);
	region_mask_free(&q->mask);
	if (n < 0)
		return cli_fail(q->c, _("the store cannot be read: %s"),
				*em.text ? em.text : strerror(-n));
	stretches_sort(&q->found);
	q->took_ns = monotime_now() - began;
	return CLI_OK;
}
