/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/heat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/core/monotime.h"

/* A minute of one boot; its parts may come from maps and from single records. */
struct item {
	uint32_t boot;
	int64_t minute, utc_ns;
	uint16_t cols, rows;
	uint32_t bytes;
	uint8_t *bits;
};

struct gathering {
	const struct reader_query *q;
	struct item *item;
	size_t count, room;
};

static int push(struct gathering *g, const struct item *like)
{
	if (g->count == g->room) {
		size_t room = g->room ? 2 * g->room : 256;
		struct item *p = reallocarray(g->item, room, sizeof(*p));

		if (!p)
			return -ENOMEM;
		g->item = p;
		g->room = room;
	}
	g->item[g->count] = *like;
	g->item[g->count].bytes = ((uint32_t)like->cols * like->rows + 7) / 8;
	g->item[g->count].bits = calloc(1, g->item[g->count].bytes + 1);
	if (!g->item[g->count].bits)
		return -ENOMEM;
	g->count++;
	return 0;
}

static bool same_minute(const struct item *a, const struct item *b)
{
	return a->boot == b->boot && a->minute == b->minute && a->cols == b->cols &&
	       a->rows == b->rows;
}

static int add(struct gathering *g, const struct item *like, const uint8_t *bits, uint32_t skipped,
	       uint32_t bytes)
{
	struct item *last = g->count ? &g->item[g->count - 1] : NULL;

	if (like->utc_ns < g->q->from_utc_ns || like->utc_ns >= g->q->to_utc_ns)
		return 0;
	if (!last || !same_minute(last, like)) {
		int err = push(g, like);

		if (err)
			return err;
		last = &g->item[g->count - 1];
	}
	for (uint32_t i = 0; i < bytes && skipped + i < last->bytes; i++)
		last->bits[skipped + i] |= bits[i];
	return 0;
}

static int from_maps(struct gathering *g, struct reader_minutes *m, struct heat *out)
{
	struct reader_minute x;
	int n;

	while ((n = reader_minutes_next(m, &x)) > 0) {
		const struct item like = {x.boot, x.minute, x.first_utc_ns, x.cols, x.rows,
					  0,      NULL};

		out->maps++;
		n = add(g, &like, x.bits, x.skipped, x.bit_bytes);
		if (n)
			break;
	}
	return n;
}

static int from_records(struct gathering *g, struct reader_cursor *c, struct heat *out)
{
	struct record rec;
	int n;

	while ((n = reader_cursor_next(c, &rec)) > 0) {
		const struct item like = {rec.boot,
					  reader_minute_of(rec.mono_ns),
					  rec.utc_ns,
					  rec.motion.cols,
					  rec.motion.rows,
					  0,
					  NULL};

		n = reader_cursor_load(c, &rec);
		/* Damaged or recycled meanwhile: the cursor counts it. */
		if (n == -EBADMSG || n == -ESTALE)
			continue;
		if (!n)
			n = add(g, &like, rec.payload, 0, rec.payload_bytes);
		if (n)
			break;
		out->bitmaps++;
	}
	return n;
}

static int by_minute(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->boot != y->boot)
		return x->boot < y->boot ? -1 : 1;
	if (x->minute != y->minute)
		return x->minute < y->minute ? -1 : 1;
	if (x->cols != y->cols)
		return x->cols < y->cols ? -1 : 1;
	return x->rows < y->rows ? -1 : x->rows > y->rows;
}

/* Parts of the same minute become one. */
static void merge(struct gathering *g)
{
	size_t kept = 0;

	if (g->count)
		qsort(g->item, g->count, sizeof(*g->item), by_minute);
	for (size_t i = 0; i < g->count; i++) {
		struct item *to = kept ? &g->item[kept - 1] : NULL;

		if (!to || !same_minute(to, &g->item[i])) {
			g->item[kept++] = g->item[i];
			continue;
		}
		for (uint32_t k = 0; k < to->bytes; k++)
			to->bits[k] |= g->item[i].bits[k];
		free(g->item[i].bits);
	}
	g->count = kept;
}

static unsigned hour_of(int64_t utc_ns)
{
	time_t t = (time_t)(utc_ns / NSEC_PER_SEC);
	struct tm tm;

	return localtime_r(&t, &tm) ? (unsigned)tm.tm_hour % 24 : 0;
}

static void count_cells(struct heat *h, const struct item *x)
{
	for (uint32_t i = 0; i < (uint32_t)h->cols * h->rows; i++) {
		/* The cell of the other grid that lies under this one's middle. */
		uint32_t col = (2 * (i % h->cols) + 1) * x->cols / (2u * h->cols);
		uint32_t row = (2 * (i / h->cols) + 1) * x->rows / (2u * h->rows);
		uint32_t bit = row * x->cols + col;

		h->cell[i] += x->bits[bit / 8] >> (bit % 8) & 1;
		if (h->cell[i] > h->most)
			h->most = h->cell[i];
	}
}

static int sum_up(struct heat *h, struct gathering *g)
{
	const struct item *newest = NULL;

	merge(g);
	for (size_t i = 0; i < g->count; i++)
		if (g->item[i].bytes && (!newest || g->item[i].utc_ns > newest->utc_ns))
			newest = &g->item[i];
	if (!newest)
		return 0;
	h->cols = newest->cols;
	h->rows = newest->rows;
	h->cell = calloc((size_t)h->cols * h->rows, sizeof(*h->cell));
	if (!h->cell)
		return -ENOMEM;
	for (size_t i = 0; i < g->count; i++) {
		const struct item *x = &g->item[i];

		if (!x->bytes)
			continue;
		count_cells(h, x);
		h->hour[hour_of(x->utc_ns)]++;
		if (!h->minutes++ || x->utc_ns < h->first_utc_ns)
			h->first_utc_ns = x->utc_ns;
		if (x->utc_ns > h->last_utc_ns)
			h->last_utc_ns = x->utc_ns;
	}
	return 0;
}

int heat_gather(struct heat *out, struct reader *r, const struct reader_query *q, struct errmsg *em)
{
	struct gathering g = {.q = q};
	struct reader_minutes *m = NULL;
	struct reader_cursor *c = NULL;
	int err = reader_minutes_open(&m, r, q, em);

	*out = (struct heat){0};
	if (!err)
		err = from_maps(&g, m, out);
	if (!err)
		err = reader_cursor_open(&c, r, q, em);
	if (!err) {
		/* What the maps cover has been counted. */
		reader_cursor_narrow(c, m);
		err = from_records(&g, c, out);
		reader_cursor_damage(c, &out->damage);
	}
	if (!err)
		err = sum_up(out, &g);
	reader_cursor_close(c);
	reader_minutes_close(m);
	for (size_t i = 0; i < g.count; i++)
		free(g.item[i].bits);
	free(g.item);
	if (err) {
		heat_free(out);
		errmsg_set(em, err, "%s", strerror(-err));
	}
	return err;
}

void heat_free(struct heat *h)
{
	free(h->cell);
	h->cell = NULL;
}
