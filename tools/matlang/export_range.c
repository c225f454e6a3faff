/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies in the range, and the key frame to begin with. Reads the index only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/frame.h"
#include "capture/core/monotime.h"
#include "capture/core/timefmt.h"
#include "tools/common/i18n.h"
#include "tools/matlang/export.h"

/* Cameras send a key frame every few seconds; one that sends none for an hour gets none here. */
static const int64_t look_back_ns[] = {10 * NSEC_PER_SEC, 120 * NSEC_PER_SEC, 3600 * NSEC_PER_SEC};

struct intervals {
	int64_t *ns;
	size_t count, room;
};

static int add_interval(struct intervals *v, int64_t ns)
{
	if (v->count == v->room) {
		size_t room = v->room ? v->room * 2 : 1024;
		int64_t *grown = reallocarray(v->ns, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		v->ns = grown;
		v->room = room;
	}
	v->ns[v->count++] = ns;
	return 0;
}

static int by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int frames_between(struct export *x, int64_t from_ns, int64_t to_ns,
			  struct reader_cursor **out, struct errmsg *em)
{
	const struct reader_query query = {x->camera_id, RECORD_MASK(RECORD_FRAME), from_ns, to_ns};

	return reader_cursor_open(out, x->f.reader, &query, em);
}

static int scan(struct export *x, bool *first_is_key, struct errmsg *em)
{
	struct intervals v = {0};
	struct reader_cursor *cursor;
	struct record rec;
	int64_t last_ns = 0, first_ns = 0;
	int n = frames_between(x, x->f.from_ns, x->f.to_ns, &cursor, em);

	if (n < 0)
		return n;
	while ((n = reader_cursor_next(cursor, &rec)) > 0) {
		if (x->frames == 0) {
			*first_is_key = rec.frame.flags & FRAME_KEY;
			first_ns = rec.utc_ns;
		} else if (add_interval(&v, rec.utc_ns - last_ns) < 0) {
			n = -ENOMEM;
			break;
		}
		last_ns = rec.utc_ns;
		x->frames++;
		x->bytes += rec.payload_bytes;
	}
	reader_cursor_close(cursor);
	if (v.count) {
		qsort(v.ns, v.count, sizeof(*v.ns), by_size);
		x->interval_ns = v.ns[v.count / 2];
	}
	free(v.ns);
	if (x->f.from_ns == 0)
		x->f.from_ns = first_ns;
	x->begin_ns = x->f.from_ns;
	return n < 0 ? errmsg_set(em, n, "%s", strerror(-n)) : 0;
}

/* The last key frame before the range; stays at its begin when there is none. */
static int find_key(struct export *x, struct errmsg *em)
{
	int64_t found_ns = 0;

	for (size_t i = 0; i < ARRAY_SIZE(look_back_ns) && !found_ns; i++) {
		struct reader_cursor *cursor;
		struct record rec;
		int n = frames_between(x, x->f.from_ns - look_back_ns[i], x->f.from_ns, &cursor,
				       em);

		if (n < 0)
			return n;
		while ((n = reader_cursor_next(cursor, &rec)) > 0)
			if (rec.frame.flags & FRAME_KEY)
				found_ns = rec.utc_ns;
		reader_cursor_close(cursor);
		if (n < 0)
			return errmsg_set(em, n, "%s", strerror(-n));
	}
	if (found_ns)
		x->begin_ns = found_ns;
	return 0;
}

static int nothing_there(struct export *x)
{
	char from[TIMEFMT_MAX], to[TIMEFMT_MAX];
	struct reader_info info;

	reader_info(x->f.reader, &info);
	timefmt_rfc3339(from, info.oldest_utc_ns, 0);
	timefmt_rfc3339(to, info.newest_utc_ns, 0);
	return cli_fail(x->c,
			_("camera '%s' has no footage in this time; the store reaches from %s to "
			  "%s. 'matlang ledger' tells what is missing and why"),
			x->camera, from, to);
}

int export_range(struct export *x)
{
	struct reader_info info;
	struct errmsg em = {""};
	bool first_is_key = true;
	int err = scan(x, &first_is_key, &em);

	if (!err && x->frames && !first_is_key)
		err = find_key(x, &em);
	if (err)
		return cli_fail(x->c, _("the store cannot be read: %s"), em.text);
	if (x->frames == 0)
		return nothing_there(x);
	reader_info(x->f.reader, &info);
	x->end_ns = x->f.to_ns < info.newest_utc_ns ? x->f.to_ns : info.newest_utc_ns;
	return CLI_OK;
}

int64_t export_clock_pts(struct export_clock *k, const struct record *rec)
{
	int64_t step = 0;

	if (k->begun && rec->boot == k->boot)
		step = rec->mono_ns - k->mono_ns;
	else if (k->begun)
		step = rec->utc_ns - k->utc_ns;
	/* A clock that was set back between two boots, or two frames with one stamp. */
	if (k->begun && step < NSEC_PER_USEC)
		step = NSEC_PER_USEC;
	k->begun = true;
	k->boot = rec->boot;
	k->mono_ns = rec->mono_ns;
	k->utc_ns = rec->utc_ns;
	k->pts_ns += step;
	return k->pts_ns;
}
